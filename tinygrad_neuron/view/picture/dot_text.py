"""A picture's boxes and arrows as DOT, the language of Graphviz."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import Protocol

from graphviz import Digraph

from tinygrad_neuron.engine import Value
from tinygrad_neuron.view.graph import Graph
from tinygrad_neuron.view.notation import OLD, factor, number, partial_sign, printable, word
from tinygrad_neuron.view.picture.boxes import MOST_BOXES, Arrow, Box, Omitted
from tinygrad_neuron.view.rules import with_words, words_for

FONT = "Helvetica"  # Graphviz knows its widths, and Arial and Liberation Sans have the same
# Border and fill tell the kinds apart, each alone: in grey print, and without seeing colours.
LOOKS = {
    "parameter": {"fillcolor": "#ffe6bd", "peripheries": "2"},
    "input": {"fillcolor": "#dbeafa", "style": "filled,rounded"},
    "constant": {"fillcolor": "#f1f1f1", "style": "filled,dashed"},
    "output": {"fillcolor": "#dcf1d3", "penwidth": "2.5"},
    "inner": {},
}
NEURON = {"shape": "folder"}
SHORT = 12  # letters of a name that leave room for a word beside it
HINTED = 8  # operands up to which a formula is short
SPARSE = 100  # arrows up to which there is room beside each for its derivative
FEW = 2  # arrows into a box up to which there is room in the box for theirs
CAREFUL = 300  # boxes up to which the layout takes its time
HASTY = {"nslimit": "0.1", "nslimit1": "0.1", "mclimit": "0.1"}
POSITIVE = {"color": "#1f5fa8"}
NEGATIVE = {"color": "#b3541e", "style": "dashed"}
PORTS = {
    "LR": {"tailport": "e", "headport": "w"},
    "RL": {"tailport": "w", "headport": "e"},
    "TB": {"tailport": "s", "headport": "n"},
    "BT": {"tailport": "n", "headport": "s"},
}


class Looks(Protocol):
    """What boxes and arrows look like, besides their names and kinds.

    notes             lines below the picture
    numbers           lines below a box's name
    of_box, of_arrow  attributes of Graphviz, such as {"tooltip": "3.0"}
    """

    def notes(self) -> list[str]: ...

    def numbers(self, box: Box) -> list[str]: ...

    def of_box(self, box: Box, kind: str) -> dict[str, str]: ...

    def of_arrow(self, arrow: Arrow, box: Box) -> dict[str, str]: ...


def dot_text(graph: Graph, boxes: Sequence[Box], looks: Looks, direction: str = "LR") -> str:
    """The boxes, with their arrows, in the language of Graphviz."""
    text = Digraph(
        graph_attr={"rankdir": direction, "ordering": "in", "fontname": FONT, "fontsize": "12"},
        node_attr={"shape": "box", "style": "filled", "fillcolor": "white", "fontname": FONT},
        edge_attr={"fontname": FONT, "fontsize": "11", "arrowsize": "0.7"},
    )
    if is_dense(boxes):
        text.attr(splines="line", outputorder="edgesfirst", ranksep="1.3")
        text.attr("edge", **PORTS[direction])
    if len(boxes) > CAREFUL:
        text.attr(**HASTY)
    if notes := looks.notes():  # \l ends a line that is flush left
        text.attr(label="".join(f"{note}\\l" for note in notes), labeljust="l")
    ids: dict[Value | Omitted, str] = {}
    for box in boxes:
        ids[box.value] = f"n{len(ids) + 1}"
        kind = graph.kind_of(box.value)
        label = html_like(heading(graph, box), looks.numbers(box))
        own = LOOKS[kind] | (NEURON if box.neuron else {}) | looks.of_box(box, kind)
        text.node(ids[box.value], label, **own)
        for arrow in box.arrows:
            if isinstance(arrow.operand, Omitted) and arrow.operand not in ids:
                ids[arrow.operand] = f"n{len(ids) + 1}"
                more = f"… and {arrow.operand.count:,} more{' like this' * arrow.operand.alike}"
                text.node(ids[arrow.operand], more, shape="plaintext", style="", tooltip=more)
            text.edge(ids[arrow.operand], ids[box.value], **looks.of_arrow(arrow, box))
    source: str = text.source
    return source


def is_dense(boxes: Iterable[Box]) -> bool:
    """Whether there are too many arrows for a number beside each."""
    return sum(len(box.arrows) for box in boxes) > SPARSE


def heading(graph: Graph, box: Box) -> list[str]:
    """The name, and the operation or the kind of leaf: on one line if the name is short."""
    value, names = box.value, graph.names
    name = names.of[value]
    if box.neuron:
        own = [name] if value not in names.unnamed and name != box.neuron.path else []
        return [*map(bold, [*own, box.neuron.path]), italic(box.neuron.word)]
    if value.op == "const" and value in names.unnamed:
        return [italic("constant")]  # its name would be its number again
    if not value.operands:
        word_below = names.kind_of_leaf(value)
    elif graph.op(value) == "+" and len(box.arrows) > 2:
        word_below = "sum"  # of several + in one
    else:
        word_below = printable(str(value.op))
    lines = [bold(name), *([italic(word_below)] if word_below else [])]
    return ["&nbsp; ".join(lines)] if len(name) <= SHORT else lines


def mark(graph: Graph, arrow: Arrow, box: Box) -> str:
    """∂, ∂₁, ∂₂, … of an arrow into a box."""
    if box.neuron:  # whose inputs have the order of its weights
        return partial_sign(arrow.position, len(box.arrows))
    return graph.mark(box.value, arrow.position, len(box.arrows))


@dataclass(frozen=True)
class PictureLooks:
    """The looks of a picture: numbers as they are now, with more of them in the tooltips."""

    graph: Graph
    boxes: Sequence[Box]
    grads: bool
    partials: bool
    digits: int

    @cached_property
    def dense(self) -> bool:
        return is_dense(self.boxes)

    def notes(self) -> list[str]:
        values, boxes = len(self.graph.order), len(self.boxes)
        notes = []
        if boxes < values:
            cure = "; expand=True gives each its own" if values <= MOST_BOXES else ""
            notes.append(f"{values:,} values in {boxes:,} boxes{cure}")
        if any(isinstance(arrow.operand, Omitted) for box in self.boxes for arrow in box.arrows):
            notes.append("the numbers count what is left out, too")
        if self.graph.old:
            wrong = ", or its operation is wrong" if self.graph.theirs else ""
            notes.append(f"(old): what it was computed from has changed since{wrong}")
        if self.grads:
            notes += self.graph.doubts_of_grads()
        if self.partials:
            notes += self.graph.doubts_of_partials()
        if self.dense and self.partials:
            widths = "the wider an arrow, the larger |∂|; dashed: negative"
            notes.append(f"into a box without ∂: {widths}")
        return notes

    def numbers(self, box: Box) -> list[str]:
        value = box.value
        lines = [f"data {number(value.data, self.digits)}{OLD * (value in self.graph.old)}"]
        if self.grads:
            grad = f"grad {number(value.grad, self.digits)}"
            if value in self.graph.over_arrows:
                grad += f" · arrows {number(self.graph.over_arrows[value], self.digits)}"
            lines.append(grad)
        if self.dense and self.partials and len(box.arrows) <= FEW:
            texts = [self.text(arrow, box) for arrow in box.arrows if arrow.partial is not None]
            lines += ["&nbsp; ".join(texts)] if texts else []
        return lines

    def of_box(self, box: Box, kind: str) -> dict[str, str]:
        """What only this box has: the tooltip with its exact numbers."""
        exact = f"{self.formula(box.value)}data {box.value.data}"
        if self.grads:
            exact += f", grad {box.value.grad}"
        return {"tooltip": tooltip(exact)}

    def of_arrow(self, arrow: Arrow, box: Box) -> dict[str, str]:
        """What sets an arrow apart: its derivative as a number, or as its width."""
        if arrow.partial is None:
            return {"style": "dotted"}
        formula = "" if box.neuron else self.formula_of_partial(arrow, box.value)
        exact = f"{mark(self.graph, arrow, box)} {formula}{arrow.partial}"
        looks = {"tooltip": tooltip(exact)}
        if not self.partials or (self.dense and len(box.arrows) <= FEW):
            return looks
        if not self.dense:
            return looks | {"label": self.text(arrow, box)}
        steepest = max(abs(other.partial or 0.0) for other in box.arrows)
        share = abs(arrow.partial) / steepest if 0 < steepest < math.inf else 0.0
        width = {"penwidth": f"{0.2 + 2.3 * share:.2f}", "arrowsize": "0.4"}
        return looks | width | (NEGATIVE if arrow.partial < 0 else POSITIVE)

    def text(self, arrow: Arrow, box: Box) -> str:
        text = f"{mark(self.graph, arrow, box)} {number(arrow.partial or 0.0, self.digits)}"
        right = None if box.neuron else self.graph.wrong_partials.get((box.value, arrow.position))
        return text if right is None else f"{text} · rule {number(right, self.digits)}"

    def formula(self, value: Value) -> str:
        """How a value is computed, such as "v1 = w * x, "."""
        rule = self.graph.rule(value)
        if rule is None or len(value.operands) > HINTED:
            return ""
        name = self.graph.names.of[value]
        return f"{name} = {with_words(rule.value[0], self.words(value))}, "

    def formula_of_partial(self, arrow: Arrow, value: Value) -> str:
        """How a partial is computed, such as "= x = ", unless that is the number itself."""
        rule = self.graph.rule(value)
        if rule is None or len(value.operands) > HINTED or arrow.position >= len(rule.partials):
            return ""
        formula = with_words(rule.partials[arrow.position], self.words(value))
        return f"= {formula} = " if any(letter.isalpha() for letter in formula) else ""

    def words(self, value: Value) -> dict[str, str]:
        return words_for([self.term(o) for o in value.operands], self.term(value))

    def term(self, value: Value) -> str:
        """Its name as part of a formula."""
        if value.op == "const" and value in self.graph.names.unnamed:
            return factor(value.data)
        return word(self.graph.names.of[value])


def html_like(heading: Sequence[str], numbers: Sequence[str]) -> str:
    """A label that no name can break, unlike a record's."""
    cells = [f"<TD>{line}</TD>" for line in heading]
    # Flush left, because the layout takes − for wider than it is.
    cells += [f'<TD ALIGN="LEFT">{line}</TD>' for line in numbers]
    rows = "".join(f"<TR>{cell}</TR>" for cell in cells)
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1">{rows}</TABLE>>'


def tooltip(text: str) -> str:
    return text.replace("\\", "∖")  # however it is written, Graphviz makes \N the node's name


def bold(text: str) -> str:
    return f"<B>{safe(text)}</B>"


def italic(text: str) -> str:
    return f"<I>{safe(text)}</I>"


def safe(text: str) -> str:
    """For an HTML-like label, in which a \\N in one piece would become the node's name."""
    return re.sub(r"\\(?=[EGHLNT\\])", '<FONT COLOR="black">\\\\</FONT>', escape(text))
