"""Backpropagation edge by edge: what `backward` does, without doing it to the graph."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tinygrad_neuron.engine import Value
from tinygrad_neuron.errors import never_raises
from tinygrad_neuron.view.graph import Graph, copies_of, numbered
from tinygrad_neuron.view.notation import derivative, factor, number, word


class Step(NamedTuple):
    """One turn of the loop in `backward`: an edge, and what comes along it.

    node         the value whose gradient is passed on
    operand      the one of its operands that it is passed to
    position     of the operand among the operands of the node, from 0
    partial      d(node)/d(operand)
    upstream     the gradient of the node, which is complete by now
    grad_before  the gradient of the operand before the step
    grad_after   and after it: grad_before + contribution
    chain_rule   the step in words: which gradient grows, and by what product

    >>> w, x = Value(2.0), Value(3.0)
    >>> step = steps(w * x)[0]
    >>> step.operand is w, step.partial, step.upstream, step.contribution
    (True, 3.0, 1.0, 3.0)
    """

    node: Any
    operand: Any
    position: int
    partial: float
    upstream: float
    grad_before: float
    grad_after: float
    chain_rule: str

    @property
    def contribution(self) -> float:
        """What the chain rule adds: upstream · partial."""
        return self.upstream * self.partial

    @never_raises
    def __repr__(self) -> str:
        numbers = f"{factor(self.partial)} · {factor(self.upstream)} = {number(self.contribution)}"
        change = f"({number(self.grad_before)} → {number(self.grad_after)})"
        return f"{self.chain_rule} = {numbers}   {change}"


def steps(
    output: object, *, variables: Mapping[str, object] | None = None, model: object = None
) -> list[Step]:
    """The steps of `output.backward()`, one for each edge, in its order.

    They show a fresh pass: bit for bit the numbers that `backward` would give if every
    gradient were 0 before, whatever the gradients are, which stay as they are. The first upstream
    gradient is that of the output with respect to itself, 1.

    variables, model  as in `draw`; TypeError as there

    >>> x = Value(3.0, label="x")
    >>> taken = steps(x * x + x, variables={})
    >>> [(step.partial, step.upstream, step.grad_after) for step in taken]
    [(1.0, 1.0, 1.0), (1.0, 1.0, 1.0), (3.0, 1.0, 4.0), (3.0, 1.0, 7.0)]
    >>> print(taken[-1])  # doctest: +ELLIPSIS
    x.grad ... ∂₂v1/∂x · v1.grad = 3 · 1 = 3   (4 → 7)
    """
    return steps_of(Graph(output, variables, sys._getframe().f_back, model))


def steps_of(graph: Graph) -> list[Step]:
    taken: list[Step] = []
    copies = copies_of(graph.order)
    nodes = {copy: node for node, copy in copies.items()}

    def watched(order_of_copies: Sequence[Value]) -> Iterator[tuple[Value, Value, float]]:
        for position, edge in numbered(order_of_copies):
            node, operand, partial = edge
            before = operand.grad
            yield edge  # here the loop of `backward` does what it does
            numbers = partial, node.grad, before, operand.grad
            y, x = nodes[node], nodes[operand]
            rule = chain_rule(graph, y, x, graph.mark(y, position))
            taken.append(Step(graph.original(y), graph.original(x), position, *numbers, rule))

    copies[graph.output].backward(watched)
    return taken


def chain_rule(graph: Graph, node: Value, operand: Value, mark: str) -> str:
    y, x = (word(graph.names.of[value]) for value in (node, operand))
    return f"{x}.grad += {derivative(mark, y, x)} · {y}.grad"
