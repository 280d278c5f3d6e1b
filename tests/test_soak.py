"""A few seconds of the soak; `python -m tests.soak --minutes 10` is the whole of it."""

from .soak import Soak


def test_nothing_is_lost_in_a_few_seconds():
    soak = Soak(seconds=5, nights=1).run()
    print(soak.report())
    assert not soak.lost
    assert soak.did["answers in threads"] > 10
    assert soak.did["loaded by threads"] > 1
    assert soak.did["files checked"] > 0
