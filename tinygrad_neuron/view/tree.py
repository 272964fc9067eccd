"""A computation graph as text, for a terminal and a debugger."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from tinygrad_neuron.engine import Value, edges
from tinygrad_neuron.nn import Module
from tinygrad_neuron.view.names import look_up, variables_of
from tinygrad_neuron.view.notation import number, partial_sign, printable

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
    line above by it: ∂, or ∂₁, ∂₂, … of several operands. A value that several others use
    is written out once. The grads are left out while the output's is 0, as before `backward()`.

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
    variables = variables_of(sys._getframe(1)) if names is None else names
    order, known = look_up(output, variables, model)
    if max_lines < 1:
        raise ValueError(f"max_lines must be at least 1, not {max_lines}")
    rows: list[list[str]] = []
    written: set[Value] = set()
    stack = [(output, "", "", "")]  # a value, what stands before it and below that, and its ∂
    while stack and len(rows) < max_lines:
        node, before, below, partial = stack.pop()
        name = before + known.of[node]
        if node in written:
            rows.append([f"{name}  (above)", "", "", partial])
            continue
        written.add(node)
        made_by = printable(node.op) if node.operands else known.kind(node)
        grad = f"grad {number(node.grad)}" if output.grad else ""
        rows.append([f"{name}  {made_by}", f"data {number(node.data)}", grad, partial])
        if len(below) > 3 * DEEPEST:
            below = "⋯" + below[4:]
        pairs = list(enumerate(zip(node.operands, node.partials)))
        for i, (operand, slope) in reversed(pairs):
            turn, rail = ("├─ ", "│  ") if i < len(pairs) - 1 else ("└─ ", "   ")
            text = f"{partial_sign(i, len(pairs))} {number(slope)}"
            stack.append((operand, below + turn, below + rail, text))
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    # every arrow of the graph has one line, and the output has one
    left = 1 + sum(1 for _ in edges(order)) - len(rows)
    return "\n".join([*lines, f"… and {left:,} more lines"] if left else lines)
