"""The graph of an expression as a tree, and as a picture."""

from __future__ import annotations

from pathlib import Path

from tinygrad_neuron.command.expression import LONGEST, graph_of
from tinygrad_neuron.command.table import InputError
from tinygrad_neuron.engine import Value
from tinygrad_neuron.nn import Module
from tinygrad_neuron.view.draw import draw
from tinygrad_neuron.view.layout import LayoutError
from tinygrad_neuron.view.tree import tree


def draw_expression(text: str, numbers: list[tuple[str, float]], output: Path | None) -> None:
    """Print the tree of an expression with the gradients of the whole, and save its picture."""
    names = [name for name, _ in numbers]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{name} has two values; give it one")
    graph = graph_of(text, dict(numbers))
    graph.backward()
    print(tree(graph, names={}, max_lines=LONGEST))  # each line is a letter at least
    if output:
        save_picture(graph, output)


def save_picture(graph: Value, path: Path, model: Module | None = None) -> None:
    try:
        draw(graph, names={}, model=model).save(path)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None
    except (LayoutError, ValueError) as error:
        raise InputError(str(error)) from None
