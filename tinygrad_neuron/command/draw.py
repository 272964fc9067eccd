"""The graph of an expression: as a tree, as a picture, step by step, and as a page."""

from __future__ import annotations

from pathlib import Path

from tinygrad_neuron.command.errors import InputError, about_file
from tinygrad_neuron.command.expression import graph_of
from tinygrad_neuron.engine import Value
from tinygrad_neuron.view.grammar import LONGEST_EXPRESSION
from tinygrad_neuron.view.page.play import Page, play
from tinygrad_neuron.view.picture.draw import Picture, draw, picture_suffix
from tinygrad_neuron.view.picture.layout import LayoutError, render
from tinygrad_neuron.view.picture.pdf import check_svglib
from tinygrad_neuron.view.picture.tree import tree
from tinygrad_neuron.view.stepping.walk import walk

NamedNumbers = list[tuple[str, float]]


def draw_expression(text: str, numbers: NamedNumbers, picture: Path | None) -> None:
    """Print the tree of an expression with the gradients of the whole, and save its picture."""
    output = output_of(text, numbers)
    output.backward()
    # A tree has no more lines than the expression has letters.
    print(tree(output, variables={}, max_lines=LONGEST_EXPRESSION))
    if picture:
        save_picture(output, picture, {})


def walk_expression(text: str, numbers: NamedNumbers, page: Path | None) -> None:
    """Walk through the backward pass of an expression in the terminal, or save its page."""
    output = output_of(text, numbers)
    if page is None:
        walk(output, variables={})
    else:
        save(play(output, variables={}), page)


def output_of(text: str, numbers: NamedNumbers) -> Value:
    names = [name for name, _ in numbers]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{name} has two values; give it one")
    return graph_of(text, dict(numbers))


def save_picture(output: Value, path: Path, variables: dict[str, object]) -> None:
    save(draw(output, variables=variables), path)


def save(view: Picture | Page, path: Path) -> None:
    try:
        with about_file(path):
            view.save(path)
    except (LayoutError, ValueError, ImportError) as error:
        raise InputError(str(error)) from None


def check_layout(path: Path) -> None:
    """InputError if a picture could not be saved there for want of a program or a package."""
    suffix = picture_suffix(path)
    try:
        if suffix not in (".dot", ".mmd"):
            render("digraph {}", "svg")
        if suffix == ".pdf":
            check_svglib()
    except (LayoutError, ImportError) as error:
        raise InputError(str(error)) from None
