#!/usr/bin/python3
"""What is computed from samples, against figures that are known beforehand. No Kafka, no processes but this one."""
import os
import sys
import unittest
from pathlib import Path
from types import SimpleNamespace

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

from gauge import Sample, cpu, first_outcome, memory, window  # noqa: E402
from plot import plot  # noqa: E402
from report import difference, goals, quotient, reached, table  # noqa: E402


def steady(seconds, rate, start=0.0):
    """100 samples a second: nothing until start, then so many outcomes a second at 4 us each, the broker's 1 us."""
    for i in range(int(seconds * 100) + 1):
        at = i / 100
        count = int(max(0, at - start) * rate)
        yield Sample(10 + at, count, 0.5 + count * 4e-6, 3 + count * 1e-6)


def results(**rounds):
    return SimpleNamespace(by_key=rounds, absent={}, failed=[])


class Figures(unittest.TestCase):
    def test_a_steady_run_gives_its_rate_and_cost_whatever_came_before(self):
        found = window(list(steady(3, 1000, start=1)), 0.1, 0.9, 2000, 2000)
        self.assertAlmostEqual(found["rate"], 1000, delta=1)
        self.assertAlmostEqual(found["cpu"], 4, delta=0.01)
        self.assertAlmostEqual(found["broker_cpu"], 1, delta=0.01)

    def test_all_is_counted_a_record_of_the_source_not_an_outcome(self):
        found = window(list(steady(2, 1000)), 0.1, 0.9, 2000, 4000)
        self.assertAlmostEqual(found["rate"], 2000, delta=1)
        self.assertAlmostEqual(found["cpu"], 2, delta=0.01)

    def test_only_the_part_that_was_asked_for_counts(self):
        slow, fast = list(steady(1, 1000)), list(steady(1, 4000))
        then = [Sample(s.at + 1, s.outcomes + 1000, s.cpu, s.broker_cpu) for s in fast[1:]]
        self.assertAlmostEqual(window(slow + then, 0.5, 0.9, 5000, 5000)["rate"], 4000, delta=1)

    def test_everything_in_one_sample_is_no_division_by_zero(self):
        samples = [Sample(1, 0, 0, 0), Sample(2, 100, 1, 1)]
        self.assertAlmostEqual(window(samples, 0.1, 0.9, 100, 100)["rate"], 100)

    def test_the_first_outcome_is_the_first_sample_that_has_one(self):
        self.assertAlmostEqual(first_outcome(list(steady(3, 1000, start=1)), 10), 1, delta=0.02)

    def test_the_kernel_is_asked_for_this_process(self):
        self.assertGreater(cpu(os.getpid()), 0)
        self.assertGreaterEqual(memory(os.getpid(), "VmHWM"), memory(os.getpid(), "VmRSS") * 0.9)


class Reports(unittest.TestCase):
    def test_a_quotient_is_formed_within_a_round(self):
        r = results(chain=[{"cpu": 4}, {"cpu": 40}, {"cpu": 6}], limit=[{"cpu": 2}, {"cpu": 20}, {"cpu": 1}])
        self.assertEqual(reached(r, quotient, "chain", "limit", "cpu"), [2, 2, 6])
        self.assertIn("| 2.00 | **no** | 2.00, 2.00, 6.00 |", "\n".join(goals(r)))

    def test_a_difference_comes_in_the_unit_of_its_goal(self):
        r = results(chain=[{"peak": 3 << 20}], limit=[{"peak": 1 << 20}])
        self.assertEqual(reached(r, difference, "chain", "limit", "peak"), [2])

    def test_what_was_not_measured_is_not_reported(self):
        self.assertEqual(reached(results(chain=[{}], limit=[{"cpu": 1}]), quotient, "chain", "limit", "cpu"), [])
        self.assertEqual(len(goals(results())), 2)

    def test_who_did_not_run_stands_there_with_the_reason(self):
        r = results()
        r.absent["connect"] = "its program is not given"
        self.assertIn("not run: its program is not given", "\n".join(table(r)))

    def test_the_plot_has_a_bar_for_each_and_is_well_formed(self):
        from xml.etree import ElementTree  # pylint: disable=import-outside-toplevel

        image = ElementTree.fromstring(plot(results(chain=[{"rate": 3, "cpu": 1}], limit=[{"rate": 6, "cpu": 2}])))
        self.assertEqual(sum(e.tag.endswith("rect") for e in image.iter()), 1 + 4)


if __name__ == "__main__":
    unittest.main()
