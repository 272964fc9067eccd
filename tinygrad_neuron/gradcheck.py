"""Is this gradient right? Two independent checks of `backward()`.

`gradcheck` uses none of the partials: it compares with small differences of the function, which
need a step size. `tangents` uses the same partials in the opposite direction, and needs none.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from threading import get_ident

from tinygrad_neuron.engine import Value, as_float, paused_threads, topological_order
from tinygrad_neuron.errors import never_raises
from tinygrad_neuron.nn import as_values

EPSILON = 2.0**-52
SMALLEST = 2.0**-64  # the first step from 0; from another x, it is the distance to the next float
LARGE = 2.0**-30  # at least: a step so large is seen even if f rounds numbers near 1 inside
PRECISE = 2.0**-8  # a slope known to 0.4 % tells a right gradient from one that is 1 % off
ENOUGH = 1e-10  # a slope known as well as this needs no larger steps
SLACK = 1e-6  # this much of the slope is forgiven, because the gradient is rounded too
FLAT = 1e-9  # where f stays the same, a smaller slope is not told from 0

KINK, ROUGH = "not differentiable here", "too rough to tell"

# The gap is the slope to the right less the slope to the left. The scale is the steeper of the two.
Step = namedtuple("Step", "h slope gap scale rounding")
Estimate = namedtuple("Estimate", "slope tolerance kink rounding")
UNKNOWN = Estimate(math.nan, math.inf, 0.0, 0.0)


class Row(namedtuple("Row", "x analytic numeric verdict")):
    """One input of a gradcheck: its number, d(output)/d(input) by both ways, and one of the words
    "right", "wrong", "not differentiable here" and "too rough to tell"."""

    __slots__ = ()


class GradCheck:
    """The result of `gradcheck`, a Row for each input; prints as a table.

    True if every row is "right" or "not differentiable here"."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows

    def __bool__(self) -> bool:
        return all(row.verdict in ("right", KINK) for row in self.rows)

    @never_raises
    def __repr__(self) -> str:
        lines = [f"{'input':>12} {'analytic':>16} {'numeric':>16} {'error':>9}"]
        for x, analytic, numeric, verdict in self.rows:
            error = abs(analytic - numeric)
            lines.append(f"{x:12.6g} {analytic:16.10g} {numeric:16.10g} {error:9.1e}  {verdict}")
        return "\n".join(lines)


def gradcheck(f: Callable[..., Value], at: Iterable[float] | float) -> GradCheck:
    """Compare the gradient of f(*at) by `backward()` with differences of f between nearby numbers.

    f takes as many Values as `at` has numbers and returns one Value, else it is a TypeError. It is
    called 100 to 200 times per number, and more often for one within 1e-8 of 0. Another result for
    the same numbers is a ValueError, as is no number. A gradient is wrong if it is off by more than
    a millionth, and by more than the differences may be. A kink such as relu's at 0, or the edge of
    where f is defined or finite, is "not differentiable here" and not held against f. Where
    rounding hides the slope, or f is nan, it is "too rough to tell", which is False. A detail of f
    that is narrower than a billionth is taken for rounding. What f uses besides its inputs keeps
    its `grad`.

    >>> bool(gradcheck(lambda a, b: a * b.sin(), [2.0, 0.5]))
    True
    >>> print(gradcheck(lambda x: Value(x.data**2, (x,), (x.data,), "square"), 3.0))
           input         analytic          numeric     error
               3                3                6   3.0e+00  wrong
    """
    numbers = [as_float(v.data) for v in as_values(at)]
    if not numbers:
        raise ValueError("gradcheck needs at least one number, not an empty list")
    inputs = [Value(x) for x in numbers]
    output = f(*inputs)
    if not isinstance(output, Value):
        raise TypeError(f"gradcheck needs a function that returns one Value, not {output!r:.60}")
    if get_ident() in paused_threads:
        raise RuntimeError("gradcheck needs what no_grad() leaves out: call it outside")
    nodes = [*topological_order(output), *inputs]
    before = [(node, node.grad) for node in nodes]
    for node in nodes:
        node.grad = 0.0  # because f may have called backward() already
    output.backward()
    gradient = [v.grad for v in inputs]
    for node, grad in before:
        node.grad = grad
    again, largest = f(*map(Value, numbers)).data, max(abs(node.data) for node in nodes)
    same = math.isclose(again, output.data, abs_tol=1e-9 * largest)  # or added in another order
    if not same and not math.isnan(output.data):
        rule = "gradcheck needs an f that gives the same each time (seed what is random)"
        raise ValueError(f"{rule}, not {output.data} and then {again}")

    def with_input(i: int, x: float) -> float:
        try:
            return float(f(*map(Value, [*numbers[:i], x, *numbers[i + 1 :]])).data)
        except (ValueError, ArithmeticError):  # f is not defined there
            return math.nan

    along = [functools.partial(with_input, i) for i in range(len(numbers))]
    return GradCheck([*map(compare, along, numbers, gradient)])


def steps(f: Callable[[float], float], x: float, h: float) -> Iterator[Step]:
    """The slopes of f around x, with steps of h, 2h, 4h … as far as f is defined."""
    y = f(x)
    while h <= max(1.0, abs(x)) / 2:
        before, after = x - h, x + h  # rounded, so the distances are not quite h
        y_before, y_after = f(before), f(after)
        left, right = (y - y_before) / (x - before), (y_after - y) / (after - x)
        if not math.isfinite(right - left):
            return
        slope = (left * (after - x) + right * (x - before)) / (after - before)
        rounding = 2 * math.ulp(max(abs(y), abs(y_before), abs(y_after))) / h
        yield Step(h, slope, right - left, max(abs(left), abs(right)), rounding)
        h *= 2


def extrapolate(a: Step, b: Step) -> float:
    """The slope for a step of 0: twice the step has four times the error (Richardson, 1911)."""
    slope: float = a.slope + (a.slope - b.slope) / 3
    return slope


def estimate(a: Step, b: Step, c: Step, scatter: float) -> Estimate:
    """The slope and the kink at x, from three steps in a row, where f is off by the scatter.

    On a smooth curve, twice the step has twice the gap between the slopes to the two sides. At a
    kink, a gap is left when the step shrinks to 0.
    """
    slope, rounding = extrapolate(a, b), max(a.rounding, 2 * scatter / a.h)
    kink, farther = abs(2 * a.gap - b.gap), abs(2 * b.gap - c.gap)
    doubt = abs(kink - farther) + 4 * rounding
    if doubt < kink < 8 * doubt:  # the gap neither closes nor stays
        return Estimate(slope, math.inf, 0.0, rounding)
    tolerance = abs(slope - extrapolate(b, c)) + rounding
    return Estimate(slope, tolerance, kink if kink > doubt else 0.0, rounding)


def settled(walked: Sequence[Step], scatter: float = 0.0) -> Estimate:
    """The best estimate before larger steps see too much of the curve; UNKNOWN if none is good.

    Slopes of a few steps may agree by chance, so they must agree with those of all smaller steps.
    """
    best = UNKNOWN
    found: list[Estimate] = []
    for a, b, c in zip(walked, walked[1:], walked[2:]):
        new, enough = estimate(a, b, c, scatter), PRECISE * a.scale
        found.append(new)
        if new.tolerance <= min(enough, best.tolerance) and all(
            abs(smaller.slope - new.slope) <= 4 * (smaller.rounding + enough) for smaller in found
        ):
            best = new
        too_large = 8 * best.tolerance <= new.tolerance < math.inf
        if too_large or best.tolerance <= ENOUGH * abs(best.slope):
            break
    return best


def measure(walked: Sequence[Step]) -> Estimate:
    """The slope and the kink at x, UNKNOWN if rounding hides them.

    An operation may round larger numbers inside than f shows, such as exp(x) in exp(x) - 1. So the
    first slopes to be tried are those of large steps, if smaller ones do not scatter too much.
    """
    large = [i for i, step in enumerate(walked) if i >= 12 and step.h >= LARGE]
    for i in large[::10]:
        few = walked[i - 12 : i + 1]
        slopes = [*map(extrapolate, few, few[1:])]
        scatter = max(abs(s - slopes[-1]) * step.h for s, step in zip(slopes, few))
        found = settled(walked[i:], scatter)
        if found.tolerance <= PRECISE * abs(found.slope) and not found.kink:
            return found
    # Only the smallest steps see nothing but what is near x.
    still = list(itertools.takewhile(lambda step: step.scale <= step.rounding, walked))
    moving = walked[len(still) :]
    found = settled(moving)
    sharp = not moving or moving[0].rounding <= PRECISE * moving[0].scale
    if still and still[-1].rounding <= FLAT and sharp and (found.kink or math.isnan(found.slope)):
        return UNKNOWN._replace(slope=0.0, tolerance=still[-1].rounding)  # f moves only further out
    smallest = [step.gap for step in moving if step.rounding <= found.kink / 16]
    if found.kink and abs(smallest[0]) <= found.kink / 2:  # the kink is only near
        return UNKNOWN
    return found


def compare(f: Callable[[float], float], x: float, analytic: float) -> Row:
    """Measure the slope of f at x, and compare the gradient with it."""
    h = math.ulp(x) if x else SMALLEST
    defined = [math.isfinite(f(x + side) - f(x)) for side in (-h, h)]
    if any(defined) and not all(defined):
        return Row(x, analytic, math.nan, KINK)
    slope, tolerance, kink, _ = measure(list(steps(f, x, h)))
    error, verdict = abs(analytic - slope), ROUGH
    if kink:
        verdict = KINK
    elif error <= tolerance + SLACK * abs(slope):
        known = tolerance <= PRECISE * abs(slope) or analytic == 0 >= abs(slope) - tolerance
        verdict = "right" if known else ROUGH
    # A gradient such as s - 1 is a multiple of EPSILON / 2, and a small error is its rounding.
    elif not (math.isnan(slope) or (error <= EPSILON and analytic % (EPSILON / 2) == 0)):
        verdict = "wrong"
    return Row(x, analytic, slope, verdict)


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
    if not isinstance(direction, Mapping):
        raise TypeError(f"tangents needs a direction {{leaf: speed}}, not {direction!r:.60}")
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
