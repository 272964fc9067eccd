"""The text of a program: every forward line, then every backward line."""

from __future__ import annotations

import builtins
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from tinygrad_neuron.engine import Value
from tinygrad_neuron.view.functions import functions_of
from tinygrad_neuron.view.names import Names, identifiers
from tinygrad_neuron.view.notation import partial_sign
from tinygrad_neuron.view.rules import Rule, letters_of, rule_of, words_for, written
from tinygrad_neuron.view.running import FUNCTION

SIMPLE = re.compile(r"[\w.]+|\w*\([^()]*\)")  # what * binds to as it stands
PER_LINE = 8  # arguments


class ProgramText:
    """Writes the program of a graph in topological order, with the given leaves as arguments."""

    def __init__(
        self,
        order: Sequence[Value],
        inputs: Sequence[Value],
        names: Names,
        own_rules: Mapping[str, Rule],
    ) -> None:
        self.own_rules = own_rules
        self.varies = set(inputs)
        for node in order:
            if not self.varies.isdisjoint(node.operands):
                self.varies.add(node)
        taken = {FUNCTION, "sum_of_product", *functions_of("floats"), *dir(builtins)}
        self.name = identifiers((n for n in order if n in self.varies), names, taken)
        self.arguments = [self.name[node] for node in inputs]
        steps = [node for node in order if node in self.varies and node.operands]
        output = order[-1]
        y = self.name[output]
        gradients = [f"d_{argument}" for argument in self.arguments]
        lines = [
            f"def {FUNCTION}({wrapped(self.arguments)}):",
            f"    # forward: {y}",
            *self.forward(steps),
            f"    # backward: the derivatives of {y}, from the last line to the first",
            f"    d_{y} = 1.0  # ∂{y}/∂{y}",
            *self.backward(steps),
            f"    return {y}, ({wrapped(gradients)}{',' if len(gradients) == 1 else ''})",
        ]
        self.source = "\n".join(lines) + "\n"

    def forward(self, steps: Iterable[Value]) -> Iterator[str]:
        for node in steps:
            y = self.name[node]
            words = words_for([self.word(operand) for operand in node.operands], y)
            for formula in self.rule(node).value:
                yield f"    {y} = {written(formula, words)}"

    def backward(self, steps: Sequence[Value]) -> Iterator[str]:
        begun: set[Value] = set()
        for node in reversed(steps):
            y = self.name[node]
            words = words_for([self.word(operand) for operand in node.operands], y)
            times_used = Counter(node.operands)
            for i, (operand, formula) in enumerate(zip(node.operands, self.rule(node).partials)):
                if operand in self.varies:
                    x = self.name[operand]
                    sub = partial_sign(i, times_used[operand])  # ∂, or ∂₁ and ∂₂ of x * x
                    sign = "+=" if operand in begun else "="
                    begun.add(operand)
                    product = times(f"d_{y}", written(formula, words))
                    yield f"    d_{x} {sign} {product}  # d_{y} · {sub}{y}/∂{x}"

    def rule(self, node: Value) -> Rule:
        op, n = str(node.op), len(node.operands)
        rule = rule_of(op, n, self.own_rules)
        if rule is None:
            raise ValueError(
                f"there is no rule for the operation {op!r} of {n} operands: give its formulas, "
                f"such as rules={{{op!r}: Rule('a * b', 'b', 'a')}}"
            )
        if op in self.own_rules:
            check_rule(op, rule, n)
        return rule

    def word(self, node: Value) -> str:
        """A name, or the number of what no input changes."""
        if node in self.varies:
            return self.name[node]
        text = repr(float(node.data))
        return f"({text})" if text.startswith("-") else text


def check_rule(op: str, rule: Rule, operands: int) -> None:
    """ValueError unless the formulas of a reader's own rule can be written into a program."""
    if not isinstance(rule, Rule) or len(rule.partials) != operands:
        partials = f"{operands} partial{'s' if operands > 1 else ''}"
        raise ValueError(f"the rule of {op!r} must be a Rule with a value and {partials}")
    known = {*letters_of(operands), "y", *functions_of("floats")}
    for formula in (*rule.value, *rule.partials):
        try:
            unknown = set(compile(formula, "<rule>", "eval").co_names) - known
        except SyntaxError:
            raise ValueError(f"the rule of {op!r} has {formula!r}, which is no formula") from None
        if unknown:
            words = ", ".join(sorted(unknown))
            raise ValueError(
                f"the rule of {op!r} has {words}; known are {', '.join(sorted(known))}"
            )


def times(gradient: str, partial: str) -> str:
    if partial in ("1", "-1"):
        return partial.removesuffix("1") + gradient
    return f"{gradient} * {partial if SIMPLE.fullmatch(partial) else f'({partial})'}"


def wrapped(words: Sequence[str]) -> str:
    """Words with commas, some on a line."""
    lines = [words[i : i + PER_LINE] for i in range(0, len(words), PER_LINE)]
    return ",\n        ".join(", ".join(line) for line in lines)
