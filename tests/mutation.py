"""Put small faults into a module, one at a time, and see whether its tests notice.

    python -m tests.mutation training files --sample 60 --seed 1

cosmic-ray makes the faults (another operator, number, condition or exception), and to its own
this adds statements that are left out. Works on a copy of the checkout, whose kernels must be built
in place. Of the many faults of one kind at one place, one is drawn. Prints the diff of each fault
that no test noticed, and the share that was; exits with 1 below `--at-least`.
"""

import argparse
import contextlib
import os
import random
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from difflib import unified_diff
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast, get_ast_from_path
from cosmic_ray.mutating import use_mutation
from cosmic_ray.operators.operator import Operator
from cosmic_ray.plugins import get_operator, operator_names
from cosmic_ray.testing import run_tests
from cosmic_ray.work_item import TestOutcome

ROOT = Path(__file__).parents[1]

#: The tests that should notice, those that notice most first. A module that is not here has those
#: of its folder, or test_<its name>.py, or what `--tests` gives.
RESUMING = "resuming checkpoint hostile_checkpoints"
TESTS = {
    "training": (
        "training train callbacks changes_in_callbacks divergence batches lbfgs interrupts "
        f"{RESUMING}"
    ),
    "training.checkpoint": f"{RESUMING} callbacks",
    "training.state": f"{RESUMING} callbacks",
    "callbacks": f"callbacks targets planning {RESUMING}",
    "files": (
        "persistence model_files model_files_refused safetensors hostile_files "
        "hostile_checkpoints interrupted_files"
    ),
    "estimators": (
        "estimators estimators_rules estimators_extras estimators_theirs estimators_checks"
    ),
}

#: Not made: `|` stands in annotations, which nobody evaluates, and what a sum could only become to
#: be a TypeError at once.
LEFT_OUT = re.compile(
    r"core/(Variable.*|ReplaceBinaryOperator_(BitOr_.*|.*_(BitOr|BitAnd|BitXor|LShift|RShift|Pow)))"
)


class LeaveOutStatement(Operator):
    """Put `pass` in place of a call, a return, a raise, a del or an assignment.

    Not where a name gets its value: a NameError would be noticed too easily.
    """

    KINDS = frozenset({"expr_stmt", "atom_expr", "return_stmt", "raise_stmt", "del_stmt"})

    def mutation_positions(self, node):
        if node.type != "simple_stmt" or node.children[0].type not in self.KINDS:
            return
        statement = node.children[0]
        first, second = statement.children[0], statement.children[1]
        if not (
            statement.type == "expr_stmt"
            and first.type == "name"
            and second.type == "operator"
            and second.value == "="
        ):
            yield node.start_pos, statement.end_pos

    def mutate(self, node, index):
        left_out = get_ast("pass\n").children[0]
        left_out.get_first_leaf().prefix = node.get_first_leaf().prefix
        return left_out

    @classmethod
    def examples(cls):
        return ()


def mutants_of(path, draw):
    """Return one (operator, occurrence, name) for each kind of fault and place in the file."""
    operators = {
        name: get_operator(name)()
        for name in operator_names()
        if not LEFT_OUT.fullmatch(name) and not get_operator(name).arguments()
    }
    nodes = list(ast_nodes(get_ast_from_path(path)))
    places = {}
    for name, operator in {**operators, "LeaveOutStatement": LeaveOutStatement()}.items():
        positions = [at for node in nodes for at in operator.mutation_positions(node)]
        for occurrence, (start, _) in enumerate(positions):
            family = name.split("_")[0]
            places.setdefault((family, start), []).append((operator, occurrence, name))
    return [draw.choice(found) for _, found in sorted(places.items())]


def copy_of_checkout(scratch):
    """Copy what git would take, and the kernels that were built beside it."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    built = [
        path for path in (ROOT / "fastnet/kernels").iterdir() if path.suffix in {".so", ".pyd"}
    ]
    if not built:
        sys.exit("no kernel is built in place: python setup.py -q build_ext --inplace")
    for path in [
        *filter(os.path.lexists, (ROOT / name for name in listed.split("\0")[:-1])),
        *built,
    ]:
        target = scratch / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)


def files_of(module):
    path = Path("fastnet", *module.split("."))
    found = sorted(path.glob("*.py")) if path.is_dir() else [path.with_suffix(".py")]
    if not found or not found[0].exists():
        sys.exit(f"there is no module fastnet/{path.name}")
    return found


def try_module(module, options):
    """Print what the tests of one module do not notice; return how many faults, and noticed."""
    room, name = module.split(".")[0], module.split(".")[-1]
    names = options.tests or TESTS.get(module) or TESTS.get(room, name)
    tests = [
        str(path.relative_to(ROOT))
        for name in names.split()
        for path in sorted((ROOT / "tests").rglob(f"test_{name}.py"))
    ]
    command = shlex.join(
        [
            sys.executable,
            "-m",
            "pytest",
            "-n0",
            "-qx",
            "-m",
            "not slow",
            "-p",
            "no:cacheprovider",
            *tests,
        ]
    )
    began = time.monotonic()
    outcome, output = run_tests(command, 1800)
    if outcome != TestOutcome.SURVIVED:
        sys.exit(f"{module}: the tests fail without any fault:\n{output}")
    patience = 60 + 5 * (time.monotonic() - began)
    draw = random.Random(f"{module} {options.seed}")
    found = [(path, *mutant) for path in files_of(module) for mutant in mutants_of(path, draw)]
    draw.shuffle(found)
    print(f"{module}: {len(found)} faults are possible, {len(tests)} files of tests", flush=True)
    tried = noticed = 0
    for path, operator, occurrence, name in found:
        if options.sample and tried == options.sample:
            break
        with use_mutation(path, operator, occurrence) as (before, after):
            if not is_fault(before, after):
                continue
            tried += 1
            outcome, _ = run_tests(command, patience)
            if outcome != TestOutcome.SURVIVED:
                noticed += 1
                continue
            print(f"\nnot noticed: {name}\n{diff(path, before, after)}", flush=True)
    print(f"\n{module}: {noticed} of {tried} noticed ({noticed / max(tried, 1):.0%})\n", flush=True)
    return tried, noticed


def is_fault(before, after):
    """Whether the code is other code: a `*` between parameters is no product."""
    try:
        compile(after, "mutant", "exec")
    except SyntaxError:
        return False
    return before != after


def diff(path, before, after):
    lines = before.splitlines(), after.splitlines()
    return "\n".join(unified_diff(*lines, str(path), str(path), lineterm="", n=2))


def main(arguments=None):
    """Try the modules; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="+", metavar="module", help=", ".join(TESTS))
    parser.add_argument("--sample", type=int, default=0, help="faults a module; 0 for all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tests", default="", help="names of test files, 'train callbacks', say")
    parser.add_argument("--at-least", type=float, default=0.0, help="share that must be noticed")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        copy_of_checkout(Path(folder))
        os.environ |= {"PYTHONPATH": folder, "PYTHONDONTWRITEBYTECODE": "1"}
        results = [try_module(module, options) for module in options.modules]
    share = sum(noticed for _, noticed in results) / max(sum(count for count, _ in results), 1)
    print(f"noticed in all: {share:.0%}")
    return 0 if share >= options.at_least else 1


if __name__ == "__main__":
    sys.exit(main())
