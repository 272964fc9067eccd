"""Gradient descent: `w -= lr * w.grad`, for all parameters at once."""

from collections.abc import Iterable

from tinygrad_neuron.engine import Value, as_float, number_of
from tinygrad_neuron.errors import check_parameters, rate


class SGD:
    """Gradient descent. It is called stochastic if each step uses only some of the samples.

    A step is w -= lr · gradient, with gradient = w.grad + weight_decay · w. With momentum it is
    w -= lr · velocity, with velocity = momentum · velocity + gradient. (Polyak, 1964, in the
    form of torch.optim.SGD.) A parameter given twice moves once. It is an error if there is no
    parameter, if one is not a leaf Value, or if a rate is negative, nan or infinite.

    >>> w = Value(0.5)
    >>> ((w - 1.65) ** 2).backward()
    >>> SGD([w], lr=0.01).step()
    >>> f"{w:.3f}"
    '0.523'
    """

    def __init__(
        self, parameters: Iterable[Value], lr: float, momentum: float = 0, weight_decay: float = 0
    ) -> None:
        self.parameters = list(dict.fromkeys(check_parameters(parameters)))
        self.velocities = [0.0] * len(self.parameters)
        self.lr = rate(lr, "lr")
        self.momentum = rate(momentum, "momentum")
        self.weight_decay = rate(weight_decay, "weight_decay")

    def step(self) -> None:
        lr, momentum = rate(self.lr, "lr"), rate(self.momentum, "momentum")  # they may be new
        decay = rate(self.weight_decay, "weight_decay")
        for w in self.parameters:  # if an error comes, no parameter has moved
            number_of(w)
            if type(w.grad) is not float:
                w.grad = as_float(w.grad, f"the grad of {w}")
        for i, w in enumerate(self.parameters):
            direction = w.grad + decay * w.data if decay else w.grad
            if momentum:
                direction += momentum * self.velocities[i]
                self.velocities[i] = direction
            w.data -= lr * direction

    def zero_grad(self) -> None:
        for w in self.parameters:
            w.grad = 0.0
