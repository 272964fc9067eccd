"""A page that plays backpropagation, and learns: one file, for any browser."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from tinygrad_neuron.engine import edges
from tinygrad_neuron.errors import never_raises
from tinygrad_neuron.view.graph import Graph
from tinygrad_neuron.view.rules import Rule

MOST_VALUES = 2_000  # with which a page still answers at once
HEIGHT = 860  # pixels of the frame in a notebook


class Page:
    """The result of `play`: a graph as it was then, to watch and to play with.

    In a notebook it shows itself, in a frame of its own.

    value_count  how many values the graph has
    step_count   forward an operation each; backward the output's own gradient, 1, and an arrow each

    >>> from tinygrad_neuron import Value
    >>> play(Value(2.0) * Value(3.0))  # one operation; the 1, and two arrows
    Page(3 values, 4 steps)
    """

    def __init__(
        self, title: str, source: str, graph: str, program: str, value_count: int, step_count: int
    ) -> None:
        self._title = title
        self._source = source
        self._graph = graph
        self._program = program
        self.value_count = value_count
        self.step_count = step_count

    @never_raises
    def __repr__(self) -> str:
        return f"Page({self.value_count:,} values, {self.step_count:,} steps)"

    def html(self) -> str:
        """The page, which needs nothing besides itself.

        LayoutError, a RuntimeError: there is no layout program, or none that works.
        """
        from tinygrad_neuron.view.page.stage import filled_in
        from tinygrad_neuron.view.picture.layout import render

        svg = render(self._source, "svg").decode(errors="replace")
        return filled_in(self._title, svg[svg.index("<svg") :], self._graph, self._program)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the .html file whole, or raise.

        Errors as of `html`. ValueError: another suffix. OSError: the file cannot be written.
        """
        check_suffix(path)
        from tinygrad_neuron.view.files import write_whole

        write_whole(path, self.html().encode())

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """For a notebook, and so without an error: the page, or why there is none."""
        from html import escape

        try:
            page = escape(self.html())
        except RuntimeError as error:
            return {"text/plain": f"{self!r}\n{error}"}
        look = f'style="width: 100%; height: {HEIGHT}px; border: 0"'
        return {"text/html": f'<iframe srcdoc="{page}" {look}></iframe>', "text/plain": repr(self)}


def play(
    output: object,
    *,
    variables: Mapping[str, object] | None = None,
    model: object = None,
    rules: Mapping[str, Rule] | None = None,
) -> Page:
    """A page on which the forward and the backward pass of a graph are played, step by step.

    It shows the chain rule in words with the numbers put in, forwards and back, asks for
    predictions, and computes: a leaf can be moved, and every value and gradient follows; a button
    performs w −= learning rate · grad, on the parameters of the models found or, if there are
    none, on all leaves that are not constants. The numbers at first are those of the forward pass
    that was run and of a fresh backward pass.

    variables, model  as in `draw`
    rules             as in `unroll`; without the rule of one of its operations, a graph can only be
                      watched

    TypeError: as in `draw`. ValueError: a graph of more than 2,000 values; a rule that `unroll`
    refuses too.

    >>> from tinygrad_neuron import Value
    >>> x = Value(3.0, label="x")
    >>> play(x * x + 1)
    Page(4 values, 7 steps)
    """
    graph = Graph(output, variables, sys._getframe().f_back, model, rules)
    if len(graph.order) > MOST_VALUES:
        raise ValueError(
            f"a page plays at most {MOST_VALUES:,} values, not {len(graph.order):,}: play a node "
            "before the output, or the loss of fewer samples"
        )
    from tinygrad_neuron.view.page.javascript import program_in_javascript
    from tinygrad_neuron.view.page.stage import graph_as_json, stage

    program = refusal = ""
    for node in graph.order:
        graph.rule(node)  # raises if a rule that was given is wrong
    try:
        program = program_in_javascript(graph)
    except ValueError as error:
        refusal = f"This page plays the passes, and cannot compute: {error}."
    texts = graph.names.of[graph.output], stage(graph), graph_as_json(graph, refusal), program
    operations = sum(bool(node.operands) for node in graph.order)
    arrows = sum(1 for _ in edges(graph.order))
    return Page(*texts, len(graph.order), operations + 1 + arrows)


def check_suffix(path: str | os.PathLike[str]) -> None:
    """ValueError unless the path's suffix is that of a page."""
    if os.path.splitext(os.fspath(path))[1].lower() != ".html":
        raise ValueError(f"a page's file ends in .html, not {os.fspath(path)!r}")
