"""Calls of the public API with anything at all: each works, or says which argument was wrong.

2,000 calls; `FASTNET_ARGUMENT_CALLS=100000 pytest tests/test_any_arguments.py` makes as many as one
likes.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import fastnet
from fastnet import schedules
from fastnet.activations import sigmoid
from fastnet.compare import mean_and_margin, student_t
from fastnet.costs import COSTS, GaussianCost, HuberCost, QuantileCost, find_cost
from fastnet.datasets import read_digit, shift_images
from fastnet.preprocessing import standardization

from .refusals import GOOD, PAIRS, X, Y, fingerprint, new

CALLS_MADE = int(os.environ.get("FASTNET_ARGUMENT_CALLS", "2000"))
#: More rows than there is memory for anything that belongs to them, in eight bytes.
ENDLESS = np.broadcast_to(0.0, (2**50, 3))
ENDLESS_Y = np.broadcast_to(np.int8(1), (2**50,))


class EqualsEverything:
    """Whoever asks whether this is one of several names hears yes."""

    def __eq__(self, other):
        return True

    def __hash__(self):
        return 0


class NoText:
    """Cannot be shown in a message."""

    def __repr__(self):
        raise RuntimeError("no text")


class Text(str):
    """A str that is not one exactly."""


class Whole(int):
    """An int that is not one exactly."""


class Changing:
    """Is another array each time that it is looked at."""

    def __init__(self):
        self.looks = 0

    def __array__(self, dtype=None, copy=None):
        self.looks += 1
        return np.full((5, 3) if self.looks % 2 else (4, 2), np.nan if self.looks % 3 else 1.0)


class Growing(list):
    """Has another length each time that it is gone through."""

    def __iter__(self):
        self.append(1)
        return super().__iter__()


class Subclass(np.ndarray):
    """An array of a class of its own."""


#: Numbers that are none of Python's and NumPy's usual ones, and whole numbers for which words of
#: the machine are too short.
ODD_NUMBERS = [
    2**31, 2**32, 2**53 + 1, 2**63 - 1, 2**64, -(10**400), 10**4000, Whole(2),
    -0.0, 5e-324, 2.3e-308, 1e-50, 1e39, 1 - 1e-12, Decimal("0.5"), Decimal("1e1000"),
    Decimal("sNaN"), Fraction(10**400),
    complex(1, 0), np.complex64(1), np.float32(0.5), np.longdouble("1e4000"), np.uint64(2**64 - 1),
    np.int8(-1), np.array(0.5), np.array(True), np.array("x"), np.array(None), np.array([0.5]),
    np.array(2**63, np.uint64), np.ma.masked, np.timedelta64(3, "s"), date(2000, 1, 1),
    timedelta(1),
]  # fmt: skip
ODD_OBJECTS = [
    EqualsEverything(), NoText(), Text("sgd"), Text("x"), Changing(), Growing(),
    X.view(Subclass), np.array([EqualsEverything()] * 5), [EqualsEverything()], [2**63], [10**400],
    [np.array(0.5)], np.full((5, 3), 1e-320), np.array([2**63] * 5, np.uint64), {0: 10**400},
    {EqualsEverything(): 1}, (X, [2**63] * 5), (X, [10**400] * 5), (X, np.full(5, "1")),
]  # fmt: skip
NUMBERS = [-1, 0, 1, 2, 3, -0.5, 0.0, 0.5, 1e308, 1e-320, np.nan, np.inf, -np.inf, 2**63, -(2**70)]
JUNK = [
    *NUMBERS, None, True, False, 10**400, 1j, "", "x", "\0", "sgd", b"x", bytearray(8), object(),
    [], (), {}, set(), [[]], [1], [1, 2, 3], [[1, 2, 3]], [[1, 2], [3]], [None], ["a", "b"],
    {"a": 1}, {0: -1}, int, dict, len, lambda *_: None, range(3), Decimal("NaN"), Fraction(1, 3),
    np.float16(2), np.bool_(True), np.str_("x"), np.datetime64("2000-01-01"), np.int64(3),
    np.array(3), np.zeros(0), np.zeros((0, 3)), np.zeros((5, 0)), np.full((5, 3), np.nan),
    np.full((5, 3), 1e300, np.longdouble) ** 2, np.array([1, None]), np.zeros(3, "m8[s]"),
    np.zeros(3, "V8"), np.zeros(3, [("a", "f8")]), np.ma.masked_array([1.0, 2.0, 3.0]),
    np.zeros((1,) * 40), np.array(["a", "b", "c"]), np.arange(5), np.arange(5) % 2, X, Y, GOOD,
    PAIRS, X.T, X[::-1], X[:, ::-1], np.asfortranarray(X), X.astype(">f4"), X.astype("e"),
    np.broadcast_to(1.0, (5, 3)), ENDLESS, ENDLESS_Y, (ENDLESS, ENDLESS_Y), (ENDLESS, Y),
    (X, ENDLESS_Y), fastnet.Network, fastnet.SGD, fastnet.Adam(), schedules.Step(3), np.random,
    memoryview(b"abc"), iter([]), fastnet.Preprocessing(), *ODD_NUMBERS, *ODD_OBJECTS,
]  # fmt: skip
SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5)


def out_of(values):
    """One of these, drawn by its place: some of them cannot be shown, as `sampled_from` would."""
    values = list(values)
    return st.integers(0, len(values) - 1).map(lambda place: values[place])


ANYTHING = st.one_of(
    out_of(JUNK),
    out_of(JUNK),
    st.integers(-(2**70), 2**70),
    st.floats(),
    hnp.arrays(hnp.scalar_dtypes(), SHAPES, fill=st.nothing()),
    st.lists(out_of(JUNK), max_size=3),
)
#: Whoever asks for that many epochs gets them.
EPOCHS = out_of(
    [
        v
        for v in JUNK
        if isinstance(v, np.timedelta64) or not isinstance(v, (int, np.integer)) or v < 3
    ]
)
#: So does whoever has so many numbers added.
FINITE = out_of([v for v in JUNK if v is not ENDLESS and v is not ENDLESS_Y])
#: Likewise for draws and files.
FEW = out_of([v for v in JUNK if not isinstance(v, int) or not 10 < v < 10**300])
SIZES = st.one_of(
    ANYTHING,
    st.lists(out_of([*JUNK, 2**31, 2**40, 2**62]), max_size=4),
    st.lists(st.integers(-1, 4), max_size=70),
)


#: A network that gives classes their names, after its inputs are standardized; and one for numbers.
NAMED = new()
NAMED.preprocessing = fastnet.Preprocessing(np.ones(3), np.full(3, 2.0), labels=["a", "b"])
REGRESSION = fastnet.Network([3, 1], "quadratic", output="identity", rng=0)
REGRESSION.preprocessing = fastnet.Preprocessing(target_mean=1.0, target_scale=1e-200)


@dataclass(frozen=True)
class Call:
    """A function and its arguments: what is good for each, and how else each may be called."""

    function: Callable[..., Any]
    good: dict[str, Any]
    strategies: dict[str, Any]
    #: Words that stand for an argument in messages, beside its name.
    words: str = ""


def call(function, *, words="", strategies=None, **good):
    """Describe a call."""
    return Call(function, good, strategies or {}, words)


def method(name, **described):
    """Describe a call of a network's method."""
    return call(lambda network, **arguments: getattr(network, name)(**arguments), **described)


def maker(function, **described):
    """Describe a call that has nothing to do with a network."""
    return call(lambda network, **arguments: function(**arguments), **described)


def assign(name, good):
    """Describe an assignment to an attribute."""
    return call(lambda network, **values: setattr(network, name, values[name]), **{name: good})


def set_item(name, good):
    """Describe an assignment to one layer's weights or biases."""
    return call(
        lambda network, **values: getattr(network, name).__setitem__(0, values[name]),
        **{name: good},
    )


def threads_set_to(n):
    """Set the number of threads, and leave it as it was."""
    try:
        fastnet.set_num_threads(n)
        assert 1 <= fastnet.get_num_threads() <= 1024
    finally:
        fastnet.set_num_threads(None)


def threads_by_variable(text):
    """Ask for the number of threads that the environment says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FASTNET_NUM_THREADS", text)
        assert 1 <= fastnet.get_num_threads() <= 1024


TEXTS = st.one_of(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    st.integers().map(str),
    st.integers(0, 10**6).map(lambda digits: "9" * (digits % 7000)),
    st.sampled_from(["٣", "²", "1_0", "+1", " 1", "1e3", "0x10", "all ", "ALL"]),
)

#: What a callable raises is its caller's own, and passes through.
NOT_CALLED = ANYTHING.filter(
    lambda value: not any(map(callable, value if isinstance(value, list) else [value]))
)


def _is_no_path(value):
    return not isinstance(value, (str, bytes))


EPOCH = {"epochs": EPOCHS, "progress": NOT_CALLED, "metrics": NOT_CALLED}
CALLS = {
    "Network": maker(
        fastnet.Network, strategies={"sizes": SIZES}, sizes=[3, 2], cost="quadratic",
        dtype="float32", rng=1, activation="tanh", output="sigmoid", initializer="he_normal",
        bias_initializer=0.5,
    ),
    "feedforward": method("feedforward", a=X),
    "predict": method("predict", X=X),
    "predict_proba": method("predict_proba", X=X),
    "score": method("score", X=X, y=Y, words="score"),
    "score by names": maker(NAMED.score, X=X, y=["b", "a", "a", "a", "b"], words="score"),
    "R squared": maker(REGRESSION.score, X=X, y=X[:, 0], words="score"),
    "Ensemble": maker(
        fastnet.Ensemble, strategies={"sizes": SIZES, "k": FEW}, sizes=[3, 2], k=2,
        cost="quadratic", dtype="float32", rng=1, activation="tanh", output="sigmoid",
        initializer="he_normal", bias_initializer=0.5,
    ),
    "Ensemble.from_networks": maker(fastnet.Ensemble.from_networks, networks=[new(), new()]),
    "Ensemble.feedforward": maker(fastnet.Ensemble([3, 2], 2, rng=0).feedforward, X=X),
    "Ensemble.train": maker(
        lambda **arguments: fastnet.Ensemble([3, 4, 2], 2, rng=0).train(**arguments),
        strategies=EPOCH | {"threads": FEW}, data=GOOD, epochs=1, mini_batch_size=2,
        optimizer="adam", schedule=None, l1=0.1, l2=0.1, dropout=0.1, max_norm=1.0, clip_norm=1.0,
        evaluation_data=PAIRS, metrics=None, callbacks=(), shuffle=True, progress=None, resume=None,
        sample_weight=np.ones(5), class_weight="balanced", bootstrap=True, threads=2,
        words="weight|norm|permutation|callback",
    ),
    "Ensemble.load": maker(
        fastnet.Ensemble.load, filename="no/such.npz", words="no such|directory"
    ),
    "backprop": method("backprop", x=X, y=Y, words="backprop"),
    "input_gradient": method("input_gradient", X=X, y=Y),
    "vjp": method("vjp", X=X, v=np.ones((5, 2))),
    "jacobian": method("jacobian", X=X),
    "accuracy": method("accuracy", data=GOOD),
    "total_cost": method("total_cost", data=GOOD, lmbda=0.1),
    "layer_statistics": method("layer_statistics", X=X, y=Y, words="layer_statistics"),
    "update_mini_batch": method("update_mini_batch", mini_batch=GOOD, eta=0.1, lmbda=0.1, n=9),
    "SGD": method(
        "SGD", strategies=EPOCH, training_data=PAIRS, epochs=1, mini_batch_size=2, eta=0.1,
        lmbda=0.1, evaluation_data=GOOD, shuffle=False, progress=None,
        words="evaluation_data|permutation",
    ),
    "train": method(
        "train", strategies=EPOCH, data=GOOD, epochs=1, mini_batch_size=2, optimizer="adam",
        schedule=None, l1=0.1, l2=0.1, dropout=0.1, max_norm=1.0, clip_norm=1.0,
        evaluation_data=PAIRS, metrics=None, callbacks=(), shuffle=True, progress=None,
        sample_weight=np.ones(5), class_weight="balanced",
        words="weight|norm|permutation|callback",
    ),
    "partial_fit": method(
        "partial_fit", data=GOOD, optimizer=None, l1=0, l2=0, dropout=0, max_norm=None,
        clip_norm=None, sample_weight=None, class_weight=None, words="weight",
    ),
    "to_c": call(
        fastnet.Network.to_c, path=os.devnull, name="net", preprocessing=None, labels=True,
        strategies={"path": out_of([0, None, X, os.devnull, "a\0b", "no/such/folder/net.h"])},
    ),
    "weights": assign("weights", [np.ones((4, 3)), np.ones((2, 4))]),
    "biases": assign("biases", [np.ones((4, 1)), np.ones((2, 1))]),
    "parameters": assign("parameters", np.ones(26)),
    "cost": assign("cost", "quadratic"),
    "rng": assign("rng", 3),
    "weights[0]": set_item("weights", np.ones((4, 3))),
    "biases[0]": set_item("biases", np.ones((4, 1))),
    "check_gradient": call(
        fastnet.check_gradient, x=X, y=Y,
        epsilon=1e-5, sample=3, words="backprop",
    ),
    "Preprocessing": maker(
        fastnet.Preprocessing, mean=np.zeros(3), scale=np.ones(3), labels=["a"], columns=["b"],
        target="c", target_mean=0.0, target_scale=1.0,
    ),
    "prepare": method("prepare", data=GOOD),
    "set_num_threads": maker(threads_set_to, n=2, words="set_num_threads"),
    "FASTNET_NUM_THREADS": maker(
        threads_by_variable, strategies={"text": TEXTS}, text="2", words="FASTNET_NUM_THREADS"
    ),
    "SGD()": maker(fastnet.SGD, eta=0.1),
    "Momentum": maker(fastnet.Momentum, eta=0.1, mu=0.5),
    "RMSprop": maker(fastnet.RMSprop, eta=0.1, beta=0.5, epsilon=1e-8),
    "LBFGS": maker(
        fastnet.LBFGS, eta=0.1, memory=5, tolerance=1e-5, reduction=0.0, max_evaluations=None
    ),
    "Checkpoint": maker(
        fastnet.Checkpoint, path="x.npz", every=2, unit="seconds", keep=2,
        strategies={"keep": FEW},
    ),
    "weighted_input": maker(
        fastnet.diagnostics.weighted_input, n_inputs=4, active=2, initializer="large", draws=5,
        rng=1, bias_initializer=0.5, units=2, progress=None,
        strategies={"n_inputs": FEW, "draws": FEW, "units": FEW, "progress": NOT_CALLED},
    ),
    "propagation": maker(
        fastnet.diagnostics.propagation, sizes=[3, 2], X=X, y=None, initializer="large",
        bias_initializer=0.5, activation="tanh", seeds=2, rng=1, singular_values=True,
        strategies={"X": FINITE, "seeds": FEW},
    ),
    "theory": maker(
        fastnet.diagnostics.theory, n_inputs=4, active=2, initializer="large",
        bias_initializer=0.5, units=2, strategies={"units": FEW},
    ),
    "find_cost": maker(find_cost, cost="quadratic"),
    **{
        f"{name}.{part}": maker(getattr(cost, part), **given)
        for name, cost in COSTS.items()
        for part, given in [("fn", {"a": X, "y": X}), ("delta", {"z": X, "a": X, "y": X})]
        if cost is not GaussianCost
    },
    "GaussianCost.fn": maker(GaussianCost.fn, a=X[:, :2], y=X[:, :1]),
    "QuantileCost.delta": maker(QuantileCost(0.1, 0.9).delta, z=X[:, :2], a=X[:, :2], y=X[:, 0]),
    "HuberCost": maker(HuberCost, delta=1.0),
    "QuantileCost": maker(lambda quantile: QuantileCost(quantile, 0.9), quantile=0.1),
    "sigmoid": maker(sigmoid, z=X, strategies={"z": FINITE}),
    "standardization": maker(standardization, X=X, strategies={"X": FINITE}),
    "inputs": maker(fastnet.Preprocessing(np.zeros(3), np.ones(3) * 2).inputs, X=X),
    "outputs": maker(fastnet.Preprocessing(target_scale=2.0).outputs, predicted=X),
    "from_arrays": maker(fastnet.Batches.from_arrays, X=X, y=Y, rows=2),
    "Batches": maker(fastnet.Batches, source=[GOOD], words="Batches|block"),
    "student_t": maker(student_t, degrees=3),
    "mean_and_margin": maker(mean_and_margin, samples=X, strategies={"samples": FINITE}),
    "from_json": maker(fastnet.History.from_json, text="[]", words="history"),
    "load": maker(fastnet.load, filename="no/such.npz", words="no such|directory"),
    "Constant": maker(schedules.read_schedule, schedule=None),
    "HalveOnPlateau": maker(
        schedules.HalveOnPlateau, patience=2, monitor="training_cost", stop_at=0.1
    ),
    "Exponential": maker(schedules.Exponential, decay=0.5),
    "InverseScaling": maker(schedules.InverseScaling, power=0.5),
    "Cosine": maker(schedules.Cosine, epochs=3, floor=0.1),
    "WarmUp": maker(schedules.WarmUp, epochs=3, then=None, words="schedule"),
    "Adam": maker(fastnet.Adam, eta=0.1, beta1=0.9, beta2=0.9, epsilon=1e-8),
    "Rprop": maker(fastnet.Rprop, eta=0.1, up=1.2, down=0.5, smallest=1e-6, largest=50.0),
    "AdamW": maker(fastnet.AdamW, eta=0.1, weight_decay=0.1),
    "EarlyStopping": maker(
        fastnet.EarlyStopping, patience=2, monitor="training_cost", min_delta=0.1,
        restore_best=True,
    ),
    "RecordStatistics": maker(fastnet.RecordStatistics, X=X, interval=1),
    "Step": maker(schedules.Step, every=2, drop=0.5),
    "read_digit": maker(
        read_digit, picture=np.eye(20), strategies={"picture": ANYTHING.filter(_is_no_path)}
    ),
    "shift_images": maker(shift_images, X=np.ones((2, 4)), y=[0, 1], shape=(2, 2)),
}  # fmt: skip


@st.composite
def calls(draw):
    """Draw a call's name, its arguments, and which of them may be anything."""
    name = draw(st.sampled_from(sorted(CALLS)))
    described = CALLS[name]
    doubtful = draw(st.sets(st.sampled_from(sorted(described.good)), min_size=1, max_size=2))
    arguments = dict(described.good)
    for argument in doubtful:
        arguments[argument] = draw(described.strategies.get(argument, ANYTHING))
    return name, arguments, doubtful


@given(drawn=calls())
@settings(
    max_examples=CALLS_MADE,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
# Warnings are errors here, as in all tests, but for one:
# NumPy's words for a list in which something is masked; the NaN that it becomes is refused.
@pytest.mark.filterwarnings("ignore:Warning. converting a masked element to nan")
def test_any_arguments_work_or_are_named_in_the_refusal(drawn):
    name, arguments, doubtful = drawn
    network = new()
    before = fingerprint(network)
    try:
        CALLS[name].function(network, **arguments)
    except (ValueError, TypeError, MemoryError) as error:
        words = "|".join(filter(None, [*map(re.escape, doubtful), CALLS[name].words]))
        message = str(error)
        assert re.search(rf"(?<![a-z])({words})(?![a-z])", message, re.IGNORECASE), message
        assert fingerprint(network) == before, message
    except OSError:  # a file that is not there is the system's to say
        assert {"filename", "path"} & doubtful and fingerprint(network) == before
    except fastnet.DivergenceError:
        assert fingerprint(network)[0] == before[0]
