"""Networks as C headers: compiled without a warning, and run to the same answers.

The oracles are mpmath for single activations, and NumPy in longdouble or float64 for networks.
"""

import ctypes
import os
import re
import shutil
import subprocess
import sys
from itertools import product

import mpmath
import numpy as np
import pytest

import fastnet
from fastnet import Network, Preprocessing
from fastnet.activations import ACTIVATIONS

from ..formulas import ACTIVATIONS as FORMULAS
from ..formulas import HIDDEN
from ..kernels.test_smooth_activations import EXACT, samples

DTYPES = [np.float64, np.float32]
COMPILERS = [name for name in ("gcc", "clang") if shutil.which(name)]
STRICT = ["-Wall", "-Wextra", "-Werror", "-pedantic"]
needs_c = pytest.mark.skipif(
    not COMPILERS or sys.platform == "win32",
    reason="gcc and clang are missing, or cannot build a shared library (Windows)",
)


class Compiled:
    """The functions of headers, compiled into one library out of two translation units."""

    def __init__(self, folder, names, compiler=None, more=""):
        compiler = compiler or COMPILERS[0]
        includes = "".join(f'#include "{name}.h"\n' for name in names)
        calls = "".join(
            f"void call_{name}(const void *x, void *a)\n{{\n    {name}_feedforward(x, a);\n}}\n"
            for name in names
        )
        # The second unit calls one of them, and warnings of unused functions are errors.
        other = calls.split("void call_")[1].replace(names[0], f"again_{names[0]}", 1)
        (folder / "one.c").write_text(includes * 2 + calls + more)
        (folder / "two.c").write_text(f"{includes}void call_{other}")
        self.compile(folder, compiler, "-shared", "-fPIC", "-o", "both.so", "two.c", "-lm")
        self._library = ctypes.CDLL(os.fspath(folder / "both.so"))

    @staticmethod
    def compile(folder, compiler, *options, language="-std=c99"):
        """Compile one.c; a warning is an error."""
        command = [compiler, language, "-O2", *STRICT, "one.c", *options]
        done = subprocess.run(command, check=False, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def function(self, name, kind=None, *arguments):
        """Return a function, which takes addresses."""
        found = getattr(self._library, name)
        found.restype, found.argtypes = kind, arguments or [ctypes.c_void_p] * 2
        return found

    def feedforward(self, name, X, n_out):
        """Return the outputs for each row."""
        X, out = np.ascontiguousarray(X), np.full((len(X), n_out), 9, X.dtype)
        call = self.function(f"call_{name}")
        for x, a in zip(X, out, strict=True):
            call(x.ctypes.data, a.ctypes.data)
        return out


def kind_name(dtype):
    return np.dtype(dtype).name


@needs_c
@pytest.mark.parametrize("compiler", COMPILERS)
def test_every_activation_keeps_its_digits_far_out(tmp_path, compiler):
    exact = {name: function for name, (function, _) in EXACT.items()}
    exact |= {
        "sigmoid": lambda z: 1 / (1 + mpmath.exp(-z)),
        "tanh": mpmath.tanh,
        "relu": lambda z: max(z, 0),
        "leaky_relu": lambda z: z if z > 0 else z * mpmath.mpf("0.01"),
        "identity": lambda z: z,
        "exponential": mpmath.exp,
        "softmax": lambda z: mpmath.mpf(1),
    }
    assert set(exact) == set(ACTIVATIONS)
    cases = {f"{name}_{kind_name(dtype)}": (name, dtype) for name in exact for dtype in DTYPES}
    for case, (name, dtype) in cases.items():
        net = Network([1, 1], "quadratic", output=name, dtype=dtype)
        net.parameters = [0, 1]
        net.to_c(tmp_path / f"{case}.h")
    compiled = Compiled(tmp_path, list(cases), compiler)
    for case, (name, dtype) in cases.items():
        z = samples(dtype)[:: 17 if name == "gelu" else 5]
        got = compiled.feedforward(case, z[:, np.newaxis], 1)[:, 0]
        digits, limits = np.finfo(dtype).nmant + 1, np.finfo(dtype)
        with mpmath.workprec(200):
            for x, value in zip(z.tolist(), got.tolist(), strict=True):
                wanted = exact[name](mpmath.mpf(x))
                if wanted > float(limits.max):
                    assert value == np.inf
                    continue
                # erfc that is subnormal has few digits, and is multiplied by z.
                least = float(limits.smallest_subnormal) * (40 if name == "gelu" else 1)
                unit = mpmath.ldexp(1, mpmath.frexp(wanted)[1] - digits) if wanted else 0
                assert abs(value - wanted) <= 4 * max(unit, least), (case, x, value)
        ends = compiled.feedforward(case, np.array([[-np.inf], [np.nan]], dtype), 1)[:, 0]
        assert np.isnan(ends[1]) and (name in ("sine", "softmax") or not np.isnan(ends[0])), case


def exact_outputs(net, X):
    """Return a network's outputs with digits to spare, by the formulas in NumPy."""
    wide = np.float64 if net.dtype == np.float32 else np.longdouble
    a = X.astype(wide)
    for w, b, name in zip(net.weights, net.biases, net.activations, strict=True):
        a = FORMULAS[name][0](a @ w.T.astype(wide) + b[:, 0].astype(wide))
    return a


@needs_c
def test_a_thousand_outputs_are_as_exact_as_those_of_feedforward(tmp_path, mnist):
    nets = {}
    for number, (output, dtype) in enumerate(product(ACTIVATIONS, DTYPES)):
        hidden = [HIDDEN[number // 2 % len(HIDDEN)], "tanh"]
        nets[f"net{number}"] = Network(
            [6, 9, 5, 20], "quadratic", activation=hidden, output=output, dtype=dtype, rng=number
        )
    for dtype in DTYPES:
        nets[f"digits_{kind_name(dtype)}"] = Network([784, 30, 10], dtype=dtype, rng=1)
    for name, net in nets.items():
        net.to_c(tmp_path / f"{name}.h")
    compiled = Compiled(tmp_path, list(nets))
    for name, net in nets.items():
        X = np.random.default_rng(2).normal(0, 2, (50, 6)).astype(net.dtype)
        if name.startswith("digits"):
            X = mnist.test[0][:100].astype(net.dtype)
        wanted = exact_outputs(net, X)
        got, theirs = compiled.feedforward(name, X, net.sizes[-1]), net.feedforward(X)
        assert got.size == 1000 and np.ptp(wanted) > 0
        error, of_feedforward = (float(np.abs(a - wanted).max()) for a in (got, theirs))
        unit = float(np.spacing(np.abs(theirs).max()))
        assert error <= max(4 * of_feedforward, 4 * unit), (name, error, of_feedforward, unit)


@needs_c
@pytest.mark.parametrize("dtype", DTYPES)
def test_parameters_are_read_back_exactly(tmp_path, dtype):
    limits = np.finfo(dtype)
    values = [limits.max, -limits.tiny, limits.smallest_subnormal, np.pi, 0.1, 1 / 3, 1, -0.0, 1024]
    net = Network([9, 2], "quadratic", output="identity", dtype=dtype)
    net.weights, net.biases = [np.array([values, values[::-1]])], [np.zeros((2, 1))]
    net.to_c(tmp_path / "exact.h")
    got = Compiled(tmp_path, ["exact"]).feedforward("exact", np.eye(9, dtype=dtype), 2)
    np.testing.assert_array_equal(got, net.weights[0].T)
    in_text = re.search(r"w1\[9\]\[2\] = (.*?);", (tmp_path / "exact.h").read_text(), re.DOTALL)[1]
    assert "-0x0p+0" in in_text  # adding to a sum does not show the sign
    read = [float.fromhex(figure) for figure in re.findall(r"-?0x[\da-f.]+p[-+]\d+", in_text)]
    np.testing.assert_array_equal(np.reshape(read, (9, 2)).T, net.weights[0])


@needs_c
@pytest.mark.parametrize("dtype", DTYPES)
def test_standardization_on_request(tmp_path, dtype):
    # Far from 0, so that float32 alone would lose the digits that matter.
    X = np.random.default_rng(1).normal([1000, 1, -70], 0.01, (50, 3)).astype(dtype)
    net = Network([3, 5, 1], "quadratic", output="identity", dtype=dtype, rng=3)
    wide = X.astype(np.float64)
    net.preprocessing = Preprocessing(
        wide.mean(axis=0), wide.std(axis=0), target_mean=-100.0, target_scale=25.0
    )
    p = net.preprocessing
    net.to_c(tmp_path / "raw.h", preprocessing=True)
    net.to_c(tmp_path / "bare.h", preprocessing=False)
    with pytest.warns(UserWarning, match="preprocessing that the header does not do") as said:
        net.to_c(tmp_path / "silent.h")
    assert said[0].filename == __file__
    net.preprocessing = Preprocessing([7] * 3, [256] * 3)  # one number serves for all
    net.to_c(tmp_path / "bytes.h", preprocessing=True)
    assert "bytes_mean[1]" in (tmp_path / "bytes.h").read_text()
    compiled = Compiled(tmp_path, ["raw", "bare", "silent", "bytes"])
    close = {"rtol": 16 * np.finfo(dtype).eps, "atol": 0}
    wanted = p.outputs(net.feedforward(p.inputs(X)))
    np.testing.assert_allclose(compiled.feedforward("raw", X, 1), wanted, **close)
    scaled = p.inputs(X, dtype)
    for name in ("bare", "silent"):
        got = compiled.feedforward(name, scaled, 1)
        np.testing.assert_allclose(got, net.feedforward(scaled), **close)
    wanted = net.feedforward((wide - 7) / 256)
    np.testing.assert_allclose(compiled.feedforward("bytes", X, 1), wanted, **close)


@needs_c
def test_a_log_variance_is_that_of_the_target_s_units(tmp_path):
    """Of targets that were divided by 10, the standard deviation is 10 times as large."""
    net = Network([2, 4], "gaussian", rng=0)
    X = np.random.default_rng(0).standard_normal((5, 2))
    mean, log_variance = np.split(net.feedforward(X), 2, axis=1)
    net.preprocessing = Preprocessing(target_mean=5.0, target_scale=10.0)
    net.to_c(tmp_path / "gaussian.h", preprocessing=True)
    found = Compiled(tmp_path, ["gaussian"]).feedforward("gaussian", X, 4)
    np.testing.assert_allclose(found[:, :2], 10 * mean + 5, rtol=1e-14)
    np.testing.assert_allclose(np.exp(found[:, 2:] / 2), 10 * np.exp(log_variance / 2), rtol=1e-14)


def network_of(kind, n_out, labels=None, output="sigmoid", low=0.0):
    """Return a network with this kind of targets."""
    net = Network([3, n_out], "quadratic", output=output, rng=4, dtype=np.float32)
    net.kind, net._low = kind, low
    net.preprocessing = None if labels is None else Preprocessing(labels=labels)
    return net


@needs_c
def test_labels_on_request(tmp_path):
    odd = ['say "no"', "C:\\new", "what??/", "%d", "Hündchen 3", "é1", "日本", "*/", "a\n\r\t\x7f"]
    nets = {
        "odd": network_of("classes", 9, odd, "softmax"),
        "unnamed": network_of("classes", 3),
        "two": network_of("classes", 1, [False, True]),
        "signs": network_of("classes", 1, [-1, 1], "tanh", low=-1.0),
        "only": network_of("classes", 1, [2.5]),
        "several": network_of("labels", 3, ["x", "y", "z"]),
    }
    for name, net in nets.items():
        net.to_c(tmp_path / f"{name}.h", labels=True)
        assert (tmp_path / f"{name}.h").read_bytes().isascii()
    X = np.random.default_rng(0).normal(0, 2, (40, 3)).astype(np.float32)
    made = "".join(
        f"int predict_{name}(const float *x) {{ return {name}_predict(x); }}\n"
        f"const char *label_{name}(int u) {{ return {name}_labels[u]; }}\n"
        for name in nets
    ).replace(
        "{ return several_predict(x); }",
        "{ int y[3]; several_predict(x, y); return y[0] + 2 * y[1] + 4 * y[2]; }",
    )
    for name in nets:  # declared first: the header of functions that nobody wrote is not there
        made = f"int predict_{name}(const float *);\nconst char *label_{name}(int);\n{made}"
    compiled = Compiled(tmp_path, list(nets), more=made)
    for name, net in nets.items():
        predict = compiled.function(f"predict_{name}", ctypes.c_int, ctypes.c_void_p)
        got = [predict(x.ctypes.data) for x in X]
        outputs = net.feedforward(X)
        if name == "several":
            wanted = (outputs > 0.5) @ [1, 2, 4]
        elif net.sizes[-1] == 1:
            wanted = (outputs[:, 0] > (0 if name == "signs" else 0.5)) * (name != "only")
        else:
            wanted = outputs.argmax(axis=1)
        assert got == wanted.tolist() and (len(set(got)) > 1 or name == "only"), name
        label = compiled.function(f"label_{name}", ctypes.c_char_p, ctypes.c_int)
        names = net.preprocessing.labels if net.preprocessing else range(3)
        assert [label(u).decode() for u in range(len(names))] == [str(text) for text in names]


@pytest.mark.skipif(shutil.which("g++") is None, reason="a C++ compiler, g++, is missing")
def test_it_is_cpp_too(tmp_path):
    names = []
    for number, output in enumerate(ACTIVATIONS):
        for dtype in DTYPES:
            names.append(f"net{number}_{kind_name(dtype)}")
            net = Network([2, 3], "quadratic", output=output, dtype=dtype)
            net.kind = "classes"
            net.preprocessing = Preprocessing([1, 2], [3, 3], labels=["a", "b", "??="])
            net.to_c(tmp_path / f"{names[-1]}.h", preprocessing=True, labels=True)
    (tmp_path / "one.c").write_text("".join(f'#include "{name}.h"\n' for name in names))
    Compiled.compile(tmp_path, "g++", "-x", "c++", "-fsyntax-only", language="-std=c++17")


def test_the_header_says_its_sizes_and_version_and_no_path(tmp_path):
    folder = tmp_path / "secret"
    folder.mkdir()
    Network([4, 3, 2], dtype=np.float32).to_c(os.fsencode(folder / "Iris_2.h"))
    text = (folder / "Iris_2.h").read_text()
    assert "static void Iris_2_feedforward(const float x[4], float a[2])" in text
    assert "4-3-2 units (sigmoid, sigmoid), in float" in text
    assert f"fastnet {fastnet.__version__}." in text and "secret" not in text
    assert re.findall("#include.*", text) == ["#include <math.h>"] and "alloc" not in text
    Network([4, 2]).to_c(folder / "Iris_2.h", name="other")  # a file that is there is replaced
    assert "other_feedforward(const double x[4], double a[2])" in (folder / "Iris_2.h").read_text()


@pytest.mark.parametrize(
    ("change", "options", "error", "words"),
    [
        ({}, {"name": "while"}, ValueError, "name is 'while', which is a keyword of C; give name="),
        ({}, {"name": "9lives"}, ValueError, "is not a C identifier; give name= a letter"),
        ({}, {"name": "a\n"}, ValueError, "not a C identifier"),
        ({}, {"name": "é"}, ValueError, "not a C identifier"),
        ({}, {"name": "a" * 49}, ValueError, "not a C identifier"),
        ({}, {"name": b"a"}, TypeError, "name is b'a'; expected a C identifier"),
        ({}, {"labels": "yes"}, TypeError, "labels is 'yes'; expected True or False"),
        ({}, {"preprocessing": 1}, TypeError, "preprocessing is 1; expected True or False"),
        ({"kind": "numbers"}, {"labels": True}, ValueError, "this network predicts numbers"),
        ({"preprocessing": np.log1p}, {}, TypeError, "which C cannot express; expected"),
        ({"preprocessing": Preprocessing([0.0], [2.0])}, {}, ValueError, "mean has 1 entries"),
        ({"preprocessing": Preprocessing(labels=["a\0b", "c"])}, {"labels": True}, ValueError,
         "label 'a.x00b' has a null character"),
        ({"preprocessing": Preprocessing(labels=["a", "\udc80"])}, {"labels": True}, ValueError,
         "surrogate"),
        ({"parameters": [np.inf] * 8}, {}, ValueError, r"not finite; '.*a\.h' was not written"),
        ({"_architecture": Network([3, 2])._architecture._replace(activations=(np.sin,))}, {},
         ValueError, "layer 1 has the activation <ufunc 'sin'>, which has no formula in C"),
    ],
)  # fmt: skip
def test_what_cannot_be_right_is_refused(tmp_path, change, options, error, words):
    net = Network([3, 2])
    for name, value in change.items():
        if name == "parameters":
            net.parameters[:] = value
        else:
            setattr(net, name, value)
    with pytest.raises(error, match=words) as caught:
        net.to_c(tmp_path / "a.h", **options)
    assert "\n" not in str(caught.value) and not list(tmp_path.iterdir())


def test_a_file_whose_name_is_not_an_identifier_is_refused(tmp_path):
    with pytest.raises(ValueError, match="the file is called 'my-net', which is not a C identif"):
        Network([3, 2]).to_c(tmp_path / "my-net.h")
    with pytest.raises(TypeError, match="path is of type int"):
        Network([3, 2]).to_c(3)
    assert not list(tmp_path.iterdir())
