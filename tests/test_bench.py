"""The programs of bench/: what they know of the machine, and what they print."""

import importlib
import math
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[1] / "bench"


@pytest.fixture(scope="module")
def bench():
    """Return a function that imports a module of bench/; they use one another's plain names."""
    sys.path.insert(0, str(BENCH))
    yield importlib.import_module
    sys.path.remove(str(BENCH))


@pytest.mark.parametrize(
    ("groups", "files", "expected"),
    [
        ("", {}, math.inf),
        ("0::/\n", {"cpu.max": "max 100000\n"}, math.inf),
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "200000 100000\n"}, 2.0),
        ("0::/of/the/host\n", {"cpu.max": "50000 100000\n"}, 0.5),
        (
            "4:memory:/m\n2:cpu,cpuacct:/c\n0::/\n",
            {"cpu,cpuacct/c/cpu.cfs_quota_us": "300000", "cpu,cpuacct/c/cpu.cfs_period_us": "1e5"},
            math.inf,
        ),
        (
            "4:memory:/m\n2:cpu,cpuacct:/c\n0::/\n",
            {
                "cpu,cpuacct/c/cpu.cfs_quota_us": "300000\n",
                "cpu,cpuacct/c/cpu.cfs_period_us": "100000\n",
            },
            3.0,
        ),
        (
            "1:cpu:/\n",
            {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"},
            math.inf,
        ),
        # The name of a version 1 group may have colons in it.
        ("1:cpu:/a:b\n", {"cpu/a:b/cpu.cfs_quota_us": "5", "cpu/a:b/cpu.cfs_period_us": "2"}, 2.5),
    ],
)
def test_a_container_s_share_of_the_processors_is_read(bench, tmp_path, groups, files, expected):
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(groups)
    for name, text in files.items():
        file = tmp_path / "sys/fs/cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    assert bench("machine").quota(tmp_path) == expected


def test_cores_are_at_most_the_quota_and_at_least_one(bench, monkeypatch):
    machine = bench("machine")
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    for quota, expected in [(math.inf, 8), (2.5, 3), (0.5, 1), (64.0, 8)]:
        monkeypatch.setattr(machine, "quota", lambda quota=quota: quota)
        assert machine.cores() == expected
