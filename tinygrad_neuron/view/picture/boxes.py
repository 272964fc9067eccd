"""Which boxes and arrows a picture shows: every value, or fewer where that would be too many."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from tinygrad_neuron.engine import Value, edges
from tinygrad_neuron.view.graph import Edge, Graph
from tinygrad_neuron.view.notation import printable

READABLE = 60  # boxes that a reader can take in
ACTIVATIONS = {"relu", "tanh", "sigmoid"}  # that a neuron of another engine may end with
MOST_BOXES, MOST_ARROWS = 3_000, 10_000  # laid out within 15 seconds
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
    edge      of the graph: the value that it leads into, and the operand's place in that; in a
              closed neuron or a sum of many that is a value inside the box; None for Omitted ones
    """

    operand: Value | Omitted
    position: int
    partial: float | None
    edge: tuple[Value, int] | None


@dataclass(frozen=True, slots=True)
class Box:
    """A box of the picture, for a value or for a whole neuron."""

    value: Value  # whose numbers it shows
    arrows: list[Arrow]  # into it, in the order of the operands
    neuron: ClosedNeuron | None = None
    terms: int = 0  # of a sum that is drawn as one operation: how many, plain numbers too


@dataclass(frozen=True, slots=True)
class ClosedNeuron:
    """A neuron in a graph that has one box for all its values."""

    path: str  # the path of the Neuron, such as net.layers[0].neurons[3]
    word: str  # its activation, such as "tanh", if that is inside the box
    inputs: list[Arrow]  # from its inputs, with the derivatives of its output
    parameters: list[Arrow]  # from its parameters


Arrows = Callable[[Value], list[Arrow]]
Closed = Mapping[Value, ClosedNeuron]  # by the neuron's output


class Choice(NamedTuple):
    """One way to draw a graph.

    arrows  those into a value's box
    terms   of each sum that is drawn as one operation, how many terms it has
    """

    arrows: Arrows
    terms: Mapping[Value, int]


class Selection:
    """What a picture can show of a graph.

    expand     as in `draw`
    constants  whether plain numbers have boxes; otherwise they are part of the formulas
    """

    def __init__(self, graph: Graph, expand: bool | str | None, constants: bool) -> None:
        self.graph = graph
        self.expand = expand
        self.closed: Closed = {} if expand is True else closed_neurons(graph)
        if isinstance(expand, str):
            self.closed = without(self.closed, expand)
        elif expand is None and len({neuron.path for neuron in self.closed.values()}) == 1:
            self.closed = {}  # you draw a lone neuron to see its inside
        hidden: set[Value] = set()
        if not constants:
            hidden = {v for v in graph.order if graph.is_number(v)}
        self.arrows = {node: arrows_into(node, hidden) for node in graph.order}
        self.arrows.update((node, neuron.inputs) for node, neuron in self.closed.items())

    def choices(self) -> Iterator[Choice]:
        """Pictures of at most 60 boxes, from the fullest to the shortest.

        The widest operations are abbreviated first. Where that does not lead to 60 boxes, the only
        choice has more. Nothing is abbreviated if expand is True.
        """
        output, shown = self.graph.output, READABLE + 1
        found = len(nearest_first(output, self.arrows.__getitem__, READABLE))
        if found <= READABLE or self.expand is True:
            shown = found
            yield Choice(self.arrows.__getitem__, {})
        if self.expand is True:
            return
        merged, terms = merged_sums(self.graph, self.arrows, self.closed)
        arrows = self.arrows | merged
        groups = {node: alike(self.graph, into, self.closed) for node, into in arrows.items()}
        widths = {len(group) for each in groups.values() for group in each}
        omitted: dict[tuple[Value | Omitted, ...], Omitted] = {}  # nodes share a box
        few: Arrows = arrows.__getitem__
        fits = False
        for width in sorted(widths, reverse=True):
            for samples in SAMPLES if width > 2 else ():
                few = partial(abbreviated, groups, width, samples, omitted)
                found = len(nearest_first(output, few, READABLE))
                fits = found <= READABLE
                if fits and found < shown:  # skip what draws no fewer boxes
                    shown = found
                    yield Choice(few, terms)
        if not fits:
            yield Choice(few, terms)

    def boxes(self, choice: Choice) -> list[Box]:
        """The boxes from which its arrows lead to the output, in topological order."""
        visible = set(nearest_first(self.graph.output, choice.arrows))
        boxes = []
        for node in self.graph.order:
            if node in visible:
                # A weight that something else uses too has a box, and so an arrow from there.
                weights = self.closed[node].parameters if node in self.closed else []
                shared = [arrow for arrow in weights if arrow.operand in visible]
                into = sorted(choice.arrows(node) + shared, key=lambda arrow: arrow.position)
                boxes.append(Box(node, into, self.closed.get(node), choice.terms.get(node, 0)))
        return boxes


def arrows_into(node: Value, hidden: Collection[Value]) -> list[Arrow]:
    pairs = enumerate(zip(node.operands, node.partials))
    return [Arrow(o, i, slope, (node, i)) for i, (o, slope) in pairs if o not in hidden]


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

    slopes: dict[Value, tuple[float, Edge]]  # by each weight and the bias
    inputs: dict[Value, tuple[Value, float, Edge]]  # by each weight: its input, and as above


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
        word = "weighted sum" if neuron.activation else ""
        after = user.get(total)
        if after is not None and uses[total] == 1 and len(after.operands) == 1:
            known = {neuron.activation} if neuron.activation is not None else ACTIVATIONS
            if graph.op(after) in known:
                output, slope, word = after, after.partials[0], printable(after.op)
        found = enumerate(part.inputs[w] for w in neuron.weights)
        inputs = [Arrow(x, i, slope * s, edge) for i, (x, s, edge) in found]
        own = enumerate((v, *part.slopes[v]) for v in (*neuron.weights, neuron.bias))
        leaves = [Arrow(v, n + i, slope * s, edge) for i, (v, s, edge) in own]
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
    places = [(node, i) for i in range(2 * n)]
    slopes = dict(zip(node.operands[ws], zip(partials[ws], places[ws])))
    inputs = zip(node.operands[xs], partials[xs], places[xs])
    return PartialSum(slopes, dict(zip(slopes, inputs)))


def sum_of_parts(
    node: Value,
    parts: Mapping[Value, PartialSum],
    biases: Collection[Value],
    uses: Mapping[Value, int],
) -> PartialSum | None:
    """The parts of a +, if each operand is used only here, or is a bias or 0."""
    total = None
    for i, (operand, slope) in enumerate(zip(node.operands, node.partials)):
        if operand in biases:
            part = PartialSum({operand: (1.0, (node, i))}, {})
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
        total.slopes.update((v, (slope * s, edge)) for v, (s, edge) in part.slopes.items())
        total.inputs.update((w, (x, slope * s, edge)) for w, (x, s, edge) in part.inputs.items())
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
    """Whether a path begins with start, with or without its variable: net.layers[0], layers[0]."""
    ways = [path, path.partition(".")[2]] if start else []
    return any(f"{way}.".startswith((f"{start}.", f"{start}[")) for way in ways)


def count_uses(order: Sequence[Value]) -> Counter[Value]:
    return Counter(operand for _, operand, _ in edges(order))


# A few boxes for many.


def merged_sums(
    graph: Graph, arrows: Mapping[Value, list[Arrow]], closed: Closed
) -> tuple[dict[Value, list[Arrow]], dict[Value, int]]:
    """a + b + c as one operation: every + with its terms, through any + used for it alone.

    Of each the arrows, and how many terms there are with the plain numbers, which have no arrows.
    """
    uses = count_uses(graph.order)
    plus = {node for node in graph.order if graph.op(node) == "+" and node not in closed}
    inner = {o for node, o, _ in edges(graph.order) if node in plus and o in plus and uses[o] == 1}
    merged: dict[Value, list[Arrow]] = {}
    count: dict[Value, int] = {}
    for total in plus - inner:
        merged[total] = []
        stack = [Arrow(total, 0, 1.0, None)]
        count[total] = 1
        while stack:
            arrow = stack.pop()
            node, slope = arrow.operand, arrow.partial or 0.0
            if isinstance(node, Value) and (node is total or node in inner):
                count[total] += len(node.operands) - 1
                into = arrows[node]
                stack += [
                    Arrow(a.operand, 0, slope * (a.partial or 0.0), a.edge) for a in reversed(into)
                ]
            else:
                position = len(merged[total])
                merged[total].append(Arrow(node, position, slope, arrow.edge))
    return merged, count


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
            arrows += [*group[:samples], Arrow(more, rest[0].position, None, None)]
    return arrows


def nearest_only(output: Value, choice: Choice, count: int) -> Choice:
    """The arrows between what is nearest to the output, and from one Omitted for all the rest."""
    arrows = choice.arrows
    found = nearest_first(output, arrows)
    shown = set(found[:count])
    rest = (o.count if isinstance(o, Omitted) else 1 for o in found[count:])
    beyond = Omitted(sum(rest), alike=False)

    def inside(node: Value) -> list[Arrow]:
        near = [arrow for arrow in arrows(node) if arrow.operand in shown]
        far = [arrow for arrow in arrows(node) if arrow.operand not in shown]
        return near + [Arrow(beyond, arrow.position, None, None) for arrow in far[:1]]

    return choice._replace(arrows=inside)
