"""Is this gradient right? Two answers that share no rule with `backward()`, or no order.

`gradcheck` compares it with small differences of the function itself, which need a step size;
`tangents` runs the same partials forwards, which needs none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from tinygrad_neuron.engine import Value, as_float, as_values, topological_order

EPSILON = 2.0**-52
# A central difference errs by h²·|f'''|/6, because it leaves out the curve, and by ε·|f|/h,
# because the two numbers subtracted are rounded. Near h = ∛ε, some 6e-6, the sum is least
# for numbers around 1: about 1e-10. For a larger x the step grows with it.
STEP = EPSILON ** (1 / 3)
FINER = 8  # the differences are taken again with a step this many times smaller


class Row(NamedTuple):
    """One input of a gradcheck: its number and d(output)/d(input) by both ways."""

    x: float
    analytic: float
    numeric: float
    tolerance: float
    verdict: str  # "right", "wrong" or "not differentiable here"


class GradCheck(NamedTuple):
    """The result of `gradcheck`: true unless an input's gradient is wrong; prints as a table."""

    rows: list[Row]

    def __bool__(self) -> bool:
        return all(row.verdict != "wrong" for row in self.rows)

    def __repr__(self) -> str:
        lines = [f"{'input':>12} {'analytic':>16} {'numeric':>16} {'error':>9}"]
        for x, analytic, numeric, _, verdict in self.rows:
            error = abs(analytic - numeric)
            lines.append(f"{x:12.6g} {analytic:16.10g} {numeric:16.10g} {error:9.1e}  {verdict}")
        return "\n".join(lines)


def gradcheck(f: Callable[..., Value], at: Iterable[float] | float) -> GradCheck:
    """Compare the gradient of f(*at) by `backward()` with central differences.

    f takes as many Values as `at` has numbers and returns one Value, else it is a TypeError.
    The two may differ by a millionth (of the slope, where that is above 1) and by the error of
    the differences themselves, which is seen in how much they change with a smaller step. A
    kink such as relu's at 0, or the edge of where f is defined, is "not differentiable here"
    and not held against f. What f uses besides its inputs keeps its `grad`.

    >>> bool(gradcheck(lambda a, b: a * b.sin(), [2.0, 0.5]))
    True
    >>> print(gradcheck(lambda x: Value(x.data**2, (x,), (x.data,), "square"), 3.0))
           input         analytic          numeric     error
               3                3                6   3.0e+00  wrong
    """
    numbers = [v.data for v in as_values(at)]
    inputs = [Value(x) for x in numbers]
    output = f(*inputs)
    if not isinstance(output, Value):
        raise TypeError(f"gradcheck needs a function that returns one Value, not {output!r:.60}")
    before = [(node, node.grad) for node in topological_order(output)]
    output.backward()
    gradient = [v.grad for v in inputs]
    for node, grad in before:
        node.grad = grad

    def along(i: int) -> Callable[[float], float]:
        return lambda x: f(*map(Value, [*numbers[:i], x, *numbers[i + 1 :]])).data

    return GradCheck([compare(along(i), x, gradient[i]) for i, x in enumerate(numbers)])


def compare(f: Callable[[float], float], x: float, analytic: float) -> Row:
    h = STEP * max(1.0, abs(x))
    try:
        left, right = one_sided_slopes(f, x, h)
        finer_left, finer_right = one_sided_slopes(f, x, h / FINER)
    except (ValueError, ArithmeticError):
        return Row(x, analytic, math.nan, 0.0, "not differentiable here")
    numeric = (left + right) / 2
    scale = max(1.0, abs(left), abs(right))
    tolerance = 1e-6 * scale + 2 * abs(numeric - (finer_left + finer_right) / 2)
    # The two sides of a smooth curve differ by h·f'', in proportion to h; those of a kink do not.
    bend = abs((finer_right - finer_left) - (right - left) / FINER)
    if bend > 1e-5 * scale + 100 * EPSILON * abs(f(x)) / h:
        return Row(x, analytic, numeric, tolerance, "not differentiable here")
    agree = abs(analytic - numeric) <= tolerance
    return Row(x, analytic, numeric, tolerance, "right" if agree else "wrong")


def one_sided_slopes(f: Callable[[float], float], x: float, h: float) -> tuple[float, float]:
    before, after = x - h, x + h  # rounded, so the distances are not quite h
    return (f(x) - f(before)) / (x - before), (f(after) - f(x)) / (after - x)


def tangents(output: Value, direction: Mapping[Value, float]) -> dict[Value, float]:
    """Forward mode: how every node moves when the leaves move along `direction`.

    The same stored partials, from the leaves to the output. direction: {leaf: speed}, 0 for
    leaves left out. A key that is no leaf of the output's graph is a ValueError. The output's
    tangent is the sum of gradient times speed over the leaves, so it checks a gradient with
    no step size; but the gradient itself takes forward mode one pass for every leaf, and
    `backward()` one in all. (Wengert, 1964, "A simple automatic derivative evaluation program".)

    >>> a, b = Value(2.0), Value(3.0)
    >>> y = a * b + a
    >>> tangents(y, {a: 1.0})[y], tangents(y, {b: 1.0})[y]
    (4.0, 2.0)
    """
    order = topological_order(output)
    leaves = {node for node in order if not node.operands}
    for leaf in direction:
        if leaf not in leaves:
            raise ValueError(f"a direction is along leaves of the graph, unlike {leaf!r}")
    tangent: dict[Value, float] = {}
    for node in order:
        tangent[node] = as_float(direction.get(node, 0.0), "a direction's speed")
        for operand, partial in zip(node.operands, node.partials):
            tangent[node] += partial * tangent[operand]
    return tangent
