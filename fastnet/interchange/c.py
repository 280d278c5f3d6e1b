"""`to_c`: networks as C99 headers, with the parameters and a function `feedforward`."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from itertools import chain
from string import Template
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastnet._version import __version__
from fastnet.activations import ACTIVATIONS
from fastnet.common.arguments import as_flag, as_path, in_one_line, shown
from fastnet.costs import GaussianCost
from fastnet.files import replace_file
from fastnet.interchange.layers import Layer, known_preprocessing, layers_to_write
from fastnet.model.model import Model
from fastnet.model.targets import kind_of_output
from fastnet.preprocessing import Preprocessing

__all__ = ["to_c"]

#: C99 distinguishes names by their first 63 characters, and functions add up to 14.
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,47}", re.ASCII)
#: The keywords of C99 and C23 that `NAME` allows.
KEYWORDS = {
    "alignas", "alignof", "auto", "bool", "break", "case", "char", "const", "constexpr",
    "continue", "default", "do", "double", "else", "enum", "extern", "false", "float", "for",
    "goto", "if", "inline", "int", "long", "nullptr", "register", "restrict", "return", "short",
    "signed", "sizeof", "static", "static_assert", "struct", "switch", "thread_local", "true",
    "typedef", "typeof", "typeof_unqual", "union", "unsigned", "void", "volatile", "while",
}  # fmt: skip
#: Numbers per line of the header.
ACROSS = {"float": 6, "double": 4}

#: The body of each activation's function of z; softmax takes a row. $real is the number type, and
#: $f the suffix of its functions and literals.
BODIES = {
    "sigmoid": """
    const $real e = exp$f(-fabs$f(z)); /* at most 1 */
    return (z < 0 ? e : 1) / (1 + e);""",
    "tanh": """
    return tanh$f(z);""",
    "relu": """
    return z < 0 ? 0 : z;""",
    "leaky_relu": """
    return z < 0 ? 0.01$f * z : z;""",
    "exponential": """
    return exp$f(z);""",
    "elu": """
    return z < 0 ? expm1$f(z) : z;""",
    "selu": """
    return z < 0 ? 1.7580993408473768599$f * expm1$f(z) : 1.0507009873554804934$f * z;""",
    "silu": """
    const $real e = exp$f(-fabs$f(z));
    if (z < -80) { /* z e would lose digits where e is subnormal */
        const $real half = exp$f(z / 2);
        return half > 0 ? z * half * half : 0;
    }
    return (z < 0 ? z * e : z) / (1 + e);""",
    "softplus": """
    return (z > 0 ? z : 0) + log1p$f(exp$f(-fabs$f(z)));""",
    "softsign": """
    return fabs$f(z) > 1e30$f ? (z < 0 ? -1 : 1) : z / (1 + fabs$f(z));""",
    "sine": """
    return sin$f(z);""",
}
#: z erfc(-z / sqrt(2)) / 2, which keeps its digits in the tail, unlike 1 + erf. erfc multiplies the
#: relative error of its argument x by 2 x^2, so float uses double, and double corrects the error.
GELU = {
    "float": """
    if (z < -15)
        return 0;
    return (float)(0.5 * (double)z * erfc(-0.70710678118654752440 * (double)z));""",
    "double": """
    const double x = -0.70710678118654752440 * z;
    double tail;
    if (z < -39)
        return 0;
    tail = erfc(x);
    if (x > 1) /* what rounding left out of x, and of the square root */
        tail -= 2 * x * tail * (fma(-0.70710678118654752440, z, -x) + 4.8336466567264573e-17 * z);
    return 0.5 * z * tail;""",
}
FUNCTION = """
static inline $real ${name}_$activation($real z)
{$body
}
"""
#: z is shifted by its maximum, so that nothing overflows.
SOFTMAX = """
static inline void ${name}_softmax(const $real *z, $real *a, int n)
{
    $real largest = z[0], total = 0;
    for (int u = 1; u < n; u++)
        if (z[u] > largest)
            largest = z[u];
    for (int u = 0; u < n; u++) {
        a[u] = exp$f(z[u] - largest);
        total += a[u];
    }
    for (int u = 0; u < n; u++)
        a[u] /= total;
}
"""
HEAD = """\
/* A network of $shape units ($activations), in $real.
 * Written by fastnet $version.
 *
 * ${name}_feedforward takes $n_in inputs$how,
 * and writes $n_out outputs. Both may be the same array. */
#ifndef FASTNET_${name}_H
#define FASTNET_${name}_H

#include <math.h>

"""
#: Compilers warn of a static function that is never called, unless it is inline.
OPEN = """
#if defined(__GNUC__)
__attribute__((unused))
#endif
static void ${name}_feedforward(const $real x[$n_in], $real a[$n_out])
{
    $real $declared;
"""
STANDARDIZED = """
    for (int i = 0; i < $n_in; i++)
        z0[i] = ($real)(((double)x[i] - ${name}_mean[$mean]) / ${name}_scale[$scale]);
"""
#: Each sum starts with the bias and adds the inputs in order, as in the kernels; four at a time, so
#: that z is loaded and stored less often.
BIASES = """
    for (int u = 0; u < $units; u++)
        z$layer[u] = ${name}_b$layer[u];
"""
FOUR_INPUTS = """\
    for (int i = 0; i < $fours; i += 4)
        for (int u = 0; u < $units; u++)
            z$layer[u] = z$layer[u] + $source[i] * ${name}_w$layer[i][u]
                + $source[i + 1] * ${name}_w$layer[i + 1][u]
                + $source[i + 2] * ${name}_w$layer[i + 2][u]
                + $source[i + 3] * ${name}_w$layer[i + 3][u];
"""
ONE_INPUT = """\
    for (int i = $fours; i < $below; i++)
        for (int u = 0; u < $units; u++)
            z$layer[u] += $source[i] * ${name}_w$layer[i][u];
"""
FOR_EACH = """\
    for (int u = 0; u < $units; u++)
        $target[u] = $value;
"""
LABELS = """
static const char *const ${name}_labels[$count] = {
    $strings
};

/* $what */
static inline $returned ${name}_predict(const $real x[$n_in]$more)
{
    $real a[$n_out];
    ${name}_feedforward(x, a);
$body}
"""
LARGEST = """\
    int best = 0;
    for (int u = 1; u < $n_out; u++)
        if (a[u] > a[best])
            best = u;
    return best;
"""


def to_c(
    network: Model,
    path: str | os.PathLike[str],
    *,
    name: str | None = None,
    preprocessing: bool | None = None,
    labels: bool = False,
) -> None:
    """Write a network as a C header; see `Network.to_c`."""
    path = as_path(path, "path")
    name = _read_name(name, path)
    labels = as_flag(labels, "labels")
    if preprocessing is not None:
        preprocessing = as_flag(preprocessing, "preprocessing")
    layers, known = layers_to_write(network, path, "C")
    for layer in layers:
        if layer.activation not in (*BODIES, "gelu", "softmax", "identity"):
            raise ValueError(
                f"{layer.name} has the activation {layer.activation!r}, which has no formula in C; "
                f"expected one of {', '.join(ACTIVATIONS)}."
            )
    answer = _Answer.of(network, known) if labels else None
    if preprocessing is None:
        known_preprocessing(network, "the header")  # warns
    header = _Header(name, network, layers, known if preprocessing else Preprocessing())
    text = header.functions() + ("" if answer is None else header.predict(answer)) + "\n#endif\n"
    # The tables may be long, so they are generated while the file is written.
    parts = chain([header.filled(HEAD)], header.tables(), [text])
    replace_file(path, lambda file: file.writelines(part.encode("ascii") for part in parts))


def _read_name(name: Any, path: str) -> str:
    """Return the prefix of the names in the header, by default the file's name."""
    if name is not None and not isinstance(name, str):
        raise TypeError(f"name is {shown(name)}; expected a C identifier, such as 'digits'.")
    found = os.path.splitext(os.path.basename(path))[0] if name is None else str(name)
    if NAME.fullmatch(found) and found not in KEYWORDS:
        return found
    why = "is a keyword of C" if found in KEYWORDS else "is not a C identifier"
    where = f"name is {shown(found)}, which {why}"
    if name is None:
        where = f"the file is called {shown(found)}, which {why}"
    raise ValueError(
        f"{where}; give name= a letter and up to 47 letters, digits and underscores, all of ASCII."
    )


class _Answer(NamedTuple):
    """The labels, whether several may apply, and the output above which one does."""

    names: list[str]
    several: bool
    above: float

    @classmethod
    def of(cls, network: Model, known: Preprocessing) -> _Answer:
        kind, n_out = network.kind or kind_of_output(network.activations[-1]), network.sizes[-1]
        if kind == "numbers":
            raise ValueError(
                "labels is True, and this network predicts numbers; leave labels out, or set "
                "net.kind to 'classes' or 'labels'."
            )
        several = kind == "labels"
        names = known.labels or range(n_out if several else max(n_out, 2))
        return cls([_quoted(str(label)) for label in names], several, (1 + network._low) / 2)


def _quoted(text: str) -> str:
    """Return text as a C string literal in ASCII; UTF-8, quotes and trigraphs are escaped.

    Octal escapes end after three digits; hexadecimal ones would extend into the next letters.
    """
    try:
        content = text.encode()
    except UnicodeEncodeError:
        content = b"\0"
    if 0 in content:
        raise ValueError(
            f"the label {in_one_line(repr(text))} has a null character or half of a surrogate "
            "pair, which a C string cannot contain; rename it in preprocessing.labels."
        )
    letters = (
        f"\\{chr(byte)}" if byte in b'"\\?' else chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}"
        for byte in content
    )
    return f'"{"".join(letters)}"'


class _Header:
    """Writes the parts of a header."""

    def __init__(
        self, name: str, network: Model, layers: list[Layer], applied: Preprocessing
    ) -> None:
        self._layers = layers
        self._applied = applied
        self._cost = network.cost
        self._activations = [str(layer.activation) for layer in layers]
        self._real = "float" if network.dtype == np.float32 else "double"
        self._scaling = {}
        if applied.changes_inputs:
            self._scaling = {
                what: _one_if_equal(getattr(applied, what)) for what in ("mean", "scale")
            }
        self._words = {
            "name": name,
            "real": self._real,
            "f": "f" if self._real == "float" else "",
            "n_in": network.sizes[0],
            "n_out": network.sizes[-1],
            "shape": "-".join(map(str, network.sizes)),
            "activations": ", ".join(self._activations),
            "version": __version__,
            "how": " in their original units, which it standardizes" if self._scaling else "",
        }

    def filled(self, text: str, **words: Any) -> str:
        """Return a template with its placeholders filled in."""
        return Template(text).substitute(self._words | words)

    def tables(self) -> Iterator[str]:
        """Yield the lines of the tables: biases, weights, means and scales."""
        for number, layer in enumerate(self._layers, 1):
            yield from self._table(f"b{number}", layer.bias, self._real)
            yield from self._table(f"w{number}", layer.weight.T, self._real)
        for what, values in self._scaling.items():
            yield from self._table(what, values, "double")

    def functions(self) -> str:
        """Return the function `feedforward`, after the functions that it calls."""
        bodies = {**BODIES, "gelu": GELU[self._real]}
        text = ""
        for activation in dict.fromkeys(self._activations):
            if activation == "softmax":
                text += self.filled(SOFTMAX)
            elif activation in bodies:
                body = self.filled(bodies[activation])
                text += self.filled(FUNCTION, activation=activation, body=body)
        source = "x"
        declared = [f"z{n}[{len(layer.bias)}]" for n, layer in enumerate(self._layers, 1)]
        if self._scaling:
            source = "z0"
            declared.insert(0, f"z0[{self._words['n_in']}]")
        text += self.filled(OPEN, declared=", ".join(declared))
        if self._scaling:
            places = {k: "i" if len(values) > 1 else "0" for k, values in self._scaling.items()}
            text += self.filled(STANDARDIZED, **places)
        for number, layer in enumerate(self._layers, 1):
            units, below = layer.weight.shape
            fours = below - below % 4
            loops = BIASES + (FOUR_INPUTS if fours else "") + (ONE_INPUT if fours < below else "")
            words = {"layer": number, "units": units, "below": below, "fours": fours}
            text += self.filled(loops, source=source, **words)
            source = f"z{number}"
            target = "a" if number == len(self._layers) else source
            text += self._activated(self._activations[number - 1], source, target, units)
        mean, scale = self._applied.target_mean, self._applied.target_scale
        if (mean, scale) != (0.0, 1.0):
            value = f"(double)a[u] * {_hexadecimal(scale)} + {_hexadecimal(mean)}"
            if self._cost is GaussianCost:  # means, then log variances
                more = _hexadecimal(2 * math.log(scale))
                value = f"u < {len(self._layers[-1].bias) // 2} ? {value} : (double)a[u] + {more}"
            value = f"({self._real})({value})"
            text += self.filled(FOR_EACH, units=self._words["n_out"], target="a", value=value)
        return f"{text}}}\n"

    def predict(self, answer: _Answer) -> str:
        """Return the table of labels, and the function that predicts one."""
        above = f"a[u] > {answer.above}{self._words['f']}"
        words = {"returned": "int", "more": "", "what": "Returns the number of the class."}
        if answer.several:
            body = self.filled(FOR_EACH, units=self._words["n_out"], target="y", value=above)
            words = {"returned": "void", "what": "y[u] is 1 if the label applies, and 0 if not."}
            words["more"] = f", int y[{self._words['n_out']}]"
        elif self._words["n_out"] == 1:
            # A network of an estimator that was fitted on one class always predicts that class.
            body = f"    return {above.replace('[u]', '[0]')} ? {len(answer.names) - 1} : 0;\n"
        else:
            body = self.filled(LARGEST)
        strings = ",\n    ".join(answer.names)
        return self.filled(LABELS, count=len(answer.names), strings=strings, body=body, **words)

    def _activated(self, activation: str, z: str, target: str, units: int) -> str:
        """Return the lines that compute the activations of z."""
        if activation == "softmax":
            return self.filled("    ${name}_softmax($z, a, $n_out);\n", z=z)
        value = f"{z}[u]"
        if activation != "identity":
            value = f"{self._words['name']}_{activation}({value})"
        elif z == target:
            return ""
        return self.filled(FOR_EACH, units=units, target=target, value=value)

    def _table(self, what: str, values: NDArray[Any], real: str) -> Iterator[str]:
        """Yield the lines of a table, with hexadecimal numbers.

        C99 requires correct rounding of hexadecimal numbers, so that they are exact, and only
        recommends it for decimal ones.
        """
        across, end = ACROSS[real], "f" if real == "float" else ""
        shape = "".join(f"[{n}]" for n in values.shape)
        yield f"static const {real} {self._words['name']}_{what}{shape} = {{\n"
        for row in np.atleast_2d(values):
            figures = [_hexadecimal(value) + end for value in row.tolist()]
            lines = (", ".join(figures[at : at + across]) for at in range(0, len(figures), across))
            text = ",\n ".join(lines)
            yield f"{{{text}}},\n" if values.ndim == 2 else f" {text}\n"
        yield "};\n"


def _one_if_equal(values: NDArray[Any]) -> NDArray[Any]:
    """Return only the first number if all are equal, such as the 256 of images."""
    return values[:1] if (values == values[0]).all() else values


def _hexadecimal(value: float) -> str:
    """Return a number as a hexadecimal C literal, without trailing zeros.

    Examples
    --------
    >>> _hexadecimal(0.75), _hexadecimal(-2.0)
    ('0x1.8p-1', '-0x1p+1')
    """
    digits, exponent = value.hex().split("p")
    return f"{digits.rstrip('0').rstrip('.') if '.' in digits else digits}p{exponent}"
