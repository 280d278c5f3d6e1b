"""Builds the compiled extensions; all but them and the addresses is in pyproject.toml.

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

# errno and floating-point traps are never looked at here; each flag frees the vectoriser from one
# of them. Nothing that changes results or the process's floating-point environment.
FLAGS = ["/O2"] if MSVC else ["-O3", "-fno-math-errno", "-fno-trapping-math"]
# C is never unwound through: its tables would be 3 % of a wheel's kernels. Debug symbols, which
# some Pythons ask for, would be 29 %.
SMALL = [] if MSVC else ["-g0", "-fno-asynchronous-unwind-tables"]
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


def kernel_extensions() -> list[Extension]:
    """The engine for each number type, and its loops for each variant too.

    The loops are one C source; what differs is what the C compiler is told (see `rename`).
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
    """All of them, with what they have in common."""
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
                "cdivision": True,  # vectors divide too, and know no exception
                "initializedcheck": CHECKED,
                "embedsignature": True,
            },
            nthreads=self.parallel if sys.platform == "linux" else 0,  # elsewhere by spawning
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
    """The module that a source is, as Cython knows it."""
    return ".".join(Path(source).with_suffix("").parts)


def rename(c_file: str, stem: str, name: str) -> str:
    """Return C that is `c_file`, as another module; where it is not another, the file itself.

    Only for what has no classes and is found by its path: inside, its name stays that of the stem.
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
