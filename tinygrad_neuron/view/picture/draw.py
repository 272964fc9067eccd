"""A computation graph as a picture."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from tinygrad_neuron.errors import never_raises
from tinygrad_neuron.view.graph import Graph

# What only drawing needs is imported where it is needed: `import tinygrad_neuron` stays quick.

DIRECTIONS = ("LR", "TB", "RL", "BT")
PICTURE_SUFFIXES = (".svg", ".png", ".dot")


class Picture:
    """A graph as it was when it was drawn; in a notebook it shows itself.

    source       the picture as text in DOT, the language of Graphviz; the same graph, the same text
    box_count    how many boxes there are
    arrow_count  how many arrows

    >>> from tinygrad_neuron import Value
    >>> x = Value(3.0, label="x")
    >>> draw(x * x)  # one box with two arrows to the other
    Picture(2 boxes, 2 arrows)
    """

    def __init__(self, source: str, box_count: int, arrow_count: int) -> None:
        self.source = source
        self.box_count = box_count
        self.arrow_count = arrow_count

    @never_raises
    def __repr__(self) -> str:
        return f"Picture({self.box_count:,} boxes, {self.arrow_count:,} arrows)"

    def svg(self) -> str:
        """The picture as SVG.

        LayoutError, a RuntimeError: there is no layout program, or none that works. ValueError:
        more than 3,000 boxes or 10,000 arrows, which would take too long.
        """
        return self._rendered("svg").decode(errors="replace")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the .svg, .png or .dot file whole, or raise; .dot needs no layout program.

        Errors as of `svg`. ValueError: another suffix, or a picture too large for a .png.
        OSError: the file cannot be written.
        """
        suffix = picture_suffix(path)
        from tinygrad_neuron.view.files import write_whole

        content = self.source.encode() if suffix == ".dot" else self._rendered(suffix[1:])
        write_whole(path, content)

    def _rendered(self, kind: str) -> bytes:
        """The picture as "svg" or "png"."""
        from tinygrad_neuron.view.picture.boxes import MOST_ARROWS, MOST_BOXES

        if self.box_count > MOST_BOXES or self.arrow_count > MOST_ARROWS:
            raise ValueError(
                f"a picture has at most {MOST_BOXES:,} boxes and {MOST_ARROWS:,} arrows, not "
                f"{self.box_count:,} and {self.arrow_count:,}: draw without expand=True, draw a "
                "node before the output, or print tree(...)"
            )
        from tinygrad_neuron.view.picture.layout import render

        return render(self.source, kind)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """For a notebook, and so without an error: the SVG, or why there is none and the source."""
        try:
            return {"image/svg+xml": self.svg(), "text/plain": repr(self)}
        except ValueError as error:
            return {"text/plain": str(error)}  # too large, and so is the source
        except RuntimeError as error:
            return {"text/plain": f"{error}\n\n{self.source}"}


def draw(
    output: object,
    *,
    variables: Mapping[str, object] | None = None,
    model: object = None,
    expand: bool | str | None = None,
    direction: str = "LR",
    grads: bool = True,
    partials: bool = True,
    digits: int = 4,
) -> Picture:
    """The computation graph of an output: a box for each value, an arrow from each operand.

    A box has the value's name, its data and grad as they are now, and the operation that made it.
    An arrow has the local derivative, ∂, or ∂₁, ∂₂, … of several operands in their order. Grads
    are left out while the output's is 0, as before `backward()`. Data with "(old)" is not what the
    leaves give now: they have changed since the forward pass, as in `optimizer.step()`. Where a
    grad is not the sum over the arrows that leave the value, both are shown: `grad 6 · arrows 3`,
    after two passes. Of another engine's operation with a wrong slope, so are ∂ and the right one:
    `∂ 2 · rule 3`.

    output     a Value, or a value of another engine, such as micrograd's, or what `adopt` returns
    variables  where names come from, name -> object; by default your variables at the call.
               Models, lists, tuples and dicts in them are searched too
    model      a model that is in none of the variables: its leaves are parameters, too
    direction  "LR" from left to right, or "TB", "RL", "BT"
    grads      whether boxes have grads
    partials   whether arrows have local derivatives
    digits     significant digits of the numbers, 1 to 17. A number below a million keeps all digits
               before its decimal point
    expand     which neurons of models are drawn with all their values, and not as one box whose
               arrows have the derivatives of the neuron's output:
               None     a lone neuron, but not those of a network
               False    none
               a path   that neuron, or that layer's: "layers[0].neurons[3]", "layers[0]"
               True     all

    Unless expand is True, a picture has at most 60 boxes. A large graph is abbreviated to that: a
    few of operands that are alike and "… and 97 more like this", a + b + c as one sum; or else
    what is nearest to the output. The picture says so.

    TypeError: output is not a value, variables is not a mapping, or model is not a model.
    ValueError: another direction, other digits, no neuron in the graph has the path.

    >>> from tinygrad_neuron import Value
    >>> x = Value(3.0, label="x")
    >>> y = x * x
    >>> y.backward()
    >>> draw(y)
    Picture(2 boxes, 2 arrows)
    """
    graph = Graph(output, variables, sys._getframe().f_back, model)
    if direction not in DIRECTIONS:
        raise ValueError(f"direction must be one of {', '.join(DIRECTIONS)}, not {direction!r}")
    if type(digits) is not int or not 1 <= digits <= 17:
        raise ValueError(f"digits must be a whole number from 1 to 17, not {digits!r}")
    if not isinstance(expand, bool | str | None):
        raise TypeError(f"expand must be True, False or a neuron's path, not {expand!r}")
    from tinygrad_neuron.view.picture.boxes import boxes_of
    from tinygrad_neuron.view.picture.dot_text import PictureLooks, dot_text

    boxes = boxes_of(graph, expand)
    grads = grads and graph.output.grad != 0  # a 0 from before backward() is no gradient
    source = dot_text(graph, boxes, PictureLooks(graph, boxes, grads, partials, digits), direction)
    return Picture(source, len(boxes), sum(len(box.arrows) for box in boxes))


def picture_suffix(path: str | os.PathLike[str]) -> str:
    """The path's suffix, ValueError unless it is .svg, .png or .dot."""
    suffix = os.path.splitext(os.fspath(path))[1].lower()
    if suffix not in PICTURE_SUFFIXES:
        raise ValueError(
            f"a picture's file ends in {', '.join(PICTURE_SUFFIXES)}, not {os.fspath(path)!r}"
        )
    return suffix
