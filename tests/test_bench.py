"""The programs of bench/: what they read from the machine, and what they print."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

import fastnet

BENCH = Path(__file__).parents[1] / "bench"


@pytest.fixture(scope="module")
def bench():
    """Return a function that imports a module of bench/; they use one another's plain names."""
    sys.path.insert(0, str(BENCH))
    yield importlib.import_module
    sys.path.remove(str(BENCH))


# ---- workloads


def test_workloads_have_keys_and_titles_of_their_own_and_goals_against_those_asked(bench):
    workloads, peers = bench("workloads"), bench("peers")
    rows = workloads._TABLE
    assert len({w.key for w in rows}) == len({w.title for w in rows}) == len(rows)
    others = {"limit", "above kernel", "arrays", "arrays threads", "threads"}
    for w in rows:
        asked = set(w.peers or peers.PEERS)
        assert asked <= set(peers.PEERS) and set(w.goals) - others <= asked, w.key
        # What each cut keeps: the same network, and enough rows for a whole mini-batch.
        assert w.quick().sizes == w.checked().sizes == w.sizes
        assert w.quick().rows >= min(w.rows, w.mini_batch_size, 5_000)


def test_workloads_are_selected_by_key_or_by_how_keys_begin(bench):
    select = bench("workloads").select
    assert [w.key for w in select("W1,W1d")] == ["W1", "W1d64", "W1d32"]
    assert [w.key for w in select("S4a-fit,S2a-1")] == ["S4a-fit", "S2a-1"]
    assert len(select("S1d")) == 5 and len(select("S1a")) == 10
    for wrong in ("W99", "", "W1,"):
        with pytest.raises(ValueError):
            select(wrong)


@pytest.fixture
def one_thread():
    yield
    fastnet.set_num_threads(None)


CALLS = ["fastnet", "kernel", "kernel copied", "numpy", "onnxruntime", "onnxruntime io-binding"]


@pytest.mark.parametrize("key", ["S1a-16", "S1c-64", "S1d-256", "W6"])
@pytest.mark.parametrize("name", CALLS)
def test_all_peers_predict_what_the_oracle_predicts(bench, one_thread, tmp_path, key, name):
    _check(bench, tmp_path, key, name)


@pytest.mark.parametrize("key", ["S2a-1", "S2a-10-adam", "S2b-10"])
@pytest.mark.parametrize("name", ["fastnet", "kernel", "kernel copied", "numpy", "sklearn"])
def test_all_peers_take_the_step_that_the_oracle_takes(bench, one_thread, tmp_path, key, name):
    _check(bench, tmp_path, key, name)


@pytest.mark.parametrize("key", ["S4a-fit", "S4a-predict", "S4d-predict_proba"])
@pytest.mark.parametrize("name", ["fastnet", "sklearn"])
def test_estimators_fit_from_the_draws_that_the_oracle_knows(
    bench, one_thread, tmp_path, key, name
):
    _check(bench, tmp_path, key, name)


def _check(bench, tmp_path, key, name):
    """Run a workload once, as one of its peers, and compare with the oracle as the bench does."""
    workload = bench("workloads").WORKLOADS[key]
    problem = bench("problem").make_problem(workload)
    np.savez(tmp_path / "oracle.npz", **bench("oracle").solve(problem))
    name, _, variant = name.partition(" ")
    peer = bench(f"peers.{name}")
    if peer.why_not(workload, variant, 1) is not None:
        assert (name, variant, workload.task) == ("kernel", "copied", "predict")
        return
    job = peer.prepare(problem, variant, 1)
    for _ in range(2):  # a second run starts anew, too
        job.reset()
        job.run()
    found = bench("worker")._parity(job, workload, str(tmp_path / "oracle.npz"))
    assert found["ok"], found
    # The bench's check is no formality: it refuses another workload's answer.
    start = np.load(tmp_path / "oracle.npz")["start"]
    job.outcome = lambda: start + 1e-2
    assert not bench("worker")._parity(job, workload, str(tmp_path / "oracle.npz"))["ok"]


# ---- reports


def _result(peer, median, variant="", threads=1, status="ok"):
    return {
        "peer": peer, "variant": variant, "threads": threads, "status": status, "note": "",
        "median_s": median, "spread": 0.0, "rounds_s": [median], "first_s": median,
        "parity": {"kind": "none", "ok": status == "ok"},
        "details": {"kernel": "avx2"} if peer == "fastnet" else {},
    }  # fmt: skip


def _results(bench, instruction_set, results, key="S1a-16"):
    workload = bench("workloads").WORKLOADS[key]
    return {
        "date": "2026-11-29T00:00:00+00:00", "processor": "A", "architecture": "x86_64",
        "instruction_set": instruction_set, "cores": 2, "system": "Linux", "python": "3.11.7",
        "load_before": 0.0, "versions": {},
        "workloads": [bench("report").entry(workload, results)],
    }  # fmt: skip


def test_a_row_where_another_library_is_faster_is_named(bench):
    found = [
        _result("limit", 1e-6), _result("fastnet", 8e-6), _result("kernel", 2e-6),
        _result("numpy", 12e-6), _result("onnxruntime", 6e-6),
        _result("jax", 1e-6, status="disagrees"),
    ]  # fmt: skip
    results = _results(bench, "avx2", found)
    closing = bench("report").closing(results)
    assert "Faster than fastnet: S1a-16 onnxruntime 0.75\n" in closing
    assert "The processor has" not in closing
    # 8 us in all, 2 in the kernel; the goal of this row is 5.
    text = bench("report").table(results["workloads"][0])
    assert "fastnet: 6.0 us above the kernel (goal: at most 5.00 us)" in text


def test_the_report_warns_of_a_kernel_below_the_processor_s(bench):
    results = _results(bench, "avx512", [_result("fastnet", 8e-6)])
    assert "The processor has avx512" in bench("report").closing(results)


def test_goals_of_plain_arrays_are_multiples_of_prepared_data(bench):
    found = [
        _result("fastnet", 0.1), _result("fastnet", 0.2, "arrays"),
        _result("fastnet", 0.1, threads=2), _result("fastnet", 0.12, "arrays", 2),
    ]  # fmt: skip
    part = _results(bench, "avx2", found, "W1")["workloads"][0]
    lines = bench("report").table(part).splitlines()
    goals = {tuple(line.split()[:3]): line for line in lines}
    assert (
        "at most 1.50" in goals["fastnet", "arrays", "200"]
        and "2.00" in goals["fastnet", "arrays", "200"]
    )
    assert (
        "at most 1.30" in goals["fastnet", "arrays", "x2"]
        and "1.20" in goals["fastnet", "arrays", "x2"]
    )


def test_results_of_two_processors_are_in_one_table(bench):
    first = _results(
        bench, "avx2",
        [_result("limit", 2.0), _result("fastnet", 3.0), _result("torch", 6.0),
         _result("torch", 4.5, "fused"), _result("jax", 1.5)], "W4",
    )  # fmt: skip
    second = _results(bench, "avx512", [_result("fastnet", 2.0), _result("jax", 5.0)], "W4")
    lines = bench("report").side_by_side([first, second]).splitlines()
    assert lines[0] == "| (avx2 / avx512) | fastnet | / limit | torch | jax |"
    assert lines[2] == "| W4 | 3.00 s / 2.00 s | 1.50 / - | 1.5 / - | 0.5 / 2.5 |"
    assert any("SimpleChains.jl 4.10 ms" in line and "18 cores" in line for line in lines[3:])


@pytest.mark.parametrize("name", ["avx2", "avx512", "avx512-epyc"])
def test_the_committed_results_name_their_machine(bench, name):
    everything = bench("run").read(BENCH / f"results-{name}.json", ["W1"])
    kernel = name.partition("-")[0]
    assert everything["instruction_set"] == kernel
    (part,) = everything["workloads"]
    assert {r["details"]["kernel"] for r in part["results"] if r["peer"] == "fastnet"} == {kernel}


def test_the_bars_of_the_readme_are_in_the_results(bench):
    pytest.importorskip("matplotlib", reason="matplotlib is missing")
    everything = bench("run").read(BENCH / "results-avx512-epyc.json", None)
    assert set(bench("chart").BARS) <= {part["key"] for part in everything["workloads"]}


def test_results_are_named_after_the_processor_unless_the_kernel_is_fixed(bench, monkeypatch):
    run = bench("run")
    monkeypatch.setattr(run.machine, "instruction_set", lambda: "avx512")
    monkeypatch.delenv("FASTNET_KERNEL", raising=False)
    assert run.parse(["--json"]).json == BENCH / "results-avx512.json"
    assert run.parse(["--json", "a.json"]).json == Path("a.json")
    monkeypatch.setenv("FASTNET_KERNEL", "avx2")
    with pytest.raises(SystemExit):
        run.parse(["--json"])


def test_the_chart_has_a_column_for_each_file(bench, tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is missing")
    files = [
        bench("run").read(BENCH / f"results-{name}.json", ["W1", "W6b"])
        for name in ("avx2", "avx512")
    ]
    chart = bench("chart")
    assert [[p and p["key"] for p in line] for line in chart._lines(files)] == [
        ["W1", "W1"], [None, "W6b"]
    ]  # fmt: skip
    assert [[p["key"] for p in line] for line in chart._lines(files[1:])] == [["W1", "W6b"]]
    chart.draw(files, tmp_path / "both.png")
    assert (tmp_path / "both.png").stat().st_size > 10_000


def test_the_bars_compare_each_library_at_its_fastest(bench, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib", reason="matplotlib is missing")
    chart = bench("chart")
    numpy_twice = [_result("numpy", 4.0), _result("reference", 6.0)]
    torch = [_result("torch", 3.0), _result("torch", 1.0) | {"variant": "fused"}]
    prepared_less = _result("fastnet", 1.0) | {"variant": "train"}
    results = [_result("fastnet", 2.0), prepared_less, *numpy_twice, *torch, _result("limit", 1.0)]
    file = _results(bench, "avx512", results, "W4")
    assert chart.ratios(file["workloads"][0]) == {"NumPy": 2.0, "PyTorch": 0.5}
    with pytest.raises(ValueError, match="no results of S4a-fit"):
        chart.draw_bars(file, tmp_path / "bars.png")
    monkeypatch.setattr(chart, "BARS", {"W4": "An epoch"})
    chart.draw_bars(file | {"processor": "a", "date": "2026-01-01"}, tmp_path / "bars.png")
    assert (tmp_path / "bars.png").stat().st_size > 10_000
