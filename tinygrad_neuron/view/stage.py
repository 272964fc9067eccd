"""What a page is made of: the picture with room for numbers, the graph as data, the program."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

from tinygrad_neuron.engine import Value
from tinygrad_neuron.view.boxes import Arrow, Box, boxes_of
from tinygrad_neuron.view.dot_text import HINTED, DotText
from tinygrad_neuron.view.names import Names
from tinygrad_neuron.view.notation import partial_sign, printable, word
from tinygrad_neuron.view.program_text import checked_rule
from tinygrad_neuron.view.recompute import outdated
from tinygrad_neuron.view.rules import Rule, rule_of, words_for, written

WIDEST = "−8.888e−88"  # the room that a number has
HERE = Path(__file__).parent


class Stage(DotText):
    """The picture of a whole graph, with ids by which its boxes and arrows are found."""

    def __init__(self, order: Sequence[Value], names: Names) -> None:
        self.place = {node: i for i, node in enumerate(order)}
        self.arrow_count = 0
        boxes = boxes_of(order, names, expand=True)
        super().__init__(order, boxes, names, direction="LR", grads=True, partials=True, digits=4)

    def notes(self, values: int, boxes: int) -> str:
        return ""

    def numbers(self, box: Box) -> list[str]:
        return [f"data {WIDEST}", f"grad {WIDEST}"]

    def looks_of_box(self, box: Box, kind: str) -> dict[str, str]:
        return {"id": f"node-{self.place[box.value]}", "class": kind}

    def looks_of_arrow(self, arrow: Arrow, box: Box) -> dict[str, str]:
        looks = {"id": f"edge-{self.arrow_count}"}
        self.arrow_count += 1
        if self.dense:
            return looks  # there is no room for so many numbers
        return looks | {"label": f"{partial_sign(arrow.position, len(box.arrows))} {WIDEST}"}


def rules_of(order: Iterable[Value], own: Mapping[str, Rule]) -> dict[Value, Rule]:
    """The rules of all nodes but leaves; ValueError if one of the reader's own is no rule."""
    rules = {}
    for node in order:
        whole = len(node.partials) == len(node.operands) > 0
        if whole and rule_of(str(node.op), len(node.operands), own):
            rules[node] = checked_rule(node, own)
    return rules


def graph_as_json(
    order: Sequence[Value], names: Names, rules: Mapping[Value, Rule], refusal: str
) -> str:
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
    place = {node: i for i, node in enumerate(order)}
    parameters = names.parameters & place.keys()
    nodes = []
    partials: list[float] = []
    for node in order:
        operands = [operand for operand, _ in zip(node.operands, node.partials)]
        uses = Counter(operands)
        is_number = node.op == "const" and node in names.unnamed
        kind = "" if operands else names.kind(node)
        rule = rules.get(node)
        if len(operands) > HINTED or (rule and rule.value[1:]):
            rule = None
        markers = words_for([f"\0{place[o]}\0" for o in operands], f"\0{place[node]}\0")
        nodes.append(
            {
                "name": None if is_number else word(names.of[node]),
                "title": None if is_number else names.of[node],
                "op": printable(str(node.op)),
                "data": as_json(node.data),
                "kind": kind,
                "learns": node in parameters if parameters else kind == "input",
                "operands": [place[operand] for operand in operands],
                "first": len(partials),
                "marks": [partial_sign(i, len(operands)) for i in range(len(operands))],
                "signs": [partial_sign(i, uses[operand]) for i, operand in enumerate(operands)],
                "formula": parts(rule.value[0], markers) if rule else None,
                "slopes": [parts(p, markers) for p in rule.partials] if rule else None,
            }
        )
        partials += node.partials[: len(operands)]
    graph = {
        "title": names.of[order[-1]],
        "partials": list(map(as_json, partials)),
        "old": bool(outdated(order, rules)),
        "refusal": refusal,
        "nodes": nodes,
    }
    return json.dumps(graph, ensure_ascii=False, allow_nan=False)


def parts(formula: str, markers: Mapping[str, str]) -> list[str]:
    """Text and, at the odd places, the places of nodes."""
    return written(formula, markers).split("\0")


def as_json(x: float) -> float | str:
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
