"""A computation graph as a picture."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from tinygrad_neuron.engine import Value
from tinygrad_neuron.nn import Module
from tinygrad_neuron.view.boxes import boxes_of
from tinygrad_neuron.view.names import look_up, variables_of

# What only drawing needs is imported where it is needed: `import tinygrad_neuron` stays quick.

DIRECTIONS = ("LR", "TB", "RL", "BT")
SUFFIXES = (".svg", ".png", ".dot")
MOST_BOXES, MOST_ARROWS = 3_000, 10_000  # a tangle of so many takes some ten seconds


class Picture:
    """A graph as it was when it was drawn; in a notebook it shows itself.

    source  the picture as text in DOT, the language of Graphviz; the same graph, the same text
    boxes   how many there are
    arrows  how many there are
    """

    def __init__(self, source: str, boxes: int, arrows: int) -> None:
        self.source = source
        self.boxes = boxes
        self.arrows = arrows

    def __repr__(self) -> str:
        return f"Picture({self.boxes:,} boxes, {self.arrows:,} arrows)"

    def svg(self) -> str:
        """The picture as SVG. Without a layout program that works, a LayoutError.

        More than 3,000 boxes or 10,000 arrows, which would take too long, are a ValueError.
        """
        return self.rendered("svg").decode()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the .svg, .png or .dot file whole, or raise; .dot needs no layout program.

        Another suffix is a ValueError, and so is a .png of more than 20,000 pixels a side.
        """
        suffix = picture_suffix(path)
        from tinygrad_neuron.view.files import write_whole

        content = self.source.encode() if suffix == ".dot" else self.rendered(suffix[1:])
        write_whole(path, content)

    def rendered(self, kind: str) -> bytes:
        """The picture as "svg" or "png"."""
        if self.boxes > MOST_BOXES or self.arrows > MOST_ARROWS:
            raise ValueError(
                f"a picture has at most {MOST_BOXES:,} boxes and {MOST_ARROWS:,} arrows, not "
                f"{self.boxes:,} and {self.arrows:,}: draw without expand=True, draw a node "
                "before the output, or print tree(...)"
            )
        from tinygrad_neuron.view.layout import render

        return render(self.source, kind)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """For a notebook: the SVG, or why there is none and the source; it never raises."""
        try:
            return {"image/svg+xml": self.svg(), "text/plain": repr(self)}
        except ValueError as error:
            return {"text/plain": str(error)}
        except RuntimeError as error:
            return {"text/plain": f"{error}\n\n{self.source}"}


def draw(
    output: Value,
    *,
    names: Mapping[str, object] | None = None,
    model: Module | None = None,
    expand: bool | str | None = None,
    direction: str = "LR",
    grads: bool = True,
    partials: bool = True,
    digits: int = 4,
) -> Picture:
    """The computation graph of an output: a box for each value, an arrow from each operand.

    A box has the value's name, data and grad, and the operation that made it; an arrow has the
    local derivative, as ∂₁, ∂₂, … where there are several. The grads are left out while the
    output's is 0, as before `backward()`.

    names      the variables to name values by (default: those of the code that calls)
    model      one whose leaves are parameters, besides those among the names
    expand     True: a box for every value. False: one for each neuron of a model, and no more than
               60 for a large graph, which show what is left out. "layers[0].neurons[3]": the
               same, with that neuron or layer open. By default True for up to 60 values with
               no more than one neuron, else False
    direction  "LR" from left to right, or "TB", "RL", "BT", as in Graphviz
    digits     significant digits of the numbers

    >>> x = Value(3.0, label="x")
    >>> y = x * x
    >>> y.backward()
    >>> draw(y)
    Picture(2 boxes, 2 arrows)
    """
    order, known = look_up(
        output, variables_of(sys._getframe(1)) if names is None else names, model
    )
    if direction not in DIRECTIONS:
        raise ValueError(f"direction must be one of {', '.join(DIRECTIONS)}, not {direction!r}")
    if digits not in range(1, 18):
        raise ValueError(f"digits must be a whole number from 1 to 17, not {digits!r}")
    if not isinstance(expand, bool | str | None):
        raise TypeError(f"expand must be True, False or a neuron's path, not {expand!r}")
    boxes = boxes_of(order, known, expand)
    from tinygrad_neuron.view.dot_text import dot_text

    source = dot_text(order, boxes, known, direction, grads, partials, digits)
    return Picture(source, len(boxes), sum(len(box.arrows) for box in boxes))


def picture_suffix(path: str | os.PathLike[str]) -> str:
    """The path's suffix, which must be that of a picture, else it is a ValueError."""
    suffix = os.path.splitext(os.fspath(path))[1].lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"a picture's file ends in {', '.join(SUFFIXES)}, not {os.fspath(path)!r}")
    return suffix
