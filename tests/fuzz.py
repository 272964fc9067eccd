"""Bad input, made at random: whatever it is, there is an answer or a one-line error.

As a program it tries so many of each kind, and prints the table; at the first traceback or damaged
file it ends instead. On Linux and macOS:

pip install -e '.[test]' && python tests/fuzz.py 10000
"""

import contextlib
import json
import math
import random
import re
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from command_line import run
from graphs import peak_megabytes

from tinygrad_neuron import Value, draw, explain, play, steps, tree, unroll
from tinygrad_neuron.command.errors import InputError
from tinygrad_neuron.command.expression import ExpressionError, graph_of
from tinygrad_neuron.command.model_file import load_model

LONGEST = 1.0  # seconds of its own for an expression
MOST_MEMORY = 200  # MB for all of them


class Tally:
    """How many inputs of a kind were tried, and what became of them."""

    def __init__(self, kind):
        self.kind = kind
        self.tried = self.answers = self.errors = 0

    def answer(self):
        self.tried += 1
        self.answers += 1

    def error(self):
        self.tried += 1
        self.errors += 1

    def __str__(self):
        return f"| {self.kind} | {self.tried:,} | {self.answers:,} | {self.errors:,} | 0 | 0 |"


# Expressions.

NAMES = "w x b é 𝐱 变数 _ __import__ __class__ eval exec open os tanh sigmoid True False None"
SYNTAX = "lambda if else for in not and or is await yield [ ] { } . , : ; := = // % @ ^ & | ~ < ="
LITERALS = "0 1 2 0.5 1e308 1e999 1_000 0x10 0b1 1j 007 1. .5 1e-400 9**9**9 999999999999999999"
SIGNS = "+ - * / ** ( ) sin( log( exp( relu( sqrt( abs("
ODD = "` $ \\ # ' \" ''' f' b' ... -> → ∂ · − × ² ½ 😀 \x00 \ud800 \u200b \ufeff \u0301"
TOKENS = f"{NAMES} {SYNTAX} {LITERALS} {SIGNS} {ODD}".split() + [" ", "\n"]
FORBIDDEN = ("exec", "open", "import", "os.", "subprocess.", "socket.", "shutil.", "ctypes.")


def right(rng, depth):
    """An expression as it should be."""
    if depth == 0 or rng.random() < 0.2:
        return rng.choice(["w", "x", "b", "2", "0.5", "-1", "1e3"])
    one, other = right(rng, depth - 1), right(rng, depth - 1)
    function = rng.choice(["sin", "tanh", "exp", "relu", "log", "sqrt", "abs", "-", "+", ""])
    pair = f"{one} {rng.choice(['+', '-', '*', '/', '**'])} {other}"
    return rng.choice([pair, pair, f"({pair})", f"{function}({one})"])


def expression(rng):
    kind = rng.random()
    if kind < 0.3:
        return "".join(rng.choices(TOKENS, k=rng.randint(0, 30)))
    if kind < 0.4:
        return "".join(chr(rng.randrange(0x3000)) for _ in range(rng.randint(0, 40)))
    if kind < 0.5:
        parts = ["(", "-", "x+", "x**", "sin(", "x*(", "[", "9", "not ", "~", "x.", "f'{"]
        part = rng.choice(parts)
        return part * rng.choice([10, 99, 101, 300, 1000, 100_000]) + rng.choice(["x", "", ")"])
    text = list(right(rng, 4))
    for _ in range(rng.choice([0, 0, 1, 2])):
        place = rng.randrange(len(text) + 1)
        text[place : place + rng.randint(0, 2)] = rng.choice(TOKENS)
    return "".join(text)


def expressions(count, seed=0):
    """A graph or the parser's own error, in a second, in little memory, without the outer world."""
    rng, tally, reached = random.Random(seed), Tally("expressions"), []
    listening = False

    def listen(event, _):
        if listening and event.startswith(FORBIDDEN):
            reached.append(event)

    graph_of("sin(x)", {"x": 1.0})  # which loads what is needed
    sys.addaudithook(listen)
    before = peak_megabytes()
    for _ in range(count):
        text = expression(rng)
        numbers = {name: rng.uniform(-3, 3) for name in re.findall(r"\b[wxb]\b", text)}
        started, listening = time.process_time(), True
        try:
            output = graph_of(text, numbers)
        except InputError as refused:
            error = refused
        else:
            error = None
        finally:
            listening = False
        if error is None:
            assert type(output) is Value
            tally.answer()
        else:
            assert "\n" not in str(error), text
            assert not isinstance(error, ExpressionError) or error.excerpt.count("\n") == 2, text
            tally.error()
        assert time.process_time() - started < LONGEST, text
        assert not reached, (text, reached)
    assert peak_megabytes() - before < MOST_MEMORY
    return tally


# Files.

IRIS = Path(__file__).parent.parent / "notebooks" / "iris.csv"
HEADER, *FLOWERS = IRIS.read_bytes().split()
TABLES = [
    b"x,y\n1,3\n2,5\n3,7\n4,9\n",
    b"name;length;kind\na;1,5;yes\nb;2,5;no\nc;0,5;yes\nd;3,5;no\n",
    "größe\tgewicht\tklasse\n1.7\t80\tja\n1.6\t60\tnein\n1.8\t70\tja\n".encode(),
    b'"a, b","c"\r\n"1",2\r\n3,"4"\r\n5,6\r\n',
    b"\n".join([HEADER, *FLOWERS[40:60], b""]),
]
CELLS = (
    b"""
nan inf -inf 1e308 1e-320 1e999 0 -0 1_000 0x10 1,5 "" " ' \x00 \xff \xc3 \xef\xbb\xbf , ; \t \r
\r\n \n\n \xe2\x80\xa8 \xed\xa0\x80 yes no 1 2 = <script> \x1b[31m \\ ,, ;;
""".split(b" ")
    + [b" ", b"\n", b"a" * 5000, b'"' + b"b" * 200_000]
)


def mutated(rng, content, pieces):
    content = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 4])):
        start = rng.randrange(len(content) + 1)
        end = start + rng.choice([0, 1, 1, 3, 20])
        match rng.randrange(4):
            case 0:
                content[start:end] = rng.choice(pieces)
            case 1:
                del content[start:end]
            case 2:
                content[start:start] = content[start:end] * rng.randint(1, 3)
            case 3:
                content[start : start + 1] = bytes([rng.choice([rng.randrange(256), 48, 53])])
    return bytes(content)


def judged(tally, words, status, out, err):
    """An answer, or one line that says what is wrong."""
    assert "unexpected" not in err, (words, err)
    assert "Traceback" not in err, (words, err)
    if status == 0:
        assert out, words
        tally.answer()
    else:
        assert status in (1, 2), (words, status)
        assert err.strip(), words
        assert status == 1 or len(err.strip().splitlines()) == 1, (words, err)
        tally.error()


@contextlib.contextmanager
def learned_files():
    """A table, and the model that was learned from it."""
    with tempfile.TemporaryDirectory() as folder:
        table, model = Path(folder, "table.csv"), Path(folder, "model.json")
        table.write_bytes(TABLES[-1])
        run("learn", table, "--class", "setosa", "--epochs", 1, "--save", model)
        yield table, model


def tables(count, seed=0):
    """Learned or refused; the table is as it was, and so is the old model if it was refused."""
    rng, tally = random.Random(seed), Tally("tables")
    with learned_files() as (table, model):
        for _ in range(count):
            content, old = mutated(rng, rng.choice(TABLES), CELLS), model.read_bytes()
            table.write_bytes(content)
            words = ["learn", table, "--epochs", 2, "--save", model]
            words += rng.choice([[], [], [], ["--holdout", "0.3"], ["--inputs", "x"]])
            status, out, err = run(*words)
            judged(tally, (words, content[:300]), status, out, err)
            assert table.read_bytes() == content
            if status == 2:
                assert model.read_bytes() == old, content[:300]
            load_model(model)
    return tally


NUMBERS = [0, -0.0, 1, 1.5, 1e308, 5e-324, -1e-300, 10**400, True, None, "x", "", [], {}, "1", -7]
PIECES = [json.dumps(n).encode() for n in NUMBERS] + [b"NaN", b"Infinity", b"-Infinity", b"{", b"]"]


def models(count, seed=0):
    """Predicted or refused; the model and the table are as they were."""
    rng, tally = random.Random(seed), Tally("models")
    with learned_files() as (table, model):
        good = json.loads(model.read_text(encoding="utf-8"))
        for _ in range(count):
            if rng.random() < 0.5:
                content = mutated(rng, json.dumps(good).encode(), PIECES)
            else:
                bad = json.loads(json.dumps(good))
                where = rng.choice([bad, *bad["inputs"]])
                key = rng.choice(list(where))
                if rng.random() < 0.2:
                    del where[key]
                else:
                    where[key] = rng.choice(NUMBERS)
                content = json.dumps(bad).encode()
            model.write_bytes(content)
            status, out, err = run("predict", model, table)
            judged(tally, content, status, out, err)
            assert model.read_bytes() == content
            assert table.read_bytes() == TABLES[-1]
    return tally


# Labels.

LETTERS = "aé変😀 <>&\"'\\`${}[]()|;:,./#%-–→∂\n\r\t\x00\x07\x1b\u200b\u202e\u2028\ud800\ufeff"
WORDS = ["<script>alert(1)</script>", "</script>", "-->", "]]>", "&lt;", "\\N", "label=", "%s"]
WORDS += ["lambda", "None", "tanh", "d_x", "v1", "y", "__proto__", "constructor", "//", "{x}"]
WORDS += ['"""', "'''"]


def label(rng):
    letters = "".join(rng.choices(LETTERS, k=rng.randint(0, 12)))
    return letters + rng.choice(WORDS) if rng.random() < 0.5 else letters


def number(rng):
    special = [0.0, -0.0, 1e308, -1e308, 5e-324, 1e-300, math.inf, -math.inf, math.nan]
    return rng.choice(special) if rng.random() < 0.3 else rng.uniform(-10, 10)


def labels(count, seed=0):
    """In every format there is, and as many lines, boxes and scripts as without the label."""
    rng, tally = random.Random(seed), Tally("labels and numbers, in every format")
    for _ in range(count):
        w, x = Value(number(rng), label=label(rng)), Value(number(rng), label=label(rng))
        y = (w * x + w).tanh()
        y.label = label(rng)
        y.backward()
        plain = (Value(2.0, label="w") * Value(3.0, label="x")).tanh()
        assert len(tree(y, variables={}).splitlines()) == 6
        assert all("\n" not in str(step) for step in steps(y, variables={}))
        assert len(str(explain(y, w, variables={})).splitlines()) == 3
        page = play(y, variables={}).html()
        assert page.count("<script") == play(plain, variables={}).html().count("<script")
        page.encode()
        program = unroll(y, [w, x] if w is not x else [w], variables={})
        compile(program.source, "program", "exec")
        source = draw(y, variables={}).source
        assert source.count(" -> ") - source.count(">-> ") >= 5
        source.encode()
        if tally.tried % 20 == 0:
            ElementTree.fromstring(draw(y, variables={}).svg())
        tally.answer()
    return tally


def main(count):
    print("| kind | tried | answers | errors of one line | tracebacks | files damaged |")
    print("|---|---|---|---|---|---|")
    for kind in expressions, tables, models, labels:
        print(kind(count), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 500)
