"""A straight line through points, by least squares, and how sure its slope is."""
from math import sqrt


class Line:
    """points: [(x, y)], three at least. slope: y for each x; error: the standard error of the slope."""

    def __init__(self, points):
        n = len(points)
        mean_x = sum(x for x, _ in points) / n
        mean_y = sum(y for _, y in points) / n
        spread = sum((x - mean_x) ** 2 for x, _ in points)
        self.slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
        self.start = mean_y - self.slope * mean_x
        left = sum((y - self.start - self.slope * x) ** 2 for x, y in points)
        self.error = sqrt(left / (n - 2) / spread)
