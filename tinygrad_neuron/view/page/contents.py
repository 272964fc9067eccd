"""What a page is made of: the graph as data, the scripts and the page around them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Mapping
from html import escape
from pathlib import Path
from typing import NamedTuple

from tinygrad_neuron.engine import Value
from tinygrad_neuron.view.graph import Graph
from tinygrad_neuron.view.notation import printable
from tinygrad_neuron.view.picture.boxes import Selection
from tinygrad_neuron.view.picture.captions import (
    HINTED,
    common_root,
    name_in_box,
    neuron_name,
)
from tinygrad_neuron.view.rules import TWICE, Rule

HERE = Path(__file__).parent
PLAYER = ("numbers", "graph", "scene", "layout", "drawing", "frame", "player", "learning")


class GraphOperation(NamedTuple):
    """An operation on so many operands, with its rule if there is one."""

    op: str
    called: str
    operands: int
    rule: Rule | None


def operations_of(graph: Graph) -> dict[Value, GraphOperation]:
    """Of each computed value its operation; equal ones are the same."""
    return {
        node: GraphOperation(
            graph.op(node), printable(str(node.op)), len(node.operands), graph.rule(node)
        )
        for node in graph.order
        if node.operands
    }


def graph_as_json(graph: Graph, learns: Collection[Value], refusal: str) -> str:
    """The graph as the page's script graph.js reads it.

    title       the name of the output
    nodes       in topological order, of a leaf [kind, data, name], and of a computed value
                [place of its operation, data, name, places of its operands, partials]; the name is
                null if it is a number that stands in formulas
    operations  { op, called, twice, derivatives }: its name as ours and as in their program;
                whether its one operand is used twice; formulas of the partials, or null if they
                are too many
    neurons     [place of the output, name in a box, places of the inputs, places of the parameters]
    opened      the outputs of those that are open at first
    shorts      the names in boxes that differ from the names
    learns      the places of the leaves that learn at first
    old         whether some numbers are not what the leaves give now
    refusal     why the page cannot compute, or ""
    """
    place, names, root = graph.index, graph.names, common_root(graph)
    operations = operations_of(graph)
    places = {operation: i for i, operation in enumerate(dict.fromkeys(operations.values()))}
    nodes: list[list[object]] = []
    shorts: dict[int, str] = {}
    for node in graph.order:
        name = None if graph.is_number(node) else names.of[node]
        data = number_as_json(node.data)
        if node.operands:
            operands = [place[operand] for operand, _ in zip(node.operands, node.partials)]
            partials = list(map(number_as_json, node.partials[: len(operands)]))
            nodes.append([places[operations[node]], data, name, operands, partials])
        else:
            nodes.append([names.kind_of_leaf(node), data, name])
        if name is not None and (short := name_in_box(name, root)) != name:
            shorts[place[node]] = short
    selection = Selection(graph, False, constants=False)
    neurons = [
        [
            place[output],
            neuron_name(neuron, root),
            [place[arrow.operand] for arrow in neuron.inputs if isinstance(arrow.operand, Value)],
            [place[a.operand] for a in neuron.parameters if isinstance(a.operand, Value)],
        ]
        for output, neuron in selection.closed.items()
    ]
    paths = {neuron.path for neuron in selection.closed.values()}
    lone = len(paths) == 1  # you look at a lone neuron to see its inside
    contents = {
        "title": names.of[graph.output],
        "nodes": nodes,
        "operations": [as_json(operation) for operation in places],
        "neurons": neurons,
        "opened": [output for output, *_ in neurons] if lone else [],
        "shorts": shorts,
        "learns": [place[leaf] for leaf in graph.order if leaf in learns],
        "old": bool(graph.old),
        "refusal": refusal,
    }
    return json.dumps(contents, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def as_json(operation: GraphOperation) -> dict[str, object]:
    op, called, operands, rule = operation
    derivatives = rule.partials if rule and operands <= HINTED else None
    return {
        "op": op,
        "called": called,
        "twice": rule is TWICE.get(op, 0),
        "derivatives": derivatives,
    }


def number_as_json(x: float) -> float | str:
    """A number as JSON has it; the others as JavaScript reads them from text."""
    if math.isfinite(x):
        return float(x)
    return "NaN" if math.isnan(x) else "Infinity" if x > 0 else "-Infinity"


def page(title: str, last: str, program: str, graph: str = "null", start: str = "") -> str:
    """The page's text, which needs nothing besides itself.

    last     the script that brings the page its graph
    program  what computes: of the graph's operations, or of all expressions
    """
    scripts = [script(f"{name}.js") for name in (*PLAYER, last)]
    contents: Mapping[str, str] = {
        "title": escape(title),
        "graph": graph.replace("<", r"\u003c"),  # a label may hold </script>
        "start": escape(start),
        "script": program + "\n".join(scripts),
    }
    template = script("page.html")
    return re.sub(r"\$([a-z]+)\b", lambda place: contents[place[1]], template)


def script(name: str) -> str:
    """A file beside this one."""
    return (HERE / name).read_text(encoding="utf-8")
