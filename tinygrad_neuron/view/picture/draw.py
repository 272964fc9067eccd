"""A computation graph as a picture."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from tinygrad_neuron.engine import edges
from tinygrad_neuron.errors import never_raises
from tinygrad_neuron.view.graph import Graph

if TYPE_CHECKING:
    from tinygrad_neuron.view.picture.boxes import Box
    from tinygrad_neuron.view.picture.scene import Scene, Shape

# What only drawing needs is imported where it is needed: `import tinygrad_neuron` stays quick.

DIRECTIONS = ("LR", "TB", "RL", "BT")
PICTURE_SUFFIXES = (".svg", ".png", ".pdf", ".dot", ".mmd")
BLANKS = (None, "grads", "data")
MOST_STEPS = 40  # of a moving picture


class Picture:
    """A graph as it was when it was drawn; in a notebook it shows itself.

    source       the picture as text in DOT, the language of Graphviz; the same graph has the same
                 text wherever there is the same layout program
    box_count    how many boxes there are
    arrow_count  how many arrows

    >>> from tinygrad_neuron import Value
    >>> x = Value(3.0, label="x")
    >>> draw(x * x)  # one box with two arrows to the other
    Picture(2 boxes, 2 arrows)
    """

    def __init__(
        self,
        scene: Scene,
        moving: Scene | None,
        shape: Shape,
        directions: Sequence[str],
        arrow_count: int,
    ) -> None:
        from tinygrad_neuron.view.picture.dot_text import dot_text

        self._scene = scene
        self._moving = moving
        self._shape = shape
        self._directions = directions  # that a moving picture may have, too
        self.source = dot_text(scene, shape)
        self.box_count = sum(node.kind != "omitted" for node in scene.nodes)
        self.arrow_count = arrow_count

    @never_raises
    def __repr__(self) -> str:
        return f"Picture({self.box_count:,} boxes, {self.arrow_count:,} arrows)"

    def svg(self) -> str:
        """The picture as SVG, with a dark form for dark screens.

        LayoutError (a RuntimeError): no layout program works. ValueError: more than 3,000 boxes or
        10,000 arrows, which would take too long.
        """
        from tinygrad_neuron.view.picture.layout import render
        from tinygrad_neuron.view.picture.svg import finished

        self._check_size()
        return finished(render(self.source, "svg"), self._scene)

    def mermaid(self) -> str:
        """The picture as text in Mermaid, which code hosts draw inside Markdown.

        ValueError: more than 200 arrows, which they would not draw.

        >>> from tinygrad_neuron import Value
        >>> w, x = Value(0.5, label="w"), Value(2.0, label="x")
        >>> print(draw(w * x, variables={}).mermaid())
        %%{init: {"flowchart": {"curve": "linear", "wrappingWidth": 400}}}%%
        flowchart LR
            n1(["w = 0.5<br>input"])
            n2(["x = 2<br>input"])
            n3{{"v1 = 1<br>w · x"}}
            n1 -->|"∂v1/∂w = 2"| n3
            n2 -->|"∂v1/∂x = 0.5"| n3
        <BLANKLINE>
        """
        from tinygrad_neuron.view.picture.mermaid import mermaid

        return mermaid(self._scene, self._shape.direction)

    def save(self, path: str | os.PathLike[str], *, animate: bool = False) -> None:
        """Write the .svg, .png, .pdf, .dot or .mmd file whole, or raise.

        Only .dot and .mmd need no layout program. A .pdf needs the package svglib:
        pip install '.[slides]'.

        animate  an .svg that moves: the forward pass and then a fresh backward pass, arrow by
                 arrow, again and again

        Raises what `svg` and `mermaid` raise. ValueError: another suffix, a picture too large for
        a .png, or more than 40 steps to animate. OSError: the file cannot be written. ImportError:
        there is no svglib.
        """
        suffix = picture_suffix(path)
        if animate and suffix != ".svg":
            raise ValueError(f"a picture that moves is an .svg, not {os.fspath(path)!r}")
        from tinygrad_neuron.view.files import write_whole

        write_whole(path, self._animated() if animate else self._content(suffix))

    def _content(self, suffix: str) -> bytes:
        from tinygrad_neuron.view.picture.layout import render

        if suffix == ".dot":
            return self.source.encode()
        if suffix == ".mmd":
            return self.mermaid().encode()
        if suffix == ".svg":
            return self.svg().encode()
        self._check_size()
        if suffix == ".png":
            return render(self.source, "png")
        from tinygrad_neuron.view.picture.pdf import pdf

        return pdf(render(self.source, "svg"))

    def _animated(self) -> bytes:
        from tinygrad_neuron.view.picture.dot_text import dot_text
        from tinygrad_neuron.view.picture.fit import shape_of
        from tinygrad_neuron.view.picture.layout import render
        from tinygrad_neuron.view.picture.svg import finished

        if self._moving is None:
            raise ValueError(
                f"a picture that moves has gradients, nothing blank, and at most {MOST_STEPS} "
                f"steps for its boxes and arrows, of which this has {self.box_count:,} and "
                f"{self.arrow_count:,}: draw a value before the output, or single steps with after="
            )
        shape = shape_of(self._moving.still(), self._directions) or self._shape
        source = dot_text(self._moving, shape)
        return finished(render(source, "svg"), self._moving, moving=True).encode()

    def _check_size(self) -> None:
        from tinygrad_neuron.view.picture.boxes import MOST_ARROWS, MOST_BOXES

        if self.box_count > MOST_BOXES or self.arrow_count > MOST_ARROWS:
            raise ValueError(
                f"a picture has at most {MOST_BOXES:,} boxes and {MOST_ARROWS:,} arrows, not "
                f"{self.box_count:,} and {self.arrow_count:,}: draw without expand=True, draw a "
                "value before the output, or print tree(...)"
            )

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """For a notebook, and so without an error: as SVG and PNG, or as Mermaid and text."""
        from base64 import b64encode

        from tinygrad_neuron.view.picture.layout import render_for_notebook
        from tinygrad_neuron.view.picture.mermaid import mermaid
        from tinygrad_neuron.view.picture.svg import finished

        try:
            self._check_size()
            svg, *png = render_for_notebook(self.source)
        except ValueError as error:
            return {"text/plain": str(error)}  # too large, and so is the source
        except RuntimeError as error:
            bundle = {"text/plain": "\n".join([str(error), "", *self._scene.facts()])}
            remedy = "with a layout program the picture looks better: pip install '.[dot]'"
            with suppress(ValueError):
                scene = self._scene.with_note(remedy)
                bundle["text/vnd.mermaid"] = mermaid(scene, self._shape.direction)
            return bundle
        bundle = {"image/svg+xml": finished(svg, self._scene)}
        if png:
            bundle["image/png"] = b64encode(png[0]).decode()
        return bundle | {"text/plain": repr(self)}


def draw(
    output: object,
    *,
    variables: Mapping[str, object] | None = None,
    model: object = None,
    expand: bool | str | None = None,
    constants: bool = False,
    direction: str | None = None,
    grads: bool = True,
    partials: bool = True,
    digits: int = 4,
    after: int | None = None,
    blank: str | None = None,
) -> Picture:
    """The computation graph of an output: a box for each value, an arrow from each operand.

    A box says how its value was computed, its name and data, and its grad: `grad 3 + 3 = 6` is the
    sum of what came back along its arrows. Grads are left out while the output's is 0, as before
    `backward()`. Above an arrow is the local derivative. Below it is what flows back: the grad of
    the box that the arrow points to, times the local derivative. From top to bottom these stand
    left and right of it. "(old)" marks data that the operands would not give any more, as after
    `optimizer.step()`. `grad 12 ≠ 3 + 3` is not the sum of what came back, as after two passes. If
    another engine's local derivative is wrong, the right one stands beside it: `∂ 2 · rule 3`.

    output     a Value, or a value of another engine, such as micrograd's, or what `adopt` returns
    variables  where names come from, name -> object; by default your variables at the call.
               Models, lists, tuples and dicts in them are searched too
    model      a model that is in none of the variables: its leaves are parameters, too
    constants  whether plain numbers have boxes; otherwise they stand in the formulas
    direction  "LR" from left to right, or "TB", "RL", "BT"; by default "LR" or else "TB", which
               fits better
    grads      whether boxes have grads
    partials   whether arrows have local derivatives
    digits     significant digits of the numbers, 1 to 17. A number below a million keeps all digits
               before its decimal point
    after      show the state after so many steps of a fresh backward pass, as `steps` counts them
    blank      a worksheet: "grads" leaves the gradients blank, and "data" every number but those
               of the leaves; the solution without it has the same boxes at the same places
    expand     which neurons of models are drawn with all their values, and not as one box whose
               arrows have the derivatives of the neuron's output:
               None     a lone neuron, but not those of a network
               False    none
               a path   that neuron, or that layer's: "layers[0].neurons[3]", "layers[0]"
               True     all, and nothing is left out

    Unless expand is True, a picture fits on a page: 830 pixels wide and 1,400 high, with no text
    below 11 pixels. Where there is no room for numbers on the arrows, the lines show their signs
    and sizes. A large graph shows only a few of the operands that are alike, "… and 97 more like
    this", and draws a + b + c as one sum. If that is still too large, it shows what is nearest to
    the output. The picture says so. Without a layout program a large graph is not fitted to a page.

    TypeError: output is not a value, variables is not a mapping, or model is not a model.
    ValueError: another direction, digits, after or blank; no neuron in the graph has the path.

    >>> from tinygrad_neuron import Value
    >>> x = Value(3.0, label="x")
    >>> y = x * x
    >>> y.backward()
    >>> draw(y)
    Picture(2 boxes, 2 arrows)
    """
    graph = Graph(output, variables, sys._getframe().f_back, model)
    if direction is not None and direction not in DIRECTIONS:
        raise ValueError(f"direction must be one of {', '.join(DIRECTIONS)}, not {direction!r}")
    if type(digits) is not int or not 1 <= digits <= 17:
        raise ValueError(f"digits must be a whole number from 1 to 17, not {digits!r}")
    for name, choice in ("constants", constants), ("grads", grads), ("partials", partials):
        if type(choice) is not bool:
            raise TypeError(f"{name} must be True or False, not {choice!r:.60}")
    if not isinstance(expand, bool | str | None):
        raise TypeError(f"expand must be True, False or a neuron's path, not {expand!r}")
    if blank not in BLANKS:
        raise ValueError(f'blank must be "grads" or "data", not {blank!r}')
    steps = sum(1 for _ in edges(graph.order))
    if after is not None and (type(after) is not int or not 0 <= after <= steps):
        raise ValueError(f"after must be a whole number of steps, from 0 to {steps}, not {after!r}")
    from tinygrad_neuron.view.picture.boxes import Selection
    from tinygrad_neuron.view.picture.fit import fitted
    from tinygrad_neuron.view.picture.looks import Looks

    shown = None
    if grads and graph.output.grad != 0:  # a 0 from before backward() is no gradient
        shown = {node: node.grad for node in graph.order}

    def looks(boxes: list[Box], numbered: bool, fresh: bool) -> Scene:
        grads = graph.fresh_grads if fresh else shown
        return Looks(graph, boxes, digits, grads, partials, numbered, fresh).scene()

    def scene_of(boxes: list[Box], numbered: bool) -> Scene:
        return looks(boxes, numbered, fresh=after is not None).still()

    selection = Selection(graph, expand, constants)
    directions = [direction] if direction else ["LR", "TB"]
    drawing = fitted(selection, scene_of, directions)
    boxes, scene = drawing.boxes, drawing.scene
    arrows = sum(len(box.arrows) for box in boxes)
    moving = None
    if after is not None or (grads and not blank and arrows <= MOST_STEPS):
        fresh = looks(boxes, drawing.numbered, fresh=True)
        if after is not None:
            scene = fresh.at(fresh.forward + 1 + after)
        if len(fresh.times()) <= MOST_STEPS and not blank:
            moving = fresh
    if blank:
        scene = scene.without(blank)
    return Picture(scene, moving, drawing.shape, directions, arrows)


def picture_suffix(path: str | os.PathLike[str]) -> str:
    """The path's suffix, ValueError unless it is one of a picture's."""
    suffix = os.path.splitext(os.fspath(path))[1].lower()
    if suffix not in PICTURE_SUFFIXES:
        raise ValueError(
            f"a picture's file ends in {', '.join(PICTURE_SUFFIXES)}, not {os.fspath(path)!r}"
        )
    return suffix
