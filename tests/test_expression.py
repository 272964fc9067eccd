"""`tinygrad-neuron draw`: expressions that are drawn, and those that are refused."""

import contextlib
import math
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_line import run, run_as_process
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_neuron import topological_order
from tinygrad_neuron.command.errors import InputError
from tinygrad_neuron.command.expression import ExpressionError, graph_of
from tinygrad_neuron.view.grammar import FUNCTIONS

TREE = """\
tanh(w*x + b)  tanh  data 0.8005  grad 1
└─ v2  +             data 1.1     grad 0.3592  ∂ 0.3592
   ├─ v1  *          data 1       grad 0.3592  ∂ 1
   │  ├─ w  input    data 0.5     grad 0.7184  ∂ 2
   │  └─ x  input    data 2       grad 0.1796  ∂ 0.5
   └─ b  input       data 0.1     grad 0.3592  ∂ 1
"""


def problem(text, **numbers):
    """The message, the letter that the caret is under, and what comes after it."""
    with pytest.raises(ExpressionError) as raised:
        graph_of(text, numbers)
    shown, caret = raised.value.excerpt.splitlines()
    assert "\n" not in str(raised.value)
    return str(raised.value), shown[caret.index("^") :]


# What is drawn.


def test_the_tree_shows_the_gradients_of_the_whole_expression():
    done = run("draw", "tanh(w*x + b)", "w=0.5", "x=2", "b=0.1")
    assert (done.returncode, done.stdout, done.stderr) == (0, TREE, "")


@pytest.mark.parametrize("suffix", ["svg", "png", "dot", "mmd"])
def test_the_picture_is_written_too(tmp_path, suffix):
    path = tmp_path / f"graph.{suffix}"
    done = run("draw", "tanh(w*x + b)", "w=0.5", "x=2", "b=0.1", "-o", path)
    assert (done.returncode, done.stdout, done.stderr) == (0, TREE, "")
    start = {"svg": b"<svg", "png": b"\x89PNG", "dot": b"digraph", "mmd": b"%%{init"}[suffix]
    assert path.read_bytes().startswith(start)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("1 + 2*3", 7.0),
        ("(1 + 2)*3", 9.0),
        ("8 - 4 - 2", 2.0),
        ("8 / 4 / 2", 1.0),
        ("2**3**2", 512.0),
        ("-2**2", -4.0),
        ("(-2)**2", 4.0),
        ("2**-1", 0.5),
        ("+x - -x", 6.0),
        ("2**-3**2", 2**-9),
        ("-2*-3 - -1", 7.0),
        ("2 - 3 + 4*5/2", 9.0),
        ("1_000 * 1e-3", 1.0),
        (".5 + 2. + 007", 9.5),
        ("exp(log(x))", math.exp(math.log(3.0))),
        ("abs(cos(x)) + sqrt(sin(1)) + relu(-x) + sigmoid(0)", None),
    ],
)
def test_an_expression_means_what_it_means_in_python(text, right):
    names = {"x": 3.0}
    if right is None:
        right = abs(math.cos(3.0)) + math.sqrt(math.sin(1.0)) + 0.0 + 0.5
    assert graph_of(text, names if "x" in text.replace("exp", "") else {}).data == right


def test_each_operator_is_one_node_and_a_plain_exponent_is_part_of_it():
    assert [v.op for v in topological_order(graph_of("x**-2 / 3", {"x": -2.0}))] == [
        *("", "**-2", "const", "/")
    ]
    assert [v.op for v in topological_order(graph_of("-3 * x", {"x": 1.0}))] == ["const", "", "*"]
    assert graph_of("x**2.5", {"x": 1.0}).op == "**2.5"
    assert graph_of("x**2.0", {"x": 1.0}).op == "**2.0"
    assert graph_of("x**(-(+2))", {"x": -2.0}).op == "**-2"
    assert graph_of("x**(1 + 1)", {"x": 1.0}).op == "**"


def test_a_name_is_one_leaf_however_often_it_is_written():
    output = graph_of("x*x + x", {"x": 3.0})
    output.backward()
    assert topological_order(output)[0].grad == 7.0


def test_every_function_is_the_engines_own():
    for name in FUNCTIONS:
        assert graph_of(f"{name}(x)", {"x": 0.5}).op == name


def test_steps_before_the_expression_have_names():
    # d/da of b·2 + b·5 with b = 3a is 3·2 + 3·5 = 21
    output = graph_of("b = a*3; b*2 + b*5", {"a": 1.0})
    output.backward()
    a, _, b, *_ = topological_order(output)
    assert (output.data, a.label, a.grad, b.label, b.grad) == (21.0, "a", 21.0, "b", 7.0)
    assert graph_of("h = w*x; g = tanh(h); g + h*g", {"w": 0.0, "x": 1.0}).data == 0.0
    assert graph_of("c = 3; x*c", {"x": 2.0}).operands[1].label == "c"


def test_a_name_in_other_letters_is_found():
    assert graph_of("é + ﬁ", {"é": 1.0, "fi": 2.0}).data == 3.0
    assert run("draw", "ﬁ", "ﬁ=2").returncode == 0
    assert graph_of("lambda * True", {"lambda": 2.0, "True": 3.0}).data == 6.0
    assert run("draw", "lambda", "lambda=2").returncode == 0


def test_a_sum_of_hundreds_of_terms_is_no_deeper_than_one():
    assert graph_of("x" + "+x" * 499, {"x": 1.0}).data == 500.0


# What is refused.

MADE_OF = "it is made of names, numbers, + - * / ** ( ) and abs, cos, exp, log, relu, sigmoid"
WRONG = [  # the text, its problem, and from where the caret is
    ("x*2; x", "what comes before ; needs a name: write h = in front of it", "; x"),
    ("b = x; b = 2*b; b", "b is defined twice: give one of them another name", "b = 2*b; b"),
    ("c = b*2; b = x; b*c", "b is used before it is defined: write this step first", "b = x; b*c"),
    ("b = x*2; x", "b is not used: leave this step out", "b = x*2; x"),
    ("b = x*2;", "a value is missing after ;: add one", ""),
    ("b = (x; b", "this bracket is not closed: add its )", "(x; b"),
    ("b = ; x", "a value is missing before ;: add one", "; x"),
    *[
        (text, f'an expression has no "{place[0]}": {MADE_OF}', place)
        for text, place in [
            ("x.data", ".data"),
            ("1 + 'text'", "'text'"),
            ("(x < 1)", "< 1)"),
            ("1 + ~x", "~x"),
            ("x % 2", "% 2"),
            ("lambda: x", ": x"),
            ("...", "..."),
            ("f'{x}'", "'{x}'"),
            ("(x := 2)", ":= 2)"),
            ("x == 2", "== 2"),
            ("x, x", ", x"),
            ("x # x", "# x"),
            ("x.tanh()", ".tanh()"),
            ("x!", "!"),
        ]
    ],
    ("", "the expression is empty: write something like tanh(w*x + b)", ""),
    # Other ways to write it.
    ("x ^ 2", 'an expression has no "^": write x**2', "^ 2"),
    ("x²", 'an expression has no "²": write x**2', "²"),
    ("x¹⁰", 'an expression has no "¹": write a power as x**n', "¹⁰"),
    ("x₂", 'an expression has no "₂": write x2', "₂"),
    ("|x|", 'an expression has no "|": write abs(x)', "|x|"),
    ("√x", 'an expression has no "√": write sqrt(x)', "√x"),
    ("½*x", 'an expression has no "½": write 1/2', "½*x"),
    ("2×x", 'an expression has no "×": write the sign *', "×x"),
    ("2·x", 'an expression has no "·": write the sign *', "·x"),
    ("x·x", 'an expression has no "·": write the sign *', "·x"),
    ("x÷2", 'an expression has no "÷": write the sign /', "÷2"),
    ("−x", 'an expression has no "−": write the sign - of the keyboard', "−x"),
    ("x – 2", 'an expression has no "–": write the sign - of the keyboard', "– 2"),
    ("x[0]", 'an expression has no "[": write the bracket (', "[0]"),
    ("1,5*x", "a decimal number has a point and no comma: write 1.5", ",5*x"),
    ("tanh(1,5)", "a decimal number has a point and no comma: write 1.5", ",5)"),
    ("y = x*2", 'an expression has no "=": leave out "y ="', "= x*2"),
    ("f(x) = x*2", 'an expression has no "=": leave out "f(x) ="', "= x*2"),
    # Letters that cannot be seen.
    ("x + é\0", f"an expression has no U+0000: {MADE_OF}", "\ufffd"),
    ("x\n+ x", "an expression has no U+000A: write a blank", "\ufffd+ x"),
    ("x\xa0+ x", "an expression has no U+00A0: write a blank", "\ufffd+ x"),
    ("\ud800", f"an expression has no U+D800: {MADE_OF}", "\ufffd"),
    ("x + \x1b[31m", f"an expression has no U+001B: {MADE_OF}", "\ufffd[31m"),
    # Products.
    ("2x", "a sign is missing between 2 and x: a product is written 2*x", "x"),
    ("2(x+1)", "a sign is missing between 2 and (…): a product is written 2*(…)", "(x+1)"),
    ("(x)(x)", "a sign is missing between (…) and (…): a product is written (…)*(…)", "(x)"),
    ("x x", "a sign is missing between x and x: a product is written x*x", "x"),
    ("2 sin(x)", "a sign is missing between 2 and sin(…): a product", "sin(x)"),
    ("(x)2", "a sign is missing between (…) and 2: a product is written (…)*2", "2"),
    ("3j", "a sign is missing between 3 and j: a product is written 3*j", "j"),
    ("not x", "a sign is missing between not and x: a product is written not*x", "x"),
    ("x if x else x", "a sign is missing between x and if: a product is", "if x else x"),
    ("x(x+1)", "there is no function x, only abs, ", "x(x+1)"),
    ("é(x+1)", ": write é*(…) for a product", "é(x+1)"),
    # Functions.
    ("sin x", "sin is a function of one argument: write sin(x)", "sin x"),
    ("1 + sin 2", "sin is a function of one argument: write sin(2)", "sin 2"),
    ("tanh + x", "tanh is a function of one argument: write tanh(x)", "tanh + x"),
    ("1 + tanh(x, x)", "tanh is a function of one argument: write tanh(x)", "tanh(x, x)"),
    ("tanh(x=x)", "tanh is a function of one argument: write tanh(x)", "tanh(x=x)"),
    ("tanh()", "tanh is a function of one argument: write tanh(x)", "tanh()"),
    ("foo(x)", "there is no function foo, only abs, cos, exp, ", "foo(x)"),
    ("sine(x)", ": write sin(x)", "sine(x)"),
    ("sqr(x)", ": write sqrt(x)", "sqr(x)"),
    ("isn(x)", ": write sin(x)", "isn(x)"),
    ("ln(x)", ": write log(x)", "ln(x)"),
    ("tan(x)", ": write sin(x)/cos(x)", "tan(x)"),
    ("__import__('os')", "there is no function __import__, only abs, ", "__import__('os')"),
    ("eval(x)", "there is no function eval, only abs, ", "eval(x)"),
    # Brackets, and what is missing.
    ("(x", "this bracket is not closed: add its )", "(x"),
    ("x*tanh(x + 1", "this bracket is not closed: add its )", "tanh(x + 1"),
    ("x)", "this ) closes no bracket: leave it out", ")"),
    (")", "this ) closes no bracket: leave it out", ")"),
    ("x*()", "the brackets are empty: write a value between them", "()"),
    ("x +", "a value is missing after +: add one", ""),
    ("(x + )", "a value is missing after +: add one", ")"),
    ("tanh(", "a value is missing after tanh(: add one", ""),
    ("x + * x", "a value is missing before *: add one", "* x"),
    ("(x) // 2", "a value is missing before /: add one", "/ 2"),
    ("tanh(*x)", "a value is missing before *: add one", "*x)"),
    # Names and numbers.
    ("x + y", "y has no value: add y=NUMBER", "y"),
    ("pi*x", "pi has no value: add pi=3.141592653589793", "pi*x"),
    ("e**x", "e has no value: add e=2.718281828459045", "e**x"),
    ("1 + 1e999", "a number must be finite, below 1.8e308, not 1e999", "1e999"),
    ("x ** " + "9" * 400, f"below 1.8e308, not {'9' * 29}…", "9" * 30 + "…"),
    ("é + log(x - 1)", "log(x) needs x > 0, not 0.0", "log(x - 1)"),
    ("é + (x) / 0", "a / b needs b != 0, not 0.0", "/ 0"),
    ("exp(x*1000)", "exp(x) needs x <= 709.78, not 1000.0", "exp(x*1000)"),
    ("sqrt(-x)", "sqrt(x) needs x >= 0, not -1.0", "sqrt(-x)"),
    ("sin(x*1e308*10)", "sin(x) and cos(x) need a finite x, not inf", "sin(x*1e308*10)"),
    ("(-x)**0.5", "x ** 0.5 needs an x with a finite real power, not -1.0", "**0.5"),
    ("(-x)**x", "needs x >= 0 (or a plain exponent), not -1.0", "**x"),
    ("9**9**9**9", "x ** 387420489.0 needs an x with a finite real power", "**9**9"),
]


@pytest.mark.parametrize(("text", "message", "place"), WRONG)
def test_an_error_says_what_is_wrong_and_where(text, message, place):
    found, caret = problem(text, x=1.0, é=2.0)
    assert message in found
    assert caret == place


@pytest.mark.parametrize(
    "text",
    [
        "+".join(["x"] * 20_000),
        "(" * 500 + "x" + ")" * 500,
        "(" * 400 + "x" + ")" * 400,
        "-" * 900 + "x",
        "x**" * 300 + "x",
        "tanh(" * 150 + "x" + ")" * 150,
        "x" * 1001,
        "9**" * 300 + "9",
    ],
)
def test_what_is_long_or_deep_is_refused_within_a_second(text):
    start = time.process_time()
    message, _ = problem(text, x=1.0)
    assert time.process_time() - start < 1  # of its own, however busy the machine
    assert len(message) < 200


def test_a_hundred_brackets_are_not_too_deep():
    assert graph_of("(" * 100 + "x" + ")" * 100, {"x": 1.0}).data == 1.0
    assert graph_of("-" * 100 + "x", {"x": 1.0}).data == 1.0
    assert graph_of("x**" * 100 + "x", {"x": 1.0}).data == 1.0
    assert "at most 100 brackets, signs or powers deep" in problem("-" * 101 + "x", x=1.0)[0]


def test_a_number_that_the_expression_does_not_use_is_refused():
    with pytest.raises(InputError, match="the expression has no y, z: leave that number out"):
        graph_of("x", {"x": 1.0, "z": 2.0, "y": 3.0})


def test_only_a_part_of_a_long_expression_is_shown():
    _, place = problem("x + " * 100 + "y + " + "x + " * 100 + "x", x=1.0)
    assert place == "y + " + "x + " * 6 + "x …"


@settings(max_examples=500, deadline=None)
@given(st.text(alphabet="x1.+-*/() ,'\"[]{}<>=:lambdetnhé\n\0_", max_size=40))
def test_no_text_raises_anything_but_an_input_error(text):
    with contextlib.suppress(InputError):
        graph_of(text, {"x": 0.5})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x", "x"], "must be a name and its finite number, such as w=0.5, not 'x'"),
        (["x", "x=one"], "must be a name and its finite number, such as w=0.5, not 'x=one'"),
        (["x", "x=nan"], "must be a name and its finite number, such as w=0.5, not 'x=nan'"),
        (["x", "1=1"], "must be a name and its finite number, such as w=0.5, not '1=1'"),
        (["x", "x=1", "x=2"], "x has two values; give it one"),
        (["x", "x=1", "y=2"], "the expression has no y: leave that number out"),
        (
            ["x", "x=1", "-o", "a.gif"],
            "a picture's file ends in .svg, .png, .pdf, .dot, .mmd, not 'a.gif'",
        ),
        (["x", "x=1", "-o", "no-such-folder/a.dot"], "no-such-folder/a.dot: no such file"),
    ],
)
def test_wrong_arguments_are_one_line_and_exit_status_2(arguments, message):
    done = run("draw", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_wrong_expression_is_one_line_and_the_place_and_exit_status_2():
    done = run("draw", "tanh(w*x + b)", "w=0.5", "b=0.1")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "tinygrad-neuron: error: x has no value: add x=NUMBER",
        "  tanh(w*x + b)",
        "         ^",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x", "x=1", "x=2"], "x has two values; give it one"),
        (["x", "x=1", "--html", "a.svg"], "argument --html: a page's file ends in .html, not 'a"),
        (["x", "x=1", "--html", "no-such-folder/a.html"], "no-such-folder/a.html: no such file"),
        (["x", "x=1", "-o"], "must be a name and its finite number, such as w=0.5, not '-o'"),
        (["log(x)", "x=0"], "log(x) needs x > 0"),
    ],
)
def test_wrong_arguments_of_a_walk_are_errors_too(arguments, message, tmp_path):
    done = run_as_process("walk", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_walk_is_saved_as_a_page(tmp_path):
    done = run("walk", "-w*x", "w=2", "x=3", "--html", tmp_path / "page.html")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<title>Backpropagation through -w*x</title>" in page


def test_an_expression_may_begin_with_a_minus():
    assert run("draw", "-x", "x=2").stdout.startswith("-x  neg      data −2")


def test_walk_has_no_option_o_so_an_expression_may_begin_with_it():
    assert run("walk", "-o*2", "o=3").stdout.startswith("v1.grad += ∂(-o*2)/∂v1")


@pytest.mark.parametrize(
    "words",
    [
        ("w*x", "-o", "FILE", "w=1", "x=2"),
        ("w*x", "w=1", "-o", "FILE", "x=2"),
        ("-o", "FILE", "w*x", "w=1", "x=2"),
    ],
)
def test_the_file_of_a_picture_may_stand_anywhere(tmp_path, words):
    path = tmp_path / "g.dot"
    done = run("draw", *(path if word == "FILE" else word for word in words))
    assert (done.returncode, done.stderr) == (0, "")
    assert path.read_text(encoding="utf-8").startswith("digraph")


@pytest.mark.parametrize("text", ["-o", "-h", "--o", "-o*2"])
def test_behind_two_dashes_all_is_expression(text):
    name = text.strip("-*2")
    assert run("draw", "--", text, f"{name}=3").stdout.startswith(f"{text}  ")


def test_the_file_of_a_picture_is_no_expression(tmp_path):
    for option in "-o", "--output":
        run_as_process("draw", "x", "x=1", option, "-w.dot", cwd=tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["-w.dot"]


def test_an_expression_may_begin_with_minus_and_the_letter_of_an_option():
    for text in "-h*2", "-o+1", "-x":
        assert run("draw", text, f"{text[1]}=3").stdout.startswith(f"{text}  ")


@pytest.mark.parametrize("name", ["変数", "cafe\u0301"])  # both take four cells
def test_a_caret_counts_wide_letters_twice_and_accents_not_at_all(name):
    with pytest.raises(ExpressionError) as raised:
        graph_of(f"{name} % 2", {"変数": 1.0, "café": 1.0})
    assert raised.value.excerpt == f"  {name} % 2\n       ^\n"


def test_what_cannot_be_written_is_one_line():
    if not Path("/dev/full").exists():
        pytest.skip("no full device here")
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "tinygrad_neuron", "draw", "x", "x=1"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, encoding="utf-8")
    message = "tinygrad-neuron: error: standard output: No space left on device\n"
    assert (done.returncode, done.stderr) == (2, message)


def test_the_trained_neuron_is_drawn(tmp_path):
    done = run("learn", "--graph", tmp_path / "line.dot")
    assert (done.returncode, done.stderr) == (0, "")
    source = (tmp_path / "line.dot").read_text(encoding="utf-8")
    assert source.count(">parameter<") == source.count("class=parameter") == 2
    assert "<B>x</B>" in source
    assert ">grad " in source
