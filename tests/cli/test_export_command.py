"""`fastnet export`: the same files as `to_c` and `to_onnx` write, chosen by the name's ending."""

import pytest

from fastnet import Network

from ..own_data import KINDS, refused, run

WRITTEN = "{} written: 3 inputs, 3 outputs\n"


def test_the_ending_chooses_the_form(model, here, capsys):
    options = ["--preprocessing", "--labels"]
    assert run(capsys, "export", "model.npz", "out.h", *options) == (WRITTEN.format("out.h"), "")
    model.to_c(here / "ours.h", name="out", preprocessing=True, labels=True)
    assert (here / "out.h").read_bytes() == (here / "ours.h").read_bytes()
    assert all(f'"{kind}"' in (here / "out.h").read_text() for kind in KINDS)
    run(capsys, "export", "model.npz", "out.H", "--no-preprocessing", "--name", "iris")
    model.to_c(here / "ours.h", name="iris", preprocessing=False)
    assert (here / "out.H").read_bytes() == (here / "ours.h").read_bytes()
    pytest.importorskip("onnx", reason="onnx is missing")
    for options, included in ([], True), (["--no-preprocessing"], False):
        out, err = run(capsys, "export", "model.npz", "out.onnx", *options)
        model.to_onnx(here / "ours.onnx", preprocessing=included)
        assert (here / "out.onnx").read_bytes() == (here / "ours.onnx").read_bytes()
        assert (out, err) == (WRITTEN.format("out.onnx"), "")


def test_a_header_without_the_standardization_says_so(model, here, capsys):
    out, err = run(capsys, "export", "model.npz", "out.h")
    assert out == WRITTEN.format("out.h")
    assert err.startswith("out.h: this network has preprocessing that the header does not do")
    assert err.endswith("(--preprocessing includes it)\n") and err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["out.txt"], 2, "FILE is out.txt; its name must end in .h or .onnx"),
        (["out.onnx", "--name", "a"], 2, "--name is only for .h; FILE is out.onnx"),
        (["out.onnx", "--labels"], 2, "--labels is only for .h"),
        (["out.h", "--name", "int"], 1, "name is 'int', which is a keyword of C"),
        (["net.h"], 1, "FILE net.h is the input file net.h"),
    ],
)
def test_what_cannot_be_written_is_refused(here, capsys, arguments, code, words):
    Network([3, 2], rng=0).save("net.h")  # the book's JSON
    before = sorted(here.iterdir())
    assert words in refused(capsys, "export", "net.h", *arguments, code=code)
    assert sorted(here.iterdir()) == before
