"""What a box says of itself: the formula of its value, the place of its neuron, its name."""

from __future__ import annotations

import re

from tinygrad_neuron.engine import Value
from tinygrad_neuron.view.graph import Graph
from tinygrad_neuron.view.notation import factor, printable, word
from tinygrad_neuron.view.picture.boxes import Box, ClosedNeuron
from tinygrad_neuron.view.rules import TWICE, with_words, words_for

INFIX = {"+": "+", "-": "−", "*": "·", "/": "/", "**": "**"}
POWERS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
LONGEST_NAME = 24  # letters of a name in a box
LONGEST_TERM = 12  # letters of a name in a formula
LONGEST_FORMULA = 30
NAMED_OPERANDS = 3  # that a formula names; with more operands it says how many
HINTED = 8  # operands up to which a tooltip has a formula


def formula(graph: Graph, box: Box) -> str:
    """How a value is computed, in the names of its operands: w · x, or tanh(v2)."""
    op, operands = graph.op(box.value), box.value.operands
    count = len(operands)
    if box.terms > 2:
        return f"sum of {box.terms:,}"
    if op == "dot" and count % 2 == 0:
        return weighted_sum_in_words(graph, operands[: count // 2], operands[count // 2 :])
    name = printable(str(box.value.op), LONGEST_NAME) or "f"
    if count > NAMED_OPERANDS:
        return f"{name} of {count:,}"
    terms = [term(graph, operand) for operand in operands]
    if count == 1 and graph.rule(box.value) is TWICE.get(op):  # x * x, of which a set holds one x
        terms, count = terms * 2, 2
    if count == 2 and op in INFIX:
        text = f" {INFIX[op]} ".join(terms)
    elif count == 1 and op == "neg":
        text = f"−{terms[0]}"
    elif count == 1 and op.startswith("**"):
        power = printable(op[2:]).replace("-", "−")
        text = terms[0] + (power.translate(POWERS) if power.isdecimal() else f" ** {power}")
    else:
        text = f"{name}({', '.join(terms)})"
    return cut(text, LONGEST_FORMULA)


def weighted_sum_in_words(graph: Graph, left: tuple[Value, ...], right: tuple[Value, ...]) -> str:
    """w1 · x1 + w2 · x2, or of more terms the first one and how many there are."""
    products = [f"{term(graph, w)} · {term(graph, x)}" for w, x in zip(left[:2], right)]
    text = " + ".join(products)
    if len(left) > 2 or len(text) > LONGEST_FORMULA:
        more = f" + … ({len(left):,} terms)" if len(left) > 1 else ""
        return cut(products[0], LONGEST_FORMULA - len(more)) + more
    return text


def term(graph: Graph, value: Value) -> str:
    """A value's name as part of a short formula; for a constant, its number."""
    if graph.is_number(value):
        return factor(value.data)
    name = graph.names.of[value].partition(" (sample ")[0]
    short = shortened(name, LONGEST_TERM)
    return short if word(name) == name else f"({short})"


def common_root(graph: Graph) -> str:
    """How the paths of all neurons begin, such as "net.", or "" if they differ."""
    roots = {neuron.path.partition(".")[0] for neuron in graph.names.neurons}
    return f"{roots.pop()}." if len(roots) == 1 else ""


def neuron_name(neuron: ClosedNeuron, root: str) -> str:
    """layer 0 · neuron 3 · tanh, for net.layers[0].neurons[3]."""
    place = neuron.path.removeprefix(root)
    words = place_in_words(place, " · ")
    name = words if len(words) <= LONGEST_FORMULA else shortened(place)
    return f"{name} · {neuron.word}" if neuron.word else name


def name_in_box(name: str, root: str) -> str:
    """The name, of a path too long for a box the place: layer 0 neuron 3 w[1]."""
    words = place_in_words(name.removeprefix(root), " ")
    return words if len(words) <= LONGEST_NAME < len(name) else shortened(name)


def place_in_words(path: str, between: str) -> str:
    return re.sub(r"(\w+)s\[(\d+)\]", r"\1 \2", path).replace(".", between)


def exact_formula(graph: Graph, value: Value) -> str:
    """ " = w * x", if it is known and short."""
    rule = graph.rule(value)
    if rule is None or len(value.operands) > HINTED:
        return ""
    return f" = {with_words(rule.value[0], letters(graph, value))}"


def exact_formula_of_partial(graph: Graph, value: Value, position: int) -> str:
    """How a partial is computed, such as " = x", unless that is the number itself."""
    rule = graph.rule(value)
    if rule is None or len(value.operands) > HINTED or position >= len(rule.partials):
        return ""
    text = with_words(rule.partials[position], letters(graph, value))
    return f" = {text}" if any(letter.isalpha() for letter in text) else ""


def letters(graph: Graph, value: Value) -> dict[str, str]:
    """The letters of a rule's formulas, and what they stand for."""

    def name(v: Value) -> str:
        return factor(v.data) if graph.is_number(v) else word(graph.names.of[v])

    return words_for([name(operand) for operand in value.operands], name(value))


def shortened(name: str, longest: int = LONGEST_NAME) -> str:
    """A name cut to so many letters; a path keeps its end: …neurons[3].w[1].

    >>> shortened("net.layers[0].neurons[3].w[1]"), shortened("a label of a few words more")
    ('…neurons[3].w[1]', 'a label of a few words …')
    """
    end = name[1 - longest :]
    if len(name) > longest and word(name) == name and "." in end:
        return f"…{end.partition('.')[2]}"
    return cut(name, longest)


def cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
