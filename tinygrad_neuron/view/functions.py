"""The functions that the formulas of the rules use, on plain floats.

`functions_of` gives the same for NumPy arrays, PyTorch tensors and Values: the derived ones below,
in terms of the primitives of their kind. A saved program carries a copy of those it needs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from inspect import getsource
from math import copysign, cos, exp, inf, log, log1p, nan, sin, sqrt, tanh
from typing import Any

from tinygrad_neuron.engine import Value
from tinygrad_neuron.losses import bce as bce_of_values
from tinygrad_neuron.losses import bce_with_logits as bce_with_logits_of_values
from tinygrad_neuron.nn import as_values

# Primitives. NumPy and PyTorch have the rest under the same names.


def where(condition: bool, x: float, y: float) -> float:
    return x if condition else y


def sign(x: float) -> float:
    return copysign(1.0, x) if x else 0.0


def power(x: float, n: float) -> float:
    result = x**n
    if isinstance(result, complex):
        raise ValueError(f"{x} ** {n} is no real number")
    return float(result)


def plain_slope(x: float, n: float) -> float:
    """n * x**(n - 1), also where the power alone would overflow: 1e-200 ** -2."""
    try:
        return n * power(x, n - 1)
    except OverflowError:
        return n * power(x, n) / x


def divided(x: float, y: float) -> float:
    """x / y for x > 0; inf if y is 0."""
    return x / y if y else inf


# Derived, by assignments and a return, because their text is translated: into JavaScript for pages,
# and for arrays, tensors and Values. Conditions are <= and <, because == of Values is identity.
# where() computes both sides, and both must have the right slope at 0. abs() would not.


def sigmoid(x: float) -> float:
    e = exp(where(x <= 0, x, -x))  # of a number below 0, because exp(1000) overflows
    return where(x <= 0, e, 1.0) / (1 + e)


def power_slope(x: float, n: float) -> float:
    """n * x**(n - 1), but 0 for n = 0, and at x = 0 inf for 0 < n < 1."""
    base = where(abs(x) <= 0, where(n < 1, 1.0, x), x)
    slope = plain_slope(base, n)
    at_0 = where(n < 1, divided(n, where(n < 1, x, 1.0)), slope)
    return where(abs(n) <= 0, 0.0, where(abs(x) <= 0, at_0, slope))


def log_or_0(x: float) -> float:
    return log(where(abs(x) <= 0, 1.0, x))


def clipped_log(p: float) -> float:
    result = log(where(p <= 0, 1.0, p))
    return where(p <= 0, -100.0, where(result < -100, -100.0, result))


def log_of_rest(p: float) -> float:
    return where(p >= 1, -100.0, log1p(where(p >= 1, 0.0, -p)))


def bce(p: float, t: float) -> float:
    return -t * clipped_log(p) - (1 - t) * log_of_rest(p)


def bce_slope(p: float, t: float) -> float:
    divisor = p * (1 - p)
    return (p - t) / where(divisor < 1e-12, 1e-12, divisor)


def bce_slope_in_target(p: float, t: float) -> float:
    return log_of_rest(p) - clipped_log(p)


def bce_with_logits(x: float, t: float) -> float:
    return where(x <= 0, -x, 0.0) + x * (1 - t) + log1p(exp(where(x <= 0, x, -x)))


DERIVED: list[Callable[..., float]] = [
    sigmoid,
    power_slope,
    log_or_0,
    clipped_log,
    log_of_rest,
    bce,
    bce_slope,
    bce_slope_in_target,
    bce_with_logits,
]
MATH = {"cos": cos, "exp": exp, "log": log, "log1p": log1p, "sin": sin, "sqrt": sqrt, "tanh": tanh}


@cache
def functions_of(kind: str) -> dict[str, Any]:
    """All functions by name, on "floats", "numpy", "torch" or "values"."""
    functions: dict[str, Any] = {"abs": abs, "inf": inf, "nan": nan}
    if kind == "floats":
        functions |= MATH | {"copysign": copysign, "sign": sign, "where": where}
        functions |= {"power": power, "plain_slope": plain_slope, "divided": divided}
        return functions | {derived.__name__: derived for derived in DERIVED}
    text = "\n\n".join(map(getsource, DERIVED))
    if kind == "values":
        functions |= {name: of_values(getattr(Value, name)) for name in MATH if name != "log1p"}
        functions |= {"log1p": of_values(value_log1p), "where": value_where, "sign": value_sign}
        functions |= {"sigmoid": of_values(Value.sigmoid), "bce": of_two_values(bce_of_values)}
        functions["bce_with_logits"] = of_two_values(bce_with_logits_of_values)
        functions["power"] = lambda x, n: as_values(x)[0] ** n
        functions["plain_slope"] = lambda x, n: n * as_values(x)[0] ** (n - 1)
        functions["divided"] = of_two_values(value_divided)
    else:
        library = __import__(kind)  # only when such an argument comes in
        functions |= {name: getattr(library, name) for name in (*MATH, "abs", "sign", "where")}
        functions["power"] = lambda x, n: x**n
        functions["plain_slope"] = lambda x, n: n * x ** (n - 1)
        functions["divided"] = array_divided
        if kind == "torch":
            functions |= tensor_functions(library, functions)
    derived = dict(functions)
    exec(text, derived)  # the same text, with the functions of this kind around it
    return derived | functions  # of Values, sigmoid and bce are single operations


def of_values(function: Callable[[Value], Value]) -> Callable[[Value | float], Value]:
    return lambda x: function(as_values(x)[0])


def of_two_values(function: Callable[[Value, Value], Value]) -> Callable[[Any, Any], Value]:
    return lambda x, y: function(*as_values([x, y]))


def value_where(condition: bool, x: Value | float, y: Value | float) -> Value:
    return as_values(x if condition else y)[0]


def value_sign(x: Value | float) -> Value:
    return as_values(sign(as_values(x)[0].data))[0]


def value_divided(x: Value, y: Value) -> Value:
    """Below 0 is the slope of x / y by y, and so at y = 0 it is -inf."""
    return x / y if y.data else Value(inf, (y,), (-inf,), "divided")


def array_divided(x: Any, y: Any) -> Any:
    import numpy as np

    with np.errstate(divide="ignore", invalid="ignore"):
        return np.divide(x, y + 0.0)  # of which 0.0 is not -0.0


def value_log1p(x: Value) -> Value:
    return Value(log1p(x.data), (x,), (1 / (1 + x.data),), "log1p")


def tensor_functions(torch: Any, functions: dict[str, Any]) -> dict[str, Any]:
    """PyTorch's functions for plain numbers too, which they do not take."""

    def as_tensor(x: Any) -> Any:
        return x if isinstance(x, torch.Tensor) else torch.tensor(x, dtype=torch.float64)

    def of_tensors(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda x: function(as_tensor(x))

    def tensor_where(condition: Any, x: Any, y: Any) -> Any:
        if isinstance(condition, bool):
            return x if condition else y
        if not isinstance(x, torch.Tensor) and not isinstance(y, torch.Tensor):
            x = as_tensor(x)  # of two plain numbers PyTorch would keep the digits of a float32
        return torch.where(condition, x, y)

    wrapped: dict[str, Any] = {name: of_tensors(functions[name]) for name in (*MATH, "abs", "sign")}
    wrapped["divided"] = lambda x, y: x / (as_tensor(y) + 0.0)  # of which 0.0 is not -0.0
    return wrapped | {"where": tensor_where}
