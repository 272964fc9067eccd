"""The layout of the package: what may import what, and how long the lesson may be."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "tinygrad_neuron"
LESSON = ["engine", "nn", "losses", "optim"]
FILES = sorted(PACKAGE.rglob("*.py"))


def imported(path):
    """The modules of this package that a file imports, such as "engine" or "command.table"."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports have their full names"
            found = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= {n for n in found if is_module(n)} or {node.module}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {n.partition(".")[2] for n in names if n.split(".")[0] == "tinygrad_neuron"}


def is_module(name):
    path = ROOT / name.replace(".", "/")
    return path.is_dir() or path.with_suffix(".py").exists()


KNOWN = {
    "engine": set(),
    "errors": {"engine"},
    "module": {"engine", "errors"},
    "nn": {"engine", "errors", "module"},
    "losses": {"engine", "errors", "nn"},
    "optim": {"engine", "errors"},
}


@pytest.mark.parametrize("name", KNOWN)
def test_each_file_of_the_lesson_knows_those_before_it_and_the_engine_nothing(name):
    assert imported(PACKAGE / f"{name}.py") <= KNOWN[name]


READERS = sorted((PACKAGE / "foreign").glob("*.py"))


@pytest.mark.parametrize("path", READERS, ids=lambda path: path.stem)
def test_what_reads_other_engines_knows_only_the_lesson(path):
    assert imported(path) <= {*KNOWN, *(f"foreign.{reader.stem}" for reader in READERS)}


@pytest.mark.parametrize("name", ["gradcheck", "checkup"])
def test_the_checks_of_a_gradient_and_of_an_engine_know_no_view(name):
    ground = {"foreign.parts", "foreign.probing", "checks.stages"}
    assert imported(PACKAGE / "checks" / f"{name}.py") <= {*KNOWN, *ground}


def test_imports_go_from_command_to_checks_to_views_to_lesson_and_never_back():
    layers = {"foreign": 1, "view": 2, "checks": 3, "command": 4}
    for path in FILES:
        if path.name in ("__init__.py", "__main__.py") and path.parent == PACKAGE:
            continue
        own = layers.get(path.relative_to(PACKAGE).parts[0].removesuffix(".py"), 0)
        for module in imported(path):
            assert layers.get(module.split(".")[0], 0) <= own, f"{path} imports {module}"


def test_the_views_stand_on_one_ground_and_each_room_knows_only_those_before_it():
    rooms = {"picture": set(), "program": set(), "stepping": {"picture"}, "page": {"picture"}}
    ground = {path.stem for path in (PACKAGE / "view").glob("*.py")}
    for path in (PACKAGE / "view").rglob("*.py"):
        known = {m.split(".")[1] for m in imported(path) if m.startswith("view.")}
        own = path.parent.name
        allowed = ground | rooms[own] | {own} if own in rooms else ground
        assert known <= allowed, path
    assert imported(PACKAGE / "view" / "notation.py") == set()
    assert imported(PACKAGE / "view" / "rules.py") == set()
    assert "view.graph" not in imported(PACKAGE / "view" / "names.py")


STATED_TWICE = {"bce", "bce_with_logits", "sigmoid"}  # for Values, and for programs


def test_one_name_means_one_thing():
    places = {}
    for path in FILES:
        names = set()
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names |= {target.id for target in targets if isinstance(target, ast.Name)}
        for name in names - {"main"}:
            places.setdefault(name, []).append(path.stem)
    twice = {name: found for name, found in places.items() if len(found) > 1}
    assert set(twice) <= STATED_TWICE, twice


def test_only_the_graph_looks_into_frames_and_no_file_has_a_back_door():
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"FunctionType\(|TYPE_CHECKING = False|tb_frame", text), path
        if path != PACKAGE / "view" / "graph.py":
            assert not re.search(r"f_locals|f_globals|f_code|f_lineno", text), path
            # The first line of a public function hands its caller's frame over.
            rest = text.replace(", sys._getframe().f_back", "")
            assert not re.search("_getframe|f_back", rest), path


def test_the_lesson_has_at_most_660_lines_and_its_engine_380():
    lines = {n: len((PACKAGE / f"{n}.py").read_text("utf-8").splitlines()) for n in LESSON}
    assert lines["engine"] <= 380
    assert sum(lines.values()) <= 660, lines


def test_the_chain_rule_stands_on_one_line():
    nodes = [node for path in FILES for node in ast.walk(ast.parse(path.read_text("utf-8")))]
    assigned = [n for n in nodes if isinstance(n, ast.Assign | ast.AnnAssign | ast.AugAssign)]
    targets = [
        (n, t) for n in assigned for t in getattr(n, "targets", [getattr(n, "target", None)])
    ]
    products = [
        ast.unparse(n)
        for n, target in targets
        if isinstance(target, ast.Attribute) and target.attr == "grad" and "*" in ast.unparse(n)
    ]
    assert products == ["operand.grad += node.grad * partial"]
    # Who searches for it finds this line alone, and no text that only looks like it.
    found = [line for path in FILES for line in path.read_text("utf-8").splitlines()]
    assert [line.strip() for line in found if re.search(r"\.grad \+= .*\*", line)] == [
        "operand.grad += node.grad * partial  # the chain rule"
    ]
    # Its double is in a browser, where the gradients follow a leaf that is dragged.
    scripts = {
        path.name: path.read_text("utf-8") for path in (PACKAGE / "view" / "page").glob("*.js")
    }
    assert [name for name, text in scripts.items() if "grad[operand] += " in text] == ["graph.js"]


def test_the_engine_works_when_copied_alone_into_an_empty_folder(tmp_path):
    shutil.copy(PACKAGE / "engine.py", tmp_path)
    program = "from engine import Value; x = Value(3.0); (x * x).backward(); print(x.grad)"
    run = [sys.executable, "-S", "-c", program]  # -S: without what is installed
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, encoding="utf-8", check=True)
    assert done.stdout == "6.0\n"


def test_importing_the_package_imports_nothing_heavy():
    program = "import sys, tinygrad_neuron; print(*sys.modules)"
    run = [sys.executable, "-c", program]
    unmeasured = {name: text for name, text in os.environ.items() if "COVERAGE" not in name}
    done = subprocess.run(run, capture_output=True, encoding="utf-8", check=True, env=unmeasured)
    heavy = {"graphviz", "numpy", "torch", "matplotlib", "argparse", "csv", "dataclasses", "ast"}
    assert not heavy & set(done.stdout.split())


def test_the_top_level_holds_what_it_should_and_nothing_else():
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        pytest.skip("not a checkout, or no git")
    tracked = ["git", "-c", "safe.directory=*", "ls-files"]  # somebody else's checkout too
    done = subprocess.run(tracked, cwd=ROOT, capture_output=True, encoding="utf-8", check=True)
    top = {name.split("/")[0] for name in done.stdout.split()}
    assert {name for name in top if not name.startswith(".")} == {
        *("pyproject.toml", "README.md", "LICENSE", "tinygrad_neuron", "tests", "notebooks")
    }
