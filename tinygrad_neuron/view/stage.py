"""What a page is made of: the picture with room for numbers, the graph as data, the program."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

from tinygrad_neuron.engine import Value, edges
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
        if node.operands and rule_of(str(node.op), len(node.operands), own):
            rules[node] = checked_rule(node, own)
    return rules


def graph_as_json(order: Sequence[Value], names: Names, rules: Mapping[Value, Rule]) -> str:
    """The graph in topological order, as the page's script reads it.

    A formula is a list of text and, at the odd places, nodes. Nodes are given by their places.
    """
    place = {node: i for i, node in enumerate(order)}
    parameters = {leaf for leaf in order if leaf in names.parameters}
    missing = [str(node.op) for node in order if node.operands and node not in rules]
    nodes = []
    partials: list[float] = []
    users = {operand: node for node, operand, _ in edges(order)}
    for node in order:
        pairs = list(zip(node.operands, node.partials))
        operands = [operand for operand, _ in pairs]
        uses = Counter(operands)
        called_by_number = node.op == "const" and node in names.unnamed
        kind = "" if operands else names.kind(node)
        told = node in rules and len(operands) <= HINTED
        letters = [f"\0{place[operand]}\0" for operand in operands]
        words = words_for(letters, f"\0{place[node]}\0")
        nodes.append(
            {
                "name": None if called_by_number else word(names.of[node]),
                "title": f"in {names.of[users[node]]}" if called_by_number else names.of[node],
                "kind": kind,
                "op": printable(str(node.op)),
                "data": as_json(node.data),
                "operands": [place[operand] for operand in operands],
                "first": len(partials),
                "marks": [partial_sign(i, len(operands)) for i in range(len(operands))],
                "signs": [partial_sign(i, uses[operand]) for i, operand in enumerate(operands)],
                "formula": parts(rules[node].value[0], words) if told else None,
                "slopes": [parts(slope, words) for slope in rules[node].partials] if told else None,
                "learns": node in parameters if parameters else kind == "input",
            }
        )
        partials += [partial for _, partial in pairs]
    graph = {
        "title": names.of[order[-1]],
        "nodes": nodes,
        "partials": list(map(as_json, partials)),
        "old": bool(outdated(order)),
        "refusal": refusal(missing[0]) if missing else "",
    }
    return json.dumps(graph, ensure_ascii=False, allow_nan=False)


def as_json(x: float) -> float | str:
    """A number as JSON has it; the others as JavaScript reads them from text."""
    if math.isfinite(x):
        return float(x)
    return "NaN" if math.isnan(x) else "Infinity" if x > 0 else "-Infinity"


def refusal(op: str) -> str:
    return (
        f"The page cannot compute the operation {op!r}, whose formulas are not known; "
        f"play(…, rules={{{op!r}: Rule(…)}}) gives them."
    )


def parts(formula: str, words: Mapping[str, str]) -> list[str]:
    return written(formula, words).split("\0")


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
