"""`tinygrad-neuron check`, as a process, on engines good, bad and hostile."""

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import stages

from tinygrad_neuron import engine as own_engine
from tinygrad_neuron.checks.checkup import CHECKS
from tinygrad_neuron.checks.stages import STAGES

ENGINE = Path(own_engine.__file__)
NAMES = [check.name for check in CHECKS]
WITH_BACKWARD = {check.name for check in CHECKS if "backward(" in check.program}
BACKWARD_FIRST = {c.name for c in CHECKS if "backward(" in c.program.strip().splitlines()[0]}
# Of each kind: with backward() in the first line, with it further down, and without it.
FEW = ["doubling", "zeroed leaves", "division", "division by zero"]
# The command itself, with other limits, and with some of the checks.
COMMAND = """\
from tinygrad_neuron.command import check, main
vars(check).update({limits})
check.CHECKS = [each for each in check.CHECKS if each.name in {names}]
main.main()
"""
OURS_WITH = """\
import math, os, signal, sys, time
from tinygrad_neuron import Neuron, Value
right_backward = Value.backward
def backward(self):
    {}
    right_backward(self)
Value.backward = backward
"""
posix = pytest.mark.skipif(sys.platform == "win32", reason="there is no such thing on Windows")
linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere memory has no limit")


def command(*arguments, names=NAMES, **limits):
    program = COMMAND.format(limits={"MEMORY": 1 << 28} | limits, names=names)
    return [sys.executable, "-c", program, "check", *map(str, arguments)]


def check(*arguments, names=NAMES, limits=None, **options):
    run = command(*arguments, names=names, **limits or {})
    return subprocess.run(run, capture_output=True, encoding="utf-8", **options)


def rows(done, names=NAMES):
    """The table of a run: what stands behind the name of each check."""
    assert done.stderr == ""
    table, *_ = done.stdout.split("\n\n")
    lines = table.splitlines()
    assert len(lines) == len(names)
    assert all(line.startswith(name) for line, name in zip(lines, names))
    width = max(map(len, names)) + 2
    assert all(line[width - 1] == " " != line[width] for line in lines)
    return {line[:width].strip(): line[width:] for line in lines}


def refused(*arguments, **options):
    done = check(*arguments, **options)
    assert (done.returncode, done.stdout) == (2, ""), done
    (line,) = done.stderr.splitlines()
    return line


@pytest.fixture
def engine(tmp_path):
    """engine(text) is the path of a file with this program."""

    def write(text, name="my_engine.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write


# What it says.


def test_our_own_engine_is_all_right():
    done = check("--package", "tinygrad_neuron")
    assert set(rows(done).values()) == {"right"}
    assert done.stdout.endswith("\n\n29 of 29 right\n")
    assert done.returncode == 0


def test_micrograd_makes_the_mistakes_it_is_known_for():
    pytest.importorskip("micrograd")
    done = check("--package", "micrograd")
    found = rows(done)
    assert found["record"] == "wrong: got (9.0, 1), right is (9.0, 2)"
    assert found["again"].startswith("right, but a second pass adds to inner values, too")
    assert found["shared node"] == "wrong: got 26, right is 16.0 or an error"
    assert found["text as data"] == "wrong: got '33', right is an error"
    assert found["saturated tanh"] == "cannot be expressed: there is no tanh"
    assert found["deep sum"].startswith("crashed: RecursionError: ")
    assert found["0 ** 0"].startswith("crashed: ZeroDivisionError: ")
    assert re.fullmatch(r"wrong: got 0\.\d+, right is an error", found["wrong number of inputs"])
    assert {name for name, row in found.items() if row.startswith("wrong: ")} == {
        *("record", "zeroed leaves", "shared node", "data changed", "same bits"),
        *("graph freed", "negative base", "division", "in-place update"),
        *("wrong number of inputs", "typo in an attribute", "text as data"),
    }
    assert {name for name, row in found.items() if row == "right"} == {
        *("operation", "reuse", "backward", "order", "doubling", "numbers"),
        *("differences", "equal numbers"),
        *("relu at 0", "relu of nan", "division by zero"),
    }
    assert done.stdout.endswith("\n\n12 of 26 right, 3 cannot be expressed\n")
    assert done.returncode == 1


def test_each_that_is_wrong_or_crashes_gets_its_sentence_why(engine):
    _, head, program, first, reasons, _ = check(engine(OURS_WITH.format("self.gard"))).stdout.split(
        "\n\n"
    )
    crashed = [c for c in CHECKS if c.name in WITH_BACKWARD - BACKWARD_FIRST]
    assert head == f"The first mistake is in {crashed[0].name}:"
    assert "backward(d)" in program
    assert " ".join(first.split()).endswith(
        f"right is {crashed[0].right}. What is needed: {crashed[0].why}"
    )
    later = [check for check in crashed if not check.stage]
    assert " ".join(reasons.split()) == " ".join(f"{c.name} {c.why}" for c in later)
    assert max(map(len, reasons.splitlines())) <= 79


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(stages.WRONG)))
def test_no_wrong_engine_gets_the_right_ones_verdicts(engine, number):
    stage, _, old, new, sentence = stages.WRONG[number]
    path = engine(stages.with_mistake(old, new))
    done = check(path, "--until", "again", limits={"SECONDS": 2.0})
    assert done.returncode == 1
    head = "One check is too slow, doubling:" if stage == "doubling" else "The first mistake is in "
    assert head + stage * (stage != "doubling") in done.stdout
    assert sentence in " ".join(done.stdout.split())


def test_until_a_stage_tells_what_to_build_next(engine):
    start = stages.RIGHT.index("\n    def backward")
    path = engine(stages.RIGHT[:start])
    names = [name for name in NAMES if name in {stage.name for stage in STAGES}]
    done = check(path, "--until", "reuse")
    assert rows(done, names[:3]) == dict.fromkeys(names[:3], "right")
    assert (done.returncode, done.stdout.endswith("\n\n3 of 3 right\n")) == (0, True)
    done = check(path, "--until", "order")
    assert "mistake" not in done.stdout
    assert rows(done, names[:6])["backward"] == "cannot be expressed: there is no backward"
    assert done.returncode == 1
    assert "\n\nBuild next: backward. The method backward() sets" in done.stdout
    assert done.stdout.endswith("\n\n3 of 3 right, 3 cannot be expressed\n")
    hidden = check(engine(stages.RIGHT.replace("_backward", "give")), "--until", "order")
    assert "Build next" not in hidden.stdout
    assert hidden.stdout.endswith("\n\n4 of 4 right, 2 cannot be expressed\n")
    assert hidden.returncode == 0
    no_tanh = stages.with_mistake(*stages.WRONG[-2][2:4]).replace("def tanh", "def th")
    done = check(engine(no_tanh), "--until", "again")  # and leaves are reset
    assert done.returncode == 1
    assert "Build next: tanh. The local derivative of tanh" in done.stdout
    empty = check(engine("class Value:\n    pass\n"), "--until", "record")
    assert "Build next: record. An operation gives a Value that holds" in empty.stdout
    assert "invalid choice: 'sorting'" in refused(path, "--until", "sorting")


def test_many_engines_get_a_line_each(engine):
    paths = [
        engine(stages.RIGHT, "ada.py"),
        engine(stages.with_mistake(*stages.WRONG[5][2:4]), "bo.py"),
        engine("class Value", "cy.py"),
    ]
    done = check(*paths, "--csv", "--until", "backward")
    head, *table = csv.reader(io.StringIO(done.stdout))
    assert head == ["engine", "last stage", "first mistake", "seconds"]
    assert [row[:2] for row in table] == [
        [str(paths[0]), "backward"],
        [str(paths[1]), "operation"],
        [str(paths[2]), ""],
    ]
    assert table[0][2] == ""
    assert table[1][2].startswith("reuse: The second use replaces the first")
    assert table[2][2].endswith("importing it raised SyntaxError: expected ':' (cy.py, line 1)")
    assert all(float(row[3]) < 60 for row in table)
    assert done.returncode == 1
    assert "several engines need --csv" in refused(*paths)


def test_an_answer_is_the_same_in_every_run():
    pytest.importorskip("micrograd")
    first, second = (rows(check("--package", "micrograd")) for _ in range(2))
    for name in set(NAMES) - {"same bits"}:
        assert first[name] == second[name]


def test_json_has_the_engine_the_score_and_the_findings(engine):
    path = engine(OURS_WITH.format("self.grad = 1 / 0"))
    done = check(path, "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert list(report) == ["engine", "score", "findings"]
    assert report["engine"] == str(path)
    assert report["score"] == {"right": 11, "expressed": 24, "checks": 29}
    findings = {finding["check"]: finding for finding in report["findings"]}
    assert list(findings) == NAMES
    assert findings["numbers"] == {
        "check": "numbers",
        "stage": "numbers",
        "verdict": "crashed",
        "text": "ZeroDivisionError: division by zero",
        "note": "",
        "right": "(-0.5, 0.75)",
        "why": "For 1 - v and 3 / v Python calls the methods __rsub__ and __rtruediv__ of v.",
    }
    assert findings["division"]["stage"] is None
    assert findings["shared node"]["right"] == "16.0 or an error"
    assert findings["text as data"]["right"] == "an error"


def test_markdown_is_a_table_whose_signs_are_escaped(engine):
    done = check(engine(OURS_WITH.format("raise ValueError('a|b <i> `c`')")), "--markdown")
    head, rule, *table, empty, score = done.stdout.splitlines()
    assert re.fullmatch(r"\| check \| [^|]+my\\_engine\.py \| why \|", head)
    assert (rule, empty, score) == ("|---|---|---|", "", "11 of 24 right, 5 cannot be expressed")
    assert len(table) == 29
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 4 for row in table)
    assert (
        r"| tanh | crashed: ValueError: a\|b \<i\> \`c\` | The local derivative of tanh" in table[7]
    )


# Engines of other makes.


def other_names():
    """Our engine with a Scalar that has value and gradient, and functions for methods."""
    text = ENGINE.read_text(encoding="utf-8")
    for ours, theirs in [("Value", "Scalar"), ("data", "value"), ("grad", "gradient")]:
        text = re.sub(rf"\b{ours}\b", theirs, text)
    functions = [f"{name} = Scalar.{name}\ndel Scalar.{name}\n" for name in ("tanh", "relu")]
    return text + "backward = Scalar.backward\ndel Scalar.backward\n" + "".join(functions)


def test_names_and_functions_may_be_others(engine):
    done = check(engine(other_names()), "--name", "Scalar")
    assert done.stdout.endswith("\n28 of 28 right, 1 cannot be expressed\n"), done
    assert rows(done)["wrong number of inputs"] == (
        "cannot be expressed: there is no class for a neuron"
    )
    assert done.returncode == 0


def test_the_class_of_neurons_may_have_another_name(engine):
    path = engine("from tinygrad_neuron import Value, Neuron as Unit\n")
    assert "28 of 28 right, 1 cannot" in check(path).stdout
    assert "29 of 29 right" in check(path, "--neuron", "Unit").stdout


def test_a_function_from_math_is_not_the_engines(engine):
    path = engine(
        "from math import tanh\nfrom tinygrad_neuron import Neuron, Value\ndel Value.tanh\n"
    )
    assert rows(check(path))["saturated tanh"] == "cannot be expressed: there is no tanh"


def test_a_file_imports_its_neighbours_and_its_folder_stays_as_it_is(engine, tmp_path, monkeypatch):
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    engine("from tinygrad_neuron import Neuron, Value\n", "neighbour.py")
    path = engine("from neighbour import Neuron, Value\nopen('made', 'w')\n", "statistics.py")
    assert check(path, cwd=tmp_path).returncode == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["neighbour.py", "statistics.py"]


def test_classes_are_found_in_the_submodules_of_a_package(engine, tmp_path):
    for name, text in {
        "__init__": "",
        "__main__": "raise SystemExit('a program')",
        "broken": "import something_that_is_not_there",
        "script": "raise SystemExit",
        "units": "from tinygrad_neuron import Neuron",
        "values": "from tinygrad_neuron import Value",
    }.items():
        engine(text, f"parts/{name}.py")
    done = check("--package", "parts", cwd=tmp_path)
    assert done.stdout.endswith("\n29 of 29 right\n"), done
    line = refused("--package", "parts", "--name", "Scalar", cwd=tmp_path)
    assert "parts: there is no class Scalar" in line
    assert "parts.broken raised ModuleNotFoundError: No module named 'something" in line


# Engines that do harm.

HARM = {
    "loops": ("while True: pass", r"ran longer than [\d.e+]+ s"),
    "exits": ("sys.exit(0)", "ended with exit status 0"),
    "exits with a status": ("sys.exit(3)", "ended with exit status 3"),
    "exits at once": ("os._exit(0)", "ended with exit status 0"),
    "recurses": ("backward(self)", "RecursionError: .*"),
    "raises a long error": (r"raise KeyError('\n' + 'x' * 1000000)", r"KeyError: '\\nx{50,}…"),
    "eats memory": ("x = [0]\n    while True: x += x", r"needed more than 0\.25 GiB of memory"),
    "kills itself": ("os.kill(os.getpid(), signal.SIGKILL)", r"was killed by signal 9 \(SIGKILL\)"),
    "forks": ("os.fork() and os.fork() and os._exit(5)\n    while True: pass", ".* status 5"),
}
NEEDS = {"eats memory": linux, "kills itself": posix, "forks": posix}


@pytest.mark.parametrize(
    "names", [pytest.param(FEW, id="few"), pytest.param(NAMES, id="all", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("kind", [pytest.param(k, marks=NEEDS.get(k, ())) for k in HARM])
def test_a_harmful_backward_is_an_answer_and_the_rest_is_right(engine, kind, names):
    harm, reason = HARM[kind]
    limits = {"SECONDS": 2.0 if names == FEW else 4.0} if "while True: pass" in harm else {}
    done = check(engine(OURS_WITH.format(harm)), names=names, limits=limits, timeout=90)
    assert done.returncode == 1
    for name, row in rows(done, names).items():
        if name not in WITH_BACKWARD:
            assert row == "right"
        else:
            refused = kind == "raises a long error" and name in BACKWARD_FIRST
            verdict = "cannot be expressed" if refused else "crashed"
            assert re.fullmatch(f"{verdict}: {reason}", row), row
            assert len(row) < 130


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        ("while True: pass", "importing it ran longer than 2 s"),
        ("import sys; sys.exit(0)", "importing it ended with exit status 0"),
        ("import os; os._exit(0)", "importing it ended with exit status 0"),
        pytest.param(
            "x = [0]\nwhile True: x += x",
            "importing it needed more than 0.25 GiB of memory",
            marks=linux,
        ),
        ("1 / 0", "importing it raised ZeroDivisionError: division by zero"),
        ("raise KeyError", "importing it raised KeyError"),
        ("raise ValueError('two\\nlines')", r"importing it raised ValueError: two\nlines"),
        ("class", "importing it raised SyntaxError: invalid syntax"),
        ("import something_that_is_not_there", "importing it raised ModuleNotFoundError: No"),
        ("class Scalar: pass", "there is no class Value, only Scalar"),
        ("Value = 3", "there is no class Value, and no other class either"),
        ("class Value: pass", "none of the programs can be expressed with Value: TypeError: "),
    ],
)
def test_an_engine_that_cannot_be_loaded_is_one_line(engine, harm, message):
    path = engine(harm)
    line = refused(path, limits={"SECONDS": 1.0} if harm == "while True: pass" else {})
    assert line.startswith(f"tinygrad-neuron: error: {path}: {message}")


def test_a_package_that_lacks_a_module_of_its_own_is_named_with_it(engine, tmp_path):
    engine("import something_that_is_not_there\n", "lacking/__init__.py")
    line = refused("--package", "lacking", cwd=tmp_path)
    assert "lacking: importing it raised ModuleNotFoundError: No module named 'something" in line


def test_an_answer_or_an_error_without_words_is_known_by_its_class(engine):
    wordless = "def __str__(self): return self.words\n        __repr__ = __str__"
    answer = f"""\
class Shy(float):
        {wordless}
    right_backward(self)
    for leaf in self.operands: leaf.grad = Shy(7)
    return"""
    found = rows(check(engine(OURS_WITH.format(answer))))
    assert found["saturated tanh"] == "right"
    assert found["data changed"].startswith("wrong: got a Shy, right is ")
    error = f"""\
class Shy(Exception):
        {wordless}
    raise Shy"""
    found = rows(check(engine(OURS_WITH.format(error))))
    assert found["numbers"] == "crashed: Shy"


def test_what_an_engine_prints_is_not_taken_for_an_answer(engine):
    says = 'print(\'{"verdict": "wrong", "text": "3"}\' * 50000, flush=True)'
    path = engine(OURS_WITH.format(f"{says}; sys.stdin.read(); print('x' * 1000000)"))
    reading, writing = os.pipe()  # in which nothing comes, and which has no end
    done = check(path, stdin=reading)
    os.close(reading)
    os.close(writing)
    assert set(rows(done).values()) == {"right"}
    assert done.returncode == 0
    assert len(done.stdout) < 1500


BEATS = """\
beats = os.path.join(os.path.dirname(os.path.abspath(__file__)), "beats")
    if not os.path.exists(beats) and os.fork() == 0:
        while True:
            time.sleep(0.02); open(beats, "a").write("x")
    while not (os.path.exists(beats) and os.path.getsize(beats)): time.sleep(0.02)"""


def beats(folder):
    path = folder / "beats"
    return path.stat().st_size if path.exists() else 0


def still_beating(folder):
    before = beats(folder)
    assert before
    time.sleep(0.3)
    return beats(folder) > before


@posix
def test_no_process_of_an_engines_session_is_left(engine, tmp_path):
    path = engine(OURS_WITH.format(f"{BEATS}"))
    assert check(path).returncode == 0
    assert not still_beating(tmp_path)


@posix
def test_ctrl_c_ends_the_engine_too(engine, tmp_path):
    path = engine(OURS_WITH.format(f"{BEATS}\n    time.sleep(1000)"))
    with subprocess.Popen(command(path), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        while not beats(tmp_path):
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        output = process.communicate(timeout=10)
    assert (process.returncode, output) == (130, (b"", b""))
    assert not still_beating(tmp_path)


@pytest.mark.slow
def test_the_whole_ends_even_if_every_program_hangs(engine):
    path = engine("class Value:\n    def __init__(self, data):\n        while True: pass\n")
    done = check(path, limits={"SECONDS": 0.6, "AT_ONCE": 1}, timeout=60)
    found = rows(done)
    assert found["record"].startswith("crashed: ran longer than ")
    assert found["division by zero"] == "not run: the others took too long"


# What it refuses.


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give either a file or --package NAME"),
        (["x.py", "--package", "micrograd"], "give either a file or --package NAME"),
        (["none.py"], "none.py: no such file or directory"),
        (["."], ".: not a file"),
        (["--package", "none_such"], "none_such: there is no module none_such; is it installed?"),
        (["--package", "json.none"], "json.none: there is no module json.none; is it installed?"),
        (["--package", "back-prop"], "'back-prop' is not the name by which a package is imported"),
        (["--package", ""], "'' is not the name by which a package is imported"),
        (["--package", "tinygrad_neuron", "--name", "Scalar"], "there is no class Scalar, only "),
        (["x.py", "--json", "--markdown"], "not allowed with argument"),
    ],
)
def test_bad_arguments_are_one_line(tmp_path, arguments, message):
    assert message in refused(*arguments, cwd=tmp_path)
