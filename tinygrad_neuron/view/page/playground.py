"""The playground: a page on which an expression is typed, and its graph follows."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from string import Template
from urllib.parse import quote

from tinygrad_neuron.view.grammar import FUNCTIONS
from tinygrad_neuron.view.page.javascript import expression_in_javascript
from tinygrad_neuron.view.page.stage import script

SCRIPTS = ("numbers.js", "scene.js", "layout.js", "drawing.js", "playground.js")


def playground(expression: str = "", numbers: Mapping[str, float] | None = None) -> str:
    """The page's text, which needs nothing besides itself.

    It opens with the expression and its numbers, or without one with a list of examples.

    >>> "<title>Backpropagation playground</title>" in playground("w*x", {"w": 2.0, "x": 3.0})
    True
    """
    parts = [f"e={quote(expression)}"] if expression else []
    parts += [f"{quote(name)}={number!r}" for name, number in (numbers or {}).items()]
    contents = {
        "start": escape("#" + "&".join(parts)),
        "functions": ", ".join(FUNCTIONS),
        "script": expression_in_javascript() + "\n".join(map(script, SCRIPTS)),
    }
    return Template(script("playground.html")).substitute(contents)
