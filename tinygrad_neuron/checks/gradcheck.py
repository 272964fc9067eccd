"""Is this gradient right? Two checks of `backward()`.

`gradcheck` uses no partials, so it finds wrong ones. It compares the gradient with the slope
(f(x + h) - f(x - h)) / 2h. Small steps h are blurred by rounding, and large ones see too much of
the curve. So it takes steps of h, 2h, 4h …, looks for a range of steps whose slopes agree, and
takes the best slope there. If the slopes to the left and to the right stay different, x is at a
kink.

`tangents` uses the same partials, from the leaves to the output. It needs no step, and checks the
way that `backward` takes.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from threading import get_ident

from tinygrad_neuron.engine import Value, as_float, number_of, paused_threads, topological_order
from tinygrad_neuron.errors import check_graph, never_raises
from tinygrad_neuron.nn import as_values

EPSILON = 2.0**-52
FROM_0 = 2.0**-64  # the first step from x = 0; from another x, it is the distance to the next float
LARGE = 2.0**-30  # such steps rise above the roundings, of about 1e-16, of numbers near 1 inside f
PRECISE = 2.0**-8  # a slope known to 0.4 % tells a right gradient from one that is 1 % off
ENOUGH = 1e-10  # a slope known as well as this needs no larger steps
SLACK = 1e-6  # this much of the slope is forgiven, because the gradient is rounded too
SMALL = 1e-12  # a change of f as small as this may be the rounding of numbers inside f
FLAT = 1e-9  # where f does not change, a smaller slope cannot be told from 0

KINK, ROUGH = "not differentiable here", "too rough to tell"

# gap: the slope to the right minus the slope to the left. scale: the larger of their sizes.
# rounding: how much of the slope may come from rounding.
Difference = namedtuple("Difference", "h slope gap scale rounding")
# tolerance: how far off the slope may be. kink: how much the slope jumps at x, or 0.
Estimate = namedtuple("Estimate", "slope tolerance kink rounding")
UNKNOWN = Estimate(math.nan, math.inf, 0.0, 0.0)


class Row(namedtuple("Row", "x analytic numeric verdict")):
    """One input of a gradcheck: its number x, its gradient by `backward()` (analytic) and by
    differences (numeric), and "right", "wrong", "not differentiable here" or "too rough to tell".
    """

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

    f takes as many Values as `at` has numbers and returns one Value (else a TypeError). It is
    called 100 to 200 times for each number, and more often for a number closer to 0 than 1e-8. It
    must give the same result for the same numbers, and `at` must hold a number (else a ValueError).

    "right"                    off by at most a millionth, or by what the differences may be off
    "wrong"                    off by more
    "not differentiable here"  at a kink, such as relu's at 0, and at the edge of where f is defined
                               or finite; it does not count against f
    "too rough to tell"        rounding hides the slope, or f is nan; it counts against f

    A detail of f that is narrower than a billionth counts as rounding, and so does a slope that is
    smaller than a billionth and than what f rounds: 0 is right for it. The slope is measured on f
    as it is computed. If f loses its digits, as (1 - cos(x)) / x**2 does near 0, the slope does so
    too. What f uses besides its inputs keeps its `grad`.

    >>> bool(gradcheck(lambda a, b: a * b.sin(), [2.0, 0.5]))
    True
    >>> print(gradcheck(lambda x: Value(x.data**2, (x,), (x.data,), "square"), 3.0))
           input         analytic          numeric     error
               3                3                6   3.0e+00  wrong
    """
    numbers = [as_float(v.data, f"the data of {v}") for v in as_values(at)]
    if not numbers:
        raise ValueError("gradcheck needs at least one number, not an empty list")
    inputs = [Value(x) for x in numbers]
    output = one_value(f(*inputs))
    if get_ident() in paused_threads:
        raise RuntimeError("gradcheck needs the graph, which no_grad() leaves out: call it outside")
    nodes = [*topological_order(output), *inputs]
    check_graph(nodes)
    before = [(node, node.grad) for node in nodes]
    try:
        for node in nodes:
            node.grad = 0.0  # because f may have called backward() already
        output.backward()
        gradient, size = [v.grad for v in inputs], size_of_what_is_rounded(nodes)
    finally:
        for node, grad in before:
            node.grad = grad
    again, largest = one_value(f(*map(Value, numbers))).data, max(abs(v.data) for v in nodes)
    same = math.isclose(again, output.data, abs_tol=1e-9 * largest)  # f may add in another order
    if not same and not math.isnan(output.data):
        rule = "gradcheck needs an f that gives the same each time (seed what is random)"
        raise ValueError(f"{rule}, not {output.data} and then {again}")

    def with_input(i: int, x: float) -> float:
        try:
            result = f(*map(Value, [*numbers[:i], x, *numbers[i + 1 :]]))
        except (ValueError, ArithmeticError, TypeError):  # f is not defined there, or is complex
            return math.nan
        return number_of(one_value(result))

    along = [functools.partial(with_input, i) for i in range(len(numbers))]
    return GradCheck([compare(*each, size) for each in zip(along, numbers, gradient)])


def one_value(result: object) -> Value:
    if not isinstance(result, Value):
        raise TypeError(f"gradcheck needs a function that returns one Value, not {result!r:.60}")
    return result


def size_of_what_is_rounded(nodes: Sequence[Value]) -> float:
    """The sum of |data · grad|: results are rounded, and grad is how much f changes with them."""
    parts = [(node, node.data) for node in nodes if node.operands]
    sums = [node for node in nodes if len(node.operands) > 2]  # dot rounds after each of its terms
    parts += [(node, v.data * p) for node in sums for v, p in zip(node.operands, node.partials)]
    return sum(abs(part * node.grad) for node, part in parts if part)


def differences(
    f: Callable[[float], float], x: float, h: float, size: float
) -> Iterator[Difference]:
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
        yield Difference(
            (after - before) / 2, slope, right - left, max(abs(left), abs(right)), rounding
        )
        h *= 2


def extrapolate(a: Difference, b: Difference) -> float:
    """The slope for a step of 0: its error grows with h², four times for 2h (Richardson, 1911)."""
    slope: float = a.slope + (a.slope - b.slope) / ((b.h / a.h) ** 2 - 1)
    return slope


def jump(a: Difference, b: Difference) -> float:
    """The gap for a step of 0: it is 0 on a smooth curve, where the gap grows with h."""
    gap: float = a.gap + (a.gap - b.gap) / (b.h / a.h - 1)
    return abs(gap)


def estimate(a: Difference, b: Difference, c: Difference, scatter: float) -> Estimate:
    """The slope and the kink at x, from three steps in a row, if f may be off by the scatter.

    On a smooth curve the gap grows with h, so twice the gap of h is the gap of 2h. At a kink, their
    difference is the kink.
    """
    slope, rounding = extrapolate(a, b), max(a.rounding, 2 * scatter / a.h)
    kink, farther = jump(a, b), jump(b, c)
    doubt = abs(kink - farther) + 4 * rounding
    if doubt < kink < 8 * doubt:  # no clear kink, and no clear slope
        return Estimate(slope, math.inf, 0.0, rounding)
    tolerance = abs(slope - extrapolate(b, c)) + rounding
    return Estimate(slope, tolerance, kink if kink > doubt else 0.0, rounding)


def best_estimate(walked: Sequence[Difference], scatter: float = 0.0) -> Estimate:
    """Of larger and larger steps; UNKNOWN if none is good.

    A few slopes may agree by chance. So a slope must agree with the slopes of all smaller steps.
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
        if best.tolerance <= ENOUGH * abs(best.slope):
            break
    return best


def slope_and_kink(walked: Sequence[Difference]) -> Estimate:
    """The slope and the kink at x, UNKNOWN if rounding hides them.

    f may compute with large numbers and return a small one, as exp(x) - 1 does near 0. Then small
    steps see only the rounding inside f. So large steps come first. The scatter, in units of f, is
    how far smaller steps are off: by rounding, if f is smooth.
    """
    large = [i for i, step in enumerate(walked) if i >= 12 and step.h >= LARGE]
    for i in large[::10]:  # each start is 1,000 times as large as the last
        smaller = walked[i - 12 : i + 1]
        slopes = [*map(extrapolate, smaller, smaller[1:])]
        scatter = max(abs(s - slopes[-1]) * step.h for s, step in zip(slopes, smaller))
        found = best_estimate(walked[i:], scatter)
        if found.tolerance <= PRECISE * abs(found.slope) and not found.kink:
            return found
    # No large step helped, so take the small ones, which see only what is near x.
    flat = list(itertools.takewhile(lambda step: step.scale <= step.rounding, walked))
    changing = walked[len(flat) :]
    found = best_estimate(changing)
    clear = not changing or changing[0].rounding <= PRECISE * changing[0].scale
    if flat and flat[-1].rounding <= FLAT and clear and (found.kink or math.isnan(found.slope)):
        if changing and changing[0].scale * changing[0].h < SMALL:
            return UNKNOWN
        return UNKNOWN._replace(slope=0.0, tolerance=FLAT)  # f changes farther away
    gaps = [step.gap for step in changing if step.rounding <= found.kink / 16]
    if found.kink and abs(gaps[0]) <= found.kink / 2:  # the kink is near x, and not at x
        return UNKNOWN
    return found


def compare(f: Callable[[float], float], x: float, analytic: float, size: float) -> Row:
    """Look for an edge of f, measure the slope of f at x, and compare the gradient with it."""
    h = math.ulp(x) if x else FROM_0
    defined = [math.isfinite(f(x + side) - f(x)) for side in (-h, h)]
    if any(defined) and not all(defined):
        return Row(x, analytic, math.nan, KINK)
    slope, tolerance, kink, _ = slope_and_kink(list(differences(f, x, h * 4 / 3, size)))
    error, verdict = abs(analytic - slope), ROUGH
    if kink:
        verdict = KINK
    elif error <= tolerance + SLACK * abs(slope):
        zero = analytic == 0 and abs(slope) <= tolerance
        verdict = "right" if zero or tolerance <= PRECISE * abs(slope) else ROUGH
    # A gradient such as s - 1, for s near 1, is a multiple of EPSILON / 2 and may be off by it.
    elif not (math.isnan(slope) or (error <= EPSILON and analytic % (EPSILON / 2) == 0)):
        verdict = "wrong"
    return Row(x, analytic, slope, verdict)


def tangents(output: Value, direction: Mapping[Value, float]) -> dict[Value, float]:
    """Forward mode: how every node moves when the leaves move along `direction`.

    It uses the same stored partials, from the leaves to the output. direction: {leaf: speed}; the
    speed of other leaves is 0. A key that is no leaf of the output's graph is a ValueError. The
    output's tangent is the sum of gradient times speed over the leaves. For a whole gradient,
    forward mode needs one pass for each leaf, and `backward()` needs one pass. (Wengert, 1964, "A
    simple automatic derivative evaluation program".)

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
            raise ValueError(f"a direction has leaves of the output's graph, unlike {leaf!r}")
    tangent: dict[Value, float] = {}
    for node in order:
        tangent[node] = as_float(direction.get(node, 0.0), "a direction's speed")
        for operand, partial in zip(node.operands, node.partials):
            tangent[node] += partial * tangent[operand]
    return tangent
