"""Gradient descent: the hand-written `w -= lr * w.grad` for all parameters."""

import math
from collections.abc import Iterable

from tinygrad_neuron.engine import Value, as_float


class SGD:
    """Gradient descent, called stochastic when each step sees only some of the samples.

    A step is w -= lr · gradient, with gradient = w.grad + weight_decay · w. With momentum it is
    w -= lr · velocity, with velocity = momentum · velocity + gradient. (Polyak, 1964, in the
    form of torch.optim.SGD.) A parameter given twice moves once. Errors: no parameters, one that
    is no leaf Value, and a rate that is negative, nan or infinite.

    >>> w = Value(0.5)
    >>> ((w - 1.65) ** 2).backward()
    >>> SGD([w], lr=0.01).step()
    >>> f"{w:.3f}"
    '0.523'
    """

    def __init__(
        self, parameters: Iterable[Value], lr: float, momentum: float = 0, weight_decay: float = 0
    ) -> None:
        if not isinstance(parameters, Iterable):
            raise TypeError(
                f"SGD needs a list, such as neuron.parameters(), not {parameters!r:.60}"
            )
        given = list(parameters)
        if not given:
            raise ValueError("SGD needs at least one parameter, not an empty list")
        if wrong := [p for p in given if not isinstance(p, Value) or p.operands]:
            raise TypeError(f"SGD moves leaf Values, not {wrong[0]!r}")
        self.velocities = dict.fromkeys(given, 0.0)
        self.lr = rate(lr, "lr")
        self.momentum = rate(momentum, "momentum")
        self.weight_decay = rate(weight_decay, "weight_decay")

    def step(self) -> None:
        lr, momentum = rate(self.lr, "lr"), rate(self.momentum, "momentum")  # may be assigned since
        decay = rate(self.weight_decay, "weight_decay")
        for w, velocity in self.velocities.items():
            grad = w.grad if type(w.grad) is float else as_float(w.grad, f"the grad of {w}")
            direction = grad + decay * w.data if decay else grad
            if momentum:
                direction += momentum * velocity
                self.velocities[w] = direction
            w.data -= lr * direction

    def zero_grad(self) -> None:
        for w in self.velocities:
            w.grad = 0.0


def rate(number: float, name: str) -> float:
    if not 0 <= as_float(number, name) < math.inf:
        raise ValueError(f"{name} must be finite and not negative, not {number}")
    return float(number)
