"""Backpropagation edge by edge: what `backward` does, without doing it to the graph."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import FunctionType

from tinygrad_neuron import engine
from tinygrad_neuron.engine import Value, edges
from tinygrad_neuron.errors import never_raises
from tinygrad_neuron.module import Module
from tinygrad_neuron.view.names import Names, named_graph
from tinygrad_neuron.view.notation import derivative, factor, number, partial_sign, word

EdgesOf = Callable[[Sequence[Value]], Iterator[tuple[Value, Value, float]]]


class Step:
    """One turn of the loop in `backward`: an edge, and what comes along it.

    node         the value whose gradient is passed on
    operand      the one of its operands that it is passed to
    position     of the operand among the operands of the node, from 0
    uses         how often the operand is among them
    partial      d(node)/d(operand)
    upstream     the gradient of the node, which is complete by now
    grad_before  the gradient of the operand before the step
    grad_after   and after it: grad_before + contribution
    names        what the values of the graph are called

    >>> w, x = Value(2.0), Value(3.0)
    >>> step = steps(w * x)[0]
    >>> step.operand is w, step.partial, step.upstream, step.contribution
    (True, 3.0, 1.0, 3.0)
    """

    __slots__ = (
        "grad_after",
        "grad_before",
        "names",
        "node",
        "operand",
        "partial",
        "position",
        "upstream",
        "uses",
    )

    def __init__(
        self,
        node: Value,
        position: int,
        uses: int,
        partial: float,
        upstream: float,
        grad_before: float,
        grad_after: float,
        names: Names,
    ) -> None:
        self.node = node
        self.operand = node.operands[position]
        self.position = position
        self.uses = uses
        self.partial = partial
        self.upstream = upstream
        self.grad_before = grad_before
        self.grad_after = grad_after
        self.names = names

    @property
    def contribution(self) -> float:
        """What the chain rule adds: upstream · partial."""
        return self.upstream * self.partial

    @property
    def chain_rule(self) -> str:
        """The step in words: which gradient grows, and by what product."""
        node, operand = (word(self.names.of[value]) for value in (self.node, self.operand))
        partial = derivative(partial_sign(self.position, self.uses), node, operand)
        grad, upstream = f"{operand}.grad", f"{node}.grad"
        return f"{grad} += {partial} · {upstream}"

    @never_raises
    def __repr__(self) -> str:
        numbers = f"{factor(self.partial)} · {factor(self.upstream)} = {number(self.contribution)}"
        change = f"({number(self.grad_before)} → {number(self.grad_after)})"
        return f"{self.chain_rule} = {numbers}   {change}"


def steps(
    output: Value, *, names: Mapping[str, object] | None = None, model: Module | None = None
) -> list[Step]:
    """The steps of `output.backward()`, one for each edge, in its order.

    They are those of a fresh pass: bit for bit the numbers that `backward` would give if every
    gradient were 0 before, whatever the gradients are, which stay as they are. The first upstream
    gradient is that of the output by itself, 1.

    names, model  as in `draw`; TypeError as there

    >>> x = Value(3.0, label="x")
    >>> taken = steps(x * x + x, names={})
    >>> [(step.partial, step.upstream, step.grad_after) for step in taken]
    [(1.0, 1.0, 1.0), (1.0, 1.0, 1.0), (3.0, 1.0, 4.0), (3.0, 1.0, 7.0)]
    >>> print(taken[-1])  # doctest: +ELLIPSIS
    x.grad ... ∂₂v1/∂x · v1.grad = 3 · 1 = 3   (4 → 7)
    """
    order, known = named_graph(output, names, model, sys._getframe().f_back)
    return steps_of(order, known)


def steps_of(order: Sequence[Value], names: Names) -> list[Step]:
    """The steps of a graph in topological order."""
    taken: list[Step] = []
    twins = twins_of(order)
    originals = {twin: node for node, twin in twins.items()}

    def watched(order_of_twins: Sequence[Value]) -> Iterator[tuple[Value, Value, float]]:
        uses = Counter[Value]()
        for position, edge in numbered(order_of_twins):
            node, operand, partial = edge
            if position == 0:
                uses = Counter(node.operands)
            before = operand.grad
            yield edge  # here the loop of `backward` does what it does
            numbers = partial, node.grad, before, operand.grad
            taken.append(Step(originals[node], position, uses[operand], *numbers, names))

    backward_over(watched)(twins[order[-1]])
    return taken


def numbered(order: Sequence[Value]) -> Iterator[tuple[int, tuple[Value, Value, float]]]:
    """The edges of a topological order, each with the position of its operand."""
    last, position = None, 0
    for edge in edges(order):
        position = position + 1 if edge[0] is last else 0
        last = edge[0]
        yield position, edge


def backward_over(edges_of: EdgesOf) -> Callable[[Value], None]:
    """The engine's own `backward`, with the chain rule that stands there, over other edges."""
    return FunctionType(Value.backward.__code__, vars(engine) | {"edges": edges_of})


def twins_of(order: Iterable[Value]) -> dict[Value, Value]:
    """The graph once more, with gradients of its own, which are 0."""
    twins: dict[Value, Value] = {}
    for node in order:
        twin = twins[node] = Value(0.0)
        twin.operands = tuple([twins[operand] for operand in node.operands])
        twin.partials = node.partials
    return twins
