"""A computation graph as text, for a terminal and a debugger."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from tinygrad_neuron.engine import Value, edges
from tinygrad_neuron.nn import Module
from tinygrad_neuron.view.names import named_graph
from tinygrad_neuron.view.notation import OLD, number, partial_sign, printable

DEEPEST = 20  # levels that are indented: a chain of 100,000 would fill pages with blanks


def tree(
    output: Value,
    *,
    names: Mapping[str, object] | None = None,
    model: Module | None = None,
    max_lines: int = 100,
) -> str:
    """The computation graph of an output as text: a line for each value, its operands below it.

    A line has the name, the operation that made it, data, grad, and the local derivative of the
    value it is indented under: ∂, or ∂₁, ∂₂, … of several operands. A value that is used more
    than once is written out once. Grads are as in `draw`, and so is "(old)". Deeper than 20 levels
    a line begins with its level.

    names, model  as in `draw`
    max_lines     how many lines at most, before one that counts the values not written

    >>> w, x = Value(0.5, label="w"), Value(2.0, label="x")
    >>> y = (w * x).tanh()
    >>> y.backward()
    >>> print(tree(y))
    y  tanh         data 0.7616  grad 1
    └─ v1  *        data 1       grad 0.42    ∂ 0.42
       ├─ w  input  data 0.5     grad 0.8399  ∂₁ 2
       └─ x  input  data 2       grad 0.21    ∂₂ 0.5
    """
    order, known = named_graph(output, names, model, sys._getframe().f_back)
    if type(max_lines) is not int or max_lines < 1:
        raise ValueError(f"max_lines must be a whole number above 0, not {max_lines!r}")
    from tinygrad_neuron.view.recompute import outdated

    old = outdated(order)
    rows: list[list[str]] = []
    written: set[Value] = set()
    stack = [(output, 0, "", "", "")]  # a value, its level, what stands before and below it, its ∂
    while stack and len(rows) < max_lines:
        node, level, before, below, slope = stack.pop()
        name = before + known.of[node]
        if node in written:
            rows.append([f"{name}  (above)", "", "", slope])
            continue
        written.add(node)
        made_by = printable(str(node.op)) if node.operands else known.kind(node)
        grad = f"grad {number(node.grad)}" if output.grad else ""
        data = f"data {number(node.data)}{OLD if node in old else ''}"
        rows.append([f"{name}  {made_by}", data, grad, slope])
        pairs = list(enumerate(zip(node.operands, node.partials)))
        rail = below if level < DEEPEST else f"⋯ {level + 1} "
        for i, (operand, partial) in reversed(pairs):
            turn, below = ("├─ ", "│  ") if i < len(pairs) - 1 else ("└─ ", "   ")
            slope = f"{partial_sign(i, len(pairs))} {number(partial)}"
            stack.append((operand, level + 1, rail + turn, rail + below, slope))
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    # every arrow of the graph has one line, and the output has one
    left = 1 + sum(1 for _ in edges(order)) - len(rows)
    if left:
        lines.append(f"… and {left:,} more line{'s' if left > 1 else ''}")
    return "\n".join(lines)
