"""Is this gradient right? Two independent checks of `backward()`.

`gradcheck` uses none of the partials: it compares with small differences of the function, which
need a step size. `tangents` uses the same partials in the opposite direction, and needs none.
"""

from __future__ import annotations

import math
from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping
from threading import get_ident

from tinygrad_neuron.engine import Value, as_float, as_values, paused_threads, topological_order

EPSILON = 2.0**-52
# A central difference errs by h²·|f'''|/6, because it leaves out the curve, and by ε·|f|/h,
# because the two numbers subtracted are rounded. Near h = ∛ε, some 6e-6, the sum is least
# for numbers around 1: about 1e-10. For a larger x the step grows with it. Where the function
# seems to have a kink, smaller steps are tried too: it may be near, or just a steep curve.
STEP = EPSILON ** (1 / 3)
FINER = 8  # the differences are taken again with a step this many times smaller
CLOSER = 256  # and, at what seems to be a kink, again with a step so many times smaller


class Row(namedtuple("Row", "x analytic numeric verdict")):
    """One input of a gradcheck: its number, d(output)/d(input) by both ways, and one of the words
    "right", "wrong", "not differentiable here" and "too rough to tell"."""

    __slots__ = ()


class GradCheck:
    """The result of `gradcheck`, a Row for each input; prints as a table.

    True unless one is wrong, or so rough, among numbers so large, that a wrong one might pass.
    """

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows

    def __bool__(self) -> bool:
        return all(row.verdict in ("right", "not differentiable here") for row in self.rows)

    def __repr__(self) -> str:
        lines = [f"{'input':>12} {'analytic':>16} {'numeric':>16} {'error':>9}"]
        for x, analytic, numeric, verdict in self.rows:
            error = abs(analytic - numeric)
            lines.append(f"{x:12.6g} {analytic:16.10g} {numeric:16.10g} {error:9.1e}  {verdict}")
        return "\n".join(lines)


def gradcheck(f: Callable[..., Value], at: Iterable[float] | float) -> GradCheck:
    """Compare the gradient of f(*at) by `backward()` with central differences.

    f takes as many Values as `at` has numbers and returns one Value, else it is a TypeError. It is
    called again and again: another result for the same numbers is a ValueError, as is no number.
    The two may differ by a millionth and by the error of the differences themselves: rounding,
    and what a smaller step changes. A kink such as relu's at 0, or the edge of where f is
    defined or finite, is "not differentiable here" and not held against f. A slope below a
    billionth is not told from 0. What f uses besides its inputs keeps its `grad`.

    >>> bool(gradcheck(lambda a, b: a * b.sin(), [2.0, 0.5]))
    True
    >>> print(gradcheck(lambda x: Value(x.data**2, (x,), (x.data,), "square"), 3.0))
           input         analytic          numeric     error
               3                3                6   3.0e+00  wrong
    """
    numbers = [v.data for v in as_values(at)]
    if not numbers:
        raise ValueError("gradcheck needs at least one number, not an empty list")
    inputs = [Value(x) for x in numbers]
    output = f(*inputs)
    if not isinstance(output, Value):
        raise TypeError(f"gradcheck needs a function that returns one Value, not {output!r:.60}")
    if get_ident() in paused_threads:
        raise RuntimeError("gradcheck needs what no_grad() leaves out: call it outside")
    before = [(node, node.grad) for node in topological_order(output)]
    largest = max(abs(node.data) for node, _ in before)
    output.backward()
    gradient = [v.grad for v in inputs]
    for node, grad in before:
        node.grad = grad
    again = f(*map(Value, numbers)).data
    same = math.isclose(again, output.data, abs_tol=1e-9 * largest)  # or added in another order
    if not same and not math.isnan(output.data):
        rule = "gradcheck needs an f that gives the same each time (seed what is random)"
        raise ValueError(f"{rule}, not {output.data} and then {again}")

    def along(i: int) -> Callable[[float], float]:
        return lambda x: f(*map(Value, [*numbers[:i], x, *numbers[i + 1 :]])).data

    rows = []
    for i, (x, analytic) in enumerate(zip(numbers, gradient)):
        step = STEP * max(1.0, abs(x))
        row = compare(along(i), x, analytic, step, largest)
        for finer in sorted([step / CLOSER, STEP * abs(x)]):
            if row.verdict == "not differentiable here" and finer:
                closer = compare(along(i), x, analytic, finer, largest)
                row = row if closer.verdict == "too rough to tell" else closer
        rows.append(row)
    return GradCheck(rows)


def compare(
    f: Callable[[float], float], x: float, analytic: float, h: float, largest: float
) -> Row:
    """largest: the largest number in the graph, whose rounding is in every difference."""
    try:
        left, right = one_sided_slopes(f, x, h)
        finer_left, finer_right = one_sided_slopes(f, x, h / FINER)
    except (ValueError, ArithmeticError):
        left = right = finer_left = finer_right = math.nan
    numeric, scale = (left + right) / 2, max(abs(left), abs(right))
    change = abs(numeric - (finer_left + finer_right) / 2)
    rounding = 16 * EPSILON * largest / h
    tolerance = 1e-6 * scale + 2 * change + rounding
    # The slopes to both sides of a point on a smooth curve differ by h·f'', an eighth of which
    # is left with an eighth of the step. At a kink they differ by the kink, whatever the step.
    gap, finer_gap = right - left, finer_right - finer_left
    kink = abs(finer_gap - gap / FINER) > 1e-5 * scale + 8 * rounding
    between = min(left, right) - rounding <= analytic <= max(left, right) + rounding
    weak_kink = between and abs(finer_gap) > abs(gap) / 2
    if rounding > 1e-3 * max(scale, abs(analytic)) and rounding > 1e-6:
        verdict = "too rough to tell"
    elif abs(analytic - numeric) <= tolerance and not kink:
        verdict = "right"
    elif kink or weak_kink or not math.isfinite(numeric):
        verdict = "not differentiable here"
    else:
        verdict = "wrong"
    return Row(x, analytic, numeric, verdict)


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
