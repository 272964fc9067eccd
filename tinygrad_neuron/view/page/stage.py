"""What a page is made of: the picture with room for numbers, the graph as data, the program."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from html import escape
from pathlib import Path

from tinygrad_neuron.view.graph import Graph
from tinygrad_neuron.view.notation import printable, word
from tinygrad_neuron.view.picture.boxes import Selection
from tinygrad_neuron.view.picture.captions import HINTED
from tinygrad_neuron.view.picture.dot_text import dot_text
from tinygrad_neuron.view.picture.fit import MOST_NUMBERS, ROOMY
from tinygrad_neuron.view.picture.scene import Node, Piece, Scene, Shape, Wire
from tinygrad_neuron.view.rules import with_words, words_for

WIDEST = "−8.888e−88"  # the room that a number has
HERE = Path(__file__).parent


def stage(graph: Graph) -> str:
    """The picture of a whole graph, with ids by which its boxes and arrows are found."""
    selection = Selection(graph, expand=True, constants=True)
    ids = {node: f"node-{i}" for node, i in graph.index.items()}
    nodes: list[Node] = []
    wires: list[Wire] = []
    dense = sum(len(into) for into in selection.arrows.values()) > MOST_NUMBERS
    for box in selection.boxes(next(selection.choices())):
        value, names = box.value, graph.names
        made_by = printable(str(value.op)) if value.operands else names.kind_of_leaf(value)
        lines = [[Piece(made_by, "soft")], [Piece(names.of[value], "bold")]]
        if graph.is_number(value):
            lines.pop()  # its name would be its number again
        lines += [[Piece(f"data {WIDEST}")], [Piece(f"grad {WIDEST}", "back")]]
        nodes.append(Node(ids[value], graph.kind_of(value), lines, ""))
        for arrow in box.arrows:
            label = [] if dense else [Piece(f"{graph.mark(value, arrow.position)} {WIDEST}")]
            id, tail = f"edge-{len(wires)}", ids[value.operands[arrow.position]]
            wires.append(Wire(id, tail, ids[value], label, [], ""))
    return dot_text(Scene(nodes, wires, beside=True), Shape("LR", ROOMY))


def graph_as_json(graph: Graph, refusal: str) -> str:
    """The graph in topological order, as the page's script reads it.

    title     the name of the output
    partials  of all arrows, node by node in that order
    old       whether some numbers are not what the leaves give now
    refusal   why the page cannot compute, or ""
    nodes     of each:
              name      for formulas, or null if it is a constant that is called by its number
              title     the name alone, likewise
              op, data
              kind      of a leaf: "parameter", "input" or "constant"
              learns    of a leaf: whether it is a parameter, or an input where there are none
              operands  their places in the order
              first     the place of the first partial
              signs     of each arrow ∂, or ∂₁, ∂₂, … where several come from one operand
              formula   how it is computed, a list of text and, at the odd places, nodes' places;
                        or null, if that is too long
              slopes    its partials, likewise
    """
    place, names = graph.index, graph.names
    parameters = names.parameters & place.keys()
    nodes = []
    partials: list[float] = []
    for node in graph.order:
        operands = [operand for operand, _ in zip(node.operands, node.partials)]
        is_number = graph.is_number(node)
        kind = "" if operands else names.kind_of_leaf(node)
        rule = graph.rule(node)
        if len(operands) > HINTED or (rule and rule.value[1:]):
            rule = None
        markers = words_for([f"\0{place[o]}\0" for o in operands], f"\0{place[node]}\0")
        signs = [graph.mark(node, i) for i in range(len(operands))]
        nodes.append(
            {
                "name": None if is_number else word(names.of[node]),
                "title": None if is_number else names.of[node],
                "op": printable(str(node.op)),
                "data": number_as_json(node.data),
                "kind": kind,
                "learns": node in parameters if parameters else kind == "input",
                "operands": [place[operand] for operand in operands],
                "first": len(partials),
                "signs": signs,
                "formula": pieces(rule.value[0], markers) if rule else None,
                "slopes": [pieces(p, markers) for p in rule.partials] if rule else None,
            }
        )
        partials += node.partials[: len(operands)]
    contents = {
        "title": names.of[graph.output],
        "partials": list(map(number_as_json, partials)),
        "old": bool(graph.old),
        "refusal": refusal,
        "nodes": nodes,
    }
    return json.dumps(contents, ensure_ascii=False, allow_nan=False)


def pieces(formula: str, markers: Mapping[str, str]) -> list[str]:
    """Text and, at the odd places, the places of nodes."""
    return with_words(formula, markers).split("\0")


def number_as_json(x: float) -> float | str:
    """A number as JSON has it; the others as JavaScript reads them from text."""
    if math.isfinite(x):
        return float(x)
    return "NaN" if math.isnan(x) else "Infinity" if x > 0 else "-Infinity"


def filled_in(title: str, picture: str, graph: str, program: str) -> str:
    """The page's text."""
    contents = {
        "title": escape(title),
        "picture": picture,
        "graph": graph.replace("<", r"\u003c"),  # a label may hold </script>
        "program": program,
        "player": script("numbers.js") + script("page.js"),
    }
    template = script("page.html")
    return re.sub(r"\$([a-z]+)", lambda place: contents[place[1]], template)


def script(name: str) -> str:
    """A file beside this one."""
    return (HERE / name).read_text(encoding="utf-8")
