"""Differences of initializers: the paired t-test against SciPy, and its error rate."""

import numpy as np
import pytest

from fastnet.compare.leads import leads


@pytest.mark.parametrize("n_names", [2, 4])
def test_margins_are_those_of_a_paired_t_test(n_names):
    stats = pytest.importorskip("scipy.stats", reason="scipy is missing")
    rng = np.random.default_rng(n_names)
    samples = {name: rng.normal(90, 2, 6).tolist() for name in "abcd"[:n_names]}
    found = leads(samples, step=0.01)
    best = max(samples, key=lambda name: np.mean(samples[name]))
    assert [lead.other for lead in found] == [name for name in samples if name != best]
    confidence = 1 - 0.05 / {2: 1, 4: 6}[n_names]
    for lead in found:
        test = stats.ttest_rel(samples[best], samples[lead.other])
        low, high = test.confidence_interval(confidence)
        assert lead.best == best
        assert lead.points - lead.margin == pytest.approx(low, rel=1e-8)
        assert lead.points + lead.margin == pytest.approx(high, rel=1e-8)
        assert lead.distinguishable == (test.pvalue < 1 - confidence)


@pytest.mark.parametrize("n_seeds", [2, 3, 8])
@pytest.mark.parametrize("n_names", [2, 4])
@pytest.mark.parametrize("n_examples", [10, 1000])
def test_equal_initializers_are_rarely_told_apart(n_seeds, n_names, n_examples):
    """At most 5 times of 100, also where counts of few examples give equal differences."""
    rng = np.random.default_rng(5)
    percent = 100 * rng.binomial(n_examples, 0.9, (4000, n_names, n_seeds)) / n_examples
    wrong = [
        any(
            lead.distinguishable
            for lead in leads(dict(enumerate(numbers.tolist())), 100 / n_examples)
        )
        for numbers in percent
    ]
    assert np.mean(wrong) < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 4000)


def test_equal_differences_need_the_smallest_deviation():
    (lead,) = leads({"a": [70.0, 80.0], "b": [80.0, 90.0]}, step=10.0)
    assert (lead.best, lead.points, lead.distinguishable) == ("b", 10.0, False)
    (lead,) = leads({"a": [70.0, 80.0], "b": [80.0, 90.0]}, step=0.01)
    assert lead.distinguishable


def test_one_seed_or_one_name_gives_no_lead():
    assert leads({"a": [1.0], "b": [2.0]}, 1.0) == ()
    assert leads({"a": [1.0, 2.0]}, 1.0) == ()
