"""Longer checks of models, losses and optimizers, and a repr that never raises."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from numbers import Integral

from tinygrad_neuron.engine import Value, as_float


def never_raises(text: Callable[..., str]) -> Callable[..., str]:
    """For __repr__: debuggers and tracebacks show objects that are half made, or made wrongly."""

    @wraps(text)
    def text_or_less(self: object) -> str:
        try:
            return text(self)
        except Exception:
            return f"{type(self).__name__}(?)"

    return text_or_less


def check_size(size: object, what: str) -> None:
    if not isinstance(size, Integral):
        raise TypeError(f"{what} is a whole number, not {size!r:.60}")
    if size < 1:
        raise ValueError(f"{what} is at least 1, not {size}")


def check_neuron(n: int, activation: object, rng: object) -> None:
    check_size(n, "the number of a neuron's inputs")
    if activation is not None and not callable(activation):
        raise TypeError(f"an activation is a function such as Value.tanh, not {activation!r}")
    if rng is not None and not isinstance(rng, random.Random):
        raise TypeError(f"rng is a random.Random, such as random.Random(0), not {rng!r:.60}")


def check_sizes(n: int, sizes: Iterable[int]) -> list[int]:
    """The sizes of an MLP's layers, the inputs' n first."""
    if isinstance(sizes, str) or not isinstance(sizes, Iterable):
        raise TypeError(f"the sizes of an MLP are a list, such as [4, 1], not {sizes!r:.60}")
    sizes = [n, *sizes]
    if len(sizes) < 2:
        raise ValueError("an MLP needs at least one layer, such as in MLP(2, [1])")
    for size in sizes:
        check_size(size, "a size of an MLP")
    return sizes


def refuse_computed(computed: Mapping[str, Value], parameters: Iterable[Value]) -> None:
    """Of a model's computed Values, a stored layer or loss depends on its parameters.

    Each is walked until a parameter is met, or a value that is known to depend on one.
    """
    learn = set(parameters)
    for name, value in computed.items():
        path, seen, leaves = [value], {value}, 0
        while path and not learn.intersection(path[-1].operands):
            node = path.pop()
            leaves += not node.operands and node.op != "const"
            path += [operand for operand in node.operands if operand not in seen]
            seen.update(node.operands)
        if path:
            learn.add(value)
        elif leaves:
            cure = f"make it a leaf, Value({value.data})"
            raise ValueError(f"{name} would never learn, because it is computed: {cure}")


def check_numbers(predictions: object, targets: object) -> None:
    for given in predictions, targets:
        if isinstance(given, list | tuple) and any(isinstance(v, list | tuple) for v in given):
            raise TypeError("a loss needs numbers, not lists: give it mlp(x)[0], not mlp(x)")


def check_graph(order: Iterable[Value]) -> None:
    """A TypeError if something else than a number was assigned to a node's data or grad."""
    for node in order:
        if type(node.data) is not float:
            as_float(node.data, f"the data of {node}")
        if type(node.grad) is not float:
            as_float(node.grad, f"the grad of {node}")


def check_parameters(given: Iterable[Value]) -> list[Value]:
    if not isinstance(given, Iterable):
        raise TypeError(f"SGD needs a list, such as neuron.parameters(), not {given!r:.60}")
    parameters = list(given)
    if not parameters:
        raise ValueError("SGD needs at least one parameter, not an empty list")
    if wrong := [p for p in parameters if not isinstance(p, Value) or p.operands]:
        raise TypeError(f"SGD moves leaf Values, not {wrong[0]!r}")
    return parameters


def rate(number: float, name: str) -> float:
    if not 0 <= as_float(number, name) < math.inf:
        raise ValueError(f"{name} must be finite and not negative, not {number}")
    return float(number)
