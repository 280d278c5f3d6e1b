"""Networks in other processes: forked, spawned, pooled, and pickled by another version."""

import base64
import contextlib
import copy
import os
import pickle
import subprocess
import sys
import threading
import zlib
from multiprocessing import get_all_start_methods, get_context
from pathlib import Path

import numpy as np
import pytest

import fastnet
from fastnet import network2
from fastnet.model.model import LAYOUT

from ..forking import fork, in_child

DATA = np.random.default_rng(8).random((20, 4)), np.arange(20) % 3
FORK_SCRIPT = Path(__file__).parents[1] / "fork_script.py"
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")


def new(sizes=(4, 5, 3), **options):
    return fastnet.Network(list(sizes), **({"rng": 1} | options))


@pytest.fixture(autouse=True)
def _two_threads():
    """What works on one network works with its internal threads up and running."""
    if not hasattr(fastnet, "set_num_threads"):
        yield
        return
    before = fastnet.get_num_threads()
    fastnet.set_num_threads(2)
    yield
    fastnet.set_num_threads(before)


def everything(network):
    """Predict, measure, train, save; return all the bits of it."""
    outputs = network.feedforward(DATA[0]).tobytes()
    cost = network.total_cost(DATA, 0.1)
    history = network.train(DATA, 3, 3, optimizer="adam", metrics="training_cost")
    return outputs, cost, history.column("training_cost"), network.parameters.tobytes()


# --- fork ----------------------------------------------------------------------------------------


@forks
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_child_goes_on_as_its_parent_would(dtype):
    network = new((4, 200, 3), dtype=dtype)
    network.train(DATA, 2, 3, optimizer="adam")
    twin = copy.deepcopy(network)
    expected = everything(twin)
    assert in_child(lambda: everything(network)) == expected
    assert in_child(lambda: in_child(lambda: everything(network))) == expected  # a grandchild
    assert everything(network) == expected  # of which the parent has noticed nothing


@forks
def test_children_of_a_process_that_trains_in_another_thread():
    """They get the parameters of a store, whole, and may train what was being trained."""
    network = new((4, 300, 3))
    stored = {network.parameters.tobytes()}
    over = threading.Event()

    class Remember(fastnet.Callback):
        interval = 1

        def on_interval(self, network, epoch, mini_batch):
            stored.add(network.parameters.tobytes())
            return over.is_set()

        def on_epoch_end(self, network, record):
            return self.on_interval(network, 0, 0)

    def ask():
        while not over.is_set():
            network.feedforward(DATA[0][0])

    def child():
        parameters = network.parameters.tobytes()
        network.feedforward(DATA[0])
        network.weights = [w * 1.0 for w in network.weights]
        network.train(DATA, 1, 10)
        return parameters

    threads = [
        threading.Thread(
            target=network.train, args=(DATA, 10**6, 5), kwargs={"callbacks": Remember()}
        ),
        *(threading.Thread(target=ask) for _ in range(3)),
    ]
    for thread in threads:
        thread.start()
    try:
        found = [in_child(child) for _ in range(25)]
    finally:
        over.set()
        for thread in threads:
            thread.join(60)
    assert set(found) <= stored
    assert len(set(found)) > 1
    network.train(DATA, 1, 10)  # the parent's locks are free


@forks
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_children_get_no_generator_that_is_locked_for_good(dropout):
    """NumPy locks a generator while it draws; a fork in the middle of that would keep it so."""
    network, busy = new(), new()
    data = np.ones((3000, 4)), np.zeros(3000, dtype=int)
    over = threading.Event()

    def train():
        while not over.is_set():
            with contextlib.suppress(RuntimeError):
                network.train(data, 5, 3000, dropout=dropout)

    def ask():
        while not over.is_set():
            busy.feedforward(DATA[0][0])

    threads = [threading.Thread(target=work) for work in (train, train, ask)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(25):
            assert in_child(lambda: len(network.train(data, 1, 3000, dropout=dropout))) == 1
    finally:
        over.set()
        for thread in threads:
            thread.join(60)


@forks
def test_a_child_forked_by_a_callback_may_finish_the_training():
    """There the thread that trains is in the child too: it goes on, and trains nothing else."""
    pipes, children = [], []

    class Fork(fastnet.Callback):
        child = False

        def on_epoch_end(self, network, record):
            if record["epoch"] != 1:
                return
            with pytest.raises(RuntimeError, match="being trained already"):
                network.partial_fit(DATA)
            pipes.append(os.pipe())
            pid = fork()
            self.child = pid == 0
            children.append(pid)
            if self.child:
                with pytest.raises(RuntimeError, match="being trained already"):
                    network.partial_fit(DATA)

    fork_once, network = Fork(), new()
    try:
        network.train(DATA, 4, 5, callbacks=fork_once)
        network.partial_fit(DATA)
        if fork_once.child:
            os.write(pipes[0][1], network.parameters.tobytes())
    finally:
        if fork_once.child:
            os._exit(0)
    os.close(pipes[0][1])
    with open(pipes[0][0], "rb") as pipe:
        found = pipe.read()
    os.waitpid(children[0], 0)
    twin = new()
    twin.train(DATA, 4, 5)
    twin.partial_fit(DATA)
    assert found == network.parameters.tobytes() == twin.parameters.tobytes()


#: What a user's code may be, in tests/fork_script.py.
KINDS = [
    *("initializer", "shuffle", "metric", "callback", "generator", "labels", "progress", "weights"),
    *("the book's weights", "the book's mini-batch", "reading", "writing", "drawing", "forking"),
]


@forks
@pytest.mark.parametrize("kind", KINDS)
def test_a_fork_and_a_users_code_never_wait_for_one_another(kind):
    assert run_code(FORK_SCRIPT.read_text(), kind) == "done\n"


#: A user's thread draws from the generator of a network that the main thread's children use.
DRAWING = """
import os, signal, sys, threading, warnings
import numpy as np
import fastnet

warnings.simplefilter("ignore", DeprecationWarning)
rng = getattr(np.random, sys.argv[1])(3)
net, over, begun = fastnet.Network([3, 3], rng=rng), threading.Event(), threading.Event()

def draw():
    while not over.is_set():
        begun.set()
        rng.normal(size=10**6)  # with the generator's lock, and without the GIL

thread = threading.Thread(target=draw)
thread.start()
begun.wait()
for _ in range(20):
    pid = os.fork()
    if pid == 0:
        signal.alarm(60)
        net.initialize(), net.train((np.ones((9, 3)), np.arange(9) % 3), 1), rng.normal()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0, "a child hung or died"
over.set()
thread.join()
print("done")
"""


@forks
@pytest.mark.parametrize("make", ["default_rng", "RandomState"])
def test_children_may_draw_though_a_users_thread_was_drawing(make):
    assert run_code(DRAWING, make) == "done\n"


def run_code(code, *arguments):
    """Run code in a process of its own; return what it printed, or say that it hangs."""
    try:
        run = subprocess.run(
            [sys.executable, "-P", "-c", code, *arguments],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    except subprocess.TimeoutExpired:
        pytest.fail("it hangs")
    assert run.returncode == 0, run.stderr
    return run.stdout


# --- generators ----------------------------------------------------------------------------------


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
@pytest.mark.parametrize("make", [np.random.default_rng, np.random.RandomState])
def test_copies_draw_what_the_original_draws_and_share_nothing(copied, make):
    network = new(rng=make(3))
    twin = copied(network)
    drawn = twin.rng.permutation(100)
    assert (network.rng.permutation(100) == drawn).all()
    twin.rng.permutation(7)
    assert network.rng.permutation(100).tolist() != twin.rng.permutation(100).tolist()


def test_networks_share_a_generator_only_where_they_were_given_one():
    rng = np.random.default_rng(3)
    together = [new(rng=rng), new(rng=rng)]
    assert together[0].rng is together[1].rng is rng
    assert together[0].parameters.tobytes() != together[1].parameters.tobytes()
    apart = copy.deepcopy(together)  # in one go: they share one still, and it is another
    assert apart[0].rng is apart[1].rng is not rng
    one_by_one = [copy.deepcopy(network) for network in together]
    assert one_by_one[0].rng is not one_by_one[1].rng


@forks
def test_children_draw_the_same_numbers_unless_they_are_seeded_anew():
    network = new()

    def train(seed=None):
        if seed is not None:
            network.rng = seed
        network.train(DATA, 1, 3)
        return network.parameters.tobytes()

    assert in_child(train) == in_child(train)
    seeds = np.random.SeedSequence(1).spawn(2)
    first, second = (in_child(lambda seed=seed: train(seed)) for seed in seeds)
    assert first != second
    assert train(np.random.SeedSequence(1).spawn(2)[1]) == second


# --- pools ---------------------------------------------------------------------------------------


def methods(*wanted):
    """Return the ways of starting a process that this system has, of those wanted."""
    return [name for name in wanted if name in get_all_start_methods()]


@pytest.mark.parametrize("method", methods("fork", "spawn", "forkserver"))
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_networks_go_to_pools_and_come_back(method):
    network, twin = new((4, 50, 3)), new((4, 50, 3))
    with get_context(method).Pool(1) as pool:
        assert pool.apply(network.accuracy, (DATA,)) == twin.accuracy(DATA)
        # A bound method takes its network along; what it learns there stays there.
        history = pool.apply(network.train, (DATA, 2, 3), {"metrics": "training_cost"})
    assert network.parameters.tobytes() == twin.parameters.tobytes()
    expected = twin.train(DATA, 2, 3, metrics="training_cost")
    assert history == expected


#: A program as a user has it: networks trained in processes of a pool, and returned.
PROGRAM = """
import sys
import numpy as np
import fastnet

X, y = np.random.default_rng(8).random((60, 4)), np.arange(60) % 3

def train(network):
    if hasattr(fastnet, "set_num_threads"):
        fastnet.set_num_threads(2)
    network.train((X, y), 3, 5, optimizer="adam")
    return network

def networks():
    return [fastnet.Network([4, 50, 3], rng=seed) for seed in range(4)]

def main():
    expected = [train(network).parameters.tobytes() for network in networks()]
    found = pool(train, networks())
    assert [network.parameters.tobytes() for network in found] == expected
    assert len({network.parameters.tobytes() for network in found}) == 4
    print("equal")
"""
SPAWN = """
def pool(work, items):
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        return list(executor.map(work, items))
"""
LOKY = """
def pool(work, items):
    from joblib import Parallel, delayed
    return Parallel(n_jobs=2, backend="loky")(delayed(work)(item) for item in items)
"""


def run_program(pool, folder):
    path = folder / "program.py"
    path.write_text(f"{PROGRAM}\n{pool}\nif __name__ == '__main__':\n    main()\n")
    done = subprocess.run(
        [sys.executable, "-W", "error", str(path)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "equal\n"), done.stderr


def test_a_program_that_spawns(tmp_path):
    run_program(SPAWN, tmp_path)


def test_a_program_that_uses_loky(tmp_path):
    pytest.importorskip("joblib", reason="joblib is missing")
    run_program(LOKY, tmp_path)


# --- pickles of other versions -------------------------------------------------------------------

#: A float32 network that 0.1.0 had trained for two epochs by Adam, and one of its network2.
OLD = (
    "c-nPTeQZ-z6mMy};@B9~F%?igMr3TJB8<Ln9qn+E;yRk)!2RQVd40R|J=eZh-"
    "@6YO$d_Tvk&7|z4p}BK5L^%f8z2a-"
    "bQ+AG^P3Qcpl%LLkik%K4iojfc5B!OH@Wwnd+xdCocH_Pb2gisUQaQ^2gz8)saQhT4s(sH)KFse4@-"
    "@7?iRX%=8!a2lte6YA#oj2D7i;KtRyR8E<}lq4TzjN`rHDmtWuKBatbeq81YzB5G9!-"
    "p+>9I7T>;22DPZ*O{G4w&*U@JQ!;_$vACMUqAY=LGv*`#a#iJ3ILxi3+d#$3Du$>dQS>cX+REf$nOK8Dq9DuFCAv"
    ")`<XDYsBM{soY2iq1at|ltR^`)%m+R@%G{<Km#v<zX`%C|W5np@;Oaoegm{~;%!Y{?I+Z9f#mcw>7BJwpM@H&ZQg"
    "GfROhh>H3VFAZNHpyfGEqvz@xo?acKIq7YoXShQ@NJ}Zkc<vV`l#DU1Aq#180jX$yzRDY7mt6(^>2E%ym(UYHv=E"
    "E7>G%fc)H!TzOlISROPNcO@A+W<ihW{uNgFwDgb$!DB%V3sn1Bp>mmvQiQ6s8&X3*)iz%a08<W6PmW|Y|Wi=`B<7"
    "@>&)fMOk4N1I?rLd5sjZu}(+Iz+1PoQh`8Aw*bJ<H1qvWK-"
    "0ydp*6fRHp+K|D~66^+*!6Q&TWRGm0%q&`C(Eine@h$C|y6{eAK+HKScGwvj=p=45B53}dUt={ythbJ~|Nxig!g4"
    "$=E3+px-(19is*a)X^VT6&QQo$`0>%oL4MnX-"
    "6&Gd$nP|l$7baUH<Xm+bR`bS@#dl_T*Ong4*p4pn}`SidJcgs@IoinG(UElsmY>Vlq==qt!PBhfx?k+v(eros1MS"
    "BabMn6+dxPI)K(a9*6-Im|(@65buh#iczEIM{+P3)oL@5cVT8Hj~$o{#ED600DpfI484tl6Z-x^!5ImrqW-eo#c_"
    "1we|J5ay`YvvpmM_i*NVl8zM)>QxG|@q+PsZcvAXNQX52{Z#pk!gEPmfrZnpyElH-"
    "o~j{|%E}Qeh7(18???_wonDoTtGRHpgl}_1ECER3aR_#`OCMh(6!SrGeelcftol4+MG;jD$rAOtm(;$}JC77XnWe"
    "Car!54Cr6MjR`-"
    "62g(#uDsRS@Z}EbTrTD}1MW;MC;2Q!YBbKl<RYvmLjluW;E?@?0lpUn_j0=fn37RF+2HJojS9KP^XH70o!B-"
    "?zDA)5SVhMX)N`PA+$Ro3+2F+0*FqoW9_y`PUH@e$6O4`|*Kj@%|-"
    "6LudL5=Ujd!+FDjvq_cGQOxl|p3T`wkWR|b6F+cou#5vne92a-xI(BX-cb>G(a-"
    "11_%klZ6ZO+VnI~}f8>agxu>12N%T-f~!<H+uRxL{evO9fx=n^v&A?R#dyl`Q9zo@-"
    "3Lvy189nCpD?P#ZJ!z}w7Y*L#_B6(<-"
    "y6GY4^MiJ^84>+br6ckZp9;vFR_pQkz?2XZ<myg;f!8V5xCs99i8lHm&=O-y4E`UNnxsihzfXPEK5-"
    "Tr<v@kSiu)v%WL>QzA35kvS@EV2(NgGxtTzWkN3B3mG)&4)8meK0"
)
OLD_BOOK = (
    "c-mD_J&4pm6yDzp?(OQ`;R+&WeS&OZ;}uFgqTFIMg?8J7Nix|CZZctJqO2e&c%CN%7W*u;P(-"
    "k^vrwCqA~yD(g$TBSde|uXcGoO-Z<yize7x^_Z*JBegq707^g>9aN~r4Ky~f3r6QB)e>cR+)-"
    "GUpiqMI&Dm||qWu2X@4fQBR+DA0?p$B5ipolCfg$pCcACBl!GqQ1%m1%0rf+M8~!?G9(0b&2gH*cCkGP0;hiSL`Z"
    "Lj3*K$NY;-z3m{s$1G?sOiE3H}!8k<Ff+e_==Mp7&I<&@+5$JlLhAGn4lPpe$vluIta22-"
    "hZo(y4v8%d#3LM8d{}*lY*d+yC=INR%l0G<k-c5-"
    "hF;!F`)uBnZj_Y$lJ2CEt5g`b+Z@Pl|C|QZjAM;0twUGqV;t1^023Tberle(i-"
    "v&fSx2*2>)1SYrKK^aqJKnCo{r1u9FaPPCY47CS3%&clS|9TFPq)L9N8aU)MQiQZ&lmaE<=db3zkFqOcg*KM-"
    "0i&G=mi(wJjnqyYa?P(ae-"
    "nE6bqVVjP8GLvUlBZd8$}E{m7*PJ<H*s)ywN=i%-&3stBx`uOE)>k@WPOD-}@`*JI$^DHjTy%<KFE3490B"
)


def load_old(text):
    return pickle.loads(zlib.decompress(base64.b85decode(text)))


def test_a_pickle_of_0_1_0_goes_on_as_it_went_on_there():
    network = load_old(OLD)
    assert type(network) is fastnet.Network
    assert (network.sizes, network.dtype) == ([4, 3, 3], np.float32)
    assert network.preprocessing.labels == ("a", "b", "c")
    outputs = network.feedforward(DATA[0][:2])
    expected = [[0.32280704, 0.3390792, 0.33811375], [0.3015696, 0.39262632, 0.30580404]]
    np.testing.assert_allclose(outputs, expected, rtol=1e-6)
    assert network.history[-1]["training_cost"] == pytest.approx(1.0948767617765065)
    # Adam's moments and the generator are there: it was the same third epoch.
    history = network.train(DATA, 1, 5, metrics="training_cost")
    assert history[0]["epoch"] == 2
    assert history[0]["training_cost"] == pytest.approx(1.0912416040759154, rel=1e-6)
    assert pickle.loads(pickle.dumps(network)).parameters.tobytes() == network.parameters.tobytes()


def test_a_pickle_of_0_1_0s_network2():
    network = load_old(OLD_BOOK)
    assert type(network) is network2.Network
    assert network.feedforward(np.ones((2, 1)))[0, 0] == pytest.approx(0.45712445127796936)
    assert network.rng is np.random.mtrand._rand


def test_a_pickle_says_in_which_layout_it_is():
    assert new().__getstate__()["_layout"] == LAYOUT == 1


def test_a_pickle_of_a_later_version_is_refused_in_words():
    network = new()
    state = network.__getstate__() | {"_layout": LAYOUT + 1}
    with pytest.raises(ValueError, match=r"pickled in layout 2, by a later .* up to 1: upgrade"):
        fastnet.Network.__new__(fastnet.Network).__setstate__(state)


def test_a_pickle_holds_no_engines_and_no_locks():
    network = new()
    network.kind = "classes"
    before = len(pickle.dumps(network))
    network.feedforward(DATA[0])
    network.backprop(*DATA)
    network.update_mini_batch(DATA, 0.5, 0.0, 20)
    assert len(pickle.dumps(network)) == before
    made_anew = {"_guard", "_predictors", "_differentiators", "_trainer", "_weights", "_biases"}
    assert not set(network.__getstate__()) & made_anew
