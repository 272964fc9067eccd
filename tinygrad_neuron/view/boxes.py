"""Which boxes and arrows a picture shows: every value, or fewer where that would be too many."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial

from tinygrad_neuron.engine import Value, edges
from tinygrad_neuron.nn import Neuron
from tinygrad_neuron.view.names import Names
from tinygrad_neuron.view.notation import printable

READABLE = 60  # boxes that a reader can take in
MOST_BOXES, MOST_ARROWS = 3_000, 10_000  # laid out within a quarter of a minute
SAMPLES = (3, 2, 1)  # of operands that are alike: as many as find room


class Omitted:
    """Stands in the picture for values that are not drawn."""

    __slots__ = ("alike", "count")

    def __init__(self, count: int, alike: bool) -> None:
        self.count = count
        self.alike = alike


class Arrow:
    """An arrow into a box.

    operand   the Value it comes from, or what stands for Omitted ones
    position  of the operand among those of the box, from 0; of Omitted ones that of the first
    partial   d(box)/d(operand); None for Omitted ones
    """

    __slots__ = ("operand", "partial", "position")

    def __init__(self, operand: Value | Omitted, position: int, partial: float | None) -> None:
        self.operand = operand
        self.position = position
        self.partial = partial


class Box:
    """A box of the picture.

    value   the Value whose numbers it shows
    arrows  the arrows into it, in the order of the operands
    neuron  the neuron that it stands for, or None
    """

    __slots__ = ("arrows", "neuron", "value")

    def __init__(
        self, value: Value, arrows: Iterable[Arrow], neuron: ClosedNeuron | None = None
    ) -> None:
        self.value = value
        self.arrows = sorted(arrows, key=lambda arrow: arrow.position)
        self.neuron = neuron


class ClosedNeuron:
    """A neuron in a graph that has one box for all its values.

    path        that of the Neuron, such as net.layers[0].neurons[3]
    word        what is written in its box, such as "tanh neuron"
    inputs      the arrows from its inputs, with the derivatives of its output
    parameters  those from its parameters
    """

    __slots__ = ("inputs", "parameters", "path", "word")

    def __init__(self, path: str, word: str, inputs: list[Arrow], parameters: list[Arrow]) -> None:
        self.path = path
        self.word = word
        self.inputs = inputs
        self.parameters = parameters


Arrows = Callable[[Value], list[Arrow]]
Closed = Mapping[Value, ClosedNeuron]  # by the neuron's output


def boxes_of(order: Sequence[Value], names: Names, expand: bool | str | None) -> list[Box]:
    """The boxes of a graph in topological order, in that order.

    expand is that of `draw`. Where more than 60 boxes would remain, a few are shown of operands
    that are alike, or else what is nearest to the output.
    """
    if expand is True:
        return [Box(node, arrows_into(node)) for node in order]

    closed: Closed = closed_neurons(order, names.neurons)
    if isinstance(expand, str):
        closed = without(closed, expand)
    elif expand is None and len({neuron.path for neuron in closed.values()}) == 1:
        closed = {}  # a lone neuron is what its reader came to see
    arrows = readable_arrows(order, closed, names.parameters)
    visible = set(nearest_first(order[-1], arrows))
    boxes = []
    for node in order:
        if node in visible and node in closed:
            neuron = closed[node]
            # A weight that something else uses too has a box, and so an arrow from there.
            shared = [arrow for arrow in neuron.parameters if arrow.operand in visible]
            boxes.append(Box(node, arrows(node) + shared, neuron))
        elif node in visible:
            boxes.append(Box(node, arrows(node)))
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


def closed_neurons(
    order: Sequence[Value], neurons: Iterable[tuple[str, Neuron]]
) -> dict[Value, ClosedNeuron]:
    """The neurons in a graph, each by its output: activation(dot(w1, …, x1, …) + b).

    A neuron is known by its own w and b. Its output is the activation if that is one node of this
    operand alone, with the name of the function as its op; else it is the +, and the activation
    is drawn outside.
    """
    owners: dict[tuple[object, ...], tuple[str, object]] = {}  # by w1, w2, …, b
    for path, neuron in neurons:
        own = vars(neuron)  # of a subclass it may lack what a Neuron has
        w, b = own.get("w"), own.get("b")
        if isinstance(w, list | tuple) and all(isinstance(v, Value) for v in (*w, b)):
            owners.setdefault((*w, b), (path, own.get("activation")))
    uses = count_uses(order)
    user = {operand: node for node, operand, _ in edges(order)}  # the only one, where uses is 1
    closed = {}
    for dot in order:
        total = user.get(dot)
        if dot.op != "dot" or uses[dot] != 1 or total is None or len(total.operands) != 2:
            continue
        n = len(dot.operands) // 2
        if total.op != "+" or (*dot.operands[:n], total.operands[1]) not in owners:
            continue
        path, activation = owners[*dot.operands[:n], total.operands[1]]
        slope, slope_in_b = total.partials
        output, word = total, "weighted sum" if activation else "neuron"
        named = uses[total] == 1 and user[total].op == getattr(activation, "__name__", None)
        if named and len(user[total].operands) == 1:
            output = user[total]
            word = f"{printable(output.op)} neuron"
            slope, slope_in_b = slope * output.partials[0], slope_in_b * output.partials[0]
        slopes = [slope * partial for partial in dot.partials]
        inputs = [Arrow(x, i, slopes[n + i]) for i, x in enumerate(dot.operands[n:])]
        parameters = [Arrow(w, n + i, slopes[i]) for i, w in enumerate(dot.operands[:n])]
        parameters.append(Arrow(total.operands[1], 2 * n, slope_in_b))
        closed[output] = ClosedNeuron(path, word, inputs, parameters)
    return closed


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
