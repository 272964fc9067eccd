"""The graph of an expression such as tanh(w*x + b)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import add, mul, neg, sub, truediv
from typing import Any

from tinygrad_neuron.command.errors import InputError
from tinygrad_neuron.engine import Value
from tinygrad_neuron.view.grammar import GrammarError, missing_number, parse, refusal
from tinygrad_neuron.view.notation import cells

OPERATIONS: dict[str, Callable[..., Any]] = {
    "+": add,
    "-": sub,
    "*": mul,
    "/": truediv,
    "**": pow,
    "neg": neg,
    "abs": abs,
    "cos": Value.cos,
    "exp": Value.exp,
    "log": Value.log,
    "relu": Value.relu,
    "sigmoid": Value.sigmoid,
    "sin": Value.sin,
    "sqrt": Value.sqrt,
    "tanh": Value.tanh,
}


class ExpressionError(InputError):
    """What is wrong in an expression, and where: the part of it round the place, with a caret."""

    def __init__(self, problem: str, text: str, place: int) -> None:
        super().__init__(problem)
        self.place = place
        start, end = max(0, place - 40), place + 30
        before = ("…" if start else "") + excerpt(text[start:place])
        after = excerpt(text[place:end]) + ("…" if end < len(text) else "")
        self.excerpt = f"  {before}{after}\n  {' ' * cells(before)}^\n"


def excerpt(text: str) -> str:
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def graph_of(text: str, numbers: Mapping[str, float]) -> Value:
    """The graph of an expression, with a labelled leaf for each name.

    An expression is made of names, numbers, the operators and the functions of Value; anything
    else is an ExpressionError, and so is a name without a number. A number whose name does not
    occur is an InputError.

    >>> graph_of("w*x + 1", {"w": 2.0, "x": 3.0}).data
    7.0
    """
    text = text.strip()
    leaves: dict[str, Value] = {}
    try:
        output = build(text, numbers, leaves)
    except GrammarError as mistake:
        raise ExpressionError(str(mistake), text, mistake.place) from None
    if unused := sorted(numbers.keys() - leaves.keys()):
        raise InputError(f"the expression has no {', '.join(unused)}: leave that number out")
    if not output.label:
        output.label = text.rpartition(";")[2].strip()
    return output


def build(text: str, numbers: Mapping[str, float], leaves: dict[str, Value]) -> Value:
    """Compute the parts of an expression, and collect its leaves by name."""
    values: list[Value] = []
    steps: dict[str, Value] = {}
    for part in parse(text):
        if part.op == "const":
            values.append(Value(part.number, op="const"))
        elif part.op == "=":
            steps[part.name] = values.pop()
            steps[part.name].label = steps[part.name].label or part.name
        elif part.op == "again":
            values.append(steps[part.name])
        elif not part.op:
            if part.name not in numbers:
                raise missing_number(part.name, part.place)
            if part.name not in leaves:
                leaves[part.name] = Value(numbers[part.name], label=part.name)
            values.append(leaves[part.name])
        else:
            operands: list[Any] = values[-part.operands :]
            del values[-part.operands :]
            refused = operands[part.op == "/"]  # a divisor, or what a function is not defined at
            if part.op == "**" and part.operands == 1:
                operands.append(int(part.number) if part.whole else part.number)
            try:
                values.append(OPERATIONS[part.op](*operands))
            except (ArithmeticError, ValueError) as error:
                raise GrammarError(refusal(error, refused.data), part.place) from None
    return values[0]
