"""Builds the compiled extensions, and gives a release its addresses; the rest is in pyproject.toml.

`fastnet/kernels/engine.pyx`, with the classes that Python sees, is compiled once for every number
type (`engine_f32.pyx` includes it). `fastnet/kernels/loops.pyx` is compiled once more for every
instruction set, each time with other flags, and `fastnet/kernels/__init__.py` picks one at import.
"""

import os
import platform
import re
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

# Kernels use neither errno nor floating-point traps; each flag lets the compiler ignore one of
# them, so that it can vectorize. No flag changes results or the floating-point environment.
FLAGS = ["/O2"] if MSVC else ["-O3", "-fno-math-errno", "-fno-trapping-math"]
# No exception passes through C, so it needs no unwind tables, which are 3 % of a wheel's kernels.
# Debug symbols, which some Pythons ask for, would be 29 %.
SMALL = [] if MSVC else ["-g0", "-fno-asynchronous-unwind-tables"]
VARIANTS: dict[str, list[str]] = {"baseline": []}
if X86 and not MSVC and not os.environ.get("ARCHFLAGS"):
    VARIANTS["avx2"] = ["-mavx2", "-mfma"]
    VARIANTS["avx512"] = [
        *("-mavx512f", "-mavx512vl", "-mavx512dq", "-mavx512bw", "-mavx2", "-mfma"),
        "-mprefer-vector-width=512",
    ]

# FASTNET_VARIANTS=avx2 builds only this variant, which is faster while a kernel is changed.
if os.environ.get("FASTNET_VARIANTS"):
    VARIANTS = {name: VARIANTS[name] for name in os.environ["FASTNET_VARIANTS"].split(",")}

# FASTNET_SANITIZE=address,undefined or =thread has GCC or Clang instrument everything, and =bounds
# has Cython check every index; see .ci/sanitize.
SANITIZERS = ("address", "undefined", "thread", "bounds")
SANITIZE = [name for name in os.environ.get("FASTNET_SANITIZE", "").split(",") if name]
for name in SANITIZE:
    if name not in SANITIZERS:
        raise SystemExit(f"FASTNET_SANITIZE has {name!r}; give some of {', '.join(SANITIZERS)}")
CHECKED = "bounds" in SANITIZE
INSTRUMENT = [f"-fsanitize={name}" for name in SANITIZE if name != "bounds"]
if "undefined" in SANITIZE:
    INSTRUMENT.append("-fsanitize=float-cast-overflow")  # which the group leaves out


def kernel_extensions() -> list[Extension]:
    """Return the engine for each number type, and its loops for each variant.

    The loops are one C source, compiled with different macros and flags (see `rename`).
    """
    depends = [str(path) for path in sorted(KERNELS.glob("*.[ph]*")) if path.suffix != ".py"]
    found = []
    for number, (real, digits) in NUMBERS.items():
        macros = [("FASTNET_REAL", real), ("FASTNET_DIGITS", digits)]
        engine = "engine" if number == "f64" else f"engine_{number}"
        wanted = [(engine, engine, [])]
        wanted += [(f"loops_{number}_{v}", "loops", flags) for v, flags in VARIANTS.items()]
        found += [
            Extension(
                f"fastnet.kernels.{name}",
                [str(KERNELS / f"{source}.pyx")],
                define_macros=[*macros],
                extra_compile_args=FLAGS + flags,
                depends=depends,
            )
            for name, source, flags in wanted
        ]
    return found


def extensions() -> list[Extension]:
    """Return all extensions, with their common options."""
    exact = ["/O2", "/fp:precise"] if MSVC else ["-O3", "-ffp-contract=off"]
    found = [
        Extension("fastnet.kernels.cpu", ["fastnet/kernels/cpu.pyx"]),
        Extension("fastnet.kernels.codes", ["fastnet/kernels/codes.pyx"]),
        Extension("fastnet.kernels.rwlock", ["fastnet/kernels/rwlock.pyx"]),
        Extension("fastnet.kernels.signals", ["fastnet/kernels/signals.pyx"]),
        Extension(
            "fastnet.kernels.rows",
            ["fastnet/kernels/rows.pyx"],
            extra_compile_args=FLAGS,
            depends=["fastnet/kernels/nonzeros.h"],
        ),
        Extension(
            "fastnet.kernels.shift_images",
            ["fastnet/kernels/shift_images.pyx"],
            extra_compile_args=FLAGS,
        ),
        Extension(
            "fastnet.kernels.initializers",
            ["fastnet/kernels/initializers.pyx"],
            extra_compile_args=exact,
            library_dirs=[str(Path(np.get_include()).parents[1] / "random" / "lib")],
            libraries=["npyrandom"] + ([] if MSVC else ["m"]),
        ),
        *kernel_extensions(),
    ]
    for extension in found:
        extension.include_dirs += [np.get_include(), str(KERNELS)]
        extension.define_macros.append(("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION"))
        if not SANITIZE:  # sanitizers need the tables for call stacks in their reports
            extension.extra_compile_args = [*extension.extra_compile_args, *SMALL]
        if SANITIZE:
            # The first report ends the process, so that a test run fails.
            checks = [*INSTRUMENT, "-fno-sanitize-recover=all"] if INSTRUMENT else []
            extension.extra_compile_args = [
                *extension.extra_compile_args,
                *checks,
                *("-fno-omit-frame-pointer", "-O1", "-g1"),
            ]
            extension.extra_link_args = INSTRUMENT
    return found


class CythonBuild(build_ext):
    """Translates .pyx files to C in build/, outside of the sources, and compiles that."""

    def finalize_options(self) -> None:
        """Compile on all cores by default; recompile after a build with other sanitizers."""
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count()
        before = SWITCHES.read_text() if SWITCHES.exists() else ""
        self.force = self.force or before != ",".join(SANITIZE)

    def run(self) -> None:
        """Run Cython only if something is built: metadata and sdists need no C."""
        from Cython.Build import cythonize

        sources = sorted({extension.sources[0] for extension in self.extensions})
        GENERATED.mkdir(parents=True, exist_ok=True)
        generated = cythonize(
            [Extension(module_of(source), [source]) for source in sources],
            build_dir=str(GENERATED),
            include_path=["."],
            language_level=3,
            compiler_directives={
                "boundscheck": CHECKED,
                "wraparound": False,
                "cdivision": True,  # loops that check for division by zero are not vectorized
                "initializedcheck": CHECKED,
                "embedsignature": True,
            },
            nthreads=self.parallel if sys.platform == "linux" else 0,  # elsewhere it would spawn
            force=self.force,
        )
        c_files = {source: made.sources[0] for source, made in zip(sources, generated, strict=True)}
        for extension in self.extensions:
            source = extension.sources[0]
            extension.depends = [*extension.depends, c_files[source]]
            extension.sources = [rename(c_files[source], Path(source).stem, extension.name)]
        super().run()
        SWITCHES.write_text(",".join(SANITIZE))


def module_of(source: str) -> str:
    """Return the module name of a source, as Cython uses it."""
    return ".".join(Path(source).with_suffix("").parts)


def rename(c_file: str, stem: str, name: str) -> str:
    """Return a C file with the code of `c_file` as another module; `c_file` if it has that name.

    For modules without classes only, imported by path: inside, the name stays that of the stem.
    """
    other = name.rsplit(".", 1)[1]
    if other == stem:
        return c_file
    renamed = Path(c_file).with_name(f"{other}.c")
    text = f'#define PyInit_{stem} PyInit_{other}\n#include "{Path(c_file).name}"\n'
    if not renamed.exists() or renamed.read_text() != text:
        renamed.write_text(text)
    return str(renamed)


# The workflow that releases the package sets this: PyPI does not follow relative links.
REPOSITORY = os.environ.get("FASTNET_REPOSITORY", "").rstrip("/")


def release() -> str:
    """Return the tag of the version in fastnet/_version.py."""
    version = re.search('__version__ = "(.+)"', Path("fastnet/_version.py").read_text())
    assert version is not None
    return f"v{version[1]}"


def description() -> str:
    """Return the README; with links into the repository where its address is known."""
    text = Path("README.md").read_text(encoding="utf-8")
    if not REPOSITORY:
        return text
    text = re.sub(r'(?<= src=")(?!\w+:)', f"{REPOSITORY}/raw/{release()}/", text)
    return re.sub(r"(?<=\]\()(?!\w+:|#)", f"{REPOSITORY}/blob/{release()}/", text)


def urls() -> dict[str, str]:
    """Return the addresses that PyPI shows beside the package."""
    if not REPOSITORY:
        return {}
    return {
        "Source": REPOSITORY,
        "Documentation": f"{REPOSITORY}/blob/{release()}/docs/index.md",
        "Changelog": f"{REPOSITORY}/blob/{release()}/CHANGELOG.md",
        "Issues": f"{REPOSITORY}/issues",
    }


setup(
    ext_modules=extensions(),
    cmdclass={"build_ext": CythonBuild},
    long_description=description(),
    long_description_content_type="text/markdown",
    project_urls=urls(),
)
