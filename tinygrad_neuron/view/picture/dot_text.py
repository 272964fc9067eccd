"""A scene as DOT, the language of Graphviz."""

from __future__ import annotations

import math
import re
from html import escape
from textwrap import wrap
from unicodedata import east_asian_width

from graphviz import Digraph

from tinygrad_neuron.view.picture.long_arrows import with_short_arrows
from tinygrad_neuron.view.picture.scene import (
    Node,
    Scene,
    Shape,
    TextLine,
    Wire,
    below_line,
    joined,
)

FONT = "Helvetica"  # Graphviz knows its widths, and Arial and Liberation Sans have the same
SMALL, LARGE, MIDDLE = "11", "15", "13"  # points: the lines of a box, and SMALL on arrows
# The colours of the light picture. `svg.DARK` has a dark one for each.
PAPER, INK, SOFT, LINE, BACK = "#ffffff", "#1d2329", "#59636c", "#5c666f", "#6d28d9"
POSITIVE, NEGATIVE, BROKEN, UNSEEN = "#1f5fa8", "#a84a17", "#c62828", "transparent"
COLOURS = {"soft": SOFT, "ink": INK, "bold": INK, "back": BACK, "old": SOFT}
# Border and fill tell the kinds apart, each alone: in grey print, and without seeing colours.
KINDS = {
    "parameter": {"fillcolor": "#ffeccc", "color": "#8a5a00", "peripheries": "2"},
    "input": {"fillcolor": "#e3effc", "color": "#2567ad", "style": "filled,rounded"},
    "constant": {"fillcolor": "#f1f1f1", "style": "filled,dashed"},
    "output": {"fillcolor": "#e0f4d9", "color": "#2b7a2f", "penwidth": "2.5"},
    "inner": {},
    "omitted": {"shape": "plaintext", "style": ""},
    "again": {"style": "filled,dotted", "height": "0.2"},
}
MARKS = {
    "broken": {"color": BROKEN, "penwidth": "3"},
    "off": {"fillcolor": "#e4e6e8", "style": "filled,dotted"},
    "": {},
}
LOOKS = {
    "plain": {},
    "zero": {"style": "dotted"},
    "omitted": {"color": SOFT, "arrowhead": "none"},
    "positive": {"color": POSITIVE},
    "negative": {"color": NEGATIVE, "style": "dashed"},
}
LIT = {"forward": INK, "back": BACK}
# Where an arrow leaves and enters.
PORTS = {"LR": ("e", "w"), "RL": ("w", "e"), "TB": ("s", "n"), "BT": ("n", "s")}
NOTE_WIDTH = 100  # letters
ROOM = "\N{ZERO WIDTH SPACE}"  # that a layout takes for a letter
DENSE = 5  # arrows for each box above which straight lines are clearer
HASTY = {"nslimit": "0", "nslimit1": "0.1", "mclimit": "0.1"}


def dot_text(scene: Scene, shape: Shape) -> str:
    """The scene in the language of Graphviz."""
    scene, direction = with_short_arrows(scene), shape.direction
    text = Digraph(
        graph_attr={
            "rankdir": direction,
            "ordering": "in",
            "fontname": FONT,
            "fontsize": SMALL,
            "fontcolor": SOFT,
            "bgcolor": PAPER,
        },
        node_attr={
            "shape": "box",
            "style": "filled",
            "fillcolor": PAPER,
            "color": LINE,
            "fontname": FONT,
            "fontcolor": INK,
            "margin": "0.07,0.04",
        },
        edge_attr={"color": LINE, "arrowsize": "0.7", "fontname": FONT},
    )
    numbered = not scene.beside and scene.has_numbers()
    out, into = PORTS[direction]
    if numbered:
        text.attr(ranksep=str(shape.ranksep), nodesep="0.18")
    elif len(scene.wires) > DENSE * len(scene.nodes):
        text.attr(splines="line", outputorder="edgesfirst", ranksep="1.3", nodesep="0.12")
        text.attr("edge", tailport=out, headport=into, arrowsize="0.4")
    if scene.hasty:
        text.attr(**HASTY)
    notes = [line for note in (*scene.notes, *scene.legend) for line in wrap(note, NOTE_WIDTH)]
    if notes:
        lines = "".join(f'{safe(line, SOFT)}<BR ALIGN="LEFT"/>' for line in notes)
        text.attr(label=f"<{lines}>", labeljust="l")
    for node in scene.nodes:
        text.node(node.id, box_label(node), **box_attributes(node))
    for wire in scene.wires:
        attributes = wire_attributes(wire)
        if scene.beside and wire.above:
            attributes["label"] = f"<{marked_up(wire.above, SMALL)}>"
        if scene.beside or not (wire.above or wire.below):
            text.edge(wire.tail, wire.head, id=wire.id, **attributes)
            continue
        # The numbers are a node of their own, through which the line runs straight.
        label = wire_label(wire, direction)
        tooltip = {"tooltip": attributes.get("tooltip", "")}
        text.node(wire.id, label, id=wire.id, shape="plain", style="", **tooltip)
        text.edge(
            wire.tail,
            f"{wire.id}:line:{into}",
            id=f"{wire.id}-tail",
            arrowhead="none",
            **attributes,
        )
        text.edge(f"{wire.id}:line:{out}", wire.head, id=f"{wire.id}-head", **attributes)
    source: str = text.source
    return source


def box_attributes(node: Node) -> dict[str, str]:
    lit = {"penwidth": "3", "color": LIT[node.lit]} if node.lit else {}
    tooltip = tooltip_of(node.tooltip or " ")
    return {
        "id": node.id,
        "class": node.kind,
        "tooltip": tooltip,
        **KINDS[node.kind],
        **MARKS[node.mark],
        **lit,
    }


def wire_attributes(wire: Wire) -> dict[str, str]:
    attributes = {"tooltip": tooltip_of(wire.tooltip or " "), **LOOKS[wire.look]}
    if wire.look == "zero" and not wire.above:
        attributes["arrowhead"] = "none"  # of many, the heads would pile up
    if wire.ranks > 1:
        attributes["minlen"] = str(wire.ranks)
    if wire.width != 1.0:
        attributes["penwidth"] = f"{wire.width:.2f}"
    if wire.lit:
        attributes |= {"color": LIT[wire.lit], "penwidth": "2.5"}
    return attributes


def box_label(node: Node) -> str:
    """A label that no name can break, unlike a record's."""
    rows = ""
    for i, line in enumerate(node.lines):
        size = [SMALL, LARGE, MIDDLE][min(i, 2)] if len(node.lines) > 1 else SMALL
        # Flush left, because the layout takes − for wider than it is.
        rows += f'<TR><TD ALIGN="LEFT">{marked_up(line, size)}</TD></TR>'
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1">{rows}</TABLE>>'


def wire_label(wire: Wire, direction: str) -> str:
    """The numbers of an arrow with its line between them, on which it has its ports."""
    colour = LIT[wire.lit] if wire.lit else LINE
    thick, upright = "2" if wire.lit else "1", direction in ("TB", "BT")
    length = f'WIDTH="{thick}"' if upright else f'HEIGHT="{thick}"'
    fill = "" if wire.look == "zero" and not wire.lit else f' BGCOLOR="{colour}"'
    line = f'<TD PORT="line" CELLPADDING="0" {length}{fill}></TD>'
    above = f'<TD CELLPADDING="2">{marked_up(wire.above, SMALL)}</TD>' if wire.above else ""
    flow = below_line(wire, direction)
    below = f'<TD CELLPADDING="2">{marked_up(flow, SMALL)}</TD>' if flow else ""
    cells = [cell for cell in (above, line, below) if cell]
    if upright:
        rows = f"<TR>{''.join(cells)}</TR>"
    else:
        rows = "".join(f"<TR>{cell}</TR>" for cell in cells)
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0">{rows}</TABLE>>'


def marked_up(line: TextLine, size: str) -> str:
    parts = []
    for piece in joined(line):
        colour = COLOURS[piece.style] if piece.shown else UNSEEN
        words = safe(piece.text if piece.shown else re.sub(r"\d", "0", piece.text), colour)
        words += ROOM * wide_letters(piece.text)
        words = f"<B>{words}</B>" if piece.style == "bold" else words
        words = f"<I>{words}</I>" if piece.style == "old" else words
        parts.append(f'<FONT POINT-SIZE="{size}" COLOR="{colour}">{words}</FONT>')
    return "".join(parts)


def wide_letters(text: str) -> int:
    """How much room 日 and the like need, which a layout takes for narrower than they are."""
    if text.isascii():
        return 0
    return math.ceil(0.2 * sum(east_asian_width(letter) in "WF" for letter in text))


def tooltip_of(text: str) -> str:
    # However it is written, Graphviz makes \N the node's name, and &amp; an ampersand.
    return text.replace("\\", "∖").replace("&", "&amp;")


def safe(text: str, colour: str) -> str:
    """For an HTML-like label, in which a \\N in one piece would become the node's name."""
    backslash = f'<FONT COLOR="{colour}">\\</FONT>'
    return re.sub(r"\\(?=[EGHLNT\\])", lambda _: backslash, escape(text))
