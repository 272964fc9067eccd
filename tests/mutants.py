"""Mutation testing: puts one small mistake after another into the package, and runs the tests.

A mistake is a mutant as mutmut makes them, and a test that fails kills it, or that takes three
times as long as all. Those that no test kills are in mutants.toml with the reason: they change
nothing that can be seen, or no more than a margin. The table of the last run is in mutants.md. On
Linux and macOS:

pip install -e '.[dev]' mutmut && python tests/mutants.py [engine.py view/stepping/steps.py …]
"""

import difflib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import hypothesis  # noqa: F401 - loaded once, for all processes that are forked
import numpy  # noqa: F401
import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "tinygrad_neuron"
LISTED = Path(__file__).with_name("mutants.toml")
TABLE = Path(__file__).with_name("mutants.md")
ENGINE = ["engine", "nn", "losses", "optim", "gradcheck", "worked_examples", "rules"]
VIEW = ["draw", "tree", "steps", "explain", "unroll", "operations", "rules", "anomaly"]
# Each module with the files of tests that are run, the most likely to fail first.
TESTS = {
    "engine.py": [*ENGINE, "torch", "checkup", *VIEW, "names"],
    "nn.py": ["nn", *ENGINE, "torch", "names"],
    "module.py": ["nn", *ENGINE, "api", "names"],
    "errors.py": ["nn", "optim", "losses", "api", *ENGINE],
    "losses.py": ["losses", *ENGINE, "torch"],
    "optim.py": ["optim", *ENGINE, "torch"],
    "foreign/parts.py": ["foreign", "engines"],
    "foreign/probing.py": ["foreign", "engines"],
    "foreign/reading.py": ["foreign", "engines"],
    "foreign/sets.py": ["foreign", "engines"],
    "checks/gradcheck.py": ["gradcheck", "engine"],
    "checks/checkup.py": ["checkup", "manual", "check", "house"],
    "checks/stages.py": ["checkup", "check"],
    "view/stepping/steps.py": ["steps", "explain", "anomaly", "names"],
    "view/graph.py": ["engines", "names", "rules", "unroll", *VIEW],
    "view/names.py": ["names", "steps", *VIEW],
    "view/rules.py": ["rules", "unroll", "draw", "tree"],
    "view/program/unroll.py": ["unroll", "rules", "house"],
}
KINDS = ["equivalent", "margin", "survived"]  # of those that are not killed
OUTPUT = "pytest.txt"  # in a folder, what its tests said
NONE_SELECTED = pytest.ExitCode.NO_TESTS_COLLECTED  # no test of a module is slow
WITHOUT = "not two_processes"  # which is about PyTorch alone


def mutants_of(module):
    """(old line, new line, whole text) of every mutant."""
    from mutmut.mutation.file_mutation import create_mutations

    code = (PACKAGE / module).read_text(encoding="utf-8")
    code = re.sub(r"^( *)@", r"\1# @", code, flags=re.MULTILINE)  # mutmut skips what is decorated
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
        yield old, new, re.sub(r"^( *)# @", r"\1@", text, flags=re.MULTILINE)


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
    own, others = tests_of(module)
    for files, which in (own, "not slow"), (others, "not slow"), (own + others, "slow"):
        options = ["-x", "-q", "--tb=short", "-p", "no:cacheprovider", "-k", WITHOUT, "-m", which]
        options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # loaded before the fork
        if files and pytest.main([*options, *files]) not in (0, NONE_SELECTED):
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
                    alive.append(mutant[:2])
    for folder in folders:
        shutil.copy(PACKAGE / module, folder / "tinygrad_neuron" / module)
    return alive


def main(modules):
    if not find_spec("mutmut"):
        raise SystemExit("the mistakes are those of mutmut: pip install mutmut")
    if unknown := [module for module in modules if module not in TESTS]:
        raise SystemExit(f"a module is one of {', '.join(TESTS)}, not {unknown[0]}")
    with open(LISTED, "rb") as file:
        listed = tomllib.load(file)
    rows = [row for row in read_table() if row[0] not in modules]
    with tempfile.TemporaryDirectory(prefix="mutants-") as place:
        folders = [copied(Path(place, str(i))) for i in range(os.cpu_count() or 1)]
        for module in modules:
            rows.append((module, *tried(module, listed.get(module, []), folders)))
            write_table(sorted(rows, key=lambda row: list(TESTS).index(row[0])))


def tried(module, listed, folders):
    """How many mutants there are, are killed, change nothing, move a margin, and survive."""
    started = time.monotonic()
    number = start(folders[0], module)
    while (result := passed(number, started + 600)) is None:
        time.sleep(0.01)
    if not result:
        print((folders[0] / OUTPUT).read_text(encoding="utf-8"))
        raise SystemExit(f"{module}: the tests fail before anything was changed")
    seconds = 10 + 3 * (time.monotonic() - started)
    mutants = list(mutants_of(module))
    alive = survivors(module, mutants, folders, seconds)
    reasons = {(each["old"], each["new"]): each["why"] for each in listed}
    for old, new in reasons.keys() - alive:
        print(f"{module}: listed, but killed or not there\n    {old}\n    {new}")
    for old, new in (mutant for mutant in alive if mutant not in reasons):
        print(f"{module}: survived\n    {old}\n    {new}")
    kinds = Counter(kind_of(reasons.get(mutant)) for mutant in alive)
    counts = len(mutants), len(mutants) - len(alive), *(kinds[kind] for kind in KINDS)
    print(module, *counts, f"{time.monotonic() - started:.0f} s", flush=True)
    return counts


def kind_of(why):
    if why is None:
        return "survived"
    return "margin" if why.startswith("a margin") else "equivalent"


def read_table():
    if not TABLE.exists():
        return []
    cells = [line.strip("| ").split(" | ") for line in TABLE.read_text("utf-8").splitlines()]
    return [(row[0], *map(int, row[1:])) for row in cells if row[0] in TESTS]


def write_table(rows):
    head = (
        "# Mutants\n\nThe last run of `python tests/mutants.py`. Those that no test kills are in"
        " [mutants.toml](mutants.toml) with the reason: they change nothing that can be seen, or"
        " move a margin to one that would do as well. Modules that are not here were not mutated."
        f"\n\n| module | mutants | killed | {' | '.join(KINDS)} |\n|---|---|---|---|---|---|\n"
    )
    total = ("all", *(sum(row[i] for row in rows) for i in range(1, 6)))
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in [*rows, total]]
    TABLE.write_text(head + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    os.chdir(ROOT)  # where mutmut looks for its settings
    main(sys.argv[1:] or list(TESTS))
