"""Builds the compiled extensions; everything else about the package stands in pyproject.toml.

`fastnet/kernels/engine.pyx` is compiled once for every number type and instruction set, each time
from the same source with other flags, and `fastnet/kernels/__init__.py` picks one at import.
"""

import os
import platform
import shutil
import sys
from pathlib import Path

import numpy as np
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

KERNELS = Path("fastnet/kernels")
GENERATED = Path("build/cython")
SWITCHES = GENERATED / "sanitizers.txt"
NUMBERS = {"f64": ("double", "53"), "f32": ("float", "24")}
MSVC = sys.platform == "win32"
X86 = platform.machine().lower() in ("x86_64", "amd64")

# errno and floating-point traps are never looked at here; each flag frees the vectoriser from one
# of them. Nothing that changes results or the process's floating-point environment.
FLAGS = ["/O2"] if MSVC else ["-O3", "-g0", "-fno-math-errno", "-fno-trapping-math"]
# C is never unwound through; its tables would be 3 % of a wheel's kernels.
SMALL = [] if MSVC else ["-fno-asynchronous-unwind-tables"]
VARIANTS: dict[str, list[str]] = {"baseline": []}
if X86 and not MSVC and not os.environ.get("ARCHFLAGS"):
    VARIANTS["avx2"] = ["-mavx2", "-mfma"]
    VARIANTS["avx512"] = [
        *("-mavx512f", "-mavx512vl", "-mavx512dq", "-mavx512bw", "-mavx2", "-mfma"),
        "-mprefer-vector-width=512",
    ]

# For those who change a kernel and want to wait for one variant only: FASTNET_VARIANTS=avx2.
if os.environ.get("FASTNET_VARIANTS"):
    VARIANTS = {name: VARIANTS[name] for name in os.environ["FASTNET_VARIANTS"].split(",")}

# For those who look for faults in a kernel (see .ci/sanitize): FASTNET_SANITIZE=address,undefined
# or =thread has GCC or Clang instrument everything, and =bounds has Cython check every index.
SANITIZERS = ("address", "undefined", "thread", "bounds")
SANITIZE = [name for name in os.environ.get("FASTNET_SANITIZE", "").split(",") if name]
for name in SANITIZE:
    if name not in SANITIZERS:
        raise SystemExit(f"FASTNET_SANITIZE names {name!r}; there are {', '.join(SANITIZERS)}")
CHECKED = "bounds" in SANITIZE
INSTRUMENT = [f"-fsanitize={name}" for name in SANITIZE if name != "bounds"]
if "undefined" in SANITIZE:
    INSTRUMENT.append("-fsanitize=float-cast-overflow")  # which the group leaves out


def engine_extensions() -> list[Extension]:
    """One extension a number type and variant, each from its own copy of engine.pyx."""
    return [
        Extension(
            f"fastnet.kernels.engine_{number}_{variant}",
            [str(GENERATED / f"engine_{number}_{variant}.pyx")],
            define_macros=[("FASTNET_REAL", real), ("FASTNET_DIGITS", digits)],
            extra_compile_args=FLAGS + flags,
            depends=[str(path) for path in sorted(KERNELS.glob("*.[ph]*")) if path.suffix != ".py"],
        )
        for number, (real, digits) in NUMBERS.items()
        for variant, flags in VARIANTS.items()
    ]


def extensions() -> list[Extension]:
    """All of them, with what they have in common."""
    exact = ["/O2", "/fp:precise"] if MSVC else ["-O3", "-g0", "-ffp-contract=off"]
    found = [
        Extension("fastnet.kernels.cpu", ["fastnet/kernels/cpu.pyx"]),
        Extension("fastnet.kernels.codes", ["fastnet/kernels/codes.pyx"]),
        Extension("fastnet.kernels.guard", ["fastnet/kernels/guard.pyx"]),
        Extension("fastnet.kernels.signals", ["fastnet/kernels/signals.pyx"]),
        Extension(
            "fastnet.kernels.examples", ["fastnet/kernels/examples.pyx"], extra_compile_args=FLAGS
        ),
        Extension(
            "fastnet.kernels.shifting", ["fastnet/kernels/shifting.pyx"], extra_compile_args=FLAGS
        ),
        Extension(
            "fastnet.kernels.initial",
            ["fastnet/kernels/initial.pyx"],
            extra_compile_args=exact,
            library_dirs=[str(Path(np.get_include()).parents[1] / "random" / "lib")],
            libraries=["npyrandom"] + ([] if MSVC else ["m"]),
        ),
        *engine_extensions(),
    ]
    for extension in found:
        extension.include_dirs += [np.get_include(), str(KERNELS)]
        extension.define_macros.append(("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION"))
        if not SANITIZE:  # whose reports say who called whom
            extension.extra_compile_args = [*extension.extra_compile_args, *SMALL]
        if SANITIZE:
            # The first report ends the process: a test run cannot pass over it.
            checks = [*INSTRUMENT, "-fno-sanitize-recover=all"] if INSTRUMENT else []
            extension.extra_compile_args = [
                *extension.extra_compile_args,
                *checks,
                *("-fno-omit-frame-pointer", "-O1", "-g1"),
            ]
            extension.extra_link_args = INSTRUMENT
    return found


class CythonBuild(build_ext):
    """Turns .pyx into C in build/, beside nothing that is committed, and compiles that."""

    def finalize_options(self) -> None:
        """Compile on all cores, unless told otherwise; compile anew what had other sanitizers."""
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count()
        before = SWITCHES.read_text() if SWITCHES.exists() else ""
        self.force = self.force or before != ",".join(SANITIZE)

    def run(self) -> None:
        """Cythonize only when something is really built: metadata and sdists need no C."""
        from Cython.Build import cythonize

        GENERATED.mkdir(parents=True, exist_ok=True)
        for extension in self.extensions:
            source = Path(extension.sources[0])
            if GENERATED in source.parents and source.suffix == ".pyx":
                copy_if_newer(KERNELS / "engine.pyx", source)
        generated = cythonize(
            self.extensions,
            build_dir=str(GENERATED / "c"),
            include_path=["."],
            language_level=3,
            compiler_directives={
                "boundscheck": CHECKED,
                "wraparound": False,
                "cdivision": True,  # vectors divide too, and know no exception
                "initializedcheck": CHECKED,
                "embedsignature": True,
            },
            nthreads=0,
            force=self.force,
        )
        for extension, cythonized in zip(self.extensions, generated, strict=True):
            extension.sources = cythonized.sources
        super().run()
        SWITCHES.write_text(",".join(SANITIZE))


def copy_if_newer(source: Path, target: Path) -> None:
    """Copy, unless the copy is as new as its source: then nothing needs to be compiled again."""
    if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
        shutil.copyfile(source, target)


setup(ext_modules=extensions(), cmdclass={"build_ext": CythonBuild})
