"""Confidence intervals: Student's t from printed tables, and the coverage of intervals."""

import numpy as np
import pytest

from fastnet.compare import mean_and_margin, student_t

# 97.5 % points as tables print them, for odd and even degrees of freedom.
TABLE = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 9: 2.262, 10: 2.228}
TABLE |= {29: 2.045, 30: 2.042, 60: 2.000, 120: 1.980, 100_001: 1.960}


@pytest.mark.parametrize(("degrees", "t"), TABLE.items())
def test_student_t_is_that_of_the_tables(degrees, t):
    assert student_t(degrees) == pytest.approx(t, abs=5.1e-4)


@pytest.mark.parametrize("degrees", [1, 2, 7, 30, 1000, 1001, 10**6])
@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.99, 1 - 0.05 / 45, 0.99999])
def test_t_of_other_confidences(degrees, confidence):
    stats = pytest.importorskip("scipy.stats", reason="scipy is missing")
    exact = stats.t.ppf((1 + confidence) / 2, degrees)
    assert student_t(degrees, confidence) == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize("confidence", [0, 0.4, 1, 95, "high"])
def test_a_confidence_out_of_range_is_refused(confidence):
    with pytest.raises((ValueError, TypeError), match="confidence is"):
        student_t(3, confidence)


@pytest.mark.parametrize(
    ("degrees", "error"), [(0, ValueError), (-1, ValueError), (2.0, TypeError)]
)
def test_invalid_degrees_of_freedom_are_refused(degrees, error):
    with pytest.raises(error, match="degrees"):
        student_t(degrees)


@pytest.mark.parametrize("n", [2, 3, 8])
def test_intervals_cover_the_mean_95_times_of_100(n):
    samples = np.random.default_rng(n).normal(7.0, 2.0, (n, 20_000))
    mean, margin = mean_and_margin(samples)
    covered = (np.abs(mean - 7.0) <= margin).mean()
    assert abs(covered - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 20_000)


def test_samples_beyond_float64_are_infinite_without_a_warning():
    mean, margin = mean_and_margin(np.full(3, "1e4000", np.longdouble))
    assert np.isposinf(mean) and np.isnan(margin)


def test_one_sample_has_no_margin_and_an_empty_sample_is_refused():
    mean, margin = mean_and_margin([[1.0, 2.0]])
    assert mean.tolist() == [1.0, 2.0]
    assert np.isnan(margin).all()
    with pytest.raises(ValueError, match="give one sample or more"):
        mean_and_margin([])


@pytest.mark.parametrize("degrees", [1, 2, 7, 30, 999, 1000, 1001, 5000, 10**6, 2**62])
def test_t_of_any_number_of_degrees(degrees):
    stats = pytest.importorskip("scipy.stats", reason="scipy is missing")
    assert student_t(degrees) == pytest.approx(stats.t.ppf(0.975, degrees), rel=1e-10)
