"""The playground: a page on which an expression is typed, and its graph follows."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from tinygrad_neuron.view.page.contents import page
from tinygrad_neuron.view.page.javascript import expression_in_javascript


def playground(expression: str = "", numbers: Mapping[str, float] | None = None) -> str:
    """The page's text, which needs nothing besides itself.

    It opens with the expression and its numbers, or without one with a list of examples.

    >>> "<title>Backpropagation playground</title>" in playground("w*x", {"w": 2.0, "x": 3.0})
    True
    """
    parts = [quote(expression)]
    parts += [f"{quote(name)}={number!r}" for name, number in (numbers or {}).items()]
    program = expression_in_javascript()
    return page("Backpropagation playground", "playground", program, start="#" + "&".join(parts))
