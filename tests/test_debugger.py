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
from itertools import pairwise
from pathlib import Path

import pytest
from manual import ROOT, prose, the_block

from tinygrad_neuron import Value, here
from tinygrad_neuron.engine import topological_order

PAGE = "tinygrad_neuron/view/stepping/README.md"
PROSE = " ".join(prose(PAGE).split())
PROGRAM = the_block(PAGE, "py", "# step")
THIS = f"{sys.version_info.major}.{sys.version_info.minor}"
LOSS = """
from tinygrad_neuron import Neuron, mse_loss
neuron = Neuron(2)
y = mse_loss([neuron([3.0, 2.0]), neuron([-1.0, 0.5])], [1.0, 2.0])
y.backward()
"""
MICROGRAD = """
from micrograd.nn import Neuron
neuron = Neuron(2)
neuron.w[0].data, neuron.w[1].data, neuron.b.data = 0.5, -1.0, 1.0
y = neuron([3.0, 2.0])
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


@pytest.fixture
def start(tmp_path):
    """start(program) starts pdb on step.py; the function it returns presses and gives the answer.

    An answer is what pdb says up to its next prompt, and paths in it are names of files only.
    """
    (tmp_path / "home").mkdir()  # no .pdbrc is there
    home = str(tmp_path / "home")
    own = {"HOME": home, "USERPROFILE": home, "PYTHON_COLORS": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    with contextlib.ExitStack() as stack:

        def started(program, python=sys.executable):
            (tmp_path / "step.py").write_text(program, encoding="utf-8")
            process = stack.enter_context(
                subprocess.Popen(
                    [python, "-m", "pdb", "step.py"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    encoding="utf-8",
                    cwd=tmp_path,
                    env={**os.environ, **own, "PYTHONPATH": str(ROOT)},
                )
            )

            def press(command=""):
                if command:
                    process.stdin.write(f"{command}\n")
                    process.stdin.flush()
                said = ""
                while not said.endswith("(Pdb) ") and (character := process.stdout.read(1)):
                    said += character
                said = said.removesuffix("(Pdb) ")
                return re.sub(r"^(> |Breakpoint \d+ at ).*[/\\]", r"\1", said, flags=re.MULTILINE)

            return press

        yield started


def presses(start, program, command):
    """pdb's answers from `y.backward()` until the program goes on; command(answer) is pressed."""
    press = start(program)
    press()
    line = program.splitlines().index("y.backward()") + 1
    press(f"break step.py:{line}")
    answers = [press("continue")]
    assert answers[0].endswith("-> y.backward()\n")
    while "<module>" not in answers[-1] or len(answers) == 1:
        answers.append(press("step" if len(answers) == 1 else command(answers[-1])))
        assert len(answers) < 1000, answers[-1]
    return answers[1:]


def lines(answers):
    """The lines that were to be run next: of the engine's, without calls and returns."""
    inside = [answer for answer in answers if re.search(r"^> engine\.py", answer)]
    return [answer.partition("\n-> ")[2].rstrip("\n") for answer in inside]


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
    press = start(f"{opening}{call}\nprint()\n")
    for command in "", "break step.py:3", "continue":
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
    press = start(NAMES, python)
    press()
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
        ValueError, match=r"no arrow from Value\(1.0.*: at the chain rule, write here"
    ):
        here(y, y, other)


@VERSIONS
def test_the_debugger_says_what_the_manual_shows_on_each_python_at_hand(start, version):
    python = python_at_hand(version)
    if python is None:
        pytest.skip(f"no Python {version} here")
    shown = the_block(PAGE, "pdb")
    opening = "$ python -m pdb step.py\n"
    assert shown.startswith(opening)
    press = start(PROGRAM, python)
    transcript = opening + press()
    for command in re.findall(r"^\(Pdb\) (.*)$", shown, flags=re.MULTILINE):
        transcript += f"(Pdb) {command}\n" + press(command)
    assert transcript == shown


@pytest.mark.parametrize("program", [PROGRAM, LOSS], ids=["the manual's", "a loss"])
def test_an_edge_takes_two_presses_and_the_first_is_reached_in_eight(start, program):
    answers = presses(start, program, lambda answer: "next")
    chain_rule = [n for n, answer in enumerate(answers, 1) if "# the chain rule" in answer]
    assert chain_rule[0] <= 8
    assert {after - before for before, after in pairwise(chain_rule)} == {2}
    namespace = {}
    exec(program, namespace)
    order = topological_order(namespace["y"])
    assert len(chain_rule) == sum(len(node.operands) for node in order)


def test_a_neuron_takes_the_presses_that_the_manual_states(start):
    answers = presses(start, PROGRAM, lambda answer: "next")
    first = next(n for n, answer in enumerate(answers, 1) if "# the chain rule" in answer)
    assert (first, len(answers)) == (6, 21)
    assert "this sixth press reaches the chain rule of the first arrow" in PROSE
    assert "21 presses here" in PROSE
    assert len(lines(answers)) == 18
    assert len([line for line in lines(answers) if "# the chain rule" in line]) == 7


def test_micrograds_neuron_takes_the_presses_that_the_manual_states(start):
    pytest.importorskip("micrograd")

    def only_into_closures(answer):
        return "step" if "v._backward()" in answer else "next"

    answers = presses(start, MICROGRAD, lambda answer: "step")
    careful = presses(start, MICROGRAD, only_into_closures)
    assert (len(answers), len(careful)) == (141, 63)
    assert "63 in micrograd, or 141 with `step` alone" in PROSE
    assert len(lines(answers)) == 98
    for each in answers, careful:
        assert len([line for line in lines(each) if ".grad +=" in line]) == 9


def test_the_settings_for_vs_code_include_what_is_installed():
    (configuration,) = json.loads(the_block(PAGE, "json"))["configurations"]
    assert configuration["type"] == "debugpy"
    assert configuration["justMyCode"] is False
    assert configuration["program"].endswith("/step.py")
    assert '`operand.label == "w2"`' in PROSE
    assert 'operand.label == "w2"\n' in the_block(PAGE, "pdb")
