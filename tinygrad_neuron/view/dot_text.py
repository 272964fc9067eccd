"""A picture's boxes and arrows as DOT, the language of Graphviz."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from html import escape

from graphviz import Digraph

from tinygrad_neuron.engine import Value
from tinygrad_neuron.view.boxes import MOST_BOXES, Arrow, Box, Omitted
from tinygrad_neuron.view.names import Names
from tinygrad_neuron.view.notation import OLD, factor, number, partial_sign, printable, word
from tinygrad_neuron.view.recompute import outdated
from tinygrad_neuron.view.rules import rule_of, words_for, written

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


class DotText:
    """Writes the boxes and arrows of a graph in topological order."""

    def __init__(
        self,
        order: Sequence[Value],
        boxes: Sequence[Box],
        names: Names,
        direction: str,
        grads: bool,
        partials: bool,
        digits: int,
    ) -> None:
        self.output = order[-1]
        self.names = names
        self.grads = grads and self.output.grad != 0  # a 0 from before backward() is no gradient
        self.partials = partials
        self.digits = digits
        self.old = outdated(order)
        self.ids: dict[Value | Omitted, str] = {}
        self.fan_out = Counter(arrow.operand for box in boxes for arrow in box.arrows)
        self.dense = self.fan_out.total() > SPARSE
        self.graph = Digraph(
            graph_attr={"rankdir": direction, "ordering": "in", "fontname": FONT, "fontsize": "12"},
            node_attr={"shape": "box", "style": "filled", "fillcolor": "white", "fontname": FONT},
            edge_attr={"fontname": FONT, "fontsize": "11", "arrowsize": "0.7"},
        )
        if self.dense:
            self.graph.attr(splines="line", outputorder="edgesfirst", ranksep="1.3")
            self.graph.attr("edge", **PORTS[direction])
        if len(boxes) > CAREFUL:
            self.graph.attr(**HASTY)
        if notes := self.notes(len(order), len(boxes)):
            self.graph.attr(label=notes, labeljust="l")
        for box in boxes:
            self.add_box(box)
        self.source: str = self.graph.source

    def notes(self, values: int, boxes: int) -> str:
        lines = []
        if boxes < values:
            cure = "; expand=True gives each its own" if values <= MOST_BOXES else ""
            lines.append(f"{values:,} values in {boxes:,} boxes{cure}")
        if any(isinstance(operand, Omitted) for operand in self.fan_out):
            lines.append("the numbers count what is left out, too")
        if self.old:
            lines.append("(old): what it was computed from has changed since")
        if self.dense and self.partials:
            lines.append(
                "into a box without ∂: the wider an arrow, the larger |∂|; dashed: negative"
            )
        return "".join(f"{line}\\l" for line in lines)  # \l ends a line that is flush left

    def add_box(self, box: Box) -> None:
        value = box.value
        self.ids[value] = f"n{len(self.ids) + 1}"
        kind = "output" if value is self.output else "inner"
        if not value.operands:
            kind = self.names.kind(value)
        looks = LOOKS[kind] | (NEURON if box.neuron else {}) | self.looks_of_box(box, kind)
        label = html_like(self.heading(box), self.numbers(box))
        self.graph.node(self.ids[value], label, **looks)
        for arrow in box.arrows:
            if isinstance(arrow.operand, Omitted) and arrow.operand not in self.ids:
                self.add_omitted(arrow.operand)
            looks = self.looks_of_arrow(arrow, box)
            self.graph.edge(self.ids[arrow.operand], self.ids[value], **looks)

    def numbers(self, box: Box) -> list[str]:
        """The lines below the heading."""
        value = box.value
        lines = [f"data {number(value.data, self.digits)}{OLD if value in self.old else ''}"]
        if self.grads:
            lines.append(f"grad {number(value.grad, self.digits)}")
        if self.dense and self.partials and len(box.arrows) <= FEW:
            texts = [self.text(arrow, box) for arrow in box.arrows if arrow.partial is not None]
            lines += ["&nbsp; ".join(texts)] if texts else []
        return lines

    def looks_of_box(self, box: Box, kind: str) -> dict[str, str]:
        """What only this box has: the tooltip with its exact numbers."""
        exact = f"{self.formula(box.value)}data {box.value.data}"
        if self.grads:
            exact += f", grad {box.value.grad}"
        return {"tooltip": tooltip(exact)}

    def add_omitted(self, omitted: Omitted) -> None:
        self.ids[omitted] = f"n{len(self.ids) + 1}"
        like = " like this" if omitted.alike else ""
        text = f"… and {omitted.count:,} more{like}"
        self.graph.node(self.ids[omitted], text, shape="plaintext", style="", tooltip=text)

    def formula(self, value: Value) -> str:
        """How a value is computed, such as "v1 = w * x, "."""
        rule = rule_of(str(value.op), len(value.operands)) if value.operands else None
        if rule is None or len(value.operands) > HINTED:
            return ""
        name = self.names.of[value]
        return f"{name} = {written(rule.value[0], self.words(value))}, "

    def formula_of_partial(self, arrow: Arrow, value: Value) -> str:
        """How a partial is computed, such as "= x = ", unless that is the number itself."""
        rule = rule_of(str(value.op), len(value.operands))
        if rule is None or len(value.operands) > HINTED or arrow.position >= len(rule.partials):
            return ""
        formula = written(rule.partials[arrow.position], self.words(value))
        return f"= {formula} = " if any(letter.isalpha() for letter in formula) else ""

    def words(self, value: Value) -> dict[str, str]:
        return words_for([self.term(o) for o in value.operands], self.term(value))

    def term(self, value: Value) -> str:
        """Its name as part of a formula."""
        if value.op == "const" and value in self.names.unnamed:
            return factor(value.data)
        return word(self.names.of[value])

    def heading(self, box: Box) -> list[str]:
        """The name, and the operation or the kind of leaf: on one line if the name is short."""
        value = box.value
        name = self.names.of[value]
        if box.neuron:
            own = [name] if value not in self.names.unnamed and name != box.neuron.path else []
            return [*map(bold, [*own, box.neuron.path]), italic(box.neuron.word)]
        if value.op == "const" and value in self.names.unnamed:
            return [italic("constant")]  # its name would be its number again
        if not value.operands:
            kind = self.names.kind(value)
        elif value.op == "+" and len(box.arrows) > 2:
            kind = "sum"  # of several + in one
        else:
            kind = printable(str(value.op))
        lines = [bold(name), *([italic(kind)] if kind else [])]
        return ["&nbsp; ".join(lines)] if len(name) <= SHORT else lines

    def text(self, arrow: Arrow, box: Box) -> str:
        sign = partial_sign(arrow.position, len(box.arrows))
        return f"{sign} {number(arrow.partial or 0.0, self.digits)}"

    def looks_of_arrow(self, arrow: Arrow, box: Box) -> dict[str, str]:
        """What sets an arrow apart: its derivative as a number, or as its width."""
        if arrow.partial is None:
            return {"style": "dotted"}
        sign = partial_sign(arrow.position, len(box.arrows))
        formula = "" if box.neuron else self.formula_of_partial(arrow, box.value)
        looks = {"tooltip": tooltip(f"{sign} {formula}{arrow.partial}")}
        if not self.partials or (self.dense and len(box.arrows) <= FEW):
            return looks
        if not self.dense:
            return looks | {"label": self.text(arrow, box)}
        steepest = max(abs(other.partial or 0.0) for other in box.arrows)
        share = abs(arrow.partial) / steepest if 0 < steepest < math.inf else 0.0
        width = {"penwidth": f"{0.2 + 2.3 * share:.2f}", "arrowsize": "0.4"}
        return looks | width | (NEGATIVE if arrow.partial < 0 else POSITIVE)


def html_like(heading: Sequence[str], numbers: Sequence[str]) -> str:
    """A label that what a name may hold cannot break, as it could a record's."""
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
