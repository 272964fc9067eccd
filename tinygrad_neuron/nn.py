"""A neuron, a layer of neurons, and a multilayer perceptron; and sums of many as one node each."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable
from functools import reduce
from operator import add, mul

from tinygrad_neuron.engine import Value, number_of, with_float
from tinygrad_neuron.errors import check_neuron, check_size, check_sizes
from tinygrad_neuron.module import Module

Numbers = Iterable[Value | float] | Value | float
Activation = Callable[[Value], Value] | None
Rng = random.Random | None


def as_values(x: Numbers) -> list[Value]:
    """Values as they are, plain numbers as constants, of a list or of one number."""
    if type(x) is list and {*map(type, x)} == {Value}:
        return x
    # Lists come first: isinstance(x, Iterable) runs Python code for a type that it has not seen.
    many = [x] if isinstance(x, Value | float) else x if isinstance(x, list | Iterable) else [x]
    if getattr(many, "ndim", 1) == 0:  # NumPy's array(2.0), which is no number and no list
        raise TypeError(f"give a number or a list of numbers, not {x!r:.60}: use its item()")
    return [v if isinstance(v, Value) else Value(v, op="const") for v in many]


def dot(weights: Iterable[Value | float], inputs: Iterable[Value | float]) -> Value:
    """w1·x1 + w2·x2 + … as one node; ValueError unless equally long and not empty."""
    left, right = as_values(weights), as_values(inputs)
    if len(left) != len(right) or not left:
        raise ValueError(f"dot needs pairs of numbers, not {len(left)} and {len(right)} numbers")
    return weighted_sum(left, right)


def weighted_sum(weights: list[Value], inputs: list[Value]) -> Value:
    ws, xs = [w.data for w in weights], [x.data for x in inputs]
    try:
        total = reduce(add, map(mul, ws, xs))  # sum() rounds differently since Python 3.12
        return Value(total, (*weights, *inputs), (*xs, *ws), "dot")
    except (TypeError, OverflowError):  # data that is no float is converted, or refused
        return weighted_sum([*map(with_float, weights)], [*map(with_float, inputs)])


def mean(values: Iterable[Value | float]) -> Value:
    """The arithmetic mean as one node; ValueError if there are no values."""
    operands = tuple(as_values(values))
    if not operands:
        raise ValueError("mean needs at least one value, not an empty list")
    n, total = len(operands), reduce(add, map(number_of, operands))
    return Value(total / n, operands, (1 / n,) * n, "mean")


class Neuron(Module):
    """activation(w1·x1 + … + wn·xn + b): n inputs, one output.

    Weights start uniform in ±√(6/n), which keeps the size of signals through relu: He et al.,
    "Delving deep into rectifiers", 2015. b starts at 0. (PyTorch's nn.Linear: ±1/√n, for b too.)
    An activation is any function Value -> Value; without one the neuron is linear.

    >>> neuron = Neuron(2, activation=Value.relu)
    >>> neuron.load_state_dict({"w1": 0.5, "w2": -1.0, "b": 0.25})
    >>> neuron([3.0, 1.0]).data
    0.75
    """

    def __init__(self, n: int, activation: Activation = None, rng: Rng = None) -> None:
        check_neuron(n, activation, rng)
        self.w = [Value(uniform(math.sqrt(6 / n), rng), label=f"w{i}") for i in range(1, n + 1)]
        self.b = Value(0.0, label="b")
        self.activation = activation

    def __call__(self, x: Numbers) -> Value:
        """x: n numbers or Values, or the only one itself; another length is a ValueError."""
        inputs = as_values(x)
        if len(inputs) != len(self.w):
            raise ValueError(f"a neuron with {len(self.w)} inputs was given {len(inputs)}")
        # If a weight was replaced by a plain number, dot makes it a constant.
        z = (weighted_sum if {*map(type, self.w)} == {Value} else dot)(self.w, inputs) + self.b
        return self.activation(z) if self.activation else z

    def named_attributes(self) -> list[tuple[str, object]]:
        """w[0] as "w1" and so on, which are the names of the weights in a state."""
        weights = self.w if isinstance(self.w, list | tuple) else ()
        return [(f"w{i}", w) for i, w in enumerate(weights, 1)] + super().named_attributes()


def uniform(bound: float, rng: Rng) -> float:
    return random.uniform(-bound, bound) if rng is None else rng.uniform(-bound, bound)


class Layer(Module):
    """`size` neurons that share n inputs: n numbers or Values in, a list of Values out.

    Their biases start uniform in ±1/√n, as PyTorch's do. With biases of 0 every relu of the first
    layer would bend at the origin.
    """

    def __init__(self, n: int, size: int, activation: Activation = None, rng: Rng = None) -> None:
        check_size(size, "the number of a layer's neurons")
        self.neurons = [Neuron(n, activation, rng) for _ in range(size)]
        for neuron in self.neurons:
            neuron.b.data = uniform(1 / math.sqrt(n), rng)

    def __call__(self, x: Numbers) -> list[Value]:
        inputs = as_values(x)  # plain numbers become nodes once, not once for each neuron
        return [neuron(inputs) for neuron in self.neurons]


class MLP(Module):
    """A multilayer perceptron: layers in a row, the last one linear. mlp(x)[0] is an output."""

    def __init__(
        self, n: int, sizes: Iterable[int], activation: Activation = Value.relu, rng: Rng = None
    ) -> None:
        sizes = check_sizes(n, sizes)
        activations = [activation] * (len(sizes) - 2) + [None]
        self.layers = [Layer(*shape, rng) for shape in zip(sizes, sizes[1:], activations)]

    def __call__(self, x: Numbers) -> list[Value]:
        for layer in self.layers:
            x = layer(x)
        return as_values(x)
