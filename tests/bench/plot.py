"""The results as bars, written as SVG by hand: a few rectangles need no plotting library, and this one has no
dependencies. Four panels, each with its own scale; what belongs to weir is dark."""
from html import escape

from contenders import ALL
from report import medians

PANELS = [
    ("records a second (longer is better)", "rate", 1, "{:,.0f}"),
    ("CPU, microseconds a record (shorter is better)", "cpu", 1, "{:.2f}"),
    ("peak memory, MB (shorter is better)", "peak", 1e-6, "{:.0f}"),
    ("p99 latency, ms (shorter is better)", "p99", 1, "{:.1f}"),
]
WIDTH, NAMES, VALUES = 860, 340, 80
ROW, BAR, HEAD, MARGIN = 22, 14, 34, 16
WEIR, OTHERS, INK, PAPER = "#1f4e79", "#b8c4ce", "#222222", "#ffffff"


def text(x, y, words, weight="normal", anchor="start"):
    return f'<text x="{x}" y="{y}" font-weight="{weight}" text-anchor="{anchor}" fill="{INK}">{escape(words)}</text>'


def panel(title, bars, form, top):
    """bars: (name, value, colour). Returns the lines and where the next panel begins."""
    most = max(value for _, value, _ in bars)
    room = WIDTH - 2 * MARGIN - NAMES - VALUES
    lines = [text(MARGIN, top + 20, title, "bold")]
    y = top + HEAD
    for name, value, colour in bars:
        length = max(1, room * value / most)
        lines.append(text(MARGIN + NAMES - 8, y + 11, name, anchor="end"))
        lines.append(f'<rect x="{MARGIN + NAMES}" y="{y}" width="{length:.1f}" height="{BAR}" fill="{colour}"/>')
        lines.append(text(round(MARGIN + NAMES + length + 6, 1), y + 11, form.format(value)))
        y += ROW
    return lines, y + 10


def bars_of(results, figure, scale):
    for c in ALL:
        value = medians(results.by_key.get(c.key, []), figure)
        if value is not None:
            yield c.title, value * scale, WEIR if c.title.startswith("weir") else OTHERS


def plot(results):
    body, top = [], MARGIN
    for title, figure, scale, form in PANELS:
        bars = list(bars_of(results, figure, scale))
        if bars:
            lines, top = panel(title, bars, form, top)
            body += lines
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top}" viewBox="0 0 {WIDTH} {top}"'
    paper = f'<rect width="{WIDTH}" height="{top}" fill="{PAPER}"/>'
    return "\n".join([head + ' font-family="sans-serif" font-size="12">', paper, *body, "</svg>"]) + "\n"
