"""The looks of curves: an initializer has the same look in every picture."""

import itertools

import pytest

from fastnet.drawing.looks import looks
from fastnet.initializers import INITIALIZERS

pytest.importorskip("matplotlib", reason="matplotlib is missing: pip install 'fastnet-mlp[plot]'")

from matplotlib.colors import to_rgb

#: Names of one initializer.
ALIASES = [
    {"default", "lecun_normal", "new start", "default: weights N(0, 1) / sqrt(n)"},
    {"large", "normal", "old start"},
    {"glorot_normal", "xavier_normal"},
    {"glorot_uniform", "xavier_uniform"},
    {"he_normal", "kaiming_normal"},
    {"he_uniform", "kaiming_uniform"},
]


def look(name):
    return looks([name])[name]


def lightness(found):
    r, g, b = to_rgb(found["color"])
    return 0.299 * r + 0.587 * g + 0.114 * b


@pytest.mark.parametrize("names", ALIASES)
def test_aliases_share_a_look(names):
    first, *others = (look(name) for name in names)
    assert all(other == first for other in others)


def test_each_initializer_has_a_look_of_its_own_that_no_other_name_has():
    alike = {name: next((min(a) for a in ALIASES if name in a), name) for name in INITIALIZERS}
    own = [look(name) for name in sorted({*alike.values()} & {*INITIALIZERS})]
    others = list(looks(f"user {k}" for k in range(8)).values())
    for one, other in itertools.combinations(own + others, 2):
        assert one["color"] != other["color"]
    for group in (own, others):
        assert len({(found["marker"], found.get("mfc")) for found in group}) == len(group)
        assert len({str(found["linestyle"]) for found in group}) == len(group)
    assert max(map(lightness, own + others)) < 0.6  # dark enough on white


def test_a_look_depends_neither_on_the_order_nor_on_what_else_is_drawn():
    names = ["he_normal", "mine", "large", "glorot_uniform"]
    alone = {name: look(name) for name in names}
    for some in itertools.chain(*(itertools.permutations(names, k) for k in (1, 2, 3, 4))):
        assert looks(some) == {name: alone[name] for name in some}


@pytest.mark.parametrize("n", [2, 8, 20])
def test_names_of_users_never_look_alike_in_one_picture(n):
    names = [f"mine with {k}" for k in range(n)]
    found = looks(names)
    assert looks(reversed(names)) == found
    different = {(f["color"], str(f["linestyle"])) for f in found.values()}
    assert len(different) == n


def test_many_points_have_no_markers():
    assert looks(["a"], 61)["a"]["markersize"] == 0
    assert looks(["a"], 60)["a"]["markersize"] > 0
