"""Which boxes and arrows a picture shows: every value, or fewer where that would be too many."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from tinygrad_neuron.engine import Value, edges
from tinygrad_neuron.view.graph import Graph
from tinygrad_neuron.view.notation import printable

READABLE = 60  # boxes that a reader can take in
ACTIVATIONS = {"relu", "tanh", "sigmoid"}  # that a neuron of another engine may end with
MOST_BOXES, MOST_ARROWS = 3_000, 10_000  # laid out within a quarter of a minute
SAMPLES = (3, 2, 1)  # of operands that are alike: as many as find room


@dataclass(frozen=True, eq=False, slots=True)
class Omitted:
    """Stands in the picture for values that are not drawn."""

    count: int
    alike: bool


@dataclass(frozen=True, slots=True)
class Arrow:
    """An arrow into a box.

    operand   the value it comes from, or what stands for Omitted ones
    position  the operand's place in the box, from 0; for Omitted ones, the first one's place
    partial   d(box)/d(operand); None for Omitted ones
    """

    operand: Value | Omitted
    position: int
    partial: float | None


@dataclass(frozen=True, slots=True)
class Box:
    """A box of the picture, for a value or for a whole neuron."""

    value: Value  # whose numbers it shows
    arrows: list[Arrow]  # into it, in the order of the operands
    neuron: ClosedNeuron | None = None


@dataclass(frozen=True, slots=True)
class ClosedNeuron:
    """A neuron in a graph that has one box for all its values."""

    path: str  # the path of the Neuron, such as net.layers[0].neurons[3]
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
    arrows = readable_arrows(graph, closed)
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
    """The output and all that has a path to it, the nearest first. Stops soon after `limit`."""
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


@dataclass(frozen=True, slots=True)
class PartialSum:
    """What a node holds of a neuron's w1·x1 + … + wn·xn + b, with the node's derivatives."""

    slopes: dict[Value, float]  # by each weight and the bias
    inputs: dict[Value, tuple[Value, float]]  # of each weight its input, and the derivative by it


def closed_neurons(graph: Graph) -> dict[Value, ClosedNeuron]:
    """The neurons in a graph, each by its output: activation(w1·x1 + … + wn·xn + b).

    A neuron is known by its own w and b. Its output is the activation if that is one node of this
    operand alone, with the name of the function as its op; else it is the sum, and the activation
    is drawn outside.
    """
    uses = count_uses(graph.order)
    user = {operand: node for node, operand, _ in edges(graph.order)}  # the only one, if uses is 1
    neurons = {frozenset((*n.weights, n.bias)): n for n in reversed(graph.names.neurons)}
    weights = {w for neuron in graph.names.neurons for w in neuron.weights}
    biases = {neuron.bias for neuron in graph.names.neurons}
    sizes = set(map(len, neurons))
    parts: dict[Value, PartialSum] = {}
    closed = {}
    for total in graph.order:
        op = graph.op(total)
        part = products(total, op, weights) if op in ("*", "dot") else None
        if op == "+":
            part = sum_of_parts(total, parts, biases, uses)
        if part is None:
            continue
        whole = len(part.slopes) in sizes and not biases.isdisjoint(part.slopes)
        neuron = neurons.get(frozenset(part.slopes)) if whole else None
        if neuron is None:
            parts[total] = part
            continue
        output, slope, n = total, 1.0, len(neuron.weights)
        word = "weighted sum" if neuron.activation else "neuron"
        after = user.get(total)
        if after is not None and uses[total] == 1 and len(after.operands) == 1:
            own = {neuron.activation} if neuron.activation is not None else ACTIVATIONS
            if graph.op(after) in own:
                output, slope, word = after, after.partials[0], f"{printable(after.op)} neuron"
        pairs = [part.inputs[w] for w in neuron.weights]
        inputs = [Arrow(x, i, slope * s) for i, (x, s) in enumerate(pairs)]
        own_leaves = [*neuron.weights, neuron.bias]
        leaves = [Arrow(v, n + i, slope * part.slopes[v]) for i, v in enumerate(own_leaves)]
        closed[output] = ClosedNeuron(neuron.path, word, inputs, leaves)
    return closed


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
            part = PartialSum({operand: 1.0}, {})
        elif operand in parts and uses[operand] == 1:
            part = parts[operand]
        elif operand.op == "const" and operand.data == 0:
            continue
        else:
            return None
        if total is None and slope == 1:
            total = part  # it is used for this sum alone, so it can grow
            continue
        total = total or PartialSum({}, {})
        if not total.slopes.keys().isdisjoint(part.slopes):
            return None
        total.slopes.update((v, slope * s) for v, s in part.slopes.items())
        total.inputs.update((w, (x, slope * s)) for w, (x, s) in part.inputs.items())
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


def readable_arrows(graph: Graph, closed: Closed) -> Arrows:
    """The arrows of a picture of at most 60 boxes, the widest operations abbreviated first."""
    output = graph.output
    arrows = {node: arrows_into(node) for node in graph.order}
    arrows.update((node, neuron.inputs) for node, neuron in closed.items())
    if len(nearest_first(output, arrows.__getitem__, READABLE)) <= READABLE:
        return arrows.__getitem__

    arrows.update(merged_sums(graph, closed))
    groups = {node: alike(graph, into, closed) for node, into in arrows.items()}
    widths = {len(group) for each in groups.values() for group in each}
    omitted: dict[tuple[Value | Omitted, ...], Omitted] = {}  # nodes share a box
    few: Arrows = arrows.__getitem__
    for width in sorted(widths, reverse=True):
        for samples in SAMPLES:
            few = partial(abbreviated, groups, width, samples, omitted)
            if len(nearest_first(output, few, READABLE)) <= READABLE:
                return few
    return nearest_only(output, few)


def merged_sums(graph: Graph, closed: Closed) -> dict[Value, list[Arrow]]:
    """a + b + c as one operation: every + with its terms, through any + used for it alone."""
    uses = count_uses(graph.order)
    plus = {node for node in graph.order if graph.op(node) == "+" and node not in closed}
    inner = {o for node, o, _ in edges(graph.order) if node in plus and o in plus and uses[o] == 1}
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


def alike(graph: Graph, arrows: Iterable[Arrow], closed: Closed) -> list[list[Arrow]]:
    """Arrows in groups: from neurons, from parameters, from the same operation, and so on."""
    groups: dict[tuple[object, ...], list[Arrow]] = {}
    for arrow in arrows:
        operand = arrow.operand
        if isinstance(operand, Value):
            op = "**" if graph.op(operand).startswith("**") else graph.op(operand)  # x**2, x**3
            kind = op, operand in closed, operand in graph.names.parameters
            groups.setdefault(kind, []).append(arrow)
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
