"""Plain arrays go the shortest way to the kernels: same bits and refusals as the general one."""

import signal
import time

import numpy as np
import pytest

import fastnet

SIZES = [5, 9, 3]
RNG = np.random.default_rng(3)
WHOLE = RNG.integers(0, 9, (40, 10)).astype(float)
PLAIN = ["float64", "float32", "uint8"]
#: How an array of shape (40, 10) becomes what is asked.
LAID = {
    "rows": lambda X: np.ascontiguousarray(X[:, :5]),
    "one row": lambda X: np.ascontiguousarray(X[:1, :5]),
    "as many rows as columns": lambda X: np.ascontiguousarray(X[:5, :5]),
    "part of wider rows": lambda X: X[:, 3:8],
    "every other column": lambda X: X[:, ::2],
    "column by column": lambda X: np.asfortranarray(X[:, :5]),
    "backwards": lambda X: X[::-1, 9:4:-1],
    "one row again and again": lambda X: np.broadcast_to(X[3, :5], (40, 5)),
    "an example": lambda X: X[3, :5].copy(),
    "every other element": lambda X: X[3, ::2],
    "a column": lambda X: X[3, :5].copy()[:, np.newaxis],
    "part of a column of a table": lambda X: X[5:10, 2:3],
    "read-only": lambda X: (frozen := X[:, :5].copy(), frozen.setflags(write=False))[0],
}
#: What the shortest way leaves to the general one, which answers some and refuses the others.
OTHERS = {
    "none": np.zeros((0, 5)),
    "bytes the other way round": WHOLE[:, :5].astype(WHOLE.dtype.newbyteorder()),
    "not aligned": np.frombuffer(b"\0" + WHOLE[:, :5].tobytes(), offset=1).reshape(40, 5),
    "float16": WHOLE[:, :5].astype("float16"),
    "int64": WHOLE[:, :5].astype("int64"),
    "int8": WHOLE[:, :5].astype("int8"),
    "bool": WHOLE[:, :5] > 4,
    "three dimensions": WHOLE[:, :5, np.newaxis],
    "masked": np.ma.array(WHOLE[:, :5]),
    "one element masked": np.ma.array(WHOLE[:, :5], mask=np.arange(200).reshape(40, 5) == 7),
    "matrix": WHOLE[:, :5].view(np.matrix),
    "list": WHOLE[:, :5].tolist(),
    "not a number": np.where(np.arange(200).reshape(40, 5) == 123, np.nan, WHOLE[:, :5]),
    "infinite": np.where(np.arange(200).reshape(40, 5) == 199, np.inf, WHOLE[:, :5]),
    "too wide": WHOLE[:, :6],
    "too narrow": WHOLE[:, :4],
    "lying": WHOLE[:, :5].T,
    "two columns": WHOLE[:5, :2],
    "a long example": WHOLE[0, :6],
    "a number": np.array(0.5),
    "four dimensions": WHOLE[:, :5].reshape(4, 10, 5, 1),
    "complex": WHOLE[:, :5] + 0j,
    "text": np.full((4, 5), "1"),
    "objects": WHOLE[:, :5].astype(object),
}


def new(dtype="float64", sizes=SIZES, rng=1):
    return fastnet.Network(sizes, dtype=dtype, rng=rng)


def said(net, a):
    try:
        answer = net.feedforward(a)
    except (ValueError, TypeError) as error:
        return f"{type(error).__name__}: {error}"
    return type(answer), answer.shape, answer.dtype, answer.tobytes()


def fast(net, a):
    """Return what the shortest way alone gives."""
    (engine,) = net._predictors
    return engine.answer(a, net.parameters)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("given", PLAIN)
@pytest.mark.parametrize("name", LAID)
@pytest.mark.parametrize("capacity", [1, 3, 128])
def test_same_bits_by_the_shortest_way(name, given, dtype, capacity):
    a, net = LAID[name](WHOLE.astype(given)), new(dtype)
    expected = said(net, a)  # no workspace is kept yet
    net._predictors[:] = [net._prediction_engine(capacity)]
    assert fast(net, a).tobytes() == expected[-1]
    assert said(net, a) == expected
    rows = a.reshape(-1, 5).astype(float)
    twin = 1 / (1 + np.exp(-rows @ net.weights[0].T - net.biases[0].T))
    twin = 1 / (1 + np.exp(-twin @ net.weights[1].T - net.biases[1].T))
    np.testing.assert_allclose(net.feedforward(a).reshape(-1, 3), twin, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", OTHERS)
def test_the_shortest_way_leaves_the_rest_to_the_general_one(name, dtype):
    a, net = OTHERS[name], new(dtype)
    expected = said(net, a)
    net.feedforward(WHOLE[:, :5])
    assert said(net, a) == expected
    if type(a) is np.ndarray:
        assert fast(net, a) is None


def test_too_large_for_the_network_is_refused():
    net, X = new("float32"), WHOLE[:, :5].copy()
    net.feedforward(X)
    X[33, 4] = 1e39
    with pytest.raises(ValueError, match="holds 1e\\+39 in row 33, column 4, which is too large"):
        net.feedforward(X)


@pytest.mark.parametrize("shape", [(1,), (1, 1), (7, 1), (1, 7)])
def test_one_input(shape):
    a, net = np.linspace(-1, 1, shape[0] * shape[-1]).reshape(shape), new(sizes=[1, 4, 2])
    expected = said(net, a)
    net.feedforward([0.5])
    assert said(net, a) == expected
    assert (fast(net, a) is None) == (shape == (1, 7))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("offset", [0, 3])
def test_every_pattern_of_zeros(offset, dtype):
    """All those of sixteen neighbours, of which kernels take four, eight or sixteen at once."""
    is_set = (np.arange(2**16)[:, np.newaxis] >> np.arange(16)) & 1
    X = np.zeros((128, offset + 2 * 8192 + 5), dtype)
    X[:, offset : offset + 8192] = (is_set * RNG.uniform(1, 2, is_set.shape)).reshape(128, -1)
    net = new(dtype, [X.shape[1], 65, 2])
    net.weights[0][...] *= 0.01
    twin = 1 / (1 + np.exp(-(X.astype(float) @ net.weights[0].T + net.biases[0].T)))
    twin = 1 / (1 + np.exp(-(twin @ net.weights[1].T + net.biases[1].T)))
    for answer in (net.feedforward(X), net.feedforward(X), [net.feedforward(x) for x in X]):
        np.testing.assert_allclose(answer, twin, rtol=1e-4 if dtype == "float32" else 1e-12)
    nan = X.copy()
    nan[100, offset + 77] = np.nan
    for a in (nan, nan[100]):
        assert fast(net, a) is None


def test_every_answer_is_an_array_of_its_own():
    net, X = new(), np.ascontiguousarray(WHOLE[:, :5])
    for a in (X, X[0], X[0][:, np.newaxis], X[:1]):
        first, second, third = (net.feedforward(a) for _ in range(3))
        expected = first.copy()
        assert first.flags.owndata and first.flags.writeable and first.flags.c_contiguous
        second[...] = third[...] = -1
        np.testing.assert_array_equal(net.feedforward(a), expected)
        np.testing.assert_array_equal(first, expected)


def test_parameters_that_change_are_seen_and_what_has_lost_its_type_is_refused():
    net, twin, X = new(), new(rng=2), np.ascontiguousarray(WHOLE[:, :5])
    net.feedforward(X)
    net.parameters = twin.parameters
    np.testing.assert_array_equal(net.feedforward(X), twin.feedforward(X))
    (engine,) = net._predictors
    assert engine.answer(X, net.parameters.view(np.int64)) is None
    with pytest.raises(ValueError, match="parameters"):
        engine.answer(X, net.parameters[:-1].copy())


@pytest.mark.parametrize("rows", [1, 7, 64])
def test_several_kernel_calls(rows):
    net, X = new(), np.ascontiguousarray(WHOLE[:, :5])
    expected = net.feedforward(X)
    (engine,) = net._predictors
    engine.set_limits(rows, 10**6)
    np.testing.assert_array_equal(fast(net, X), expected)
    X[39, 4] = np.nan
    assert fast(net, X) is None
    for limits in ((0, 1), (1, 0), (-1, 1)):
        with pytest.raises(ValueError, match="at least one"):
            engine.set_limits(*limits)


@pytest.fixture
def between():
    """Return a function that has another called a few times while a third works."""
    before = signal.getsignal(signal.SIGALRM)

    def run(do, work):
        signal.signal(signal.SIGALRM, lambda *_: do())
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        try:
            return work()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    yield run
    signal.signal(signal.SIGALRM, before)


@pytest.mark.skipif(
    not hasattr(signal, "setitimer"), reason="signal.setitimer is missing: Windows has none"
)
def test_a_store_between_two_kernel_calls_leaves_no_mixed_answer(between):
    net, twin, X = new(), new(rng=2), np.tile(WHOLE[:, :5], (10_000, 1))
    old, expected = net.feedforward(X[:40]), twin.feedforward(X[:40])
    net._predictors[0].set_limits(4, 10**6)
    answer = between(
        lambda: setattr(net, "parameters", twin.parameters), lambda: net.feedforward(X)
    )
    blocks = answer.reshape(-1, *expected.shape)
    assert (blocks == expected).all() or (blocks == old).all()
    np.testing.assert_array_equal(net.feedforward(X[:40]), expected)


@pytest.mark.skipif(
    not hasattr(signal, "setitimer"), reason="signal.setitimer is missing: Windows has none"
)
def test_ctrl_c_between_two_kernel_calls(between):
    net, many = new(), np.broadcast_to(WHOLE[3, :5], (500_000, 5))
    expected = net.feedforward(many[:40])
    net._predictors[0].set_limits(1, 10**6)
    begin = time.thread_time()
    fast(net, many)
    whole = time.thread_time() - begin

    def interrupt():
        raise KeyboardInterrupt

    begin = time.thread_time()
    with pytest.raises(KeyboardInterrupt):
        between(interrupt, lambda: fast(net, many))
    assert time.thread_time() - begin < whole / 2
    np.testing.assert_array_equal(net.feedforward(many[:40]), expected)
