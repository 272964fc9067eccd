"""Which boxes and arrows a picture shows: every value, or fewer where that would be too many."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from tinygrad_neuron.engine import Value, edges
from tinygrad_neuron.view.graph import Graph
from tinygrad_neuron.view.names import NeuronFound
from tinygrad_neuron.view.notation import printable

READABLE = 60  # boxes that a reader can take in
ACTIVATIONS = {"relu", "tanh", "sigmoid"}  # that a neuron of another engine may end with
SAMPLES = (3, 2, 1)  # of operands that are alike: as many as find room


@dataclass(frozen=True, eq=False, slots=True)
class Omitted:
    """Stands in the picture for values that are not drawn."""

    count: int
    alike: bool


@dataclass(frozen=True, slots=True)
class Arrow:
    """An arrow into a box."""

    operand: Value | Omitted  # where it comes from
    position: (
        int  # of the operand among those of the box, from 0; of Omitted ones that of the first
    )
    partial: float | None  # d(box)/d(operand); None for Omitted ones


@dataclass(frozen=True, slots=True)
class Box:
    """A box of the picture, for a value or for a whole neuron."""

    value: Value  # whose numbers it shows
    arrows: list[Arrow]  # into it, in the order of the operands
    neuron: ClosedNeuron | None = None


@dataclass(frozen=True, slots=True)
class ClosedNeuron:
    """A neuron in a graph that has one box for all its values."""

    path: str  # that of the Neuron, such as net.layers[0].neurons[3]
    word: str  # what is written in its box, such as "tanh neuron"
    inputs: list[Arrow]  # from its inputs, with the derivatives of its output
    parameters: list[Arrow]  # from its parameters


Arrows = Callable[[Value], list[Arrow]]
Closed = Mapping[Value, ClosedNeuron]  # by the neuron's output


def boxes_of(graph: Graph, expand: bool | str | None) -> list[Box]:
    """The boxes of a graph in topological order.

    expand is that of `draw`. Where more than 60 boxes would remain, a few are shown of operands
    that are alike, or else what is nearest to the output.
    """
    order = graph.order
    if expand is True:
        return [Box(node, arrows_into(node)) for node in order]

    closed: Closed = closed_neurons(graph)
    if isinstance(expand, str):
        closed = without(closed, expand)
    elif expand is None and len({neuron.path for neuron in closed.values()}) == 1:
        closed = {}  # a lone neuron is what its reader came to see
    arrows = readable_arrows(order, closed, graph.names.parameters)
    visible = set(nearest_first(order[-1], arrows))
    boxes = []
    for node in order:
        if node in visible:
            # A weight that something else uses too has a box, and so an arrow from there.
            weights = closed[node].parameters if node in closed else []
            shared = [arrow for arrow in weights if arrow.operand in visible]
            into = sorted(arrows(node) + shared, key=lambda arrow: arrow.position)
            boxes.append(Box(node, into, closed.get(node)))
    return boxes


def arrows_into(node: Value) -> list[Arrow]:
    pairs = zip(node.operands, node.partials)
    return [Arrow(operand, i, partial) for i, (operand, partial) in enumerate(pairs)]


def nearest_first(
    output: Value, arrows: Arrows, limit: float = float("inf")
) -> list[Value | Omitted]:
    """Whatever arrows lead from to the output, which is the first; ends soon after the limit."""
    found: dict[Value | Omitted, None] = {output: None}
    queue: deque[Value | Omitted] = deque(found)
    while queue and len(found) <= limit:
        node = queue.popleft()
        if isinstance(node, Value):
            operands = (arrow.operand for arrow in arrows(node))
            new = dict.fromkeys(operand for operand in operands if operand not in found)
            found.update(new)
            queue.extend(new)
    return list(found)


# One box for a neuron.


@dataclass(slots=True)
class PartialSum:
    """What a node holds of a neuron's w1·x1 + … + wn·xn + b, with its derivatives."""

    slopes: dict[Value, float]  # by each weight
    inputs: dict[Value, tuple[Value, float]]  # of each weight its input, and the derivative by it
    bias: Value | None = None
    bias_slope: float = 0.0

    def is_of(self, neuron: NeuronFound) -> bool:
        same_size = len(self.slopes) == len(neuron.weights)
        return same_size and self.slopes.keys() == set(neuron.weights)

    def add(self, other: PartialSum, slope: float) -> bool:
        """Add a part of the same sum; False if both hold the same weight, or both a bias."""
        if not self.slopes.keys().isdisjoint(other.slopes) or (
            self.bias is not None and other.bias is not None
        ):
            return False
        self.slopes |= {w: slope * s for w, s in other.slopes.items()}
        self.inputs |= {w: (x, slope * s) for w, (x, s) in other.inputs.items()}
        if other.bias is not None:
            self.bias, self.bias_slope = other.bias, slope * other.bias_slope
        return True


def closed_neurons(graph: Graph) -> dict[Value, ClosedNeuron]:
    """The neurons in a graph, each by its output: activation(w1·x1 + … + wn·xn + b).

    A neuron is known by its own w and b. Its output is the activation if that is one node of this
    operand alone, with the name of the function as its op; else it is the sum, and the activation
    is drawn outside.
    """
    uses = count_uses(graph.order)
    user = {operand: node for node, operand, _ in edges(graph.order)}  # the only one, if uses is 1
    closed = {}
    for total, neuron, found in weighted_sums(graph, uses):
        output, slope, n = total, 1.0, len(neuron.weights)
        word = "weighted sum" if neuron.activation else "neuron"
        after = user.get(total)
        if after is not None and uses[total] == 1 and len(after.operands) == 1:
            own = {neuron.activation} if neuron.activation is not None else ACTIVATIONS
            if graph.op(after) in own:
                output, slope, word = after, after.partials[0], f"{printable(after.op)} neuron"
        pairs = [found.inputs[w] for w in neuron.weights]
        inputs = [Arrow(x, i, slope * s) for i, (x, s) in enumerate(pairs)]
        weights = [Arrow(w, n + i, slope * found.slopes[w]) for i, w in enumerate(neuron.weights)]
        bias = Arrow(neuron.bias, 2 * n, slope * found.bias_slope)
        closed[output] = ClosedNeuron(neuron.path, word, inputs, [*weights, bias])
    return closed


def weighted_sums(
    graph: Graph, uses: Mapping[Value, int]
) -> Iterator[tuple[Value, NeuronFound, PartialSum]]:
    """Each node that is the whole sum of a neuron, with the derivatives of that."""
    weights = {w for neuron in graph.names.neurons for w in neuron.weights}
    by_bias: dict[Value, list[NeuronFound]] = {}
    for neuron in graph.names.neurons:
        by_bias.setdefault(neuron.bias, []).append(neuron)
    parts: dict[Value, PartialSum] = {}
    for node in graph.order:
        op = graph.op(node)
        part = products(node, op, weights) if op in ("*", "dot") else None
        if op == "+":
            part = sum_of_parts(node, parts, by_bias, uses)
        if part is None:
            continue
        neurons = by_bias.get(part.bias, ()) if part.bias is not None else ()
        whole = [n for n in neurons if part.is_of(n)]
        if whole:
            yield node, whole[0], part
        else:
            parts[node] = part


def products(node: Value, op: str, weights: set[Value]) -> PartialSum | None:
    """w · x, or a dot of several weights and inputs."""
    n, partials = len(node.operands) // 2, node.partials
    if len(node.operands) != 2 * n or not n:
        return None
    first = node.operands[0] in weights or op == "dot"
    ws, xs = (slice(0, n), slice(n, None)) if first else (slice(n, None), slice(0, n))
    if not weights.issuperset(node.operands[ws]) or len(set(node.operands[ws])) < n:
        return None
    slopes = dict(zip(node.operands[ws], partials[ws]))
    return PartialSum(slopes, dict(zip(slopes, zip(node.operands[xs], partials[xs]))))


def sum_of_parts(
    node: Value,
    parts: Mapping[Value, PartialSum],
    biases: Collection[Value],
    uses: Mapping[Value, int],
) -> PartialSum | None:
    """Of a + whose operands are used for it alone, besides a bias and a 0."""
    total = None
    for operand, slope in zip(node.operands, node.partials):
        if operand in biases:
            part = PartialSum({}, {}, operand, 1.0)
        elif operand in parts and uses[operand] == 1:
            part = parts[operand]
        elif operand.op == "const" and operand.data == 0:
            continue
        else:
            return None
        if total is None and slope == 1:
            total = part  # it is used for this sum alone, so it can grow
        elif total is None:
            total = PartialSum({}, {})
            total.add(part, slope)
        elif not total.add(part, slope):
            return None
    return total


def without(closed: Closed, opened: str) -> Closed:
    """All but those at or below a path."""
    rest = {node: neuron for node, neuron in closed.items() if not is_below(neuron.path, opened)}
    if len(rest) == len(closed):
        paths = list(dict.fromkeys(neuron.path for neuron in closed.values()))
        known = f"such as {', '.join(paths[:3])}" if paths else "of which this graph has none"
        raise ValueError(f"expand needs the path of a neuron or layer, {known}, not {opened!r}")
    return rest


def is_below(path: str, start: str) -> bool:
    """Whether a path begins so, with or without its variable: net.layers[0] or layers[0]."""
    ways = [path, path.partition(".")[2]] if start else []
    return any(f"{way}.".startswith((f"{start}.", f"{start}[")) for way in ways)


def count_uses(order: Sequence[Value]) -> Counter[Value]:
    return Counter(operand for _, operand, _ in edges(order))


# A few boxes for many.


def readable_arrows(
    order: Sequence[Value], closed: Closed, parameters: Collection[Value]
) -> Arrows:
    """The arrows of a picture of at most 60 boxes, the widest operations abbreviated first."""
    output = order[-1]
    arrows = {node: arrows_into(node) for node in order}
    arrows.update((node, neuron.inputs) for node, neuron in closed.items())
    if len(nearest_first(output, arrows.__getitem__, READABLE)) <= READABLE:
        return arrows.__getitem__

    arrows.update(merged_sums(order, closed))
    groups = {node: alike(into, closed, parameters) for node, into in arrows.items()}
    widths = {len(group) for each in groups.values() for group in each}
    omitted: dict[tuple[Value | Omitted, ...], Omitted] = {}  # one box for those of several nodes
    few: Arrows = arrows.__getitem__
    for width in sorted(widths, reverse=True):
        for samples in SAMPLES:
            few = partial(abbreviated, groups, width, samples, omitted)
            if len(nearest_first(output, few, READABLE)) <= READABLE:
                return few
    return nearest_only(output, few)


def merged_sums(order: Sequence[Value], closed: Closed) -> dict[Value, list[Arrow]]:
    """a + b + c as one operation: every + with its terms, through any + used for it alone."""
    uses = count_uses(order)
    plus = {node for node in order if node.op == "+" and node not in closed}
    inner = {o for node, o, _ in edges(order) if node in plus and o in plus and uses[o] == 1}
    merged = {}
    for total in plus - inner:
        terms: list[Arrow] = []
        stack = [(total, 1.0)]
        while stack:
            node, slope = stack.pop()
            if node is total or node in inner:
                pairs = zip(node.operands, node.partials)
                stack += [(operand, slope * p) for operand, p in reversed(list(pairs))]
            else:
                terms.append(Arrow(node, len(terms), slope))
        merged[total] = terms
    return merged


def alike(
    arrows: Iterable[Arrow], closed: Closed, parameters: Collection[Value]
) -> list[list[Arrow]]:
    """Arrows in groups: from neurons, from parameters, from the same operation, and so on."""
    groups: dict[tuple[object, ...], list[Arrow]] = {}
    for arrow in arrows:
        operand = arrow.operand
        if isinstance(operand, Value):
            op = "**" if str(operand.op).startswith("**") else operand.op  # x**2 and x**3 are alike
            group = groups.setdefault((op, operand in closed, operand in parameters), [])
            group.append(arrow)
    return list(groups.values())


def abbreviated(
    groups: Mapping[Value, Sequence[Sequence[Arrow]]],
    width: int,
    samples: int,
    omitted: dict[tuple[Value | Omitted, ...], Omitted],
    node: Value,
) -> list[Arrow]:
    """The arrows into a node, but only the first few of a group of so many or more."""
    arrows: list[Arrow] = []
    for group in groups[node]:
        rest = group[samples:]
        if len(group) < width or len(rest) < 2:  # "1 more" would take the room of that one
            arrows += group
        else:
            operands = tuple(arrow.operand for arrow in rest)
            more = omitted.setdefault(operands, Omitted(len(rest), alike=True))
            arrows += [*group[:samples], Arrow(more, rest[0].position, None)]
    return arrows


def nearest_only(output: Value, arrows: Arrows) -> Arrows:
    """The arrows between what is nearest to the output, and from one Omitted for all the rest."""
    found = nearest_first(output, arrows)
    shown = set(found[:READABLE])
    rest = (o.count if isinstance(o, Omitted) else 1 for o in found[READABLE:])
    beyond = Omitted(sum(rest), alike=False)

    def inside(node: Value) -> list[Arrow]:
        near = [arrow for arrow in arrows(node) if arrow.operand in shown]
        far = [arrow for arrow in arrows(node) if arrow.operand not in shown]
        return near + [Arrow(beyond, arrow.position, None) for arrow in far[:1]]

    return inside
