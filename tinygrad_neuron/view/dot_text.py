"""A picture's boxes and arrows as DOT, the language of Graphviz."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape

from graphviz import Digraph

from tinygrad_neuron.engine import Value
from tinygrad_neuron.view.boxes import Arrow, Box, Left
from tinygrad_neuron.view.names import Names
from tinygrad_neuron.view.notation import number, partial_sign, printable

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
SPARSE = 100  # arrows up to which all have their derivative beside them
CAREFUL = 300  # boxes up to which the layout takes its time
PORTS = {
    "LR": {"tailport": "e", "headport": "w"},
    "RL": {"tailport": "w", "headport": "e"},
    "TB": {"tailport": "s", "headport": "n"},
    "BT": {"tailport": "n", "headport": "s"},
}
HASTY = {"nslimit": "0.1", "nslimit1": "0.1", "mclimit": "0.1"}


def dot_text(
    order: Sequence[Value],
    boxes: Sequence[Box],
    names: Names,
    direction: str,
    grads: bool,
    partials: bool,
    digits: int,
) -> str:
    graph = Digraph(
        graph_attr={"rankdir": direction, "ordering": "in", "fontname": FONT, "fontsize": "12"},
        node_attr={"shape": "box", "style": "filled", "fillcolor": "white", "fontname": FONT},
        edge_attr={"fontname": FONT, "fontsize": "11", "arrowsize": "0.7"},
    )
    fan_out = Counter(arrow.operand for box in boxes for arrow in box.arrows)
    dense = fan_out.total() > SPARSE
    grads = grads and order[-1].grad != 0
    if dense:
        graph.attr(splines="line", outputorder="edgesfirst", ranksep="1.2", labeljust="l")
    if len(boxes) > CAREFUL:
        graph.attr(**HASTY)
    if caption := notes(len(order), len(boxes), dense and partials):
        graph.attr(label=caption)
    ids: dict[Value | Left, str] = {box.value: f"n{i}" for i, box in enumerate(boxes, 1)}
    for value, arrows, neuron in boxes:
        kind = "output" if value is order[-1] else "inner"
        if not value.operands:
            kind = names.kind(value)
        text = label(value, kind, neuron, names, grads, digits)
        graph.node(ids[value], text, **LOOKS[kind], **(NEURON if neuron else {}))
        for operand, position, partial in arrows:
            looks = {}
            if isinstance(operand, Left):
                if operand not in ids:
                    ids[operand] = f"left{len(ids) - len(boxes) + 1}"
                    graph.node(ids[operand], left_out(operand), shape="plaintext", style="")
                looks = {"style": "dotted"}
            elif partials:
                text = f"{partial_sign(position, len(arrows))} {number(partial, digits)}"
                if not dense:
                    looks = {"label": text}
                elif len(arrows) > 2 or fan_out[operand] > 2:
                    looks = weight(text, partial, arrows) | PORTS[direction]
                else:
                    looks = {"xlabel": text}
            graph.edge(ids[operand], ids[value], **looks)
    return str(graph.source)


def weight(text: str, partial: float, arrows: Sequence[Arrow]) -> dict[str, str]:
    """An arrow as wide as its derivative is large, because so many numbers find no room."""
    steepest = max(abs(arrow.partial or 0.0) for arrow in arrows)
    share = abs(partial) / steepest if 0 < steepest < math.inf else 0.0
    style = {"style": "dashed", "color": "#b3541e"} if partial < 0 else {"color": "#1f5fa8"}
    return style | {"penwidth": f"{0.2 + 2.3 * share:.2f}", "arrowsize": "0.4", "tooltip": text}


def notes(values: int, boxes: int, dense: bool) -> str:
    lines = []
    if boxes < values:
        lines.append(f"{values:,} values in {boxes} boxes; expand=True gives each its own")
    if dense:
        lines.append("of many arrows into a box: the wider, the larger |∂|; dashed: negative")
    return "".join(f"{line}\\l" for line in lines)


def left_out(left: Left) -> str:
    return f"… and {left.count:,} more" + " like this" * left.alike


def label(value: Value, kind: str, neuron: str, names: Names, grads: bool, digits: int) -> str:
    """An HTML-like label: what a name may hold cannot break it, as it can a record's."""
    if neuron:
        name, made_by = neuron, f"{value.op} neuron".removeprefix("+ ")
    elif kind == "constant" and not value.label:
        name, made_by = "", kind
    else:
        name, made_by = names.of[value], printable(value.op) if value.operands else kind
    head = [f"<B>{safe(name)}</B>"] if name else []
    head += [f"<I>{safe(made_by)}</I>"] if made_by else []
    rows = [head] if len(name) <= SHORT else [[part] for part in head]
    rows.append(["data", number(value.data, digits)])
    if grads:
        rows.append(["grad", number(value.grad, digits)])
    body = "".join(f"<TR>{''.join(cells(row))}</TR>" for row in rows)
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1">{body}</TABLE>>'


def safe(text: str) -> str:
    return escape(text).replace("\\", "&#92;")  # \N would become the node's name


def cells(row: Sequence[str]) -> Iterator[str]:
    if len(row) == 1:
        yield f'<TD COLSPAN="3">{row[0]}</TD>'
    else:
        yield f'<TD ALIGN="LEFT">{row[0]}</TD><TD WIDTH="8"></TD><TD ALIGN="RIGHT">{row[1]}</TD>'
