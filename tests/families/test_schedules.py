"""Schedules, value by value, and what training does with them."""

import math

import numpy as np
import pytest

import fastnet
from fastnet.schedules import (
    SCHEDULES,
    Constant,
    Cosine,
    Exponential,
    Function,
    HalveOnPlateau,
    InverseScaling,
    Schedule,
    Step,
    WarmUp,
    read_schedule,
)

from ..formulas import Plain, flattened, problem

#: Schedules with their factors at epochs 0, 1, 2 ..., worked out by hand.
BY_HAND = [
    (Constant(), [1, 1, 1, 1]),
    (Step(every=1, drop=0.5), [1, 0.5, 0.25, 0.125]),
    (Step(every=3), [1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01]),
    (Exponential(0.9), [1, 0.9, 0.81, 0.729, 0.6561]),
    (Exponential(1.0), [1, 1, 1]),
    (InverseScaling(), [1, 2**-0.5, 3**-0.5, 0.5]),
    (InverseScaling(power=2), [1, 1 / 4, 1 / 9, 1 / 16]),
    (Cosine(epochs=4), [1, 0.5 + math.sqrt(2) / 4, 0.5, 0.5 - math.sqrt(2) / 4, 0, 0, 0]),
    (Cosine(epochs=2, floor=0.2), [1, 0.6, 0.2, 0.2]),
    (WarmUp(epochs=4), [0, 0.25, 0.5, 0.75, 1, 1, 1]),
    (WarmUp(epochs=0.5), [0, 1, 1]),
    (WarmUp(epochs=2, then=Step(every=2, drop=0.5)), [0, 0.5, 1, 1, 0.5, 0.5, 0.25]),
    (WarmUp(epochs=1, then=Cosine(epochs=2)), [0, 1, 0.5, 0, 0]),
    (Function(lambda epoch: 3.0 - epoch), [3, 2, 1, 0]),
]


@pytest.mark.parametrize(
    ("schedule", "factors"), BY_HAND, ids=[repr(s).partition(" at 0x")[0] for s, _ in BY_HAND]
)
def test_factors_are_those_worked_out_by_hand(schedule, factors):
    got = [schedule.factor(epoch) for epoch in range(len(factors))]
    assert got == pytest.approx(factors, rel=1e-15, abs=1e-15)


def test_after_the_warm_up_a_schedule_of_epochs_stays_one():
    """Only its own rise, and schedules that want it, move within an epoch."""
    stepped, smooth = WarmUp(1, then=Exponential(0.25)), WarmUp(1, then=Cosine(epochs=2))
    assert [stepped.factor(epoch) for epoch in (0.5, 1.0, 1.5, 1.99, 2.5)] == [0.5, 1, 1, 1, 0.25]
    assert smooth.factor(1.5) == pytest.approx(0.5 + math.sqrt(2) / 4)


def test_every_schedule_is_worked_out():
    covered = {type(schedule) for schedule, _ in BY_HAND} | {HalveOnPlateau}
    assert covered == {*SCHEDULES.values(), Function}


def test_a_peers_schedules_are_the_same():
    scheduler = pytest.importorskip(
        "torch.optim.lr_scheduler", reason="PyTorch (torch) is not installed"
    )
    import torch

    pairs = [
        (Step(every=3, drop=0.5), lambda o: scheduler.StepLR(o, 3, 0.5)),
        (Exponential(0.8), lambda o: scheduler.ExponentialLR(o, 0.8)),
        (Cosine(epochs=10, floor=0.1), lambda o: scheduler.CosineAnnealingLR(o, 10, eta_min=0.2)),
    ]
    for ours, make in pairs:
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=2.0)
        theirs = make(optimizer)
        for epoch in range(10):
            assert 2.0 * ours.factor(epoch) == pytest.approx(theirs.get_last_lr()[0], rel=1e-9)
            optimizer.step()
            theirs.step()


# --- in training ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "schedule",
    [Step(1, 0.5), Exponential(0.7), InverseScaling(), Cosine(3), WarmUp(2), WarmUp(1, Cosine(2))],
    ids=repr,
)
def test_training_steps_at_the_schedules_rate(schedule):
    """Once an epoch, or at every mini-batch where the schedule says so; the last one short."""
    net, X, labels, Y = problem(np.float64, rows=23)
    plain, last = Plain.of(net), []
    for epoch in range(4):
        for batch, at in enumerate(range(0, 23, 5)):
            when = epoch + batch / 5 if schedule.every_mini_batch else epoch
            eta = 0.5 * schedule.factor(when)
            nabla = plain.gradient(X[at : at + 5], Y[at : at + 5])
            plain.flat = plain.flat - eta * flattened(*nabla)
        last.append(eta)
    history = net.train(
        (X, labels), 4, 5, optimizer=fastnet.SGD(0.5), schedule=schedule, shuffle=False
    )
    np.testing.assert_allclose(net.parameters, plain.flat, rtol=1e-11, atol=1e-13)
    assert history.column("eta") == pytest.approx(last)


def test_a_function_is_a_schedule():
    net, X, labels, _ = problem(np.float64)
    asked = []

    def factor(epoch):
        asked.append(epoch)
        return 1 / (1 + epoch)

    history = net.train((X, labels), 3, 5, optimizer=fastnet.SGD(0.6), schedule=factor)
    assert asked == [0, 1, 2]
    assert history.column("eta") == pytest.approx([0.6, 0.3, 0.2])
    # A training that goes on is a new call, and the schedule begins again with it.
    assert net.train((X, labels), 1, 5, schedule=factor)[0]["eta"] == 0.6


def test_a_schedule_of_ones_own():
    class Twice(Schedule):
        every_mini_batch = True

        def __init__(self):
            self.told = []

        def factor(self, epoch):
            return 2.0

        def after_epoch(self, record):
            self.told.append(record["epoch"])
            return len(self.told) == 2

    net, X, labels, _ = problem(np.float64)
    mine = Twice()
    history = net.train((X, labels), 9, 5, optimizer=fastnet.SGD(0.1), schedule=mine)
    assert mine.told == [0, 1]
    assert history.column("eta") == [0.2, 0.2]


# --- the book's ----------------------------------------------------------------------------------


def train_on_scores(scores, schedule, epochs=None):
    """Train with a metric whose values are given in advance; return the history."""
    net, X, labels, _ = problem(np.float64)
    values = iter(scores)

    def score(network):
        return next(values)

    return net.train(
        (X, labels), epochs or len(scores), 5, optimizer=fastnet.SGD(1.0), schedule=schedule,
        metrics=[score],
    )  # fmt: skip


def test_the_book_halves_and_stops_at_a_hundred_and_twenty_eighth():
    """Seven halvings; the rate of 1/128 is the end, and is not trained at."""
    history = train_on_scores([5] * 100, HalveOnPlateau(patience=1, monitor="score"))
    assert history.column("eta") == [1, 1, 1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64]


def test_it_halves_after_patience_epochs_and_then_waits_again():
    history = train_on_scores([5] * 100, HalveOnPlateau(patience=3, monitor="score"))
    assert history.column("eta") == [1.0] + [2.0**-k for k in range(7) for _ in range(3)]


def test_what_improves_is_not_halved():
    scores = [1, 2, 2, 3, 3, 3, 4, 4, 4, 5]
    history = train_on_scores(scores, HalveOnPlateau(patience=2, monitor="score"))
    assert history.column("eta") == [1, 1, 1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25]


def test_worse_is_no_improvement_and_the_best_is_remembered():
    scores = [9, 1, 2, 3, 4, 9, 10, 0]
    history = train_on_scores(scores, HalveOnPlateau(patience=2, monitor="score"))
    assert history.column("eta") == [1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.25]


def test_another_end_and_no_end():
    end = HalveOnPlateau(patience=1, monitor="score", stop_at=0.25)
    assert train_on_scores([5] * 9, end).column("eta") == [1, 1, 0.5]
    none = HalveOnPlateau(patience=1, monitor="score", stop_at=0)
    assert len(train_on_scores([5] * 30, none)) == 30


def test_a_cost_should_fall():
    """What ends in "cost" improves downwards; the network's own costs are watched by name."""
    net, X, labels, _ = problem(np.float64)
    falling = HalveOnPlateau(patience=1, monitor="training_cost")
    history = net.train(
        (X, labels), 10, 5, optimizer=fastnet.SGD(0.1), schedule=falling, metrics="training_cost"
    )
    assert np.all(np.diff(history.column("training_cost")) < 0), "the cost should fall here"
    assert history.column("eta") == [0.1] * 10
    rising = HalveOnPlateau(patience=1, monitor="training_accuracy")
    net.train(
        (X, np.zeros_like(labels)), 40, None, optimizer=fastnet.SGD(1.0), schedule=rising,
        metrics=["training_cost", "training_accuracy"],
    )  # fmt: skip
    assert net.history[-1]["eta"] == 1 / 64


def test_a_training_begins_with_the_whole_rate():
    schedule = HalveOnPlateau(patience=1, monitor="score")
    for _ in range(2):
        assert train_on_scores([5] * 4, schedule).column("eta") == [1, 1, 0.5, 0.25]
    warm = WarmUp(1, then=schedule)
    for _ in range(2):
        # In the one epoch of warm-up the last of four mini-batches has three quarters of the rate.
        assert train_on_scores([5] * 4, warm).column("eta") == [0.75, 1, 0.5, 0.25]


def test_state_is_taken_along():
    schedule = HalveOnPlateau(patience=2, monitor="score")
    for _ in range(4):
        schedule.after_epoch({"score": 1})
    for holder in (schedule, WarmUp(1, then=schedule)):
        twin = HalveOnPlateau(patience=2, monitor="score")
        wrapped = twin if holder is schedule else WarmUp(1, then=twin)
        wrapped.set_state(holder.get_state())
        assert twin == schedule
        assert holder.get_state() == {"current": 0.5, "best": 1.0, "waited": 1}


def test_by_name_it_watches_the_evaluation_accuracy():
    net, X, labels, _ = problem(np.float64)
    history = net.train(
        (X, labels), 300, None, optimizer=fastnet.SGD(1e-6), schedule="halve",
        evaluation_data=(X, labels),
    )  # fmt: skip
    assert len(history) == 71, "an epoch to be the best, and seven times ten without a better one"


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Step(0), "every is 0"),
        (lambda: Step(1.5), "every is 1.5"),
        (lambda: Step(1, -0.5), "drop is -0.5"),
        (lambda: Exponential(-0.5), "decay is -0.5"),
        (lambda: Exponential(math.inf), "decay is inf"),
        (lambda: InverseScaling("1"), "power is '1'"),
        (lambda: Cosine(0), "epochs is 0"),
        (lambda: Cosine(5, floor=-1), "floor is -1"),
        (lambda: WarmUp(0), "epochs is 0"),
        (lambda: WarmUp(math.nan), "epochs is nan"),
        (lambda: WarmUp(1, then=3), "schedule is 3"),
        (lambda: HalveOnPlateau(patience=0), "patience is 0"),
        (lambda: HalveOnPlateau(stop_at=-1), "stop_at is -1"),
        (lambda: read_schedule("steps"), "schedule is 'steps'"),
        (lambda: read_schedule("linear"), "schedule is 'linear'"),
        (lambda: read_schedule(0.5), "schedule is 0.5"),
        (lambda: read_schedule(Cosine), "schedule is <class"),
    ],
)
def test_bad_arguments_are_refused(make, said):
    with pytest.raises((TypeError, ValueError)) as caught:
        make()
    assert said in str(caught.value)


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf, "1", None])
def test_a_function_that_gives_no_rate_is_refused(value):
    """Before the epoch that it is for: the network stands where the epoch before it ended."""
    net, X, labels, _ = problem(np.float64)
    twin, *_ = problem(np.float64)
    with pytest.raises((TypeError, ValueError)) as caught:
        net.train((X, labels), 5, 5, schedule=lambda e: value if e == 2 else 1.0, shuffle=False)
    assert "the schedule's factor" in str(caught.value)
    twin.train((X, labels), 2, 5, shuffle=False)
    np.testing.assert_array_equal(net.parameters, twin.parameters)
    assert net.history == twin.history


@pytest.mark.parametrize("schedule", [lambda *_: None, len, lambda epoch: float("nan")])
def test_a_schedule_that_is_refused_has_drawn_nothing(schedule):
    net, X, labels, _ = problem(np.float64, rows=9)
    before = net.parameters.tobytes(), repr(net.rng.bit_generator.state)
    with pytest.raises((TypeError, ValueError), match="schedule"):
        net.train((X, labels), 2, 3, schedule=schedule)
    assert (net.parameters.tobytes(), repr(net.rng.bit_generator.state)) == before
