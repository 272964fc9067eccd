"""Losses, each a mean over pairs of prediction and target, from lists of equal length or singles.

>>> mse_loss([Value(1.0), Value(4.0)], [2.0, 2.0]).data
2.5
"""

import math

from tinygrad_neuron.engine import Value, number_of, sigmoid
from tinygrad_neuron.errors import check_numbers
from tinygrad_neuron.nn import Numbers, as_values, mean


def mse_loss(predictions: Numbers, targets: Numbers) -> Value:
    """Mean squared error: (p - t)²."""
    return mean([(p - t) ** 2 for p, t in pairs(predictions, targets)])


def hinge_loss(predictions: Numbers, targets: Numbers) -> Value:
    """relu(1 - t·p), which is 0 once t·p >= 1; a target t is -1 or 1, else a ValueError."""
    both = pairs(predictions, targets)
    for _, t in both:
        t.evaluate(side, "hinge_loss needs targets of -1 or 1")
    return mean([(1 - t * p).relu() for p, t in both])


def bce_loss(predictions: Numbers, targets: Numbers) -> Value:
    """Binary cross-entropy, -t·log(p) - (1-t)·log(1-p), of probabilities p and t.

    As in PyTorch, logarithms are at least -100, and p·(1-p), which slopes divide by, 1e-12.
    """
    return mean([bce(p, t) for p, t in pairs(predictions, targets)])


def bce_with_logits_loss(logits: Numbers, targets: Numbers) -> Value:
    """bce_loss of sigmoid(x), right even where that rounds to 0 or 1; x is called a logit."""
    return mean([bce_with_logits(x, t) for x, t in pairs(logits, targets)])


def bce(probability: Value, target: Value) -> Value:
    p, t = probability_of(probability), probability_of(target)
    log_p = max(math.log(p), -100.0) if p else -100.0
    log_q = math.log1p(-p) if p != 1 else -100.0  # q = 1 - p, and no float comes near -100
    loss = -t * log_p - (1 - t) * log_q
    partials = ((p - t) / max(p * (1 - p), 1e-12), log_q - log_p)
    return Value(loss, (probability, target), partials, "bce")


def bce_with_logits(logit: Value, target: Value) -> Value:
    x, t = number_of(logit), probability_of(target)
    loss = max(-x, 0.0) + x * (1 - t) + math.log1p(math.exp(-abs(x)))  # no exp that overflows
    return Value(loss, (logit, target), (sigmoid(x) - t, -x), "bce_with_logits")


def pairs(predictions: Numbers, targets: Numbers) -> list[tuple[Value, Value]]:
    check_numbers(predictions, targets)
    left, right = as_values(predictions), as_values(targets)
    if len(left) != len(right) or not left:
        raise ValueError(f"a loss needs pairs of numbers, not {len(left)} and {len(right)} numbers")
    return list(zip(left, right))


def probability_of(v: Value) -> float:
    return v.evaluate(probability, "a probability or its target is from 0 to 1 (a logit is not)")


def probability(p: float) -> float:
    if p < 0 or p > 1:
        raise ValueError
    return p


def side(t: float) -> float:
    if abs(t) != 1:
        raise ValueError
    return t
