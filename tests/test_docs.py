"""The README and every page of docs/: examples run, links lead somewhere, no name is left out."""

import contextlib
import doctest
import inspect
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from matplotlib.figure import Figure

import fastnet
from fastnet import callbacks, costs, diagnostics, metrics, optimizers, plotting, schedules
from fastnet.activations import ACTIVATIONS
from fastnet.cli.app import COMMANDS
from fastnet.initializers import INITIALIZERS
from fastnet.initializers.named import ALIASES, TABLE

ROOT = Path(__file__).parents[1]
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [ROOT / "README.md", *DOCS]
#: Opens the fence of what is run: python, console (commands after "$ ", then what they print), c
#: (a program, which the test after the page's own compiles), or
#: {picture} with a file's name (see docs/_ext/picture.py). After the first two may stand packages
#: that must be there (such a block runs on its own), an exit code, or long=yes: a test of its own
#: runs the block.
FENCE = re.compile(r"```(python|console|c|\{picture\})((?: (?:needs|exit|long)=\w+)*| [\w-]+)")
#: What needs no running: directives of the pages' builder, and what is no code.
DIRECTIVE = re.compile(r"```(\{(include|toctree)\}|text).*")
NOT_IN_ANCHORS = re.compile(r"[^\w\- ]")


class Block(NamedTuple):
    """A fenced block: in which line its text begins, what it is, what it asks for."""

    line: int
    language: str
    needs: tuple[str, ...]
    exit: int
    long: bool
    text: str


def blocks(page):
    """Return the blocks of a page that are to be run."""
    found, opened, lines = [], None, []
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if opened is None and line.startswith("```"):
            opened, lines = (number, line), []
        elif opened is not None and line == "```":
            fence = FENCE.fullmatch(opened[1])
            if fence:
                options = [option.split("=") for option in fence[2].split() if "=" in option]
                needs = tuple(value for name, value in options if name == "needs")
                code = sum(int(value) for name, value in options if name == "exit")
                long = ["long", "yes"] in options
                text = "".join(f"{line}\n" for line in lines)
                found.append(Block(opened[0], fence[1], needs, code, long, text))
            opened = None
        else:
            lines.append(line)
    assert opened is None, f"{page.name}: the fence of line {opened[0]} is never closed"
    return found


def run_block(page, block, namespace):
    """Run one block and return what was wrong, or nothing."""
    where = f"{page.name}, line {block.line}"
    if block.language == "console":
        return run_commands(where, block)
    if block.language == "{picture}":
        return draw(where, block.text)
    if ">>>" not in block.text:
        return run_script(where, block.text, namespace)
    test = doctest.DocTestParser().get_doctest(block.text, namespace, where, str(page), block.line)
    test.globs = namespace  # not a copy: a page is one story
    said = []
    doctest.DocTestRunner(verbose=False).run(test, out=said.append, clear_globs=False)
    return "".join(said)


def run_script(where, text, namespace):
    """Run a block without prompts; the comment after a print says what it prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(text, where, "exec"), namespace)
    printed = out.getvalue().splitlines()
    comments = re.findall(r"^print\(.*\)  # (.+)$", text, re.MULTILINE)
    assert len(printed) == len(comments), f"{where}: say after each print what it prints"
    return "".join(
        f"{where}: printed {line!r}, and the comment says {comment!r}\n"
        for line, comment in zip(printed, comments, strict=True)
        if not comment.startswith(line)
    )


def draw(where, text):
    """Run the code of a picture, which stands alone and leaves a figure."""
    options = re.match(r"(:\w+: .*\n)*", text)[0]
    assert ":alt: " in options, f"{where}: a picture has words for those who do not see it"
    namespace = {}
    exec(compile(text.removeprefix(options), where, "exec"), namespace)
    figure = namespace.get("figure")
    return "" if isinstance(figure, Figure) and figure.axes else f"{where}: leaves no figure\n"


def run_commands(where, block):
    """Run each `$ fastnet ...` of a block; compare standard output, with `...` for anything."""
    wrong = []
    assert block.text.startswith("$ "), f"{where}: a console block begins with a command"
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, want = part.partition("\n")
        program, *arguments = shlex.split(command)
        assert program == "fastnet", f"{where}: only fastnet is run, not {program}"
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "fastnet", *arguments],
            env=os.environ | {"PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        got = done.stdout + (done.stderr if block.exit else "")
        flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        same = doctest.OutputChecker().check_output(want, got, flags)
        if done.returncode != block.exit or not same:
            wrong.append(
                f"{where}: {command}\nexpected:\n{want}\n"
                f"got, with exit code {done.returncode}:\n{got}\n{done.stderr}"
            )
    return "\n".join(wrong)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_runs_from_top_to_bottom(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "__main__"}
    with np.printoptions():  # a page may set its own, for itself alone
        shared = [block for block in blocks(page) if not block.needs and not block.long]
        wrong = [run_block(page, block, namespace) for block in shared if block.language != "c"]
    assert not any(wrong), "\n".join(filter(None, wrong))


@pytest.mark.skipif(shutil.which("gcc") is None, reason="a C compiler, gcc, is missing")
@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if any(block.language == "c" for block in blocks(page))],
    ids=lambda page: page.name,
)
def test_a_program_in_c_prints_what_its_comments_say(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "__main__"}
    for block in blocks(page):
        if block.language == "python" and not block.needs:
            run_block(page, block, namespace)
        elif block.language == "c":
            Path("program.c").write_text(block.text)
            command = ["gcc", "-std=c99", "-Wall", "-Wextra", "-Werror", "program.c", "-lm"]
            subprocess.run([*command, "-o", "program"], check=True)
            done = subprocess.run(["./program"], check=True, capture_output=True, text=True)
            wanted = re.findall(r"printf\(.*\);  // (.+)$", block.text, re.MULTILINE)
            assert done.stdout.splitlines() == wanted and wanted, page.name


ALONE = [(page, block) for page in PAGES for block in blocks(page) if block.needs]


@pytest.mark.parametrize(
    ("page", "block"), ALONE, ids=[f"{page.name}-{block.line}" for page, block in ALONE]
)
def test_a_block_that_needs_another_package_runs(page, block, tmp_path, monkeypatch):
    for package in block.needs:
        pytest.importorskip(package, reason=f"{package} is missing")
    monkeypatch.chdir(tmp_path)
    wrong = run_block(page, block, {"__name__": "__main__"})
    assert not wrong, wrong


# ---- the study of initializers, whose block trains 480 networks


STUDY = ROOT / "docs" / "study-initializers.md"


@pytest.fixture
def study(tmp_path, monkeypatch):
    """Return a function that runs the block in a folder of its own, and returns its variables."""
    monkeypatch.chdir(tmp_path)
    (block,) = (block for page in DOCS for block in blocks(page) if block.long)
    assert len(block.text.splitlines()) <= 25

    def run():
        namespace = {"__name__": "__main__"}
        exec(compile(block.text, STUDY.name, "exec"), namespace)
        return namespace

    return run


def test_the_study_of_initializers_runs_and_resumes_on_fewer_networks(study, monkeypatch):
    sweep = fastnet.sweep

    def smaller(build, cells, data, *, seeds, **options):
        assert len(cells) * seeds == 480
        cells = [cell for cell in cells if cell["depth"] < 4 and "normal" in cell["initializer"]]
        data = [(X[:100], y[:100]) for X, y in data]
        return sweep(build, cells, data, seeds=2, **options | {"progress": None})

    monkeypatch.setattr(fastnet, "sweep", smaller)
    first, again = study(), study()
    assert [len(first["result"]), len(first["result"].failed)] == [24, 0]
    assert not any(outcome.restored for outcome in first["result"])
    assert all(outcome.restored for outcome in again["result"])
    for ax, name in zip(again["figure"].axes, ["sigmoid", "tanh", "relu"], strict=True):
        assert (ax.get_title(), ax.get_xlabel(), ax.get_legend()) == (name, "depth", None)
    (legend,) = again["figure"].legends
    assert [text.get_text() for text in legend.get_texts()] == ["glorot_normal", "he_normal"]
    assert Path("study.pdf").read_bytes().startswith(b"%PDF")


def test_the_search_for_study_initializers_finds_that_page_first():
    """The pages' search puts a title that is the query above everything else."""
    pattern = re.compile(r"^#+ +(.*study initializers.*)$", re.IGNORECASE | re.MULTILINE)
    found = [
        (page.name, title) for page in DOCS for title in pattern.findall(page.read_text("utf-8"))
    ]
    assert found == [(STUDY.name, "Study initializers")]


@pytest.mark.slow
def test_the_study_of_initializers_finds_what_its_page_says(study, monkeypatch):
    """With two of its eight seeds, which takes a quarter of the time."""
    sweep = fastnet.sweep
    monkeypatch.setattr(fastnet, "sweep", lambda *a, seeds, **o: sweep(*a, seeds=seeds // 4, **o))
    result = study()["result"]
    assert [len(result), len(result.failed)] == [120, 0]

    def mean(activation, depth, initializer):
        cell = {"activation": activation, "depth": depth, "initializer": initializer}
        return np.mean([o.measures["accuracy"] for o in result if o.configuration == cell])

    names = ["default", "glorot_normal", "he_normal", "orthogonal"]
    assert all(mean("sigmoid", depth, name) < 0.2 for depth in (4, 8) for name in names)
    assert all(mean("sigmoid", depth, "large") > 0.2 for depth in (4, 8))
    assert all(mean("tanh", depth, name) > 0.8 for depth in (1, 2, 4, 8) for name in names)
    assert mean("relu", 8, "he_normal") > max(mean("relu", 8, name) for name in names[:2]) + 0.05


def test_the_readme_and_the_techniques_have_blocks_to_run():
    """A change of the fences must not empty the tests above."""
    assert blocks(ROOT / "README.md")
    languages = [block.language for block in blocks(ROOT / "docs" / "techniques.md")]
    assert languages.count("python") > 30
    assert languages.count("console") >= 2


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_every_block_is_run(page):
    """A fence that nobody runs would be a promise that nobody keeps."""
    fences = re.findall(r"^```.+$", page.read_text(encoding="utf-8"), re.MULTILINE)
    unknown = [f for f in fences if not FENCE.fullmatch(f) and not DIRECTIVE.fullmatch(f)]
    assert not unknown, f"{page.name}: not run: {unknown}"


def test_the_reference_lists_every_public_module():
    """What the examples of docs/ import is public, and public names are described."""
    listed = set(re.findall(r"^   (fastnet[\w.]*)$", (ROOT / "docs/api.rst").read_text(), re.M))
    shown = {
        name
        for page in DOCS
        for block in blocks(page)
        for name in re.findall(r"from (fastnet\.\w+) import", block.text)
    }
    modules = {f"fastnet.{name}" for name in fastnet._MODULES}
    assert {"fastnet.datasets", "fastnet.optimizers"} <= shown
    assert modules | {"fastnet"} == listed
    assert shown - listed - {"fastnet.kernels"} == set()


def anchors(page):
    """Return what the headings of a page are linked by."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {NOT_IN_ANCHORS.sub("", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.S | re.M)
    links = re.findall(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"", text)
    for link in (first or second for first, second in links):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), f"{page.name} links to {link}, which is not there"
        if anchor:
            assert anchor in anchors(target), f"{page.name} links to {link}: no such heading"


def test_the_guides_show_what_their_menu_has():
    """GitHub shows the list, the built pages also the toctree, which is hidden."""
    text = (ROOT / "docs/guides.md").read_text(encoding="utf-8")
    shown, menu = text.split("```{toctree}\n:hidden:\n")
    assert re.findall(r"^- \[.+\]\((.+)\.md\)", shown, re.M) == menu.removesuffix("```\n").split()


def test_the_reference_begins_with_every_initializer():
    """The page's table is written by its template, from what docs/conf.py gives it."""
    jinja2 = pytest.importorskip("jinja2", reason="jinja2 is missing: it comes with sphinx")
    assert '"initializers": TABLE' in (ROOT / "docs/conf.py").read_text(encoding="utf-8")
    environment = jinja2.Environment()
    environment.filters["underline"] = str
    text = (ROOT / "docs/_templates/module.rst").read_text(encoding="utf-8")
    given = dict.fromkeys(("functions", "classes", "exceptions", "attributes", "top"), ())
    given |= {"initializers": TABLE, "aliases": ALIASES}
    page, other = (
        environment.from_string(text).render(fullname=name, **given)
        for name in ("fastnet.initializers", "fastnet.costs")
    )
    assert "list-table" not in other
    rows = [row.split("\n     - ") for row in page.split("\n   * - ")[2:]]
    assert len(rows) == len(TABLE)
    listed = []
    for (names, formula, *rest), (name, known) in zip(rows, TABLE.items(), strict=True):
        listed += re.findall(r"`(\w+)`", names)
        assert names.startswith(f"`{name}`")
        assert formula.strip("`") == known.formula
        assert [text.strip() for text in rest] == [known.use, known.source]
    assert listed == [*INITIALIZERS]


def test_the_reference_has_a_row_for_every_activation():
    text = (ROOT / "docs/_templates/activations.rst").read_text(encoding="utf-8")
    rows = [row.split("\n     -") for row in text.split("\n   * - ")[1:]]
    assert all(len(row) == 4 for row in rows)
    assert sorted(row[0] for row in rows[1:]) == sorted(f"``{name}``" for name in ACTIVATIONS)


def public_names():
    """Return, by where it stands, every name that a user may write."""
    hooks = [name for name in dir(callbacks.Callback) if not name.startswith("_")]
    methods = [name for name in dir(fastnet.Network) if not name.startswith("_")]
    verbs = [
        (f"Network.{name}", list(inspect.signature(getattr(fastnet.Network, name)).parameters)[1:])
        for name in ("__init__", "train", "SGD", "partial_fit")
    ]
    return [
        ("fastnet", fastnet.__all__),
        ("fastnet.optimizers", optimizers.__all__),
        ("fastnet.schedules", schedules.__all__),
        ("fastnet.callbacks", callbacks.__all__),
        ("fastnet.diagnostics", diagnostics.__all__),
        ("fastnet.datasets", fastnet.datasets.__all__),
        ("fastnet.plotting", plotting.__all__),
        ("schedules by name", schedules.SCHEDULES),
        ("initializers", INITIALIZERS),
        ("metrics", metrics.METRICS),
        ("activations", ACTIVATIONS),
        ("costs", [*costs.COSTS, *(cost.__name__ for cost in costs.COSTS.values())]),
        ("commands", COMMANDS),
        ("Callback", hooks),
        ("Network", methods),
        ("History", [name for name in vars(fastnet.History) if not name.startswith("_")]),
        *verbs,
    ]


def words_that_run():
    """Return the words of every block of docs/ that is run, what it prints included."""
    return {
        word for page in DOCS for block in blocks(page) for word in re.findall(r"\w+", block.text)
    }


@pytest.mark.parametrize(
    ("place", "names"),
    public_names(),
    ids=lambda value: value if isinstance(value, str) else "names",
)
def test_every_public_name_stands_in_an_example(place, names):
    missing = sorted(set(names) - words_that_run())
    assert names
    assert not missing, f"{place}: no example of docs/ that is run has {', '.join(missing)}"
