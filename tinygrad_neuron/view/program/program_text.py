"""The text of a program: every forward line, then every backward line."""

from __future__ import annotations

import builtins
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tinygrad_neuron.engine import Value
from tinygrad_neuron.view.functions import functions_of
from tinygrad_neuron.view.graph import Graph
from tinygrad_neuron.view.names import identifiers
from tinygrad_neuron.view.notation import derivative
from tinygrad_neuron.view.rules import Rule, letters_of, with_words, words_for

FUNCTION = "backprop"
SUM_OF_PRODUCT = "sum_of_product"  # a function of programs that add up a batch
SIMPLE = re.compile(r"[\w.]+|\w*\([^()]*\)")  # needs no brackets after *
PER_LINE = 8  # arguments


@dataclass(frozen=True, slots=True)
class Contribution:
    """A line of the backward half: to the gradient of x, d_y times a partial."""

    x: str  # the name of the value whose gradient it is
    d_y: str  # the name of the upstream gradient
    partial: str  # the formula it is multiplied by
    first: bool  # whether it is the first contribution to this gradient
    why: str  # the chain rule in signs

    @property
    def product(self) -> str:
        if self.partial in ("1", "-1"):
            return self.partial.removesuffix("1") + self.d_y
        simple = SIMPLE.fullmatch(self.partial)
        return f"{self.d_y} * {self.partial if simple else f'({self.partial})'}"


@dataclass(frozen=True)
class ProgramText:
    """The lines of a program, to be written in one of three ways."""

    inputs: list[str]  # the names of its arguments
    value: str  # the name of the output
    forward: list[str]  # the lines of the forward half
    backward: list[Contribution]

    def to_read(self) -> str:
        """d_x = … and d_x += …"""
        return self.source(lambda line: f"d_{line.x} {'=' if line.first else '+='} {line.product}")

    def for_arrays(self) -> str:
        """Without +=, which would change an array in place: it may be another gradient too."""
        return self.source(in_full)

    def for_totals(self) -> tuple[str, set[str]]:
        """For batches. A gradient that is a single product is summed at once; also which these are.

        Such a product, as the gradient of a weight is, is then never made as an array.
        """
        count = Counter(line.x for line in self.backward)
        summed = {x for x in self.inputs if count[x] == 1} - {self.value}

        def line_for(line: Contribution) -> str:
            if line.x not in summed:
                return in_full(line)
            return f"d_{line.x} = {SUM_OF_PRODUCT}({self.value}, {line.d_y}, {line.partial})"

        return self.source(line_for), summed

    def source(self, line_for: Callable[[Contribution], str]) -> str:
        y = self.value
        gradients = [f"d_{x}" for x in self.inputs]
        lines = [
            f"def {FUNCTION}({wrapped(self.inputs)}):",
            f"    # forward: {y}",
            *(f"    {line}" for line in self.forward),
            f"    # backward: the derivatives of {y}, from the last line to the first",
            f"    d_{y} = 1.0  # ∂{y}/∂{y}",
            *(f"    {line_for(line)}  # {line.why}" for line in self.backward),
            f"    return {y}, ({wrapped(gradients)}{',' if len(gradients) == 1 else ''})",
        ]
        return "\n".join(lines) + "\n"


def in_full(line: Contribution) -> str:
    return f"d_{line.x} = {'' if line.first else f'd_{line.x} + '}{line.product}"


def wrapped(words: Sequence[str]) -> str:
    """Words with commas, some on a line."""
    lines = [words[i : i + PER_LINE] for i in range(0, len(words), PER_LINE)]
    return ",\n        ".join(", ".join(line) for line in lines)


def program_text(graph: Graph, inputs: Sequence[Value]) -> ProgramText:
    """The program of a graph, with the given leaves as arguments."""
    graph.check_rules()
    varies = set(inputs)
    for node in graph.order:
        if not varies.isdisjoint(node.operands):
            varies.add(node)
    taken = {FUNCTION, SUM_OF_PRODUCT, *functions_of("floats"), *dir(builtins)}
    name = identifiers((node for node in graph.order if node in varies), graph.names, taken)
    computed = [node for node in graph.order if node in varies and node.operands]
    steps = [(node, rule_for(node, graph)) for node in computed]

    def words(node: Value) -> dict[str, str]:
        return words_for([name_or_number(operand, name) for operand in node.operands], name[node])

    forward = [
        f"{name[node]} = {with_words(formula, meaning)}"
        for node, rule in steps
        for meaning in (words(node),)
        for formula in rule.value
    ]
    backward: list[Contribution] = []
    begun: set[Value] = set()
    for node, rule in reversed(steps):
        meaning, y = words(node), name[node]
        for i, (operand, formula) in enumerate(zip(node.operands, rule.partials)):
            if operand in varies:
                x = name[operand]
                sign = graph.mark(node, i)
                partial, why = with_words(formula, meaning), f"d_{y} · {derivative(sign, y, x)}"
                backward.append(Contribution(x, f"d_{y}", partial, operand not in begun, why))
                begun.add(operand)
    return ProgramText([name[node] for node in inputs], name[graph.output], forward, backward)


def rule_for(node: Value, graph: Graph) -> Rule:
    """The rule of a node's operation; ValueError if there is none."""
    if rule := graph.rule(node):
        return rule
    op, n = str(node.op), len(node.operands)
    formulas = ", ".join(map(repr, [" + ".join(letters_of(n)), *["1"] * n]))
    raise ValueError(
        f"there is no rule for the operation {op!r}: give its formulas, which for a sum would be "
        f"rules={{{op!r}: Rule({formulas})}}"
    )


def name_or_number(node: Value, name: Mapping[Value, str]) -> str:
    """A name, or the number of what no input changes."""
    if node in name:
        return name[node]
    text = repr(float(node.data))
    return f"({text})" if text.startswith("-") else text
