"""Expressions on a page: the page's script and Python's parser say the same of every text.

The script runs in a headless Chromium, as in test_page.py.
"""

import json
import math
import random
import re
import unicodedata

import pytest
from test_expression import WRONG

from tinygrad_neuron import Value, topological_order
from tinygrad_neuron.command.expression import OPERATIONS, build
from tinygrad_neuron.view.grammar import FUNCTIONS, SENTENCES, GrammarError
from tinygrad_neuron.view.page.contents import script
from tinygrad_neuron.view.page.javascript import expression_in_javascript

# The answer to each [text, numbers], where numbers are text, as JSON has no nan and no -0.
ANSWERS = """questions => {
    const plain = x => Object.is(x, -0) ? "-0" : String(x);
    return JSON.stringify(JSON.parse(questions).map(([text, given]) => {
        const numbers = Object.fromEntries(given.map(([name, number]) => [name, Number(number)]));
        try {
            const { nodes } = parse(text, numbers);
            const grad = backward(nodes);
            return nodes.map(({ op, operands, partials, data, label }, i) =>
                [op, operands, label, [data, grad[i], ...partials].map(plain)]);
        } catch (error) {
            if (!error.problem) throw error;
            return [error.problem, error.place];
        }
    }));
}"""


@pytest.fixture(scope="module")
def tab(browser):
    tab = browser.new_page()
    scripts = [expression_in_javascript(), script("graph.js")]
    tab.add_script_tag(content="\n".join(['"use strict";', *scripts]))
    yield tab
    tab.close()


@pytest.fixture(scope="module")
def answers(tab):
    """answers(questions): what the script says of each (text, numbers)."""

    def ask(questions):
        written = [
            [text, [[name, repr(x)] for name, x in numbers.items()]] for text, numbers in questions
        ]
        found = json.loads(tab.evaluate(ANSWERS, json.dumps(written)))
        return [
            [(*facts, tuple(map(float, numbers))) for *facts, numbers in answer]
            if isinstance(answer[0], list)
            else tuple(answer)
            for answer in found
        ]

    return ask


def answer(text, numbers):
    """What Python says: its nodes, or the problem and its place."""
    try:
        output = build(text, numbers, {})
    except GrammarError as mistake:
        return str(mistake), mistake.place
    output.backward()
    output.label = output.label or text.rpartition(";")[2].strip()
    order = topological_order(output)
    place = {node: i for i, node in enumerate(order)}
    return [
        (v.op, [place[o] for o in v.operands], v.label, (v.data, v.grad, *v.partials))
        for v in order
    ]


# Texts made at random.

NAMES = {"w": -0.7, "x": 2.5, "b": 0.0, "é": 1e-3, "λ1": 710.0, "lambda": 1e200, "__proto__": -3.0}
NUMERALS = "0 1 2 3 0.5 .5 2. 1e3 1_000 1E-3 007 1e308 5e-324 1e400 9007199254740993 0.1e-1_0"
ODD = "^ ² ⁻¹ × · ÷ − – | [ ] { } = == := , ; : ! ? % @ & ~ # \" ' \\ ½ √ π ₂ → 😀 \t \n \0 \xa0"
ODD += (
    " \u200b \u0301 \ufeff ﬁ 𝐱 变 １ ٣ ª _ e E . .. // <script> constructor toString pi ln( tan( "
)
ODD += "sine( sn( f( 2x 1,5 x x( )( () if else y= y= f(x)="
SIGNS = "+ - * / ** ( )"
PIECES = [*NAMES, *NUMERALS.split(), *FUNCTIONS, *SIGNS.split(), *SIGNS.split()]
PIECES += [*ODD.split(" "), " ", "  "]


def right(rng, depth):
    """A text that follows the grammar."""
    if depth == 0 or rng.random() < 0.15:
        return rng.choice([*NAMES, *NAMES, *NUMERALS.split()])
    one = right(rng, depth - 1)
    match rng.randrange(8):
        case 0:
            return f"{rng.choice(FUNCTIONS)}({one})"
        case 1:
            return f"{rng.choice('-+')}{one}"
        case 2:
            return f"({one})"
        case 3:
            return f"{one}**{rng.choice(['2', '-1', '0.5', '3', '(-2)', '-.5', '0', '-0', '1e-7'])}"
        case _:
            sign = rng.choice(["+", "-", "*", "/", "**"])
            blank = rng.choice(["", " "])
            return f"{one}{blank}{sign}{blank}{right(rng, depth - 1)}"


def mutated(rng, text):
    """A text with pieces or letters put in, left out or swapped."""
    letters = list(text)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        i, j = (rng.randrange(len(letters) + 1) for _ in range(2))
        match rng.randrange(4):
            case 0:
                letters[i:i] = rng.choice(PIECES)
            case 1:
                del letters[i : i + rng.choice([1, 1, 2])]
            case 2:
                letters[i : i + 1] = rng.choice(PIECES)
            case 3:
                i, j = min(i, j), max(i, j)
                letters[i:j] = reversed(letters[i:j]) if j - i < 4 else letters[i : i + 1]
    return "".join(letters)


def expression(rng):
    kind = rng.random()
    if kind < 0.1:
        return "".join(rng.choices(PIECES, k=rng.randint(0, 20)))
    if kind < 0.12:
        return "".join(chr(rng.randrange(0x3000)) for _ in range(rng.randint(1, 8)))
    if kind < 0.14:
        part = rng.choice(["(", "-", "x+", "x**", "sin(", "x*(", "-(", "x", "9", "sx(", "-x**"])
        return part * rng.choice([2, 50, 51, 99, 100, 101, 330, 600]) + rng.choice(["x", "", ")"])
    text = right(rng, rng.choice([2, 3, 4, 5]))
    if rng.random() < 0.2:  # with steps before it
        for name in rng.sample(["h", "x", "h2", "é", "sin"], rng.choice([1, 1, 2])):
            text = f"{name} = {right(rng, 2)}; {text}" + rng.choice(["", "", f"*{name}"])
    return text if kind < 0.5 else mutated(rng, text)


def questions(count, seed):
    rng = random.Random(seed)
    while count:
        numbers = {n: x if rng.random() < 0.5 else rng.uniform(-4, 4) for n, x in NAMES.items()}
        if rng.random() < 0.1:
            del numbers[rng.choice(list(numbers))]
        text = expression(rng)
        if "Cn" not in map(unicodedata.category, text):  # may be a letter of a later Unicode
            yield text, numbers
            count -= 1


def close(one, other):
    return repr(one) == repr(other) or math.isclose(one, other, rel_tol=1e-12, abs_tol=1e-15)


def check_numbers(nodes):
    """Each operation gives what the engine gives for the same operands, and so do all gradients.

    The value of a whole may differ more, as that of sin(exp(x)), if a browser's Math.exp rounds
    otherwise than Python's.
    """
    values = []
    for op, operands, _, (data, _, *partials) in nodes:
        if operands:
            exponent = [float(op[2:])] if op.startswith("**") and len(operands) == 1 else []
            leaves = [Value(values[i].data) for i in operands]
            local = OPERATIONS["**" if exponent else op](*leaves, *exponent)
            assert close(data, local.data), (op, leaves, data)
            assert all(map(close, partials, local.partials)), (op, leaves, partials)
        values.append(Value(data, tuple(values[i] for i in operands), tuple(partials), op))
    values[-1].backward()
    assert [repr(v.grad) for v in values] == [repr(grad) for *_, (_, grad, *_) in nodes]


@pytest.mark.parametrize("count", [1_000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_the_script_and_python_say_the_same_of_texts_made_at_random(answers, count):
    asked = list(questions(count, seed=count))
    graphs = equal = 0
    for (text, numbers), there in zip(asked, answers(asked)):
        here = answer(text, numbers)
        if isinstance(here, tuple) or isinstance(there, tuple):
            assert there == here, (text, numbers)
        else:
            assert [facts for *facts, _ in there] == [facts for *facts, _ in here], text
            check_numbers(there)
            graphs += 1
            equal += repr(there) == repr(here)
    assert count / 5 < graphs < count / 2
    assert equal > 0.9 * graphs


def test_the_script_and_python_say_the_same_of_every_kind_of_mistake(answers):
    asked = [(text, {"x": 1.0, "é": 2.0}) for text, *_ in WRONG]
    asked += [("(" * 101 + "x" + ")" * 101, {}), ("x" * 1001, {})]
    assert answers(asked) == [answer(*question) for question in asked]
    said = "\n".join(problem for problem, _ in answers(asked))
    for sentence in SENTENCES.values():
        assert re.search(re.sub(r"\\{\w+\\}", ".+", re.escape(sentence)), said), sentence


def test_the_script_names_what_needs_a_number(tab):
    assert tab.evaluate("namesIn('w*x + sin(b) - w/é')") == ["w", "x", "b", "é"]


def test_a_place_is_counted_in_letters(answers):
    assert answers([("𝐱 % 2", {"x": 1.0})])[0][1] == 2
