"""A computation graph as a program: what you would write by hand without an engine."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tinygrad_neuron.engine import Value
from tinygrad_neuron.errors import never_raises
from tinygrad_neuron.view.graph import Graph
from tinygrad_neuron.view.rules import Rule

if TYPE_CHECKING:
    from tinygrad_neuron.view.program.program_text import ProgramText


class Program:
    """The result of `unroll`: a function that returns the value and the tuple of the gradients.

    source   its text: every forward line, then every backward line
    inputs   the names of its arguments
    numbers  what these were in the graph

    The arguments are numbers, NumPy arrays, PyTorch tensors or Values, each alone or with numbers.
    Arrays and tensors are worked on element by element, a whole batch at a time: their shapes
    broadcast, and each gradient has the shape of the value, a number for each sample. Of Values
    the gradients are Values too, with graphs of their own, whose `backward()` gives second
    derivatives. Another number of arguments, or another kind, is a TypeError. `total` takes the
    same arrays, and returns the sums over the batch, which is what a training step needs.

    >>> import numpy as np
    >>> x = Value(3.0, label="x")
    >>> program = unroll(x * x)
    >>> program(np.array([1.0, 2.0]))
    (array([1., 4.]), (array([2., 4.]),))
    >>> program(Value(1.0))[1][0]  # a gradient with a graph of its own
    Value(2.0, grad=0.0, op='+')
    """

    def __init__(self, text: ProgramText, numbers: Sequence[float]) -> None:
        self._text = text
        self.source = text.to_read()
        self.inputs = text.inputs
        self.numbers = list(map(float, numbers))
        self._compiled: dict[object, Callable[..., tuple[Any, Any]]] = {}

    def __getstate__(self) -> dict[str, object]:
        return {**vars(self), "_compiled": {}}  # functions cannot be pickled

    @never_raises
    def __repr__(self) -> str:
        return f"Program(inputs={len(self.inputs)}, lines={len(self.source.splitlines())})"

    def __call__(self, *arguments: Any) -> tuple[Any, tuple[Any, ...]]:
        self._check(arguments)
        types = frozenset(map(type, arguments))
        if types not in self._compiled:
            from tinygrad_neuron.view.program.running import per_sample

            self._compiled[types] = per_sample(self._text, types)
        return self._compiled[types](*arguments)

    def total(self, *arguments: Any) -> tuple[Any, tuple[Any, ...]]:
        """The sums over a batch, of the value and of each gradient: what a training step needs.

        Only for arrays and tensors. To call and to add up takes about twice as long.
        """
        self._check(arguments)
        types = frozenset(map(type, arguments))
        if ("total", types) not in self._compiled:
            from tinygrad_neuron.view.program.running import totals

            self._compiled["total", types] = totals(self._text, types)
        return self._compiled["total", types](*arguments)

    def _check(self, arguments: Sequence[object]) -> None:
        if len(arguments) != len(self.inputs):
            inputs = ", ".join(self.inputs[:3] + ["…"] * (len(self.inputs) > 3))
            counts = f"{len(self.inputs)} inputs ({inputs}), not {len(arguments)}"
            raise TypeError(f"the program has {counts}")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a Python file that runs on its own, with the standard library alone."""
        from tinygrad_neuron.view.files import write_whole
        from tinygrad_neuron.view.program.running import standalone

        write_whole(path, standalone(self._text, self.numbers).encode())

    @property
    def debug(self) -> Callable[..., tuple[float, tuple[float, ...]]]:
        """The program as a function that stops in the debugger on its first line.

        `program.debug(0.5, 2.0)` calls it with two numbers, in the order of `inputs`. Python keeps
        its lines in memory, where debuggers and editors find them, and the last line leads back to
        yours. Which debugger it is, `breakpoint()` decides.
        """
        if "debug" not in self._compiled:
            from tinygrad_neuron.view.program.running import in_debugger

            self._compiled["debug"] = in_debugger(self._text, self.numbers)
        return self._compiled["debug"]


def unroll(
    output: object,
    inputs: Sequence[Any] | None = None,
    *,
    variables: Mapping[str, object] | None = None,
    model: object = None,
    rules: Mapping[str, Rule] | None = None,
) -> Program:
    """The program that computes an output and its gradients by some leaves, without an engine.

    inputs            the leaves that are its arguments; by default all that are not constants, in
                      topological order. Other leaves, and what is computed from them alone, are
                      numbers
    variables, model  as in `draw`
    rules             the formulas of operations of your own: {"cube": Rule("a ** 3", "3 * a ** 2")}

    A program has the control flow that was recorded. relu is a choice in it; but an `if` on a Value
    was taken once, by Python, and the program knows only the branch it took: unroll a graph for
    each branch. What the engine refuses, such as a probability of 2, a program does not. A loss
    over many samples makes a long program: unroll the loss of one sample, and call it with arrays.

    TypeError: as in `draw`; inputs that are no Values. ValueError: inputs that are not different
    leaves of the graph, at least one; an operation without a rule, or with one that is no formula.

    >>> w, x = Value(2.0, label="w"), Value(3.0, label="x")
    >>> program = unroll(w * x)
    >>> print(program.source, end="")
    def backprop(w, x):
        # forward: v1
        v1 = w * x
        # backward: the derivatives of v1, from the last line to the first
        d_v1 = 1.0  # ∂v1/∂v1
        d_w = d_v1 * x  # d_v1 · ∂v1/∂w
        d_x = d_v1 * w  # d_v1 · ∂v1/∂x
        return v1, (d_w, d_x)
    >>> program(2.0, 3.0)
    (6.0, (3.0, 2.0))
    """
    graph = Graph(output, variables, sys._getframe().f_back, model, rules)
    leaves = dict.fromkeys(node for node in graph.order if not node.operands)
    if inputs is None:
        given: list[object] = [graph.original(leaf) for leaf in leaves if leaf.op != "const"]
    else:
        given = [inputs] if graph.value(inputs) is not None else list(inputs)
    if not graph.theirs and not all(isinstance(leaf, Value) for leaf in given):
        raise TypeError(f"the inputs of a program are Values, not {given!r:.100}")
    chosen = [leaf for thing in given if (leaf := graph.value(thing)) in leaves]
    if not chosen or len(set(chosen)) < len(given):
        rule = "the inputs of a program are different leaves of the graph, at least one"
        found = "the graph has constants only" if inputs is None else f"not {given!r:.100}"
        raise ValueError(f"{rule}; {found}")
    from tinygrad_neuron.view.program.program_text import program_text

    text = program_text(graph, chosen)
    return Program(text, [leaf.data for leaf in chosen])
