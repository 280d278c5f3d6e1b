"""Checkpoints made to do harm: a resume works, or is refused and has changed nothing."""

import copy
import faulthandler
import io
import json
import random
import sys
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastnet
from fastnet import Callback, Checkpoint, DivergenceError, EarlyStopping, RecordStatistics
from fastnet.common.generators import get_state
from fastnet.schedules import HalveOnPlateau, WarmUp

N, BATCH, EPOCHS = 12, 5, 4
SPARSE = np.random.default_rng(7).random((N, 4)) * (np.arange(4 * N).reshape(N, 4) % 3 == 0)
LABELS = np.arange(N) % 2
#: Seconds after which something hangs, on a machine that has other things to do.
PATIENCE = 300


@pytest.fixture(autouse=True)
def _nothing_hangs():
    """End the process with a traceback: a loop inside NumPy hears no exception."""
    faulthandler.dump_traceback_later(PATIENCE, exit=True, file=sys.__stderr__)
    yield
    faulthandler.cancel_dump_traceback_later()


class CutOff(Callback):
    """Cuts a training off in the middle of its second epoch."""

    interval = 1

    def on_interval(self, network, epoch, mini_batch):
        if (epoch, mini_batch) == (1, 2):
            raise KeyboardInterrupt


class Run:
    """One training of a kind, about to begin or to go on."""

    def __init__(self, kind):
        self.net = fastnet.Network([4, 3, 2], rng=KINDS[kind](1))
        self.shuffle, self.callbacks, self.options = True, [], {}
        if kind == "everything":
            self.shuffle = random.Random(4).shuffle
            self.callbacks = [EarlyStopping(3, "evaluation_cost"), RecordStatistics(SPARSE)]
            self.options = {
                "optimizer": "adam",
                "schedule": WarmUp(1.5, HalveOnPlateau(3, "evaluation_cost")),
                "evaluation_data": (SPARSE, LABELS),
                "dropout": 0.2,
            }
        elif kind == "decay":  # whose checkpoint has parameters that are yet to be scaled
            self.options = {"optimizer": fastnet.SGD(0.4), "l2": 2.0}

    def train(self, **more):
        callbacks = [*self.callbacks, *more.pop("beside", ()), CutOff()]
        if "resume" in more:
            callbacks[-1].on_interval = lambda *_: None
        return self.net.train(
            (SPARSE, LABELS), EPOCHS, BATCH, shuffle=self.shuffle, callbacks=callbacks,
            metrics=["running_cost", "evaluation_cost"][: 1 + ("evaluation_data" in self.options)],
            **self.options, **more,
        )  # fmt: skip

    def fingerprint(self):
        """Everything that a refusal must leave as it is."""
        schedule, source = self.options.get("schedule"), getattr(self.shuffle, "__self__", None)
        state = self.net._state
        return repr(
            (
                self.net.parameters.tobytes(),
                state and [vector.tobytes() for vector in state.vectors] + [state.step],
                list(self.net.history),
                get_state(self.net.rng),
                source and source.getstate(),
                schedule and schedule.get_state(),
                [callback.get_state() for callback in self.callbacks],
            )
        )


KINDS = {
    "everything": np.random.default_rng,
    "decay": np.random.default_rng,
    **{
        f"{face} of {bits}": lambda seed, face=face, bits=bits: getattr(np.random, face)(
            getattr(np.random, bits)(seed)
        )
        for face, bits in (
            ("Generator", "MT19937"),
            ("Generator", "Philox"),
            ("Generator", "SFC64"),
            ("RandomState", "MT19937"),
            ("RandomState", "PCG64DXSM"),
        )
    },
}


class Spoiler:
    """A real checkpoint, as bytes and in pieces, and where its spoilt copies are tried."""

    def __init__(self, kind, folder):
        self.kind, self.path = kind, folder / "run.npz"
        with pytest.raises(KeyboardInterrupt):
            Run(kind).train(beside=[Checkpoint(self.path, 1, unit="mini_batches")])
        self.whole = self.path.read_bytes()
        with np.load(self.path) as members:
            self.members = dict(members)
        self.header = json.loads(self.members.pop("header").tobytes())

    def pieces(self):
        """Copies to spoil, of the arrays and of the header."""
        return dict(self.members), copy.deepcopy(self.header)

    def try_pieces(self, members, header):
        """Resume from what is put together of these; see `try_bytes`."""
        text = header if isinstance(header, bytes) else json.dumps(header).encode()
        file = io.BytesIO()
        np.savez(file, **members, header=np.frombuffer(text, np.uint8))
        return self.try_bytes(file.getvalue())

    def try_bytes(self, data):
        """Resume from these bytes: return why it was refused, or None where it was taken."""
        self.path.write_bytes(data)
        run = Run(self.kind)
        before = run.fingerprint()
        try:
            history = run.train(resume=self.path)
        except ValueError as error:
            assert run.fingerprint() == before
            message = str(error)
            assert str(self.path) in message and message.isprintable(), message
            assert len(message) < 1500 + len(str(self.path)), message
            return message
        except DivergenceError:  # numbers that are finite and far too large have been taken
            assert np.isfinite(run.net.parameters).all()
            return None
        assert len(history) <= EPOCHS and np.isfinite(run.net.parameters).all()
        return None


@pytest.fixture(scope="module", params=["everything", "decay"])
def spoiler(request, tmp_path_factory):
    return Spoiler(request.param, tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    return Spoiler("everything", tmp_path_factory.mktemp("hostile"))


def test_what_was_taken_apart_and_put_together_is_taken(spoiler):
    assert spoiler.try_bytes(spoiler.whole) is None
    assert spoiler.try_pieces(*spoiler.pieces()) is None
    assert {"training_order", "weights_0"} <= set(spoiler.members)
    assert ("training_unscaled" in spoiler.members) == (spoiler.kind == "decay")


# --- arrays --------------------------------------------------------------------------------------


def spoilt(array):
    """The array spoilt in every way that must be refused, by name."""
    flat = array.ravel()
    yield "shorter", flat[:-1].copy()
    yield "longer", np.append(flat, flat[:1])
    yield "empty", flat[:0].copy()
    yield "a row", array[np.newaxis]
    yield "a scalar", flat[0]
    for dtype in ("<f2", "<f4", "<i8", "<u1", "|b1", "<c16", "<U3", "<M8[s]"):
        if np.dtype(dtype) != array.dtype:
            yield dtype, np.zeros(array.shape, dtype)
    if array.dtype.kind == "f":
        for value in (np.nan, np.inf):
            bad = array.copy()
            bad.flat[-1] = value
            yield str(value), bad
    else:
        for place, value in ((0, flat[1]), (0, len(flat)), (-1, 2**32 - 1)):
            bad = array.copy()
            bad[place] = value
            yield f"{value} at {place}", bad


def test_every_array_spoilt_is_refused(spoiler):
    for name, array in spoiler.members.items():
        for how, bad in spoilt(array):
            members, header = spoiler.pieces()
            members[name] = bad
            said = spoiler.try_pieces(members, header)
            # The square of a gradient may overflow, and then no step is taken any more.
            if how == "inf" and name.startswith("training_state"):
                continue
            names = [name.removeprefix("training_")]
            if "hook" in name:
                names += ["best_parameters", "rows"]
            assert said and any(word in said for word in names), (name, how, said)


def test_every_array_missing_renamed_or_too_much_is_refused(spoiler):
    for name in spoiler.members:
        members, header = spoiler.pieces()
        array = members.pop(name)
        assert spoiler.try_pieces(members, header), name
        members["training_beside"] = array
        assert spoiler.try_pieces(members, header), name
        kept = header["training"]["arrays"]
        if name.removeprefix("training_") in kept:
            kept.remove(name.removeprefix("training_"))
            if name == "training_order":  # then no epoch has begun, and the position is none
                assert "position" in spoiler.try_pieces(members, header)
            elif name != "training_hook_2_4":
                assert spoiler.try_pieces(members, header), name
    members, header = spoiler.pieces()
    members["training_beside"] = np.zeros(3)
    header["training"]["arrays"].append("beside")
    assert "beside" in spoiler.try_pieces(members, header)


def test_the_other_byte_order_is_the_same_checkpoint(spoiler):
    members, header = spoiler.pieces()
    swapped = {name: array.astype(array.dtype.newbyteorder(">")) for name, array in members.items()}
    assert spoiler.try_pieces(swapped, header) is None


def test_declared_sizes_are_held_against_the_bytes(spoiler):
    for name, array in spoiler.members.items():
        file = io.BytesIO()
        np.save(file, array)
        shape = str(array.shape).encode()
        for declared in (b"(%d,)" % 2**62, b"(%d, 9)" % 2**40, b"(99999999,)"):
            held = file.getvalue()
            at = held.index(shape)
            held = held.replace(shape + b" " * (len(declared) - len(shape)), declared)
            if held[at : at + len(declared)] != declared:
                held = held.replace(shape, declared)
            assert spoiler.try_bytes(with_member(spoiler.whole, name, held)), (name, declared)


def with_member(archive, name, content):
    """The archive with another content of one member."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(file, "w") as new:
        for info in old.infolist():
            kept = old.read(info) if info.filename != f"{name}.npy" else content
            new.writestr(info.filename, kept)
    return file.getvalue()


# --- the header ----------------------------------------------------------------------------------

NONSENSE = [
    None, True, False, -1, 0, 0.0, 1, 3, 7, 2**31, 2**63, 2**64, -(2**70), 10**400, 0.5, -1.5,
    1e308, float("nan"), float("inf"), -float("inf"), "", "x", "x\n\x1b[2J" * 2000, [], [None], {},
    {"value": None}, {"array": "order"}, {"array": 7}, {"": {}}, ["x"] * 5000, list(range(12)),
]  # fmt: skip


def places(value, path=()):
    """The path of every value in JSON."""
    yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from places(item, (*path, key))
    elif isinstance(value, list) and value:
        # The first and last of the numbers of a generator stand for all.
        for key in {0, len(value) - 1} if len(value) > 20 else range(len(value)):
            yield from places(value[key], (*path, key))


def put(header, path, value):
    """The header with another value at the path."""
    if not path:
        return value
    at = header
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return header


def test_any_nonsense_anywhere_in_the_header_is_refused_or_taken(spoiler):
    taken = tried = 0
    for place, path in enumerate(places(spoiler.header)):
        # At each place a twelfth of it, another one at the next; all of it where a value changes.
        changing = path[:1] == ("training",) and path[-1] == "value"
        for value in NONSENSE if changing else NONSENSE[place % 12 :: 12]:
            members, header = spoiler.pieces()
            taken += spoiler.try_pieces(members, put(header, path, value)) is None
            tried += 1
    assert tried > 100 and 0 < taken < tried / 2


def test_any_key_too_much_or_missing_is_refused(spoiler):
    for path in places(spoiler.header):
        if path[:1] == ("history",):  # callbacks may record whatever they like
            continue
        for key in (None, "unknown"):
            members, header = spoiler.pieces()
            at = header
            for step in path:
                at = at[step]
            if not isinstance(at, dict) or "records" in path:
                continue
            for gone in [key] if key else list(at):
                members, header = spoiler.pieces()
                at = header
                for step in path:
                    at = at[step]
                if key:
                    at[key] = 1
                else:
                    del at[gone]
                assert spoiler.try_pieces(members, header), (path, gone)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("version",), 3, "version 3"),
        (("format",), "fastnet network", "training"),
        (("training", "epochs"), -1, "epochs is -1"),
        (("training", "epochs"), 2, "epochs is 2"),
        (("training", "position"), -5, "position is -5"),
        (("training", "position"), N + 1, f"position is {N + 1}"),
        (("training", "position"), 7, "not the end of a mini-batch"),
        (("training", "hits"), -1, "hits is -1"),
        (("training", "asking"), 1, "asking is 1"),
        (("training", "stopped"), "yes", "stopped is 'yes'"),
        (("training", "step"), -1, "step is -1"),
        (("training", "dropout_key"), 2**64, "dropout_key"),
        (("training", "scale"), 0.25, "scale is 0.25"),
        (("training", "cost_sum"), float("nan"), "cost_sum is nan"),
        (("training", "hooks", 0, "current", "value"), -1.0, "WarmUp"),
        (("training", "hooks", 0, "current", "value"), 10**400, "WarmUp"),
        (("training", "hooks", 2, "best_goodness", "value"), 10**400, "EarlyStopping"),
        (("training", "hooks", 2, "best_parameters", "array"), "order", "EarlyStopping"),
        (("training", "rng", "bit_generator"), "Lehmer", "Lehmer"),
        (("training", "rng", "state", "inc"), 2, "even"),
        (("training", "rng", "state", "state"), 2**128, "rng"),
        (("training", "hooks", 1, "source", "value", 1), [0] * 624 + [10**6], "generator"),
        (("sizes",), [4, 2**40, 2], "sizes"),
        (("cost",), "x\n" * 5000, "cost"),
    ],
)  # fmt: skip
def test_what_is_spoilt_is_named(path, value, said, everything):
    members, header = everything.pieces()
    message = everything.try_pieces(members, put(header, path, value))
    assert message and said in message, message


@pytest.mark.parametrize("depth", [70, 400, 900, 5000, 100_000])
def test_lists_in_lists_are_refused(depth, everything):
    for holder in ("[", '{"a":'):
        members, header = everything.pieces()
        closing = "]" if holder == "[" else "}"
        deep = holder * depth + "0" + closing * depth
        header["history"][0]["deep"] = "DEEP"
        for text in (
            json.dumps(header),
            json.dumps(put(header, ("training", "hooks", 3, "records", "value"), ["DEEP"])),
        ):
            assert everything.try_pieces(members, text.replace('"DEEP"', deep).encode())


@pytest.mark.parametrize("kind", list(KINDS)[2:])
def test_states_of_generators_that_are_none_are_refused_or_end(kind, tmp_path):
    spoiler = Spoiler(kind, tmp_path)
    numbers = [-1, 0, 5, 625, 2**32 - 1, 2**32, 2**63, 2**64, 2**128]
    for path in places(spoiler.header["training"]["rng"]):
        for value in [*numbers, None, True, "PCG64", [], {}]:
            members, header = spoiler.pieces()
            spoiler.try_pieces(members, put(header, ("training", "rng", *path), value))
    members, header = spoiler.pieces()
    assert "Lehmer" in spoiler.try_pieces(
        members, put(header, ("training", "rng", "bit_generator"), "Lehmer")
    )
    if "MT19937" in kind:
        for pos in (-1, 625, 10**6):
            members, header = spoiler.pieces()
            path = ("training", "rng", "state", "pos")
            assert "pos" in spoiler.try_pieces(members, put(header, path, pos))


# --- bytes ---------------------------------------------------------------------------------------


def test_cut_off_anywhere_it_is_refused(spoiler):
    for length in {*range(0, len(spoiler.whole), 97), *range(len(spoiler.whole) - 30, 0, -1009)}:
        assert spoiler.try_bytes(spoiler.whole[:length]), length


@given(data=st.data())
@settings(max_examples=100)
def test_bytes_that_have_changed_are_refused_or_taken(spoiler, data):
    """The archive has sums of its members; without them more gets through to the checks."""
    whole = bytearray(spoiler.whole)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(whole) - 1))
        whole[place] ^= data.draw(st.integers(1, 255))
    spoiler.try_bytes(bytes(whole))


@given(data=st.data())
@settings(max_examples=100)
def test_members_whose_bytes_have_changed_are_refused_or_taken(spoiler, data):
    members, header = spoiler.pieces()
    name = data.draw(st.sampled_from([*sorted(members), "header"]))
    text = json.dumps(header).encode()
    held = bytearray(text if name == "header" else members[name].tobytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(held) - 1))
        held[place] ^= data.draw(st.integers(1, 255))
    if name == "header":
        text = bytes(held)
    else:
        members[name] = np.frombuffer(held, members[name].dtype).reshape(members[name].shape)
    spoiler.try_pieces(members, text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


@given(data=st.data())
@settings(max_examples=100)
def test_any_json_anywhere_is_refused_or_taken(spoiler, data):
    members, header = spoiler.pieces()
    path = data.draw(st.sampled_from(sorted(places(header["training"]), key=repr)))
    spoiler.try_pieces(members, put(header, ("training", *path), data.draw(JSON)))
