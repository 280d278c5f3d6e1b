"""What must hold whatever the bytes are: a value, or a ValueError that names the file."""

import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from .formats import FORMATS, Format

__all__ = ["Checker", "load_modules"]

#: What Python announces (PEP 578) before something is executed, started, sent or changed.
FORBIDDEN = (
    "exec", "compile", "import", "marshal.", "pickle.", "ctypes.", "os.", "shutil.", "socket.",
    "subprocess.", "sys.setprofile", "sys.settrace", "tempfile.", "winreg.", "code.__new__",
)  # fmt: skip
#: Looking at a path is no change.
HARMLESS = ("os.listdir", "os.scandir", "os.fspath")

#: No refusal is longer, whatever the file holds.
LONGEST_MESSAGE = 2000


class Checker:
    """Reads files of one format and lets nothing pass but a value or a good refusal.

    Parameters
    ----------
    form : Format
    folder : Path
        Where the bytes are put, to be read as a file.
    """

    armed: "Checker | None" = None
    hooked = False

    def __init__(self, form: Format, folder: Path) -> None:
        self.form = form
        self.path = str(folder / f"{form.name}.file")
        self.forbidden: list[str] = []
        if not Checker.hooked:
            sys.addaudithook(_hear)
            Checker.hooked = True
        load_modules()

    def check(self, data: bytes) -> bool:
        """Return whether the bytes were taken.

        Raises
        ------
        AssertionError
            Something was executed, or a refusal does not say enough, or too much.
        """
        self.forbidden = []
        Checker.armed = self
        try:
            return self.read(data)
        finally:
            Checker.armed = None
            assert not self.forbidden, self.forbidden

    def read(self, data: bytes) -> bool:
        """Do what `check` does, but for what it executes."""
        with open(self.path, "wb") as file:
            file.write(data)
        try:
            self.form.read(self.path)
        except ValueError as error:
            text = str(error)
            assert self.path in text, text
            assert len(text) < LONGEST_MESSAGE + len(self.path), len(text)
            assert text.isprintable(), text
            return False
        return True


def load_modules() -> None:
    """Read a file of each format: modules that come with the first are no part of what it does."""
    import tokenize  # noqa: F401, which NumPy imports with the first damaged header

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        for form in FORMATS.values():
            for seed in form.make_seeds():
                path.write_bytes(seed)
                with suppress(ValueError):
                    form.read(str(path))


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    checker = Checker.armed
    if checker is None:
        return
    if event == "open":
        path, mode, _ = arguments
        if path != checker.path or (mode or "r").strip("b") not in ("r", "w"):
            checker.forbidden.append(f"open {path!r} {mode!r}")
    elif event == "compile" and arguments[1] == "<unknown>":
        pass  # ast.parse, by which NumPy reads the header of an array: a tree that nobody executes
    elif event.startswith(FORBIDDEN) and event not in HARMLESS:
        checker.forbidden.append(event)
