"""Backpropagation in a debugger: the manual's session, and how many presses a pass takes.

A press is one command, `step` or `next`. The first one is pressed where pdb stands at the line
that calls `backward()`, and the last one leads back to that program. pdb stops at each line, and
also, with --Call-- or --Return--, where a function is entered or left; these are presses too.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import debuggers
import pytest
from debuggers import Debugpy, Pdb, prepared
from manual import ROOT, prose, text_of, the_block

from tinygrad_neuron import Value, here
from tinygrad_neuron.engine import topological_order

PAGE = "tinygrad_neuron/view/stepping/in_a_debugger.md"
PROSE = " ".join(prose(PAGE).split())
PROGRAM = the_block(PAGE, "py", "# step")
THIS = f"{sys.version_info.major}.{sys.version_info.minor}"
LOSS = """
from tinygrad_neuron import Neuron, mse_loss
neuron = Neuron(2)
y = mse_loss([neuron([3.0, 2.0]), neuron([-1.0, 0.5])], [1.0, 2.0])
y.backward()
"""


def python_at_hand(version):
    """The path of a Python that runs, which a shim of pyenv need not; or None."""
    if version == THIS:
        return sys.executable
    found = shutil.which(f"python{version}")
    of_pyenv = Path.home().glob(f".pyenv/versions/{version}.*/bin/python")
    program = "import sys; print('%d.%d' % sys.version_info[:2], sys.executable)"
    for path in [found] * bool(found) + sorted(map(str, of_pyenv)):
        done = subprocess.run([path, "-c", program], capture_output=True, encoding="utf-8")
        if done.returncode == 0 and done.stdout.startswith(f"{version} "):
            return done.stdout.split(maxsplit=1)[1].strip()
    return None


def needs_debugpy():
    if find_spec("debugpy") is None:  # without importing it, which would trace this process
        pytest.skip("debugpy is not installed")


@pytest.fixture
def start(tmp_path):
    """start(program) starts pdb on step.py."""
    with contextlib.ExitStack() as stack:

        def started(program, python=sys.executable, name="step.py", **options):
            (tmp_path / name).write_text(program, encoding="utf-8")
            return stack.enter_context(Pdb(name, tmp_path, python, **options))

        yield started


def presses(start, program, command):
    """pdb's answers from `y.backward()` until the program goes on; command(answer) is pressed."""
    press = start(program).press
    line = program.splitlines().index("y.backward()") + 1
    press(f"break step.py:{line}")
    answers = [press("continue")]
    assert answers[0].endswith("-> y.backward()\n")
    while "<module>" not in answers[-1] or len(answers) == 1:
        answers.append(press("step" if len(answers) == 1 else command(answers[-1])))
        assert len(answers) < 1000, answers[-1]
    return answers[1:]


VERSIONS = pytest.mark.parametrize("version", sorted({THIS, "3.11", "3.12", "3.13", "3.14"}))
STEP_INTO = """
import sys

import tinygrad_neuron
from tinygrad_neuron import SGD, Neuron, Value, mse_loss

w, x, neuron, two = Value(0.5), Value(2.0), Neuron(1), Neuron(2, Value.tanh)
optimizer = SGD(neuron.parameters(), lr=0.1)
loss = mse_loss([neuron(1.0)], [2.0])
calls = {
    "w * x": lambda: w * x,
    "w * 3.0": lambda: w * 3.0,
    "3 * w": lambda: 3 * w,
    "w ** 2": lambda: w**2,
    "w / x": lambda: w / x,
    "tanh": w.tanh,
    "neuron(1.0)": lambda: neuron(1.0),
    "two([1.0, 2.0])": lambda: two([1.0, 2.0]),
    "mse_loss": lambda: mse_loss([w, x], [1.0, 2]),
    "backward": loss.backward,
    "step": optimizer.step,
}
ours = (tinygrad_neuron.__file__.removesuffix("__init__.py"), __file__)


def trace(frame, event, _):
    if not frame.f_code.co_filename.startswith(ours):
        print(name, frame.f_code.co_filename, frame.f_code.co_name)


for name, call in calls.items():
    sys.settrace(trace)
    call()
    sys.settrace(None)
print("done")
"""


@VERSIONS
def test_step_into_meets_only_the_package(version, tmp_path):
    """In a fresh interpreter, where Python's abstract classes remember no type yet."""
    python = python_at_hand(version)
    if python is None:
        pytest.skip(f"no Python {version} here")
    (tmp_path / "into.py").write_text(STEP_INTO, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    run = [python, "into.py"]
    done = subprocess.run(run, capture_output=True, encoding="utf-8", cwd=tmp_path, env=environment)
    assert (done.stdout, done.stderr) == ("done\n", "")


@pytest.mark.parametrize(
    ("call", "most"), [("neuron(1.0)", 62), ("w * 3.0", 34)], ids=["a neuron", "a product"]
)
def test_stepping_into_a_call_takes_few_presses(start, call, most):
    opening = "from tinygrad_neuron import Neuron, Value\nneuron, w = Neuron(1), Value(0.5)\n"
    press = start(f"{opening}{call}\nprint()\n").press
    for command in "break step.py:3", "continue":
        press(command)
    count, answer = 0, ""
    while "step.py(4)" not in answer:
        answer, count = press("step"), count + 1
        assert count <= most


NAMES = """
from tinygrad_neuron import Value
a, b = Value(2.0), Value(-3.0)
c = a * b
d = (c * c + a).tanh()
d.backward()
"""
HERE = '__import__("tinygrad_neuron").here(self, node, operand)'


@VERSIONS
def test_at_the_chain_rule_the_arrow_and_the_values_have_the_names_of_the_program(start, version):
    python = python_at_hand(version)
    if python is None:
        pytest.skip(f"no Python {version} is here")
    press = start(NAMES, python).press
    press("break tinygrad_neuron/engine:70")
    press("continue")
    # d = tanh(v2), v2 = v1 + a, v1 = c·c: two arrows lead from c to v1.
    said = press(f"p {HERE}")
    assert said.startswith("step 1 of 7: v2.grad += ∂d/∂v2 · d.grad = ")
    press("continue")
    press("continue")
    press("continue")
    said = press(f"p {HERE}")
    assert said.startswith("step 4 or 5 of 7: c.grad += ∂₁v1/∂c · v1.grad = (−6) · ")
    assert ", or ∂₂v1/∂c · v1.grad = (−6) · " in said
    marks = [line[0] for line in press(f"!print({HERE})").splitlines()[1:]]
    assert "".join(marks) == " ✓✓▶  ▶✓"
    assert " c  *" in press('!print(__import__("tinygrad_neuron").tree(self))')


def test_here_is_of_an_arrow_of_the_graph():
    x, other = Value(3.0, label="x"), Value(1.0)
    y = x * x
    assert str(here(y, y, x)).splitlines()[0] == repr(here(y, y, x))
    with pytest.raises(
        ValueError,
        match=r"no arrow from Value\(1.0.*: at the chain rule, here\(self, node, operand",
    ):
        here(y, y, other)
    with pytest.raises(ValueError, match="the node comes before the operand, here"):
        here(y, x, y)


SESSIONS = re.findall(r"^```pdb\n(.*?)^```", text_of(PAGE), flags=re.MULTILINE | re.DOTALL)


@VERSIONS
@pytest.mark.parametrize("shown", SESSIONS, ids=[text.splitlines()[0] for text in SESSIONS])
def test_the_debugger_says_what_the_manual_shows_on_each_python_at_hand(start, shown, version):
    python = python_at_hand(version)
    if python is None:
        pytest.skip(f"no Python {version} here")
    opening = shown.splitlines()[0]
    name = opening.split()[-1]
    options = opening.split()[2:-1]
    debugger = start(the_block(PAGE, "py", f"# {name}"), python, name, options=options)
    stops = debugger.opening
    if "-> breakpoint()" in stops:  # from Python 3.13 on
        stops = debugger.press("next")
    transcript = f"{opening}\n" + ("…\n" if "\n…\n" in shown else stops)
    for command in re.findall(r"^\(Pdb\) (.*)$", shown, flags=re.MULTILINE):
        transcript += f"(Pdb) {command}\n"
        transcript += debugger.press(command) if command != "quit" else ""
    assert transcript == shown


@pytest.mark.parametrize("program", [PROGRAM, LOSS], ids=["the manual's", "a loss"])
def test_an_edge_takes_two_presses_and_the_first_is_reached_in_six(start, program):
    answers = presses(start, program, lambda answer: "next")
    chain_rule = [n for n, answer in enumerate(answers, 1) if "# the chain rule" in answer]
    assert chain_rule[0] == 6
    assert {after - before for before, after in pairwise(chain_rule)} == {2}
    namespace = {}
    exec(program, namespace)
    order = topological_order(namespace["y"])
    assert len(chain_rule) == sum(len(node.operands) for node in order)


@pytest.mark.slow
@pytest.mark.parametrize("way", debuggers.WAYS)
@pytest.mark.parametrize("engine", debuggers.PROGRAMS)
def test_a_walk_takes_the_presses_that_the_manual_states(engine, way):
    rows = [row.strip("| ").split(" | ") for row in re.findall(r"^\|.*", prose(PAGE), re.MULTILINE)]
    column = rows[0].index(f"{engine}, {debuggers.WAYS[way]}")
    assert [row[0] for row in rows[2:]] == debuggers.ROWS
    if THIS != "3.11":
        pytest.skip("no Python 3.11 runs this, whose counts they are")
    needs_debugpy()
    pytest.importorskip("micrograd")
    assert debuggers.presses(engine, way) == [row[column] for row in rows[2:]]


# debugpy, as VS Code drives it.

(CONFIGURATION,) = json.loads(the_block(PAGE, "json"))["configurations"]
RULES = {"rules": CONFIGURATION["rules"]}
WATCH = re.search(r"Under \*Watch\*, `(.*?)`", PROSE)[1]
VARIABLES, LOGGED = (
    [line.strip() for line in block.strip().splitlines()]
    for block in re.findall(r"^ +```txt\n(.*?)^ +```", text_of(PAGE), re.MULTILINE | re.DOTALL)
)


@pytest.fixture
def launch(tmp_path):
    """launch(program, ...) is debugpy before the start, with the package as an installed one."""
    needs_debugpy()
    environment = prepared(tmp_path, "")
    with contextlib.ExitStack() as stack:

        def launched(program, **options):
            (tmp_path / "step.py").write_text(program, encoding="utf-8")
            settings = {"env": environment} | options
            return stack.enter_context(Debugpy("step.py", tmp_path, **settings))

        launched.engine = next(tmp_path.glob("lib/*/*/tinygrad_neuron/engine.py"))
        yield launched


@pytest.mark.slow
def test_vs_code_with_the_rule_shows_what_the_manual_says(launch):
    assert (CONFIGURATION["type"], CONFIGURATION["request"]) == ("debugpy", "launch")
    debugger = launch(PROGRAM, **RULES)
    condition = re.search(r"Conditional Breakpoint\*, with `(.*?)`", PROSE)[1]
    (is_set,) = debugger.breakpoints(launch.engine, {"line": 70, "condition": condition})
    assert is_set["verified"]
    frame = debugger.run()
    assert [f.function for f in debugger.stack()] == ["backward", "<module>"]
    variables = debugger.variables(frame)
    assert variables.pop("order").startswith("[Value(0.5, ")
    assert [f"{name} = {text}" for name, text in variables.items()] == VARIABLES
    said = "step 5 of 7: w2.grad += ∂v1/∂w2 · v1.grad = 2 · 0.25 = 0.5"
    assert debugger.watch(frame, WATCH) == said
    assert debugger.step("next")[1].startswith("for node, operand, partial in")
    assert debugger.run() is None


@pytest.mark.slow
def test_a_logpoint_prints_every_arrow_without_a_stop(launch):
    debugger = launch(PROGRAM, **RULES)
    message = re.search(r"Logpoint\*, with `(.*?)`", PROSE)[1]
    debugger.breakpoints(launch.engine, {"line": 70, "logMessage": message})
    assert debugger.run() is None
    logged = debugger.output.strip().splitlines()
    assert logged[:1] == LOGGED
    assert [line.partition(":")[0] for line in logged] == [f"step {n} of 7" for n in range(1, 8)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "reached"),
    [
        ({}, "print()"),
        (RULES, "order = topological_order"),
        ({"justMyCode": False}, "order = topological_order"),
    ],
    ids=["as it comes", "with the rule", "without justMyCode"],
)
def test_vs_code_steps_into_an_installed_package_with_the_rule_only(launch, options, reached):
    debugger = launch(f"{PROGRAM}print()\n", **options)
    (is_set,) = debugger.breakpoints(launch.engine, {"line": 70, "condition": "False"})
    assert is_set["verified"] == bool(options)
    debugger.run_to(7)
    assert debugger.step("step")[1].startswith(reached)


@pytest.mark.slow
def test_a_script_in_the_root_of_a_clone_needs_no_rule(launch):
    debugger = launch(PROGRAM, env={"PYTHONPATH": str(ROOT)})
    debugger.run_to(7)
    assert debugger.step("step") == ("engine.py", "order = topological_order(self)")


@pytest.mark.slow
def test_vs_code_goes_through_a_program_and_back(launch):
    debugger = launch(the_block(PAGE, "py", "# unrolled"))
    texts = [debugger.where(debugger.run())]
    while texts[-1][0] == "backprop.py":
        texts.append(debugger.step("next"))
    assert texts[0] == ("backprop.py", "v1 = w * x")
    assert texts[-2] == ("backprop.py", "return y, (d_w, d_x, d_b)")
    assert texts[-1][0] == "step.py"
    assert len(texts) == 11
