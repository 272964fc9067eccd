"""A neuron, a layer of neurons, and a multilayer perceptron."""

import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping

from tinygrad_neuron.engine import Numbers, Value, as_float, as_values, dot, weighted_sum

Activation = Callable[[Value], Value] | None
Rng = random.Random | None


class Module:
    """Base of all models: its parameters are the leaves that its attributes lead to."""

    def named_parameters(self) -> dict[str, Value]:
        named: dict[str, Value] = {}
        for name, parameter in leaves(self, "", set()):
            if named.setdefault(name, parameter) is not parameter:
                raise ValueError(f"two parameters have the name {name!r}; rename an attribute")
        return named

    def parameters(self) -> list[Value]:
        return list(self.named_parameters().values())

    def zero_grad(self) -> None:
        for parameter in self.parameters():
            parameter.grad = 0.0

    def state_dict(self) -> dict[str, float]:
        return {name: parameter.data for name, parameter in self.named_parameters().items()}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Set all parameters; a wrong name (ValueError) or number (TypeError) changes none."""
        named = self.named_parameters()
        if wrong := sorted(named.keys() ^ state.keys(), key=str):
            raise ValueError(f"a state must hold the parameters; missing or unknown: {wrong}")
        numbers = {name: as_float(state[name], f"the state's {name!r}") for name in named}
        for name, parameter in named.items():
            parameter.data = numbers[name]

    def named_attributes(self) -> list[tuple[str, object]]:
        return list(vars(self).items())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.parameters())} parameters)"


def leaves(thing: object, path: str, seen: set[int]) -> Iterator[tuple[str, Value]]:
    """The leaf Values in a model, list, tuple or dict (PyTorch: no list), each with its path."""
    if id(thing) in seen:  # shared by two models, or a model that holds its holder
        return
    seen.add(id(thing))
    if isinstance(thing, Value) and not thing.operands and thing.op != "const":
        yield path, thing
    elif isinstance(thing, Module):
        for name, part in thing.named_attributes():
            yield from leaves(part, f"{path}.{name}" if path else name, seen)
    elif isinstance(thing, list | tuple | dict):
        for key, part in thing.items() if isinstance(thing, dict) else enumerate(thing):
            yield from leaves(part, f"{path}[{key!r}]", seen)


class Neuron(Module):
    """activation(w1·x1 + … + wn·xn + b): n inputs, one output.

    Weights start uniform in ±1/√n and b at 0. (PyTorch's nn.Linear: the same bound, for b too. The
    variance, 1/(3n), is a third of what keeps signals at their size: LeCun et al., "Efficient
    BackProp", 1998, 4.6.) An activation is any function Value -> Value; without one it is linear.

    >>> neuron = Neuron(2, activation=Value.relu)
    >>> neuron.load_state_dict({"w1": 0.5, "w2": -1.0, "b": 0.25})
    >>> neuron([3.0, 1.0]).data
    0.75
    """

    def __init__(self, n: int, activation: Activation = None, rng: Rng = None) -> None:
        if n < 1:
            raise ValueError(f"a neuron needs at least one input, not {n}")
        if activation is not None and not callable(activation):
            raise TypeError(f"an activation is a function such as Value.tanh, not {activation!r}")
        if rng is not None and not isinstance(rng, random.Random):
            raise TypeError(f"rng is a random.Random, such as random.Random(0), not {rng!r:.60}")
        uniform, bound = random.uniform if rng is None else rng.uniform, 1 / math.sqrt(n)
        self.w = [Value(uniform(-bound, bound), label=f"w{i}") for i in range(1, n + 1)]
        self.b = Value(0.0, label="b")
        self.activation = activation

    def __call__(self, x: Numbers) -> Value:
        """x: n numbers or Values, or the only one itself; another length is a ValueError."""
        inputs = as_values(x)
        if len(inputs) != len(self.w):
            raise ValueError(f"a neuron with {len(self.w)} inputs was given {len(inputs)}")
        # Where a plain number was put in place of a weight, dot makes a constant of it.
        z = (weighted_sum if {*map(type, self.w)} == {Value} else dot)(self.w, inputs) + self.b
        return self.activation(z) if self.activation else z

    def named_attributes(self) -> list[tuple[str, object]]:
        """w[0] as "w1" and so on, which are the names of the weights in a state."""
        return [(f"w{i}", w) for i, w in enumerate(self.w, 1)] + super().named_attributes()


class Layer(Module):
    """`size` neurons that share n inputs: n numbers or Values in, a list of Values out."""

    def __init__(self, n: int, size: int, activation: Activation = None, rng: Rng = None) -> None:
        if size < 1:
            raise ValueError(f"a layer needs at least one neuron, not {size}")
        self.neurons = [Neuron(n, activation, rng) for _ in range(size)]

    def __call__(self, x: Numbers) -> list[Value]:
        inputs = as_values(x)  # plain numbers become nodes once, not once for each neuron
        return [neuron(inputs) for neuron in self.neurons]


class MLP(Module):
    """A multilayer perceptron: layers in a row, the last one linear. mlp(x)[0] is an output."""

    def __init__(
        self, n: int, sizes: Iterable[int], activation: Activation = Value.relu, rng: Rng = None
    ) -> None:
        if not isinstance(sizes, Iterable):
            raise TypeError(f"the sizes of an MLP are a list, such as [4, 1], not {sizes!r:.60}")
        sizes = [n, *sizes]
        if len(sizes) < 2 or min(sizes) < 1:
            raise ValueError(f"an MLP needs at least one layer, and sizes above 0, not {sizes}")
        activations = [activation] * (len(sizes) - 2) + [None]
        self.layers = [Layer(*shape, rng) for shape in zip(sizes, sizes[1:], activations)]

    def __call__(self, x: Numbers) -> list[Value]:
        for layer in self.layers:
            x = layer(x)
        return as_values(x)
