"""What a page is made of: the picture with room for numbers, the graph as data, the program."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from tinygrad_neuron.view.graph import Graph
from tinygrad_neuron.view.notation import printable, word
from tinygrad_neuron.view.picture.boxes import Arrow, Box, boxes_of
from tinygrad_neuron.view.picture.dot_text import HINTED, dot_text, is_dense, mark
from tinygrad_neuron.view.rules import with_words, words_for

WIDEST = "−8.888e−88"  # the room that a number has
HERE = Path(__file__).parent


class StageLooks:
    """The looks of a page's picture: ids for its boxes and arrows, and room for numbers."""

    def __init__(self, graph: Graph, boxes: Sequence[Box]) -> None:
        self.graph = graph
        self.dense = is_dense(boxes)
        edges = ((box.value, arrow.position) for box in boxes for arrow in box.arrows)
        self.place = {edge: i for i, edge in enumerate(edges)}

    def notes(self) -> list[str]:
        return []

    def numbers(self, box: Box) -> list[str]:
        return [f"data {WIDEST}", f"grad {WIDEST}"]

    def of_box(self, box: Box, kind: str) -> dict[str, str]:
        return {"id": f"node-{self.graph.index[box.value]}", "class": kind}

    def of_arrow(self, arrow: Arrow, box: Box) -> dict[str, str]:
        looks = {"id": f"edge-{self.place[box.value, arrow.position]}"}
        if self.dense:
            return looks  # there is no room for so many numbers
        return looks | {"label": f"{mark(self.graph, arrow, box)} {WIDEST}"}


def stage(graph: Graph) -> str:
    """The picture of a whole graph, with ids by which its boxes and arrows are found."""
    boxes = boxes_of(graph, expand=True)
    return dot_text(graph, boxes, StageLooks(graph, boxes))


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
              marks     ∂₁, ∂₂, … of each arrow, by the operand's position
              signs     the same, where several arrows come from one operand, else ∂
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
        uses = Counter(operands)
        is_number = node.op == "const" and node in names.unnamed
        kind = "" if operands else names.kind_of_leaf(node)
        rule = graph.rule(node)
        if len(operands) > HINTED or (rule and rule.value[1:]):
            rule = None
        markers = words_for([f"\0{place[o]}\0" for o in operands], f"\0{place[node]}\0")
        marks = [graph.mark(node, i) for i in range(len(operands))]
        signs = [graph.mark(node, i, uses[operand]) for i, operand in enumerate(operands)]
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
                "marks": marks,
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
        "player": (HERE / "page.js").read_text(encoding="utf-8"),
    }
    template = (HERE / "page.html").read_text(encoding="utf-8")
    return re.sub(r"\$([a-z]+)", lambda place: contents[place[1]], template)
