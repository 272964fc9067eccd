"""A page that plays backpropagation, and learns: one file, for any browser."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping

from tinygrad_neuron.engine import Value
from tinygrad_neuron.errors import never_raises
from tinygrad_neuron.view.graph import Graph
from tinygrad_neuron.view.rules import Rule

MOST_VALUES = 2_000  # with which a page still answers at once


class Page:
    """The result of `play`: a graph as it was then, to watch and to play with.

    In a notebook it shows itself, in a frame of its own. Where no script runs, as in a notebook
    that is not trusted or on a code host, a picture of the graph stands there instead.

    value_count  how many values the graph has
    step_count   with all neurons opened: forward an operation each; backward the output's own
                 gradient, 1, and an arrow each, but for those from plain numbers

    >>> from tinygrad_neuron import Value
    >>> play(Value(2.0) * Value(3.0))  # one operation; the 1, and two arrows
    Page(3 values, 4 steps)
    """

    def __init__(self, html: str, source: str, value_count: int, step_count: int) -> None:
        self._html = html
        self._source = source
        self.value_count = value_count
        self.step_count = step_count

    @never_raises
    def __repr__(self) -> str:
        return f"Page({self.value_count:,} values, {self.step_count:,} steps)"

    def html(self) -> str:
        """The page, which needs nothing besides itself."""
        return self._html

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the .html file whole, or raise.

        ValueError: another suffix. OSError: the file cannot be written.
        """
        check_suffix(path)
        from tinygrad_neuron.view.files import write_whole

        write_whole(path, self._html.encode())

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """For a notebook: the page, and a picture that the page hides when its script runs."""
        from base64 import b64encode
        from contextlib import suppress
        from html import escape

        from tinygrad_neuron.view.picture.layout import render_for_notebook

        picture = ""
        with suppress(RuntimeError):  # there is no layout program
            png = b64encode(render_for_notebook(self._source)[-1]).decode()
            picture = f'<img alt="The computation graph" src="data:image/png;base64,{png}">'
        instead = f"<div data-instead>{picture}<p>{UNTIL_IT_RUNS}</p></div>"
        look = 'data-page style="width: 100%; height: 700px; border: 0"'
        frame = f'<iframe srcdoc="{escape(self._html)}" {look}></iframe>'
        return {"text/html": f"<div>{instead}{frame}</div>", "text/plain": repr(self)}


UNTIL_IT_RUNS = "Run this cell to replace this picture with a page that plays both passes."


def play(
    output: object,
    *,
    variables: Mapping[str, object] | None = None,
    model: object = None,
    rules: Mapping[str, Rule] | None = None,
    learn: Iterable[object] | None = None,
) -> Page:
    """A page on which the forward and the backward pass of a graph are played, step by step.

    It says the chain rule in words with the numbers put in, forwards and back, shows the whole
    calculation of a value that is clicked, and asks for predictions. It also computes: a leaf can
    be moved, and every value and gradient follows; a button performs w −= rate · grad on the leaves
    that are ticked. It opens with the numbers of your forward pass; the gradients come from a fresh
    backward pass. A neuron of a network is one box, and opens when it is clicked.

    variables, model  as in `draw`
    rules             as in `unroll`; without the rule of one of its operations, a graph can only be
                      watched
    learn             the leaves that are ticked at first, as a list of Values; by default the
                      parameters of the models found, and without a model none

    TypeError: as in `draw`; learn is no list of Values. ValueError: a graph of more than 2,000
    values; a rule that `unroll` refuses too; learn has something that is no leaf of the graph.

    >>> from tinygrad_neuron import Value
    >>> x = Value(3.0, label="x")
    >>> play(x * x + 1, learn=[x])
    Page(4 values, 6 steps)
    """
    graph = Graph(output, variables, sys._getframe().f_back, model, rules)
    if len(graph.order) > MOST_VALUES:
        raise ValueError(
            f"a page plays at most {MOST_VALUES:,} values, not {len(graph.order):,}: play a node "
            "before the output, or the loss of fewer samples"
        )
    from tinygrad_neuron.view.page.contents import graph_as_json, page
    from tinygrad_neuron.view.page.javascript import program_in_javascript

    learns = graph.names.parameters if learn is None else leaves_of(graph, learn)
    program = refusal = ""
    for node in graph.order:
        graph.rule(node)  # raises if a rule that was given is wrong
    try:
        program = program_in_javascript(graph)
    except ValueError as error:
        refusal = f"This page plays the passes, and cannot compute: {error}."
        program = "const operations = [];\n"
    title = f"Backpropagation through {graph.names.of[graph.output]}"
    html = page(title, "recorded", program, graph_as_json(graph, learns, refusal))
    operations = sum(bool(node.operands) for node in graph.order)
    arrows = sum(not graph.is_number(o) for node in graph.order for o in node.operands)
    return Page(html, picture_of(graph), len(graph.order), operations + 1 + arrows)


def leaves_of(graph: Graph, learn: Iterable[object]) -> set[Value]:
    """The leaves that are to learn; TypeError or ValueError if one is none of the graph's."""
    if not isinstance(learn, Iterable) or isinstance(learn, Value):
        raise TypeError(f"learn takes a list of Values, such as [w, b], not {learn!r:.60}")
    leaves = set()
    for thing in learn:
        if not isinstance(thing, graph.value_class):
            raise TypeError(f"learn takes a list of Values, not {thing!r:.60}")
        leaf = graph.value(thing)
        if leaf is None or leaf.operands:
            what = "depends on others" if leaf else "is not in this graph"
            raise ValueError(f"only leaves of the graph learn, and {thing!r:.60} {what}")
        leaves.add(leaf)
    return leaves


def picture_of(graph: Graph) -> str:
    """A picture in DOT of at most some dozens of boxes, for where no script runs."""
    from tinygrad_neuron.view.picture.boxes import READABLE, Selection, nearest_only
    from tinygrad_neuron.view.picture.dot_text import dot_text
    from tinygrad_neuron.view.picture.fit import MOST_NUMBERS, ROOMY
    from tinygrad_neuron.view.picture.looks import Looks
    from tinygrad_neuron.view.picture.scene import Shape

    selection = Selection(graph, None, constants=False)
    choice = list(selection.choices())[-1]
    boxes = selection.boxes(choice)
    if len(boxes) > READABLE:
        boxes = selection.boxes(nearest_only(graph.output, choice, READABLE))
    arrows = sum(len(box.arrows) for box in boxes)
    grads, numbered = graph.fresh_grads, arrows <= MOST_NUMBERS
    scene = Looks(graph, boxes, 4, grads, True, numbered, fresh=True).scene().still()
    return dot_text(scene, Shape("LR" if len(boxes) <= READABLE // 4 else "TB", ROOMY))


def check_suffix(path: str | os.PathLike[str]) -> None:
    """ValueError unless the path's suffix is that of a page."""
    if os.path.splitext(os.fspath(path))[1].lower() != ".html":
        raise ValueError(f"a page's file ends in .html, not {os.fspath(path)!r}")
