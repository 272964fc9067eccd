"""Mutation testing: puts one small mistake after another into the package, and runs the tests.

A mistake is a mutant as mutmut makes them, and a test that fails kills it. Those that cannot be
killed, because they change nothing that can be seen, are in mutants.toml with the reason; the
table of the last run is in mutants.md. On Linux and macOS:

pip install -e '.[dev]' mutmut && python tests/mutants.py [engine.py view/steps.py …]
"""

import difflib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from importlib.util import find_spec
from pathlib import Path

import hypothesis  # noqa: F401 - loaded once, for all processes that are forked
import numpy  # noqa: F401
import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "tinygrad_neuron"
EQUIVALENT = Path(__file__).with_name("mutants.toml")
TABLE = Path(__file__).with_name("mutants.md")
ENGINE = ["engine", "nn", "losses", "optim", "gradcheck", "worked_examples", "rules"]
VIEW = ["draw", "tree", "steps", "explain", "unroll", "operations", "rules", "anomaly"]
# Each module with the files of tests that are run, the most likely to fail first.
TESTS = {
    "engine.py": [*ENGINE, "torch", "checkup", *VIEW, "names"],
    "nn.py": ["nn", *ENGINE, "torch", "names"],
    "losses.py": ["losses", *ENGINE, "torch"],
    "optim.py": ["optim", *ENGINE, "torch"],
    "gradcheck.py": ["gradcheck", "engine"],
    "checkup.py": ["checkup", "readme", "check"],
    "view/steps.py": ["steps", "explain", "anomaly", "names"],
    "view/names.py": ["names", "steps", *VIEW],
    "view/rules.py": ["rules", "unroll", "draw", "tree"],
    "view/unroll.py": ["unroll", "rules"],
}
OUTPUT = "pytest.txt"  # in a folder, what its tests said
SLOW = "not two_processes"  # PyTorch on its own, as the README has it


def mutants_of(module):
    """(old line, new line, whole text) of every mutant."""
    from mutmut.mutation.file_mutation import create_mutations

    code = (PACKAGE / module).read_text(encoding="utf-8")
    tree, mutations, _, _ = create_mutations(module, code)
    lines = code.splitlines()
    for mutation in mutations:
        text = tree.deep_replace(mutation.original_node, mutation.mutated_node).code
        changed = [
            line
            for line in difflib.ndiff(lines, text.splitlines())
            if line.startswith(("- ", "+ "))
        ]
        old = " ".join(line[2:].strip() for line in changed if line[0] == "-")
        new = " ".join(line[2:].strip() for line in changed if line[0] == "+")
        yield old, new, text


def copied(folder):
    """A copy of what is committed or about to be, in which a worker may break things."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in names.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


def tests_of(module):
    """Those of the module alone, then all others that may notice, each as pytest's arguments."""
    first, *others = [f"tests/test_{name}.py" for name in dict.fromkeys(TESTS[module])]
    return [first, f"tinygrad_neuron/{module}"], others


def start(folder, module):
    """A process of its own that runs the tests in the folder: its number."""
    number = os.fork()
    if number:
        return number
    os.setpgrp()  # what the tests start is ended with it
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    os.environ["PYTHONPATH"] = str(folder)
    sys.dont_write_bytecode = True
    output = os.open(OUTPUT, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in 1, 2:
        os.dup2(output, stream)
    for files in filter(None, tests_of(module)):
        options = ["-x", "-q", "-p", "no:cacheprovider", "-k", SLOW]
        options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # loaded before the fork
        if pytest.main([*options, *files]) != 0:
            os._exit(1)
    os._exit(0)


def passed(number, limit):
    """Whether the tests of this process passed, or None if they are still running."""
    ended, status = os.waitpid(number, os.WNOHANG)
    if ended:
        return status == 0
    if time.monotonic() < limit:
        return None
    os.killpg(number, signal.SIGKILL)
    os.waitpid(number, 0)
    return False


def survivors(module, mutants, folders, seconds):
    """Those of the mutants that no test kills, with as many tested at once as there are folders."""
    waiting, running, alive = list(mutants), {}, []
    while waiting or running:
        while waiting and len(running) < len(folders):
            folder = next(folder for folder in folders if folder not in running)
            mutant = waiting.pop(0)
            (folder / "tinygrad_neuron" / module).write_text(mutant[2], encoding="utf-8")
            running[folder] = mutant, start(folder, module), time.monotonic() + seconds
        time.sleep(0.01)
        for folder, (mutant, number, limit) in list(running.items()):
            if (result := passed(number, limit)) is not None:
                del running[folder]
                if result:
                    alive.append(mutant)
                    print(f"{module}: survived\n    {mutant[0]}\n    {mutant[1]}", flush=True)
    for folder in folders:
        shutil.copy(PACKAGE / module, folder / "tinygrad_neuron" / module)
    return alive


def main(modules):
    if not find_spec("mutmut"):
        raise SystemExit("the mistakes are those of mutmut: pip install mutmut")
    with open(EQUIVALENT, "rb") as file:
        reasons = {
            (module, mutant["old"], mutant["new"])
            for module, mutants in tomllib.load(file).items()
            for mutant in mutants
        }
    rows = [row for row in read_table() if row[0] not in modules]
    with tempfile.TemporaryDirectory(prefix="mutants-") as place:
        folders = [copied(Path(place, str(i))) for i in range(os.cpu_count() or 1)]
        for module in modules:
            rows.append((module, *tried(module, reasons, folders)))
            write_table(sorted(rows, key=lambda row: list(TESTS).index(row[0])))


def tried(module, reasons, folders):
    """How many mutants there are, and how many of them are killed, equivalent, and survive."""
    started = time.monotonic()
    number = start(folders[0], module)
    while (result := passed(number, started + 600)) is None:
        time.sleep(0.01)
    if not result:
        print((folders[0] / OUTPUT).read_text(encoding="utf-8"))
        raise SystemExit(f"{module}: the tests fail before anything was changed")
    seconds = 10 + 3 * (time.monotonic() - started)
    everything = list(mutants_of(module))
    mutants = [mutant for mutant in everything if (module, *mutant[:2]) not in reasons]
    survived = len(survivors(module, mutants, folders, seconds))
    equivalent = len(everything) - len(mutants)
    counts = len(everything), len(mutants) - survived, equivalent, survived
    print(module, *counts, f"{time.monotonic() - started:.0f} s", flush=True)
    return counts


def read_table():
    if not TABLE.exists():
        return []
    cells = [line.strip("| ").split(" | ") for line in TABLE.read_text("utf-8").splitlines()]
    return [(row[0], *map(int, row[1:5])) for row in cells if row[0] in TESTS]


def write_table(rows):
    head = (
        "# Mutants\n\nThe last run of `python tests/mutants.py`; why those that are equivalent"
        " change nothing that can be seen is in [mutants.toml](mutants.toml).\n\n"
        "| module | mutants | killed | equivalent | survived |\n|---|---|---|---|---|\n"
    )
    total = ("all", *(sum(row[i] for row in rows) for i in range(1, 5)))
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in [*rows, total]]
    TABLE.write_text(head + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    os.chdir(ROOT)  # where mutmut looks for its settings
    main(sys.argv[1:] or list(TESTS))
