"""Why a gradient is what it is: the paths that it comes along."""

from __future__ import annotations

import heapq
import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, count

from tinygrad_neuron.engine import Value
from tinygrad_neuron.errors import never_raises
from tinygrad_neuron.view.graph import Edge, Graph
from tinygrad_neuron.view.notation import derivative, factor, number, printable, word

SHOWN_PATHS = 10  # paths
ENDS = 4  # factors that are written at either end of a long path
COUNTED = 10**1000  # paths; two for each node of a long chain would be a number of its length
READABLE_COUNT = 10**36
NOT_FINITE = -(10**9)  # nan and inf count as larger than any number, so they are listed first
ROUNDING = 1e-14  # of the sum of what is shown; what is left must be larger to be known

Size = tuple[int, float]  # of a product: how many factors are 0, and -log|the others|
Counts = tuple[float, int, int]  # a gradient, how many paths there are, and how many blocked ones
Offer = tuple[Size, int, list[Edge], int, int]  # a shortfall, and where which path is left


class Path:
    """A way from the output to a value, against the arrows.

    edges       each a node and the position of an operand, the output's first
    partials    their local derivatives
    product     of these: what the gradient gets by this path
    blocked_at  the first node whose local derivative is 0 there, or None
    blocked_by  its operation, or ""
    """

    def __init__(self, graph: Graph, walked: list[Edge]) -> None:
        self.walked = walked  # with the copies of another engine's values
        self.edges = [(graph.original(node), position) for node, position in walked]
        self.partials = [node.partials[position] for node, position in walked]
        self.product = math.prod(self.partials)
        at_zero = (node for (node, _), partial in zip(walked, self.partials) if partial == 0)
        blocked = None if math.isnan(self.product) else next(at_zero, None)  # 0 · inf
        self.blocked_at = None if blocked is None else graph.original(blocked)
        self.blocked_by = "" if blocked is None else str(blocked.op)

    @never_raises
    def __repr__(self) -> str:
        return f"Path({len(self.edges):,} edges, product {number(self.product)})"


class Explanation:
    """The result of `explain`, which prints as the paths and their sum.

    output    the value that is differentiated
    node      by what
    gradient  d(output)/d(node), as a fresh `backward()` gives it: the sum over all paths
    count     how many paths there are; 10^1000 stands for that many and more
    blocked   how many of them have a local derivative that is 0; capped at 10^1000 too
    paths     the ten largest at most; of these, those that are nan first and the blocked last

    >>> x = Value(3.0)
    >>> explanation = explain(x * x, x)
    >>> explanation.gradient, explanation.count, len(explanation.paths)
    (6.0, 2, 2)
    """

    def __init__(self, graph: Graph, node: object, numbers: Counts, paths: list[Path]) -> None:
        self.output, self.node = graph.original(graph.output), node
        self.gradient, self.count, self.blocked = numbers
        self.paths = paths
        self._graph = graph

    @never_raises
    def __repr__(self) -> str:
        y, node = self._name(self._graph.output), self._graph.value(self.node)
        if node is None:
            return f"0: {y} does not depend on {getattr(self.node, 'label', '') or self.node}"
        x = self._name(node)
        result = f"{derivative('∂', y, x)} = {number(self.gradient)}"
        if self.output is self.node:
            return f"{result}: a value's derivative with respect to itself"
        heads = [self._head(path) for path in self.paths]
        width = max(map(len, (head for head in heads if head[-1] == "=")), default=0)
        lines = [f"{head:>{width}} {self._factors(path)}" for head, path in zip(heads, self.paths)]
        if self.count > len(self.paths):
            lines.append(f"… and {', '.join(self._rest())}")
        many = f"the sum over {counted(self.count)} paths" if self.count > 1 else "one path"
        return "\n  ".join([f"{result}: {many} from {y} to {x}", *lines])

    def _name(self, value: Value) -> str:
        return word(self._graph.names.of[value])

    def _head(self, path: Path) -> str:
        if path.blocked_at is None:
            return f"{number(path.product)} ="
        return f"0, blocked at {printable(path.blocked_by)}:"

    def _factors(self, path: Path) -> str:
        """∂y/∂v1 · ∂v1/∂x = 2 · 3, without the middle of a long path."""
        length = len(path.walked)
        omitted = range(ENDS, length - ENDS)
        signs, numbers = [], []
        for i, (node, position) in enumerate(path.walked):
            if i not in omitted:
                operand = node.operands[position]
                sign = self._graph.mark(node, position)
                signs.append(derivative(sign, self._name(node), self._name(operand)))
                numbers.append(factor(path.partials[i]))
        if omitted:
            signs.insert(ENDS, f"… {len(omitted):,} more …")
            numbers.insert(ENDS, "…")
        return f"{' · '.join(signs)} = {' · '.join(numbers)}"

    def _rest(self) -> list[str]:
        """What is known of the paths that are not shown."""
        left = less(self.count, len(self.paths))
        blocked = less(self.blocked, sum(0 in path.partials for path in self.paths))
        if blocked == left < COUNTED:
            return [f"{counted(left)} more", "all blocked"]
        told = [f"{counted(left)} more"]
        if blocked:
            told.append(f"{counted(blocked)} of them blocked")
        shown = [path.product for path in self.paths]
        together = self.gradient - sum(shown)
        if ROUNDING * sum(map(abs, shown)) < abs(together) < math.inf:
            told.append(f"together {number(together)}")
        return told


def explain(
    output: object,
    node: object,
    *,
    variables: Mapping[str, object] | None = None,
    model: object = None,
) -> Explanation:
    """Every path from an output to a node, whose products of local derivatives add up to d/d(node).

    This is why `backward` has `+=`, for there is one contribution for each way that a value has to
    the output, and why it goes in topological order: a gradient may be passed on when all that
    came to it has been added. A path is blocked if one of its local derivatives is 0. The ten
    largest are shown, and the others counted without being walked, as many as they may be.

    variables, model  as in `draw`; TypeError as there

    >>> x = Value(3.0, label="x")
    >>> explain(x * x + x, x, variables={})
    ∂v2/∂x = 7: the sum over 3 paths from v2 to x
      3 = ∂v2/∂v1 · ∂₁v1/∂x = 1 · 3
      3 = ∂v2/∂v1 · ∂₂v1/∂x = 1 · 3
      1 = ∂v2/∂x = 1
    """
    graph = Graph(output, variables, sys._getframe().f_back, model)
    if not isinstance(node, graph.value_class):
        raise TypeError(f"explain says how a gradient by a Value comes about, not by {node!r:.60}")
    target = graph.value(node)
    if target is None:
        return Explanation(graph, node, (0.0, 0, 0), [])
    counts, blocked = count_paths(target, graph.order)
    paths = [Path(graph, walked) for walked in largest_paths(target, graph.order)]
    paths.sort(key=lambda path: not math.isnan(path.product))
    numbers = graph.fresh_grads[target], counts[graph.output], blocked[graph.output]
    return Explanation(graph, node, numbers, paths)


def count_paths(node: Value, order: Iterable[Value]) -> tuple[dict[Value, int], dict[Value, int]]:
    """How many paths lead from each value of a topological order to a node, and blocked ones.

    A value has as many as its operands together, so none is walked.
    """
    paths: dict[Value, int] = {}
    blocked: dict[Value, int] = {}
    for value in order:
        pairs = list(zip(value.operands, value.partials))
        paths[value] = 1 if value is node else min(COUNTED, sum(paths[o] for o, _ in pairs))
        closed = sum(blocked[o] if partial else paths[o] for o, partial in pairs)
        blocked[value] = 0 if value is node else min(COUNTED, closed)
    return paths, blocked


def largest_paths(node: Value, order: Sequence[Value]) -> list[list[Edge]]:
    """The paths from the output to a node with the largest products, by magnitude.

    From each value one edge begins the best path to the node. The largest path takes only those;
    any other takes another edge here and there, each time with a shortfall. So each path that is
    found offers those that take one other edge after its own last one, and the offer with the
    smallest shortfall is the next path: none is walked in vain.
    """
    output = order[-1]
    best, onward = best_paths(node, order)
    if output not in best:
        return []

    def completed(edges: list[Edge]) -> list[Edge]:
        value = operand_of(edges[-1]) if edges else output
        while value is not node:
            edges.append((value, onward[value]))
            value = operand_of(edges[-1])
        return edges

    def offers_of(short: Size, edges: list[Edge], start: int) -> Iterator[Offer]:
        for i, (value, taken) in enumerate(edges[start:], start):
            for position, size in sizes_from(value, best):
                if position != taken:
                    zeros, log = size[0] - best[value][0], size[1] - best[value][1]
                    yield (short[0] + zeros, short[1] + log), next(serial), edges, i, position

    serial = count(1)  # of two offers that fall short alike, the earlier comes first
    found = [completed([])]
    offers = heapq.nsmallest(SHOWN_PATHS, offers_of((0, 0.0), found[0], 0))
    while offers and len(found) < SHOWN_PATHS:
        short, _, edges, i, position = offers.pop(0)
        found.append(completed([*edges[:i], (edges[i][0], position)]))
        offers = heapq.nsmallest(SHOWN_PATHS, chain(offers, offers_of(short, found[-1], i + 1)))
    return found


def best_paths(node: Value, order: Iterable[Value]) -> tuple[dict[Value, Size], dict[Value, int]]:
    """The size of the best path from each value to a node, and the operand it begins with."""
    best: dict[Value, Size] = {}
    onward: dict[Value, int] = {}
    for value in order:
        if value is node:
            best[value] = (0, 0.0)
        elif sizes := [(size, position) for position, size in sizes_from(value, best)]:
            best[value], onward[value] = min(sizes)
    return best, onward


def sizes_from(value: Value, best: Mapping[Value, Size]) -> Iterator[tuple[int, Size]]:
    """The operands from which a path leads on, by position, with the size of the best path."""
    for position, (operand, partial) in enumerate(zip(value.operands, value.partials)):
        if operand in best:
            zeros, log = best[operand]
            if partial == 0:
                yield position, (zeros + 1, log)
            elif math.isfinite(partial):
                yield position, (zeros, log - math.log(abs(partial)))
            else:
                yield position, (zeros + NOT_FINITE, log)


def operand_of(edge: Edge) -> Value:
    node, position = edge
    return node.operands[position]


def less(paths: int, shown: int) -> int:
    return paths if paths == COUNTED else paths - shown


def counted(paths: int) -> str:
    if paths >= COUNTED:
        return f"more than 10^{len(str(COUNTED)) - 1}"
    return f"{paths:,}" if paths < READABLE_COUNT else f"about 10^{len(str(paths)) - 1}"
