"""What becomes of a `Network`: copies, files, its text, interruption and threads."""

import copy
import json
import pickle
import threading

import numpy as np
import pytest

import fastnet

from ..strategies import DTYPES

DATA = np.random.default_rng(8).random((20, 4)), np.arange(20) % 3


def new(sizes=(4, 5, 3), **options):
    return fastnet.Network(list(sizes), **({"rng": 1} | options))


def trained(network):
    """Return a copy of the parameters after some more training, drawn orders included."""
    network.SGD(DATA, 2, 3, 0.5, 0.1)
    return network.parameters.tobytes()


# --- copies --------------------------------------------------------------------------------------


COPIES = {
    "pickle": lambda network: pickle.loads(pickle.dumps(network)),
    "oldest pickle": lambda network: pickle.loads(pickle.dumps(network, protocol=0)),
    "deepcopy": copy.deepcopy,
}


@pytest.mark.parametrize("make_rng", [np.random.default_rng, np.random.RandomState])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", COPIES)
def test_copies_are_equal_and_go_on_equally(name, dtype, make_rng):
    network = new(cost="quadratic", dtype=dtype, rng=make_rng(6))
    trained(network)
    twin = COPIES[name](network)
    assert twin.parameters.tobytes() == network.parameters.tobytes()
    assert (twin.sizes, twin.cost, twin.dtype) == (network.sizes, network.cost, network.dtype)
    assert twin.feedforward(DATA[0]).tobytes() == network.feedforward(DATA[0]).tobytes()
    assert repr(twin) == repr(network)
    assert twin.rng is not network.rng
    assert not np.shares_memory(twin.parameters, network.parameters)
    # Training draws orders: the two generators are at the same place, and separate.
    assert trained(network) == trained(twin)
    network.default_weight_initializer()
    twin.default_weight_initializer()
    assert twin.parameters.tobytes() == network.parameters.tobytes()


@pytest.mark.parametrize("name", COPIES)
def test_a_copys_views_are_its_own(name):
    network = new()
    twin = COPIES[name](network)
    twin.weights[0][...] = 0.0
    assert network.weights[0].all()
    assert not np.array_equal(twin.feedforward(np.ones(4)), network.feedforward(np.ones(4)))
    assert twin.parameters.ctypes.data % 64 == 0


@pytest.mark.parametrize("optimizer", [fastnet.Momentum(0.2), fastnet.Adam(0.1), "rprop"])
@pytest.mark.parametrize("name", [*COPIES, "copy"])
def test_a_copy_shares_no_optimizer_state(name, optimizer):
    """Training the one leaves the other where it was: its next epoch is that of an only child."""

    def train(network, epochs):
        batch = None if optimizer == "rprop" else 4
        network.train(DATA, epochs, batch, optimizer=optimizer, shuffle=False)

    network, alone = new(), new()
    for net in (network, alone):
        train(net, 2)
    twin = {**COPIES, "copy": copy.copy}[name](network)
    pairs = zip(network._state.vectors, twin._state.vectors, strict=True)
    assert not any(np.shares_memory(mine, its) for mine, its in pairs)
    train(twin, 3)
    train(network, 1)
    train(alone, 1)
    np.testing.assert_array_equal(network.parameters, alone.parameters)
    assert network._state.step == alone._state.step
    assert len(network.history) == 3 and len(twin.history) == 5
    train(alone, 2)
    np.testing.assert_array_equal(twin.parameters, alone.parameters)


class Named(fastnet.Network):
    """A subclass with something of its own."""

    label = "none"


def test_subclasses_survive_copies():
    network = Named([4, 3], rng=0)
    for twin in (pickle.loads(pickle.dumps(network)), copy.deepcopy(network)):
        assert type(twin) is Named
        assert twin.parameters.tobytes() == network.parameters.tobytes()


# --- repr ----------------------------------------------------------------------------------------


def test_repr_shows_every_layer():
    lines = repr(fastnet.Network([784, 30, 10], "quadratic", dtype=np.float32)).splitlines()
    assert lines[0] == "Network([784, 30, 10], cost=QuadraticCost, dtype=float32)"
    assert [line.split() for line in lines[1:3]] == [
        ["layer", "1:", "784", "->", "30", "sigmoid", "23550", "parameters"],
        ["layer", "2:", "30", "->", "10", "sigmoid", "310", "parameters"],
    ]
    assert lines[3].split() == ["23860", "in", "total"]


# --- depth and width -----------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [40, 128])
def test_deep_networks_compute(depth):
    """What can be built can be used."""
    network = fastnet.Network([1] * (depth + 1), rng=0)
    assert 0 < network.feedforward([1.0]).item() < 1
    network.SGD((np.ones((3, 1)), np.ones((3, 1))), 1, 2, 0.5)
    assert len(network.backprop([1.0], [1.0])[0]) == depth


def test_deeper_networks_are_refused_when_they_are_made():
    with pytest.raises(ValueError, match="sizes has 130 layers; give 129 at most"):
        fastnet.Network([1] * 130)


def test_more_parameters_than_memory_are_refused_in_words():
    with pytest.raises(MemoryError, match="do not fit"):
        fastnet.Network([2**40, 2**40])


# --- files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("cost", ["quadratic", "cross_entropy"])
def test_save_and_load(tmp_path, cost, dtype):
    network = new(cost=cost, dtype=dtype)
    trained(network)
    assert network.save(tmp_path / "net.json") is None
    again = fastnet.load(tmp_path / "net.json")
    assert type(again) is fastnet.Network
    assert (again.sizes, again.cost, again.dtype) == (network.sizes, network.cost, network.dtype)
    assert again.parameters.tobytes() == network.parameters.tobytes()
    assert again.feedforward(DATA[0]).tobytes() == network.feedforward(DATA[0]).tobytes()
    again.save(str(tmp_path / "again.json"))
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "net.json").read_bytes()
    again.SGD(DATA, 1, 3, 0.5)


def test_the_file_is_the_books(tmp_path):
    network = new()
    network.save(tmp_path / "net.json")
    assert json.loads((tmp_path / "net.json").read_text()) == {
        "sizes": [4, 5, 3],
        "weights": [w.tolist() for w in network.weights],
        "biases": [b.tolist() for b in network.biases],
        "cost": "CrossEntropyCost",
    }


def test_a_diverged_network_is_not_saved(tmp_path):
    network = new()
    network.weights[0][0, 0] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        network.save(tmp_path / "net.json")
    assert not list(tmp_path.iterdir())


def test_a_file_with_another_cost_is_refused(tmp_path):
    path = tmp_path / "net.json"
    new().save(path)
    path.write_text(path.read_text().replace("CrossEntropyCost", "HingeCost"))
    with pytest.raises(ValueError, match=r"net\.json.*HingeCost.*QuadraticCost, CrossEntropyCost"):
        fastnet.load(path)


def test_a_truncated_file_is_refused(tmp_path):
    path = tmp_path / "net.json"
    new().save(path)
    whole = path.read_bytes()
    for length in (0, 1, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"net\.json"):
            fastnet.load(path)


def test_a_missing_file_is_an_oserror(tmp_path):
    with pytest.raises(FileNotFoundError):
        fastnet.load(tmp_path / "none.json")


# --- progress and threads ------------------------------------------------------------------------


def test_progress_counts_the_mini_batches_of_the_whole_training():
    seen = []
    new().SGD(DATA, 3, 6, 0.5, progress=lambda done, total: seen.append((done, total)))
    assert {total for _, total in seen} == {3 * 4}
    done = [count for count, _ in seen]
    assert done == sorted(set(done))
    assert done[-1] == 12


@pytest.mark.parametrize("progress", [None, False])
def test_no_progress_prints_nothing(progress, capfd):
    new().SGD(DATA, 2, 6, 0.5, progress=progress)
    assert capfd.readouterr() == ("", "")


def test_progress_true_says_how_far_it_came(capfd):
    new().SGD(DATA, 2, 6, 0.5, progress=True)
    out, err = capfd.readouterr()
    assert out == ""
    assert "training: 8 of 8 mini-batches" in err


def test_ctrl_c_leaves_a_network_that_works():
    """What a progress callback raises ends the training between two mini-batches."""
    network, twin = new(), new()
    before = network.parameters.tobytes()

    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        network.SGD(DATA, 3, 3, 0.5, shuffle=False, progress=interrupt)
    assert network.parameters.tobytes() != before
    # The first call trains one mini-batch.
    twin.SGD((DATA[0][:3], DATA[1][:3]), 1, 3, 0.5, shuffle=False)
    assert network.parameters.tobytes() == twin.parameters.tobytes()
    assert trained(network)


def test_two_trainings_of_one_network_at_once_are_refused():
    network, refused = new(), []

    def again(done, total):
        for method, arguments in [
            (network.SGD, (DATA, 1, 3, 0.5)),
            (network.update_mini_batch, (DATA, 0.5, 0.0, 20)),
        ]:
            try:
                method(*arguments)
            except RuntimeError as error:
                refused.append(str(error))

    network.SGD(DATA, 1, 20, 0.5, progress=again)
    assert len(refused) == 2
    assert all("being trained" in message for message in refused)
    assert trained(network)


def test_threads_may_predict_with_one_network():
    network = new((4, 50, 3))
    X = np.random.default_rng(1).random((500, 4))
    expected = network.feedforward(X).tobytes()
    wrong = []

    def predict():
        wrong.extend(network.feedforward(X).tobytes() != expected for _ in range(50))

    threads = [threading.Thread(target=predict) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(wrong) == 200
    assert not any(wrong)
