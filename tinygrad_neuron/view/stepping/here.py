"""Where a backward pass is, for a debugger that stands at the chain rule."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from tinygrad_neuron.errors import never_raises
from tinygrad_neuron.view.graph import Graph
from tinygrad_neuron.view.stepping.walk import Walker

WIDE = 1_000  # cells: a debugger shows lines of any length


class Here:
    """The result of `here`: in a watch one line, and printed also the tree with what is done.

    >>> from tinygrad_neuron import Value
    >>> w, x = Value(0.5, label="w"), Value(2.0, label="x")
    >>> y = (w * x).tanh()
    >>> product, = y.operands
    >>> shown = here(y, product, x, variables={"y": y})
    >>> isinstance(shown, Here)
    True
    >>> print(shown)
    step 3 of 3: x.grad += ∂v1/∂x · v1.grad = 0.5 · 0.42 = 0.21
      y  tanh         data 0.7616  grad 1
    ✓ └─ v1  *        data 1       grad 0.42        ∂ 0.42  ← 0.42
    ✓    ├─ w  input  data 0.5     grad 0.8399      ∂ 2     ← 0.8399
    ▶    └─ x  input  data 2       grad             ∂ 0.5
    """

    def __init__(self, line: str, tree: list[str]) -> None:
        self._line, self._tree = line, tree

    @never_raises
    def __repr__(self) -> str:
        return self._line

    def __str__(self) -> str:
        return "\n".join([self._line, *self._tree])


def here(
    output: object,
    node: object,
    operand: object,
    *,
    variables: Mapping[str, object] | None = None,
    model: object = None,
) -> Here:
    """Which step of `output.backward()` the chain rule is about to do.

    For a debugger that stands at the chain rule, where the three are called `self`, `node` and
    `operand`. Values have the names that they have in your program. An operand that stands twice in
    its node has two steps, and both are named. As in `steps`, the pass is a fresh one: what leaves
    have from earlier passes is left out, and all steps before this one count as done.

    variables, model  as in `draw`; TypeError as there. ValueError: `operand` is no operand of
    `node`, or they are not in the graph of `output`.

    >>> from tinygrad_neuron import Value
    >>> x = Value(3.0, label="x")
    >>> square = x * x
    >>> here(square, square, x, variables={"square": square})  # doctest: +ELLIPSIS
    step 1 or 2 of 2: x.grad += ∂₁square/∂x · square.grad = 3 · 1 = 3, or ∂₂square/∂x · ... = 3
    """
    graph = Graph(output, variables, sys._getframe().f_back, model)
    walker = Walker(graph)
    now = [i for i, s in enumerate(walker.steps) if s.node is node and s.operand is operand]
    if not now:
        swapped = any(s.node is operand and s.operand is node for s in walker.steps)
        problem = "the node comes before the operand" if swapped else "at the chain rule"
        raise ValueError(
            f"there is no arrow from {operand!r:.60} to {node!r:.60} in this graph: {problem}, "
            "here(self, node, operand)"
        )
    texts = [repr(walker.steps[i]).partition("   (")[0] for i in now]
    others = [text.partition(" += ")[2] for text in texts[1:]]
    numbers = " or ".join(f"{i + 1:,}" for i in now)
    line = f"step {numbers} of {len(walker.steps):,}: {', or '.join([texts[0], *others])}"

    gradients, flows = walker.numbers_after(now[0])
    current = {(graph.value(node), walker.steps[i].position) for i in now}
    tree = []
    for each in walker.lines:
        edge = each.user, each.position
        mark = "▶" if edge in current else "✓" if edge in flows else " "
        tree.append(f"{mark} {walker.tree_line(each, gradients, flows.get(edge), WIDE)}")
    return Here(line, tree)
