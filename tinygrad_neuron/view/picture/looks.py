"""What is written in the boxes and on the arrows of a picture."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate

from tinygrad_neuron.engine import Value
from tinygrad_neuron.view.graph import NEAR, Edge, Graph, is_close
from tinygrad_neuron.view.notation import OLD, derivative, number, word
from tinygrad_neuron.view.picture.boxes import MOST_BOXES, Arrow, Box, ClosedNeuron, Omitted
from tinygrad_neuron.view.picture.captions import (
    LONGEST_NAME,
    common_root,
    exact_formula,
    exact_formula_of_partial,
    formula,
    name_in_box,
    neuron_name,
)
from tinygrad_neuron.view.picture.scene import (
    DATA,
    GRAD,
    Node,
    Piece,
    Scene,
    TextLine,
    Wire,
)

TERMS, LONGEST_SUM = 3, 34  # of a gradient's sum: how many, and their letters
FULLY_NAMED = 8  # arrows up to which each has its derivative's name
THINNEST, WIDEST = 0.7, 3.2  # points


class Looks:
    """The looks of a picture's boxes and arrows, as a Scene.

    grads     the gradients to be shown, None for none
    partials  whether arrows have local derivatives
    numbered  whether there is room for numbers on the arrows
    fresh     whether a fresh pass gave these gradients; otherwise the values hold them
    """

    def __init__(
        self,
        graph: Graph,
        boxes: Sequence[Box],
        digits: int,
        grads: dict[Value, float] | None,
        partials: bool,
        numbered: bool,
        fresh: bool,
    ) -> None:
        self.graph = graph
        self.boxes = boxes
        self.digits = digits
        self.grads = grads
        self.partials = partials
        self.numbered = numbered
        self.fresh = fresh
        computed = [box.value for box in boxes if box.value.operands]
        self.computed = {value: step for step, value in enumerate(computed, 1)}
        self.count = sum(len(box.arrows) for box in boxes)
        self.arriving: dict[Value, list[tuple[int, float]]] = defaultdict(list)  # step, flow
        if grads is not None:
            for box in reversed(boxes):
                for arrow in box.arrows:
                    if isinstance(arrow.operand, Value) and arrow.partial is not None:
                        came = self.back_step(arrow), self.flow(arrow, box)
                        self.arriving[arrow.operand].append(came)
            for came_to in self.arriving.values():
                came_to.sort(key=lambda came: came[0])
        self.root = common_root(graph)
        sizes = [abs(x) for box in boxes for a in box.arrows if (x := self.shown_by_line(a, box))]
        self.steepest = max(filter(math.isfinite, sizes), default=0.0)

    def number(self, x: float) -> str:
        return number(x, self.digits)

    def back_step(self, arrow: Arrow) -> int:
        """The step at which the backward pass uses an arrow; 1 + len(computed) is the output's."""
        return len(self.computed) + 1 + self.graph.turns[arrow.edge] if arrow.edge else 0

    def flow(self, arrow: Arrow, box: Box) -> float:
        """What flows back along an arrow: upstream gradient times local derivative."""
        return (self.grads or {})[box.value] * (arrow.partial or 0.0)

    def shown_by_line(self, arrow: Arrow, box: Box) -> float:
        """The number that an arrow's line stands for, if there is no room for it."""
        if arrow.partial is None:
            return math.nan
        return arrow.partial if self.grads is None else self.flow(arrow, box)

    # The scene.

    def scene(self) -> Scene:
        ids: dict[Value | Omitted, str] = {}
        nodes: list[Node] = []
        wires: list[Wire] = []
        for box in self.boxes:
            ids[box.value] = f"node-{len(ids) + 1}"
            nodes.append(self.node(box, ids[box.value]))
            for arrow in box.arrows:
                if isinstance(arrow.operand, Omitted) and arrow.operand not in ids:
                    ids[arrow.operand] = f"node-{len(ids) + 1}"
                    nodes.append(omitted(arrow.operand, ids[arrow.operand]))
                tail, head = ids[arrow.operand], ids[box.value]
                wires.append(self.wire(arrow, box, f"arrow-{len(wires) + 1}", tail, head))
        output = self.graph.output
        title = f"Computation graph of {self.graph.names.of[output]}"
        forward = len(self.computed)
        return Scene(nodes, wires, self.notes(), self.legend(), title, forward)

    def notes(self) -> list[str]:
        graph, notes = self.graph, []
        total, boxes = len(graph.order), len(self.boxes)
        drawn = total - sum(map(graph.is_number, graph.order))
        arrows = [arrow for box in self.boxes for arrow in box.arrows]
        neurons = [box.neuron for box in self.boxes if box.neuron]
        if any(isinstance(arrow.operand, Omitted) for arrow in arrows):
            cure = "; draw(…, expand=True) shows all" if total <= MOST_BOXES else ""
            notes.append(f"{boxes:,} boxes for {drawn:,} values{cure}")
            notes.append("data and grads are those of the whole graph")
        elif neurons:
            notes.append("a neuron is one box; draw(…, expand=True) shows what is inside")
        if any(map(is_off, neurons)):
            notes.append("a grey neuron passes nothing back to its inputs")
        if graph.old:
            wrong = ", or its operation is wrong" if graph.theirs else ""
            notes.append(f"(old): what it was computed from has changed since{wrong}")
        if self.grads is not None and not self.fresh:
            notes += graph.doubts_of_grads()
        if self.grads is None and graph.theirs and graph.output.grad == 0:
            name = graph.names.of[graph.output]
            notes.append(f"no gradients: {name} has grad 0, and backward() should set it to 1")
        if self.partials:
            notes += graph.doubts_of_partials()
        return notes

    def legend(self) -> list[str]:
        """What the lines mean, where there is no room for numbers."""
        told = self.partials or self.grads is not None
        if self.numbered or self.fresh or not told or not self.count:
            return []
        what = "the local derivative ∂" if self.grads is None else "what flows back"
        return [
            f"a line shows {what}: the larger, the wider",
            "blue: positive; orange and dashed: negative; grey and dotted: 0",
        ]

    # Boxes.

    def node(self, box: Box, id: str) -> Node:
        value, graph = box.value, self.graph
        kind, name = graph.kind_of(value), graph.names.of[value]
        step = self.computed.get(value, 0)
        old = value in graph.old
        style = "old" if old else "ink"
        data = Piece(f"{self.number(value.data)}{OLD * old}", style, DATA, step)
        short = name_in_box(name, self.root)
        gap = "\u00a0" if "…" in short else ""  # the layout takes … for narrower than it is
        name_and_data = [Piece(short, "bold"), Piece(f"{gap} = ", style, step=step), data]
        if graph.is_number(value):
            name_and_data = [data]  # its name would be its number again
        lines: list[TextLine] = [[Piece(self.first_line(box), "soft")], name_and_data]
        if self.grads is not None and kind != "constant":
            lines.append(self.gradient(value))
        off = box.neuron is not None and is_off(box.neuron)
        mark = "broken" if value in self.broken else "off" if off else ""
        return Node(id, kind, lines, self.tooltip(box), mark, step)

    def first_line(self, box: Box) -> str:
        """What a box is: the kind of a leaf, the neuron, or the formula."""
        value = box.value
        text = self.graph.names.kind_of_leaf(value)
        if value.operands:
            text = neuron_name(box.neuron, self.root) if box.neuron else formula(self.graph, box)
        return f"first {self.broken[value]}: {text}" if value in self.broken else text

    @cached_property
    def broken(self) -> dict[Value, str]:
        """Where nan or inf begins: of the boxes that are drawn, those with none before them.

        A gradient counts if all data are finite, because otherwise the data are the cause.
        """
        drawn = {box.value: [arrow.operand for arrow in box.arrows] for box in self.boxes}
        wrong = {value for value in drawn if not math.isfinite(value.data)}
        if wrong or self.grads is None:
            first = [value for value in wrong if wrong.isdisjoint(drawn[value])]
            return {value: self.number(value.data).lstrip("−") for value in first}
        found: dict[Value, float] = {}
        for box in self.boxes:
            inside = [arrow.operand for arrow in box.neuron.parameters] if box.neuron else []
            for value in (box.value, *inside):
                if isinstance(value, Value) and not math.isfinite(self.grads[value]):
                    found[box.value] = self.grads[value]
        later = {operand for value in found for operand in drawn[value]}
        first = [value for value in found if value not in later]
        return {value: f"{self.number(found[value]).lstrip('−')} grad" for value in first}

    def gradient(self, value: Value) -> TextLine:
        """grad 3 + 3 = 6: what came along the arrows, and their sum."""
        assert self.grads is not None
        total = self.grads[value]
        if value is self.graph.output:
            start = len(self.computed) + 1
            return [
                Piece("grad ", "back", step=start),
                Piece(self.number(total), "back", GRAD, start),
                Piece(" (start)" if total == 1 else "", "back", GRAD, start),
            ]
        came = self.arriving.get(value, [])
        first, last = (came[0][0], came[-1][0]) if came else (0, 0)
        arrived = total if self.fresh else self.graph.over_arrows.get(value, total)
        right = value not in self.graph.over_arrows or self.fresh
        pieces = [Piece("grad ", "back", step=first)]
        if not right:
            pieces.append(Piece(f"{self.number(total)} ≠ ", "back", GRAD, last))
        if terms := self.terms(came, arrived):
            pieces += terms
            if right:
                pieces.append(Piece(f" = {self.number(total)}", "back", GRAD, last))
        else:
            sums = list(accumulate(flow for _, flow in came[:-1]))
            before = [(step, self.number(x)) for (step, _), x in zip(came, sums)]
            pieces.append(Piece(self.number(arrived), "back", GRAD, last, before=before))
        return pieces

    def terms(self, came: Sequence[tuple[int, float]], arrived: float) -> list[Piece]:
        """3 + 3, if these are all terms of what arrived, and few and short."""
        flows = [flow for _, flow in came]
        size = sum(map(abs, flows))
        texts = [self.number(flow) for flow in flows]
        for i, text in enumerate(texts[1:], 1):
            texts[i] = f" − {text[1:]}" if text.startswith("−") else f" + {text}"
        short = 1 < len(came) <= TERMS and len("".join(texts)) <= LONGEST_SUM
        if not short or not is_close(sum(flows), arrived, NEAR * size):
            return []
        return [Piece(text, "back", GRAD, step) for text, (step, _) in zip(texts, came)]

    def tooltip(self, box: Box) -> str:
        """The whole name, the formula and the exact numbers."""
        value, names = box.value, self.graph.names
        name = names.of[value]
        text = f"{box.neuron.path}: {name}" if box.neuron else name
        if not box.neuron:
            text += exact_formula(self.graph, value)
        text += f" = {value.data or 0.0}"
        if self.grads is not None and value is not self.graph.output:
            right = self.fresh or value not in self.graph.over_arrows
            what = derivative("∂", word(names.of[self.graph.output]), word(name))
            text += f"; {what if right else 'grad'} = {self.grads[value] or 0.0}"
        return text

    # Arrows.

    def wire(self, arrow: Arrow, box: Box, id: str, tail: str, head: str) -> Wire:
        forward = self.computed.get(box.value, 0)
        if arrow.partial is None:
            return Wire(id, tail, head, (), (), "", "omitted", forward=forward)
        partial, names, edge = arrow.partial, self.names_of(arrow, box), own_edge(arrow, box)
        above: list[Piece] = []
        below: list[Piece] = []
        exact, back = [], 0
        if self.partials:
            named = self.count <= FULLY_NAMED and len(names) <= LONGEST_NAME
            sign = f"{names} = " if named else f"{self.sign(arrow, box)} "
            text = self.number(partial)
            if edge in self.graph.wrong_partials:
                text += f" · rule {self.number(self.graph.wrong_partials[edge])}"
            above = [Piece(sign, step=forward), Piece(text, "ink", DATA, forward)]
            formula_of_it = exact_formula_of_partial(self.graph, *edge) if edge else ""
            exact.append(f"{names}{formula_of_it} = {partial or 0.0}")
        if self.grads is not None:
            flow, back = self.flow(arrow, box), self.back_step(arrow)
            below = [Piece("← ", "back", step=back), Piece(self.number(flow), "back", GRAD, back)]
            upstream = self.grads[box.value] or 0.0
            exact.append(f"flows back: {upstream} · {partial or 0.0} = {flow or 0.0}")
        size = self.shown_by_line(arrow, box)
        look, width = "zero" if size == 0 and not self.fresh else "plain", 1.0
        if not self.numbered:
            above, below = [], []
            if self.fresh:
                pass  # what flows back comes later
            elif self.partials or self.grads is not None:
                look = "zero" if size == 0 else "negative" if size < 0 else "positive"
                share = abs(size) / self.steepest if self.steepest else 0.0
                width = THINNEST + (WIDEST - THINNEST) * (share if share <= 1 else 1.0)  # inf, nan
        return Wire(id, tail, head, above, below, "; ".join(exact), look, width, forward, back)

    def sign(self, arrow: Arrow, box: Box) -> str:
        """∂, or ∂₁, ∂₂, … where the same operand has several arrows into the box."""
        edge = own_edge(arrow, box)
        return self.graph.mark(*edge) if edge else "∂"

    def names_of(self, arrow: Arrow, box: Box) -> str:
        """∂v1/∂w."""
        names = self.graph.names.of
        assert isinstance(arrow.operand, Value)
        return derivative(self.sign(arrow, box), word(names[box.value]), word(names[arrow.operand]))


def is_off(neuron: ClosedNeuron) -> bool:
    """Whether a neuron passes nothing on, as a relu below 0."""
    return all(arrow.partial == 0 for arrow in neuron.inputs)


def own_edge(arrow: Arrow, box: Box) -> Edge | None:
    """The edge of an arrow, if it leads into the box's own value, and not into one inside."""
    own = arrow.edge is not None and arrow.edge[0] is box.value and box.neuron is None
    return arrow.edge if own else None


def omitted(left_out: Omitted, id: str) -> Node:
    more = f"… and {left_out.count:,} more{' like this' * left_out.alike}"
    return Node(id, "omitted", [[Piece(more, "soft")]], more)
