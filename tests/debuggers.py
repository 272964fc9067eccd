"""How many presses it takes to follow an engine in pdb and in debugpy, VS Code's debugger.

    python tests/debuggers.py

prints the table, in which a press is one command, step or next. Where pdb enters a function or
leaves it, it stops as well. test_debugger.py holds the table equal to the manual's.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from debug_adapter import DebugAdapter

ROOT = Path(__file__).resolve().parent.parent
SMALLEST = """class Value:
    def __init__(self, data, children=()):
        self.data, self.grad, self.children = data, 0.0, children
        self._backward = lambda: None

    def __add__(self, other):
        out = Value(self.data + other.data, (self, other))

        def _backward():
            self.grad += out.grad
            other.grad += out.grad

        out._backward = _backward
        return out

    def __mul__(self, other):
        out = Value(self.data * other.data, (self, other))

        def _backward():
            self.grad += other.data * out.grad
            other.grad += self.data * out.grad

        out._backward = _backward
        return out

    def relu(self):
        out = Value(max(0.0, self.data), (self,))

        def _backward():
            self.grad += (out.data > 0) * out.grad

        out._backward = _backward
        return out

    def backward(self):
        order, seen = [], set()

        def visit(value):
            if value not in seen:
                seen.add(value)
                for child in value.children:
                    visit(child)
                order.append(value)

        visit(self)
        self.grad = 1.0
        for value in reversed(order):
            value._backward()
"""
GRAPH = """w, x, b = Value(0.5), Value(2.0), Value(0.25)
product = w * x
y = (product + b).relu()
y.backward()
"""
OURS = f"""from tinygrad_neuron import SGD, Neuron, Value
{GRAPH}neuron = Neuron(2, Value.relu)
out = neuron([3.0, 2.0])
optimizer = SGD([w, b], lr=0.1)
optimizer.step()
print()
"""
MICROGRAD = f"""from micrograd.engine import Value
from micrograd.nn import Neuron
{GRAPH}neuron = Neuron(2)
out = neuron([3.0, 2.0])
print()
"""
SMALLEST_VALUE = f"""from smallest import Value
{GRAPH}print()
"""
PROGRAMS = {"this engine": OURS, "micrograd": MICROGRAD, "smallest": SMALLEST_VALUE}
START = "self.grad += 1.0  # d(output)/d(output) = 1"  # which is no chain rule
QUESTIONS = ["product = w * x", "y.backward()", "out = neuron([3.0, 2.0])", "optimizer.step()"]


class Pdb:
    """pdb on a program in a folder; an answer is what it says up to its next prompt.

    Paths in answers are names of files only.
    """

    def __init__(
        self, program, folder, python=sys.executable, options=("-m", "pdb"), **environment
    ):
        home = Path(folder) / "home"
        home.mkdir(exist_ok=True)  # no .pdbrc is there
        own = {"HOME": str(home), "USERPROFILE": str(home), "PYTHON_COLORS": "0"}
        own |= {
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(ROOT),
            "PYTHONBREAKPOINT": "",
        } | environment
        self.process = subprocess.Popen(
            [python, *options, program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            cwd=folder,
            env={**os.environ, **own},
        )
        self.opening = self.answer()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def press(self, command):
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()
        return self.answer()

    def answer(self):
        said = ""
        while not said.endswith("(Pdb) ") and (character := self.process.stdout.read(1)):
            said += character
        said = said.removesuffix("(Pdb) ")
        return re.sub(r"^(> |Breakpoint \d+ at ).*[/\\]", r"\1", said, flags=re.MULTILINE)

    def run_to(self, line):
        self.press(f"tbreak step.py:{line}")
        return self.where(self.press("continue"))

    def step(self, command):
        return self.where(self.press(command))

    def where(self, answer):
        """The name of the file and the text of the line that is next, both "" at the end."""
        found = re.search(r"^> (.*?)\(\d+\).*\n-> (.*)", answer, flags=re.MULTILINE)
        return found.groups() if found else ("", "")


class Debugpy(DebugAdapter):
    """The same in debugpy, which shows lines only."""

    def run_to(self, line):
        self.breakpoints(Path(self.folder) / "step.py", {"line": line})
        return self.where(self.run())

    def step(self, command):
        return self.where(self.press({"step": "stepIn", "next": "next"}[command]))

    def where(self, frame):
        if frame is None:
            return "", ""
        return Path(frame.file).name, self.text(frame)


def prepared(folder, program):
    """The files of an example, with the package as an installed one."""
    folder = Path(folder)
    (folder / "smallest.py").write_text(SMALLEST)
    (folder / "step.py").write_text(program)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    installed = folder / "lib" / version / "site-packages"
    shutil.copytree(ROOT / "tinygrad_neuron", installed / "tinygrad_neuron")
    return {"PYTHONPATH": str(installed), "PYTHONUSERBASE": str(folder)}


def counted(debugger, program, way):
    """For each question the presses until the program goes on, and to the first chain rule.

    way  "step": always step; "next": step into the call and into closures, and else next
    """
    lines, found = program.splitlines(), {}
    for question in QUESTIONS:
        if question not in lines:
            continue
        debugger.run_to(lines.index(question) + 1)
        following = lines[lines.index(question) + 1]
        presses, file, text, first = 0, "step.py", question, None
        while (file, text) != ("step.py", following):
            into = way == "step" or not presses or "._backward()" in text
            file, text = debugger.step("step" if into else "next")
            presses += 1
            assert file, f"the program ended in {question}"
            if first is None and ".grad +=" in text and text != START:
                first = presses
        found[question] = presses, first
    return found


def presses(engine, way):
    """The cells of a column of the table: in pdb and in debugpy."""
    program = PROGRAMS[engine]
    with tempfile.TemporaryDirectory() as folder:
        environment = prepared(folder, program)
        with Pdb("step.py", folder, **environment) as debugger:
            in_pdb = counted(debugger, program, way)
        with Debugpy("step.py", folder, env=environment, justMyCode=False) as debugger:
            in_debugpy = counted(debugger, program, way)
    whole, first = ([each.get(q, (None, None)) for q in QUESTIONS] for each in (in_pdb, in_debugpy))
    cells = [f"{a[0]} / {b[0]}" if a[0] else "–" for a, b in zip(whole, first)]
    backward = QUESTIONS.index("y.backward()")
    return [f"{whole[backward][1]} / {first[backward][1]}", *cells]


ROWS = ["to the first chain rule", *(f"`{question}`" for question in QUESTIONS)]
WAYS = {"next": "over", "step": "into"}


def table():
    yield f"| pdb / VS Code | {' | '.join(f'{e}, {w}' for e in PROGRAMS for w in WAYS.values())} |"
    yield "|---" * (1 + len(PROGRAMS) * len(WAYS)) + "|"
    columns = [presses(engine, way) for engine in PROGRAMS for way in WAYS]
    for row in zip(ROWS, *columns):
        yield f"| {' | '.join(row)} |"


if __name__ == "__main__":
    for line in table():
        print(line, flush=True)
