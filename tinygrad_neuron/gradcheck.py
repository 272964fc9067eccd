"""Is this gradient right? Two independent checks of `backward()`.

`gradcheck` uses none of the partials: it compares with small differences of the function, which
need a step size. `tangents` uses the same partials in the opposite direction, and needs none.
"""

from __future__ import annotations

import functools
import math
from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from threading import get_ident

from tinygrad_neuron.engine import Value, as_float, paused_threads, topological_order
from tinygrad_neuron.errors import never_raises
from tinygrad_neuron.nn import as_values

EPSILON = 2.0**-52
SMALLEST = 2.0**-64  # the first step from 0; from another x, it is the distance to the next float
PRECISE = 2.0**-8  # a slope known to 0.4 % tells a right gradient from one that is 1 % off
ENOUGH = 1e-10  # a slope known as well as this needs no larger steps
SLACK = 1e-6  # this much of the slope is forgiven, because the gradient is rounded too
FLAT = 1e-9  # where f stays the same, a smaller slope is not told from 0

Step = namedtuple("Step", "slope gap scale rounding")  # gap: right slope - left slope
Estimate = namedtuple("Estimate", "slope tolerance kink")


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
        return all(row.verdict in ("right", "not differentiable here") for row in self.rows)

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
    called about 100 times per number. Another result for the same numbers is a ValueError, as is
    no number. A gradient is wrong if it is off by more than a millionth, and by more than the
    differences may be. A kink such as relu's at 0, or the edge of where f is defined or finite, is
    "not differentiable here" and not held against f. Where rounding hides the slope, or f is nan,
    it is "too rough to tell", which is False. What f uses besides its inputs keeps its `grad`.

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
    nodes = [*topological_order(output), *inputs]
    before = [(node, node.grad) for node in nodes]
    for node in nodes:
        node.grad = 0.0  # because f may have called backward() already
    output.backward()
    gradient, size = [v.grad for v in inputs], size_of_what_is_rounded(nodes)
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
    return GradCheck([compare(*each, size) for each in zip(along, numbers, gradient)])


def size_of_what_is_rounded(nodes: Sequence[Value]) -> float:
    """The sum of |data · grad|: results are rounded, and grad is how much f changes with them."""
    parts = [(node, node.data) for node in nodes if node.operands]
    sums = [node for node in nodes if len(node.operands) > 2]  # dot rounds after each of its terms
    parts += [(node, v.data * p) for node in sums for v, p in zip(node.operands, node.partials)]
    return sum(abs(part * node.grad) for node, part in parts if part)


def steps(f: Callable[[float], float], x: float, h: float, size: float) -> Iterator[Step]:
    """The slopes of f around x, with steps of h, 2h, 4h … as far as f is defined."""
    y = f(x)
    while h <= max(1.0, abs(x)) / 2:
        before, after = x - h, x + h  # rounded, so the distances are not quite h
        y_before, y_after = f(before), f(after)
        left, right = (y - y_before) / (x - before), (y_after - y) / (after - x)
        if not math.isfinite(right - left):
            return
        slope = (left * (after - x) + right * (x - before)) / (after - before)
        rounding = 2 * math.ulp(max(size, abs(y), abs(y_before), abs(y_after))) / h
        yield Step(slope, right - left, max(abs(left), abs(right)), rounding)
        h *= 2


def estimate(a: Step, b: Step, c: Step) -> Estimate:
    """The slope and the kink at x, from three steps in a row (Richardson, 1911).

    On a smooth curve, twice the step has four times the error and twice the gap between the slopes
    to the two sides. At a kink, a gap is left when the step shrinks to 0.
    """
    slope, coarser = a.slope + (a.slope - b.slope) / 3, b.slope + (b.slope - c.slope) / 3
    kink, farther = abs(2 * a.gap - b.gap), abs(2 * b.gap - c.gap)
    doubt = abs(kink - farther) + 4 * a.rounding
    if doubt < kink < 8 * doubt:  # the gap neither closes nor stays
        return Estimate(slope, math.inf, 0.0)
    return Estimate(slope, abs(slope - coarser) + a.rounding, kink if kink > doubt else 0.0)


def compare(f: Callable[[float], float], x: float, analytic: float, size: float) -> Row:
    """Take larger and larger steps until the slopes agree, and compare the gradient with them.

    The smallest steps see nothing but what is near x. The larger ones are blurred less by rounding.
    """
    h = math.ulp(x) if x else SMALLEST
    defined = [math.isfinite(f(x + side) - f(x)) for side in (-h, h)]
    if any(defined) and not all(defined):
        return Row(x, analytic, math.nan, "not differentiable here")
    best, flat = None, math.inf  # flat: the rounding of the steps that do not move f
    walked: list[Step] = []
    for step in steps(f, x, h, size):
        if not walked and step.scale <= step.rounding:
            flat = step.rounding
            continue
        walked.append(step)
        if len(walked) < 3:
            continue
        new, scale = estimate(*walked[-3:]), PRECISE * walked[-3].scale
        last = estimate(*walked[-4:-1]) if len(walked) > 3 else new
        steady = abs(new.slope - last.slope) <= 4 * scale  # two slopes may agree by chance
        if steady and new.tolerance <= scale and (not best or new.tolerance < best.tolerance):
            best = new
        too_large = best and 8 * best.tolerance <= new.tolerance < math.inf
        if too_large or (best and best.tolerance <= ENOUGH * abs(best.slope)):
            break
    slope, tolerance, kink = best or (math.nan, math.inf, 0.0)
    sharp = not walked or walked[0].rounding <= PRECISE * walked[0].scale
    verdict = "too rough to tell"
    if flat <= FLAT and sharp and (not best or kink):
        slope, tolerance, kink = 0.0, flat, 0.0  # f is flat here, and moves only further out
    elif walked and flat < math.inf and abs(slope) > 4 * flat + tolerance:
        tolerance = math.inf  # a smaller step should have moved f: something is rounded unseen
    if kink:
        smallest = next(step.gap for step in walked if step.rounding <= kink / 16)
        if abs(smallest) > kink / 2:  # else the kink is only near
            verdict = "not differentiable here"
    elif tolerance < math.inf:
        error = abs(analytic - slope)
        # A gradient such as s - 1 is a multiple of EPSILON / 2, and a small error is its rounding.
        if not (error <= EPSILON and analytic % (EPSILON / 2) == 0):
            verdict = "wrong"
        if error <= tolerance + SLACK * abs(slope):
            known = tolerance <= PRECISE * abs(slope) or abs(slope) <= tolerance
            verdict = "right" if known else "too rough to tell"
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
