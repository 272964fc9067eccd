"""Which boxes and arrows a picture shows: every value, or fewer where that would be too many."""

from __future__ import annotations

from collections import Counter, deque, namedtuple
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from tinygrad_neuron.engine import Value, edges
from tinygrad_neuron.nn import Neuron
from tinygrad_neuron.view.names import Names

READABLE = 60  # boxes that a reader can take in
SAMPLES = (3, 2, 1)  # of operands that are alike: as many as find room


class Left:
    """Stands in the picture for operands that were left out of it."""

    __slots__ = ("alike", "count")

    def __init__(self, count: int, alike: bool) -> None:
        self.count = count
        self.alike = alike


class Arrow(namedtuple("Arrow", "operand position partial")):
    """An arrow into a box: from a Value, with its position among the operands, from 0, and the
    local derivative; or from what is Left out, with the position of the first."""

    __slots__ = ()


class Box(namedtuple("Box", "value arrows neuron")):
    """A Value, the Arrows into it, and the path of the neuron that the box stands for, or ""."""

    __slots__ = ()


Arrows = Callable[[Value], list[Arrow]]


def boxes_of(order: Sequence[Value], names: Names, expand: bool | str | None) -> list[Box]:
    """The boxes of a graph given in topological order, in that order.

    With expand True every value has one. With False a neuron of the models found is one box, whose
    arrows carry the derivatives of the neuron's output; and where more than 60 boxes remain, a
    few are shown of operands that are alike, or else what is nearest to the output. A path is
    False with that neuron, or that layer's, open. None is True for up to 60 values that belong to
    one neuron or to none, and else False.
    """
    neurons = closed_neurons(order, to_close(names.neurons, expand))
    simple = len(order) <= READABLE and len({neuron.path for neuron in neurons.values()}) < 2
    if expand is True or (expand is None and simple):
        return [Box(node, written(node), "") for node in order]

    arrows = readable_arrows(order, neurons, names.parameters)
    visible = set(reach(order[-1], arrows))
    boxes = []
    for node in order:
        if node in visible and node in neurons:
            path, _, parameters = neurons[node]
            shared = [arrow for arrow in parameters if arrow.operand in visible]
            boxes.append(Box(node, in_order(arrows(node) + shared), path))
        elif node in visible:
            boxes.append(Box(node, in_order(arrows(node)), ""))
    return boxes


def written(node: Value) -> list[Arrow]:
    pairs = zip(node.operands, node.partials)
    return [Arrow(operand, i, partial) for i, (operand, partial) in enumerate(pairs)]


def in_order(arrows: Iterable[Arrow]) -> list[Arrow]:
    return sorted(arrows, key=lambda arrow: arrow.position)


def reach(output: Value, arrows: Arrows, limit: float = float("inf")) -> list[Value | Left]:
    """What the arrows to the output come from, the nearest first, to just over a limit."""
    found: dict[Value | Left, None] = {output: None}
    queue: deque[Value | Left] = deque(found)
    while queue and len(found) <= limit:
        node = queue.popleft()
        if isinstance(node, Value):
            new = [arrow.operand for arrow in arrows(node) if arrow.operand not in found]
            found.update(dict.fromkeys(new))
            queue.extend(dict.fromkeys(new))
    return list(found)


# One box for a neuron.


class ClosedNeuron(namedtuple("ClosedNeuron", "path inputs parameters")):
    """A neuron's path, and the Arrows into its box from its inputs and from its parameters."""

    __slots__ = ()


def to_close(neurons: Mapping[str, Neuron], expand: bool | str | None) -> Mapping[str, Neuron]:
    """All but the neuron whose path `expand` is, or those below it."""
    if not isinstance(expand, str):
        return neurons
    closed = {path: neuron for path, neuron in neurons.items() if not is_below(path, expand)}
    if len(closed) == len(neurons):
        known = ", ".join(list(neurons)[:3]) or "none: no model is among the names"
        raise ValueError(f"expand needs the path of a neuron ({known}), not {expand!r}")
    return closed


def is_below(path: str, start: str) -> bool:
    """Whether a path begins so, with or without its variable: net.layers[0] or layers[0]."""
    ways = path, path.partition(".")[2]
    return any(f"{way}.".startswith((f"{start}.", f"{start}[")) for way in ways)


def closed_neurons(
    order: Sequence[Value], neurons: Mapping[str, Neuron]
) -> dict[Value, ClosedNeuron]:
    """The neurons in a graph by their outputs: the + with its b, or the activation.

    A neuron is known by its own parameters; its activation belongs to it if that is one node.
    """
    owners = {neuron.w[0]: (path, neuron) for path, neuron in neurons.items() if neuron.w}
    uses = count_uses(order)
    user = {operand: node for node, operand, _ in edges(order)}  # the only one, where uses is 1
    closed = {}
    for node in order:
        if node.op != "dot" or uses[node] != 1 or node.operands[0] not in owners:
            continue
        path, neuron = owners[node.operands[0]]
        n, output = len(neuron.w), user[node]
        if node.operands[:n] != tuple(neuron.w) or output.operands != (node, neuron.b):
            continue
        slope, slope_in_b = output.partials
        if neuron.activation and uses[output] == 1 and len(user[output].operands) == 1:
            output = user[output]
            slope, slope_in_b = slope * output.partials[0], slope_in_b * output.partials[0]
        arrows = [Arrow(operand, (i + n) % (2 * n), slope * p) for operand, i, p in written(node)]
        bias = Arrow(neuron.b, 2 * n, slope_in_b)
        closed[output] = ClosedNeuron(path, arrows[n:], [*arrows[:n], bias])
    return closed


def count_uses(order: Sequence[Value]) -> Counter[Value]:
    return Counter(operand for _, operand, _ in edges(order))


# A few boxes for many.


def readable_arrows(
    order: Sequence[Value], neurons: Mapping[Value, ClosedNeuron], parameters: Collection[Value]
) -> Arrows:
    """The arrows of a picture of at most 60 boxes, the widest operations shortened first."""
    output = order[-1]
    inputs = {node: written(node) for node in order}
    inputs |= {node: neuron.inputs for node, neuron in neurons.items()}
    if len(reach(output, inputs.__getitem__, READABLE)) <= READABLE:
        return inputs.__getitem__

    inputs |= sums(order, inputs, neurons)
    groups = {
        node: alike(inputs[node], neurons, parameters)
        for node in reach(output, inputs.__getitem__)
        if isinstance(node, Value)
    }
    lefts: dict[tuple[Value, ...], Left] = {}

    def shortened(width: int, samples: int) -> Arrows:
        return lambda node: list(short(groups[node], width, samples, lefts))

    for width in sorted({len(group) for each in groups.values() for group in each}, reverse=True):
        for samples in SAMPLES:
            arrows = shortened(width, samples)
            if len(reach(output, arrows, READABLE)) <= READABLE:
                return arrows
    return cut(output, arrows)


def sums(
    order: Sequence[Value],
    inputs: Mapping[Value, list[Arrow]],
    neurons: Mapping[Value, ClosedNeuron],
) -> dict[Value, list[Arrow]]:
    """a + b + c as one operation: every + with its terms, through the + used for it alone."""
    uses = count_uses(order)
    plus = {node for node in order if node.op == "+" and node not in neurons}
    inner = {o for node, o, _ in edges(order) if node in plus and o in plus and uses[o] == 1}
    merged = {}
    for node in plus - inner:
        terms: list[Arrow] = []
        stack = [(node, 1.0)]
        while stack:
            term, slope = stack.pop()
            if term is node or term in inner:
                stack += [(o, slope * p) for o, _, p in reversed(inputs[term])]
            else:
                terms.append(Arrow(term, len(terms), slope))
        merged[node] = terms
    return merged


def alike(
    arrows: Sequence[Arrow],
    neurons: Mapping[Value, ClosedNeuron],
    parameters: Collection[Value],
) -> list[list[Arrow]]:
    """Arrows from the same operation, from parameters, from inputs, and so on."""
    groups: dict[tuple[object, ...], list[Arrow]] = {}
    for arrow in arrows:
        value = arrow.operand
        likeness = value.op, value in neurons, value in parameters
        groups.setdefault(likeness, []).append(arrow)
    return list(groups.values())


def short(
    groups: Sequence[Sequence[Arrow]],
    width: int,
    samples: int,
    lefts: dict[tuple[Value, ...], Left],
) -> Iterator[Arrow]:
    """The first `samples` of each group at least as wide as `width`, and what is Left."""
    for group in groups:
        rest = group[samples:]
        if len(group) < width or len(rest) < 2:  # one box can be drawn in the place of "1 more"
            yield from group
        else:
            operands = tuple(arrow.operand for arrow in rest)
            left = lefts.setdefault(operands, Left(len(rest), alike=True))
            yield from group[:samples]
            yield Arrow(left, rest[0].position, None)


def cut(output: Value, arrows: Arrows) -> Arrows:
    """Only the nearest to the output."""
    near = set(reach(output, arrows, READABLE)[:READABLE])
    kept = {}
    for node in near:
        if isinstance(node, Value):
            inside = [arrow for arrow in arrows(node) if arrow.operand in near]
            outside = [arrow for arrow in arrows(node) if arrow.operand not in near]
            if outside:
                count = sum(getattr(arrow.operand, "count", 1) for arrow in outside)
                inside.append(Arrow(Left(count, alike=False), outside[0].position, None))
            kept[node] = inside
    return kept.__getitem__
