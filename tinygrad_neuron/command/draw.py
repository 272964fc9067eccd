"""The graph of an expression as a tree, and as a picture."""

from __future__ import annotations

from pathlib import Path

from tinygrad_neuron.command.expression import LONGEST, graph_of
from tinygrad_neuron.command.table import InputError
from tinygrad_neuron.engine import Value
from tinygrad_neuron.view.draw import draw, picture_suffix
from tinygrad_neuron.view.layout import LayoutError, render
from tinygrad_neuron.view.tree import tree


def draw_expression(text: str, numbers: list[tuple[str, float]], picture: Path | None) -> None:
    """Print the tree of an expression with the gradients of the whole, and save its picture."""
    names = [name for name, _ in numbers]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{name} has two values; give it one")
    output = graph_of(text, dict(numbers))
    output.backward()
    # A tree has no more lines than the expression has letters.
    print(tree(output, names={}, max_lines=LONGEST))
    if picture:
        save_picture(output, picture, {})


def save_picture(output: Value, path: Path, names: dict[str, object]) -> None:
    try:
        draw(output, names=names).save(path)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None
    except (LayoutError, ValueError) as error:
        raise InputError(str(error)) from None


def check_layout(path: Path) -> None:
    """InputError if a picture could not be saved there for want of a layout program."""
    if picture_suffix(path) != ".dot":
        try:
            render("digraph {}", "svg")
        except LayoutError as error:
            raise InputError(str(error)) from None
