"""A computation graph as text, for a terminal and a debugger."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from tinygrad_neuron.engine import Value, edges
from tinygrad_neuron.view.graph import Graph
from tinygrad_neuron.view.notation import OLD, cells, number, padded, printable

DEEPEST = 20  # levels that are indented: a chain of 100,000 would fill pages with blanks


class Line(NamedTuple):
    """A line of a tree.

    value     the Value it is about
    user      the Value it is indented under, None for the output
    position  of the value among the operands of its user
    first     whether the value has not had a line above
    head      what the line begins with: branches, name, operation or kind of leaf
    partial   of the user by the value, as text
    """

    value: Value
    user: Value | None
    position: int
    first: bool
    head: str
    partial: str


def tree(
    output: object,
    *,
    variables: Mapping[str, object] | None = None,
    model: object = None,
    max_lines: int = 100,
) -> str:
    """The computation graph of an output as text: a line for each value, its operands below it.

    A line has the name, the operation that made it, data, grad, and ∂, the local derivative of the
    value it is indented under. A value that is used more than once is written out once, and ∂₁, ∂₂,
    … tell its places in one operation apart. Grads, "(old)" and "· rule" are as in `draw`. `grad 6
    · arrows 3` is not the sum of what came back. The last lines tell the possible causes. Deeper
    than 20 levels a line begins with its level.

    variables, model  as in `draw`
    max_lines         how many lines at most, before one that counts the values not written

    >>> w, x = Value(0.5, label="w"), Value(2.0, label="x")
    >>> y = (w * x).tanh()
    >>> y.backward()
    >>> print(tree(y))
    y  tanh         data 0.7616  grad 1
    └─ v1  *        data 1       grad 0.42    ∂ 0.42
       ├─ w  input  data 0.5     grad 0.8399  ∂ 2
       └─ x  input  data 2       grad 0.21    ∂ 0.5
    """
    graph = Graph(output, variables, sys._getframe().f_back, model)
    if type(max_lines) is not int or max_lines < 1:
        raise ValueError(f"max_lines must be a whole number above 0, not {max_lines!r}")
    rows = []
    for line in islice(lines_of(graph), max_lines):
        data = f"data {number(line.value.data)}{OLD if line.value in graph.old else ''}"
        grad = f"grad {number(line.value.grad)}" if graph.output.grad else ""
        if line.value in graph.over_arrows:
            grad += f" · arrows {number(graph.over_arrows[line.value])}"
        rows.append([line.head, *([data, grad] if line.first else ["", ""]), line.partial])
    widths = [max(map(cells, column)) for column in zip(*rows)]
    lines = ["  ".join(map(padded, row, widths)).rstrip() for row in rows]
    # every arrow of the graph has one line, and the output has one
    left = 1 + sum(1 for _ in edges(graph.order)) - len(rows)
    if left:
        lines.append(f"… and {left:,} more line{'s' if left > 1 else ''}")
    return "\n".join([*lines, *graph.doubts_of_grads(), *graph.doubts_of_partials()])


def lines_of(graph: Graph) -> Iterator[Line]:
    """The lines of a tree: one for the output, and one for each arrow of the graph."""
    written: set[Value] = set()
    # an edge from a value to its user, the level, and what stands before and below it
    stack: list[tuple[Value, Value | None, int, int, str, str]] = [
        (graph.output, None, 0, 0, "", "")
    ]
    while stack:
        node, user, position, level, before, below = stack.pop()
        partial = ""
        if user is not None:
            partial = f"{graph.mark(user, position)} {number(user.partials[position])}"
            if (user, position) in graph.wrong_partials:
                partial += f" · rule {number(graph.wrong_partials[user, position])}"
        first = node not in written
        written.add(node)
        made_by = printable(str(node.op)) if node.operands else graph.names.kind_of_leaf(node)
        head = f"{before}{graph.names.of[node]}  {made_by if first else '(above)'}"
        yield Line(node, user, position, first, head, partial)
        if first:
            count = min(len(node.operands), len(node.partials))
            rail = below if level < DEEPEST else f"⋯ {level + 1} "
            for i in reversed(range(count)):
                turn, under = ("├─ ", "│  ") if i < count - 1 else ("└─ ", "   ")
                stack.append((node.operands[i], node, i, level + 1, rail + turn, rail + under))
