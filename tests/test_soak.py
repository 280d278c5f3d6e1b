"""A little of the soak; `python -m tests.soak --minutes 10` is the whole of it."""

import os

from .soak import Soak

#: However long it takes; seconds on a machine that has nothing else to do.
LEAST = {"answers in threads": 20, "loaded by threads": 20, "files checked": 3}
if hasattr(os, "fork"):
    LEAST["children forked"] = 3


def test_nothing_is_lost_in_a_few_seconds():
    soak = Soak(seconds=600, nights=1, least=LEAST).run()
    print(soak.report())
    assert not soak.lost
    for what, count in LEAST.items():
        assert soak.did[what] >= count, what
