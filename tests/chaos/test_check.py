#!/usr/bin/python3
"""The checker against runs with a planted fault: a loss, a repeat, a swap and their kin must be found, each under
its own name, and a clean run must pass. No Kafka: rules.py judges plain values."""
import random
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from fit import Line  # noqa: E402
from rules import SINKS, Figures, Judge, Sample, name_of, shown_as, windows  # noqa: E402

PARTITIONS, EACH = 3, 200


def clean_run():
    """Inputs as (name, partition, offset); outcomes as {(sink, partition): [name]}, in their order."""
    chance = random.Random(1)
    inputs, outcomes = [], {}
    for offset in range(EACH):
        for p in range(PARTITIONS):
            name = name_of(chance.choice("ggggmvx"), p, offset, f"{chance.getrandbits(32):08x}")
            inputs.append((name, p, offset))
            outcomes.setdefault((SINKS[name[0]], chance.randrange(4)), []).append(name)
    return inputs, outcomes


def figures(inputs, outcomes, samples=(), metrics=None):
    j = Judge()
    for name, p, offset in inputs:
        j.input(name, p, offset)
    for (sink, p), names in outcomes.items():
        for name in names:
            j.outcome(sink, p, name, shown_as(name))
    for shown, sink in metrics if metrics is not None else of_each(outcomes):
        j.metric(shown, sink)
    return j.figures(samples)


def of_each(outcomes):
    return [(shown_as(name), sink) for (sink, _), names in outcomes.items() for name in names]


def disturbance(low, high):
    """Something happened when offsets below low were committed and those below high written, in every partition."""
    committed, ends = ({p: offset for p in range(PARTITIONS)} for offset in (low, high))
    return [Sample(1.0, committed, ends, until=1.0), Sample(2.0, committed, ends)]


class Planted(unittest.TestCase):
    def setUp(self):
        self.inputs, self.outcomes = clean_run()
        self.one = self.outcomes["processed-output", 0]
        self.at = {name: (p, offset) for name, p, offset in self.inputs}

    def found(self, samples=(), delivery="at-least-once", metrics=None):
        return figures(self.inputs, self.outcomes, samples, metrics).faults(delivery)

    def neighbours(self):
        """Places of two outcomes of one input partition that follow each other."""
        for i, name in enumerate(self.one):
            for k in range(i + 1, len(self.one)):
                if self.at[self.one[k]][0] == self.at[name][0]:
                    return i, k
        raise AssertionError("the run has none")

    def test_a_clean_run_passes_in_both_modes(self):
        f = figures(self.inputs, self.outcomes)
        self.assertEqual((f.faults("at-least-once"), f.faults("exactly-once")), ([], []))
        self.assertEqual((f.records, f.outcomes), (PARTITIONS * EACH, PARTITIONS * EACH))

    def test_a_loss_is_found(self):
        name = self.one.pop(7)
        metrics = of_each(self.outcomes) + [(name, "processed-output")]
        self.assertEqual(self.found(metrics=metrics), ["lost"])
        self.assertEqual(self.found(metrics=metrics, delivery="exactly-once"), ["lost"])

    def test_a_swap_is_found(self):
        i, k = self.neighbours()
        self.one[i], self.one[k] = self.one[k], self.one[i]
        self.assertEqual(self.found(), ["reordered"])
        self.assertEqual(self.found(delivery="exactly-once"), ["reordered"])

    def test_a_swap_of_two_input_partitions_is_none(self):
        i = next(i for i in range(1, len(self.one)) if self.at[self.one[i]][0] != self.at[self.one[i - 1]][0])
        self.one[i], self.one[i - 1] = self.one[i - 1], self.one[i]
        self.assertEqual(self.found(), [])

    def test_a_repeat_out_of_the_blue_is_found(self):
        self.one.append(self.one[-1])
        self.assertEqual(self.found(), ["unexplained"])

    def test_a_repeat_that_a_disturbance_explains_is_allowed_at_least_once_only(self):
        self.one.append(self.one[-1])
        offset = self.at[self.one[-1]][1]
        self.assertEqual(self.found(disturbance(offset, offset + 1)), [])
        self.assertEqual(self.found(disturbance(offset, offset + 1), "exactly-once"), ["repeated", "overmeasured"])

    def test_a_repeat_of_what_was_committed_is_found(self):
        self.one.append(self.one[-1])
        offset = self.at[self.one[-1]][1]
        self.assertEqual(self.found(disturbance(offset + 1, EACH)), ["unexplained"])

    def test_a_repeat_of_what_was_not_yet_written_is_found(self):
        self.one.append(self.one[-1])
        self.assertEqual(self.found(disturbance(0, self.at[self.one[-1]][1])), ["unexplained"])

    def test_one_disturbance_explains_one_repeat(self):
        self.one += [self.one[-1]] * 2
        self.assertEqual(self.found(disturbance(0, EACH)), ["unexplained"])
        self.assertEqual(self.found(disturbance(0, EACH)[:1] * 2 + disturbance(0, EACH)[1:]), [])

    def test_repeats_do_not_count_as_reordered(self):
        self.one += self.one[-20:]
        self.assertEqual(self.found(disturbance(0, EACH)), [])

    def test_a_rewind_that_skips_is_found(self):
        """As if a process began again beyond what was lost, and that came later."""
        late = self.one.pop(5)
        self.one.append(late)
        self.assertEqual(self.found(disturbance(0, EACH)), ["reordered"])

    def test_an_outcome_of_nothing_is_found(self):
        self.one.append(name_of("g", 0, 1, "ffff"))
        self.assertEqual(self.found(metrics=of_each(clean_run()[1])), ["strangers"])

    def test_an_outcome_on_another_topic_is_found(self):
        name = self.one.pop()
        self.outcomes.setdefault(("cleaned-data", 0), []).append(name)
        self.assertIn("misplaced", self.found())

    def test_an_outcome_with_the_content_of_another_is_found(self):
        j = Judge()
        j.input("g-0-0-a", 0, 0)
        j.outcome("processed-output", 0, "g-0-0-a", "g-0-1-b")
        self.assertEqual(j.figures().misplaced, 1)

    def test_missing_metrics_are_found(self):
        metrics = of_each(self.outcomes)
        self.assertEqual(self.found(metrics=metrics[1:]), ["unmeasured"])

    def test_superfluous_metrics_are_found_in_exactly_once(self):
        metrics = of_each(self.outcomes)
        self.assertEqual(self.found(metrics=metrics + metrics[:1]), [])
        self.assertEqual(self.found(metrics=metrics + metrics[:1], delivery="exactly-once"), ["overmeasured"])
        metrics.append(("g-9-9-none", "processed-output"))
        self.assertEqual(self.found(metrics=metrics, delivery="exactly-once"), ["overmeasured"])

    def test_an_input_that_stands_in_the_source_twice_is_an_error_of_the_driver(self):
        with self.assertRaises(ValueError):
            figures(self.inputs + self.inputs[:1], self.outcomes)

    def test_every_figure_is_printed(self):
        for name in ("records", "lost", "repeated", "reordered", "unexplained", "most_repeats"):
            self.assertIn(f"{name}=0", str(Figures()))


class Windows(unittest.TestCase):
    def test_it_ends_at_the_first_look_after_it_was_over(self):
        looks = [Sample(t, {0: t}, {0: 10 * t}, until=5 if t == 2 else None) for t in range(1, 9)]
        self.assertEqual(windows(looks), [(0, 2, 50)])

    def test_a_partition_added_meanwhile_begins_at_its_beginning(self):
        looks = [Sample(1, {0: 7}, {0: 9}, until=2), Sample(3, {0: 9, 1: None}, {0: 20, 1: 4})]
        self.assertEqual(windows(looks), [(0, 7, 20), (1, 0, 4)])

    def test_what_is_never_over_ends_with_the_last_look(self):
        looks = [Sample(1, {0: 7}, {0: 9}, until=99), Sample(3, {0: 9}, {0: 20})]
        self.assertEqual(windows(looks), [(0, 7, 20)])


class Slope(unittest.TestCase):
    """Of the soak: what grows must be seen, and what only trembles must not pass for growth."""

    def test_a_straight_line_is_found_without_an_error(self):
        line = Line([(x, 3 + 0.5 * x) for x in range(10)])
        self.assertAlmostEqual(line.slope, 0.5)
        self.assertAlmostEqual(line.start, 3)
        self.assertAlmostEqual(line.error, 0)

    def test_a_planted_leak_shows_through_noise(self):
        chance = random.Random(1)
        noise = [(2 * n, 20 + chance.gauss(0, 0.2)) for n in range(450)]
        flat, leaky = Line(noise), Line([(x, y + x * 1 / 3600) for x, y in noise])  # one MiB an hour
        self.assertLess(abs(flat.slope), 3 * flat.error)
        self.assertGreater(leaky.slope, 5 * leaky.error)
        self.assertAlmostEqual(leaky.slope - flat.slope, 1 / 3600)


if __name__ == "__main__":
    unittest.main()
