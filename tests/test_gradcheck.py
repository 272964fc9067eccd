"""`gradcheck` and `tangents`: they find right gradients right, and wrong ones wrong."""

import itertools
import math
import random
from collections import Counter

import mpmath
import numpy as np
import pytest
from graphs import Program, sizes_of_gradients
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_neuron import (
    Value,
    bce_loss,
    bce_with_logits_loss,
    dot,
    gradcheck,
    hinge_loss,
    mean,
    mse_loss,
    no_grad,
    tangents,
    topological_order,
)
from tinygrad_neuron.checks.gradcheck import GradCheck


def test_the_tangents_of_a_product_are_those_of_the_book():
    a, b = Value(2.0), Value(5.0)
    c = a * b
    y = c + a
    assert tangents(y, {a: 1.0}) == {a: 1.0, b: 0.0, c: 5.0, y: 6.0}
    assert tangents(y, {a: 10.0, b: 1.0})[y] == 62.0
    assert (a.grad, y.grad) == (0.0, 0.0)


@pytest.mark.parametrize("stray", [Value(1.0), "y"])
def test_a_direction_along_something_else_is_an_error(stray):
    a = Value(2.0)
    y = a * a
    with pytest.raises(
        ValueError, match="a direction has leaves of the output's graph, unlike Value"
    ):
        tangents(y, {y if stray == "y" else stray: 1.0})


def test_a_direction_is_made_of_numbers():
    a = Value(2.0)
    with pytest.raises(TypeError, match="^a direction's speed must be a real number, not '1'"):
        tangents(a * a, {a: "1"})


@pytest.mark.parametrize("direction", [[1.0], "a", None])
def test_a_direction_that_is_no_mapping_is_an_error_that_shows_one(direction):
    a = Value(2.0)
    with pytest.raises(TypeError, match=r"^tangents needs a direction \{leaf: speed\}, not "):
        tangents(a * a, direction)


def test_a_list_of_leaves_is_no_direction():
    a = Value(2.0)
    with pytest.raises(TypeError, match=r"^tangents needs .*, not \[Value\(2.0, grad=0.0\)\]$"):
        tangents(a * a, [a])


@pytest.mark.parametrize("x", [1.0, -3e5, 1e-6])
def test_the_slope_of_a_smooth_curve_is_known_to_ten_digits(x):
    (row,) = gradcheck(lambda x: x**3, x).rows
    assert row.numeric == pytest.approx(3 * x * x, rel=1e-10)
    assert repr(row).startswith(f"Row(x={x}, ")


def test_a_constant_is_right_where_all_is_0():
    assert gradcheck(lambda x: x * 0.0, 0.0).rows[0].verdict == "right"


def slope(value, partial):
    """A function of one operation that claims to have this slope."""
    return lambda x: Value(value(x.data), (x,), (partial,), "own")


@pytest.mark.parametrize("bend", [0.3, 4e-6, -4e-6])
def test_whatever_is_claimed_at_a_kink_it_is_not_differentiable_here(bend):
    f = slope(lambda x: x + bend * max(x, 0.0), 1.0)  # the slope to the left
    assert gradcheck(f, 0.0).rows[0].verdict == "not differentiable here"


def test_what_is_claimed_at_a_sharp_kink_may_be_far_off():
    f = slope(lambda x: x + 0.3 * max(x, 0.0), 5.0)
    assert gradcheck(f, 0.0).rows[0].verdict == "not differentiable here"


def test_a_slope_between_those_to_both_sides_of_a_curve_can_be_wrong():
    assert gradcheck(slope(lambda x: x * x, 6 + 1e-5), 3.0).rows[0].verdict == "wrong"


def test_a_wrong_rule_is_found():
    def wrong_square(x):
        return Value(x.data**2, (x,), (x.data,), "square")

    check = gradcheck(lambda a, b: wrong_square(a) * b, [3.0, 2.0])
    assert not check
    assert [row.verdict for row in check.rows] == ["wrong", "right"]
    assert [row.analytic for row in check.rows] == [6.0, 9.0]
    assert check.rows[0].numeric == pytest.approx(12.0, rel=1e-9)


@pytest.mark.parametrize(
    ("function", "x"),
    [(math.log, 1e-4), (math.log, 5e-6), (math.sqrt, 1e-5), (math.exp, -15.0), (math.atan, 3.0)],
)
def test_a_slope_of_zero_is_found_wrong_near_an_edge_and_where_the_curve_is_flat(function, x):
    assert not gradcheck(lambda v: Value(function(v.data), (v,), (0.0,), "f"), x)


@pytest.mark.parametrize("slope", [1.0, 0.0])
@pytest.mark.parametrize("far", [1e14, 1e16, 1e20])
def test_among_numbers_so_large_that_a_wrong_slope_might_pass_nothing_is_vouched_for(slope, far):
    check = gradcheck(lambda v: Value(v.data, (v,), (slope,), "same") + far, 1.0)
    assert not check
    assert check.rows[0].verdict == "too rough to tell"


@pytest.mark.parametrize(("slope", "verdict"), [(1.0, "right"), (0.99, "wrong"), (0.0, "wrong")])
@pytest.mark.parametrize("far", [1e8, 1e10, 1e11])
def test_among_large_numbers_a_large_step_still_tells_right_from_wrong(far, slope, verdict):
    check = gradcheck(lambda v: Value(v.data, (v,), (slope,), "same") + far, 1.0)
    assert check.rows[0].verdict == verdict


def test_of_a_large_number_the_step_is_large():
    """A step of 6e-6 would hide an error of 0.02 in 2,000, because a million is rounded."""
    assert gradcheck(slope(lambda x: x * x, 2000.02), 1000.0).rows[0].verdict == "wrong"


@pytest.mark.parametrize("error", [1e-3, -1e-3, 1e-5])
def test_a_rule_that_is_a_little_wrong_is_found(error):
    def almost(x):
        return Value(math.sin(x.data), (x,), (math.cos(x.data) + error,), "almost")

    assert not gradcheck(almost, 0.7)


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (lambda v: v.relu() * 3 + v, 0.0),
        (abs, 0.0),
        (lambda v: 1e-5 * v.relu(), 0.0),
        (lambda v: 1e6 * v + 5 * v.relu(), 0.0),
        (lambda v: (v - 5).relu() + v, 5.0),
        (lambda v: v.relu() + 1e5, 0.0),  # with a smaller step too rough to tell
        (lambda v: 1e-4 * v.relu() + v + 100, 0.0),  # and less than the rounding
        (lambda v: v - 1e-4 * v.relu() + 100, 0.0),
        (lambda v: v * v + 3e-8 * v.relu() + 1, 0.0),  # and less than the curve beside it
        (Value.sqrt, 0.0),
        (lambda v: (v * v).sqrt(), 0.0),
        (lambda v: (1 - v * v).sqrt(), 1.0),
        (lambda v: abs(v).exp(), 0.0),
        (lambda v: v**1.5, 0.0),
        (lambda v: v * 1e308, 1.7976931348623157),  # the next number overflows
    ],
)
def test_a_kink_or_an_edge_is_not_differentiable_here_and_no_failure(f, x):
    check = gradcheck(f, x)
    assert check
    assert check.rows[0].verdict == "not differentiable here"
    assert "not differentiable here" in str(check)


@pytest.mark.parametrize(
    ("f", "at"),
    [
        (lambda v: 1e6 * v**2, 1.0),  # steep and curved is not a kink
        (lambda v: v**-3, 0.01),
        (Value.exp, 30.0),
        (lambda v: (1e4 * v).sin(), 0.3),
        (Value.relu, 1e-4),
        (Value.relu, 2e-6),  # nearer to the kink than the step
        (Value.log, 5e-6),
        (lambda v: (v - 4.9999).log(), 5.0),
        (lambda v: (v * 1e5).sin(), 1.5),
        (lambda v: (v - 3).relu(), 3 + 1e-6),
        (lambda v: 1 / v, 1e-4),
        (lambda v: v + 1e6, 1.0),
        (lambda v: (v + 1e6) - 1e6, 1.0),
        (Value.sigmoid, -20.0),
        (lambda v: v, 1e9),
        (lambda v: v**2, -1e7),
        (lambda v: -1e6 * v**2, 1.0),
        (lambda v: v * 1e308, 1.7),
        (lambda v: v / v, 3.0),  # f moves by roundings alone
        (Value.cos, 0.0),
        (lambda v: v**3 + 1, 0.0),
        (lambda v: (v + 1e12) - 1e12, 1.1),
        (Value.log, 1e-300),
        (lambda v: dot([v, 1e8, -1e8], [1, 1, 1]), 1.1),
        (lambda v: mean([v.tanh(), 705360200.612801, -705360200.612801]), 1.9626297865958198),
        (lambda v: (v - 3).relu() + 1e6, 3 + 1e-6),
    ],
)
def test_what_is_smooth_is_right(f, at):
    check = gradcheck(f, at)
    assert [row.verdict for row in check.rows] == ["right"]


@pytest.mark.parametrize(
    ("function", "x", "claimed"),
    [
        (lambda x: math.log(x - 4.9999), 5.0, 5_000.0),  # the slope is 10,000
        (lambda x: math.sin(1e5 * x), 1.5, 0.5e5 * math.cos(1.5e5)),  # twice that
        (lambda x: max(x - 3, 0.0), 3 + 1e-6, 0.5),  # 1, and the kink is beside it
        (lambda x: max(x - 3, 0.0), 3 - 1e-6, 0.5),  # 0
        (lambda x: 1 / (x - 0.001 + 1e-6), 0.001, -1.001e12),  # -1e12, and no kink but an end
    ],
)
def test_a_steep_curve_and_a_kink_that_is_only_near_are_no_excuse(function, x, claimed):
    assert gradcheck(slope(function, claimed), x).rows[0].verdict == "wrong"


@pytest.mark.parametrize(("claimed", "verdict"), [(0.0, "right"), (1e-13, "wrong")])
def test_a_slope_of_0_is_known_as_well_as_any(claimed, verdict):
    check = gradcheck(slope(lambda x: x**3, claimed), 0.0)
    assert check.rows[0].verdict == verdict


@pytest.mark.parametrize(
    ("size", "claimed", "verdict"),
    [
        (1e4, 0.0, "right"),
        (1e4, 0.005, "wrong"),
        (1e6, 0.0, "right"),
        (1e7, 0.0, "too rough to tell"),  # a slope of 1e-9 would be lost in its rounding
        (1e7, 0.005, "too rough to tell"),
    ],
)
def test_that_a_function_is_constant_is_told_to_a_billionth(size, claimed, verdict):
    check = gradcheck(slope(lambda x: size, claimed), 0.5)
    assert check.rows[0].verdict == verdict


@pytest.mark.parametrize("bend", [5e-9, 5.7e-9, 1e-11])
def test_a_weak_kink_is_one(bend):
    check = gradcheck(slope(lambda x: 1 + bend * max(x, 0.0), -bend), 0.0)
    assert check.rows[0].verdict == "not differentiable here"


# What an earlier version got wrong, each with its relatives.


@pytest.mark.parametrize("x", [1e5, 1e7, -1e7, 12345678.9, 1e8, 1e12])
def test_a_sine_far_out_is_smooth(x):
    assert gradcheck(Value.sin, x).rows[0].verdict == "right"
    assert gradcheck(slope(math.sin, 99.0), x).rows[0].verdict == "wrong"


@pytest.mark.parametrize("k", [1e4, 1e6, 1e7, 1e9, 1e12])
@pytest.mark.parametrize("f", [Value.tanh, Value.sigmoid, Value.sin])
def test_a_steep_function_at_0_is_no_kink(f, k):
    assert gradcheck(lambda w: f(w * k), 0.0).rows[0].verdict == "right"
    for factor in (-1, 0, 0.5, 0.99, 1.01, 1.5):
        assert gradcheck(claiming(factor, lambda w: f(w * k)), 0.0).rows[0].verdict == "wrong"


BUMPS = {
    "tanh": Value.tanh,
    "sigmoid": Value.sigmoid,
    "sin": Value.sin,
    "x * exp(-x**2 / 2)": lambda x: x * (-(x**2) / 2).exp(),
    "x * exp(-x**2 / 2) + x": lambda x: x * (-(x**2) / 2).exp() + x,
    "1 / (1 + x**2)": lambda x: x / (1 + x**2),
}


@pytest.mark.parametrize("s", [5e6, -5e6, 1e3, 3e7])
@pytest.mark.parametrize("f", BUMPS.values(), ids=BUMPS)
def test_a_narrow_bump_far_from_0_is_seen(f, s):
    assert gradcheck(lambda a: f(a - s), s).rows[0].verdict == "right"
    for factor in (-1, 0, 0.5, 0.99, 1.01, 2):
        assert gradcheck(claiming(factor, lambda a: f(a - s)), s).rows[0].verdict == "wrong"


@pytest.mark.parametrize(
    "f",
    [
        lambda v: v * math.nan,
        lambda v: v * math.inf,
        lambda v: v * math.inf - v * math.inf,
        lambda v: v * 0 + math.nan,
        lambda v: Value(math.nan),
        lambda v: v if v.data == 1.0 else v * math.nan,
    ],
)
def test_where_f_is_not_a_number_nothing_is_vouched_for(f):
    check = gradcheck(f, 1.0)
    assert not check
    assert check.rows[0].verdict == "too rough to tell"
    assert "too rough to tell" in str(check)


@pytest.mark.parametrize("x", [math.inf, -math.inf, math.nan])
def test_at_no_number_nothing_is_vouched_for(x):
    assert not gradcheck(lambda v: v * v, x)


def test_a_function_that_calls_backward_itself_is_checked_all_the_same():
    w = Value(3.0)

    def then(y, *more):
        for node in (y, *more):
            node.backward()
        return y

    assert gradcheck(lambda v: then(v * v), 2.0)
    assert gradcheck(lambda v: then(v * w), 2.0)
    assert gradcheck(lambda v: then(v.sin() * 3, v, v), 2.0)
    assert gradcheck(lambda v: then(v), 2.0)
    assert gradcheck(lambda u, v: then(u, u * v), [2.0, 3.0])
    assert not gradcheck(claiming(2, lambda v: then(v * v)), 2.0)


@pytest.mark.parametrize("x", [1.75e-8, 1e-8, 1e-10, 3e-7, 1e-5])
def test_near_the_edge_of_its_domain_a_power_is_checked(x):
    assert gradcheck(lambda v: v**v, x).rows[0].verdict == "right"
    assert gradcheck(claiming(-1, lambda v: v**v), x).rows[0].verdict == "wrong"


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (Value.tanh, 18.0),  # 1 - 4e-16, and its slope is of the size of its rounding
        (lambda v: (v - 5e6).tanh(), 5e6 + 18),
        (lambda v: bce_with_logits_loss(v, 1.0), 40.0),  # its gradient has rounded to 0
        (lambda v: bce_with_logits_loss(v, 1.0), 34.0),
        (lambda v: abs(v).sqrt(), 0.0),
        (slope(lambda x: float(x >= 1), 0.0), 1.0),
    ],
)
def test_what_rounding_hides_is_too_rough_to_tell(f, x):
    assert gradcheck(f, x).rows[0].verdict == "too rough to tell"


def claiming(factor, f):
    """f, whose gradient is wrong by this factor."""

    def times(*inputs):
        y = f(*inputs)
        return Value(y.data, (y,), (factor,), "claim")

    return times


# Every operation with its slope, as mpmath has it with 50 digits; None where there is none.
mp = mpmath.MPContext()  # our own, because other tests use other precisions
mp.dps = 50


def bent(at, left, right):
    return lambda x: None if x == at else mp.mpf(left if x < at else right)


GRID = {
    "+": (lambda a: a + 0.75, lambda x: 1),
    "-": (lambda a: 3 - a, lambda x: -1),
    "*": (lambda a: a * a, lambda x: 2 * x),
    "/": (lambda a: 1 / a, lambda x: -1 / x**2),
    "/ 3": (lambda a: a / 3, lambda x: mp.mpf(1) / 3),
    "neg": (lambda a: -a, lambda x: -1),
    "abs": (abs, bent(0, -1, 1)),
    "relu": (Value.relu, bent(0, 0, 1)),
    "exp": (Value.exp, mp.exp),
    "log": (Value.log, lambda x: 1 / x),
    "sqrt": (Value.sqrt, lambda x: 0.5 / mp.sqrt(x) if x else None),
    "sin": (Value.sin, mp.cos),
    "cos": (Value.cos, lambda x: -mp.sin(x)),
    "tanh": (Value.tanh, lambda x: mp.sech(x) ** 2),
    "sigmoid": (Value.sigmoid, lambda x: 1 / (2 + mp.exp(x) + mp.exp(-x))),
    "**-2": (lambda a: a**-2, lambda x: -2 / x**3),
    "**-1": (lambda a: a**-1, lambda x: -1 / x**2),
    "**0": (lambda a: a**0, lambda x: 0),
    "**0.5": (lambda a: a**0.5, lambda x: 0.5 / mp.sqrt(x) if x else None),
    "**1": (lambda a: a**1, lambda x: 1),
    "**2": (lambda a: a**2, lambda x: 2 * x),
    "**3": (lambda a: a**3, lambda x: 3 * x**2),
    "x**x": (lambda a: a**a, lambda x: x**x * (mp.log(x) + 1) if x else None),
    "2**x": (lambda a: 2**a, lambda x: 2**x * mp.log(2)),
    "dot": (lambda a: dot([a, 3.0, a], [2.0, 0.5, a]), lambda x: 2 + 2 * x),
    "mean": (lambda a: mean([a, 1.0, 2.0]), lambda x: mp.mpf(1) / 3),
    "bce": (
        lambda a: bce_loss(a, 0.75),
        lambda x: None if x in (0, 1) else (x - mp.mpf(0.75)) / (x * (1 - x)),
    ),
    "bce_with_logits": (
        lambda a: bce_with_logits_loss(a, 0.75),
        lambda x: 1 / (1 + mp.exp(-x)) - mp.mpf(0.75),
    ),
    "bce_with_logits at 1": (
        lambda a: bce_with_logits_loss(a, 1.0),
        lambda x: -1 / (1 + mp.exp(x)),
    ),
    "mse": (lambda a: mse_loss(a, 0.75), lambda x: 2 * (x - mp.mpf(0.75))),
    "hinge": (lambda a: hinge_loss(a, 1.0), bent(1, -1, 0)),
}
POINTS = [0.0] + [sign * 10.0**n for n in range(-8, 9) for sign in (1, -1)]
FACTORS = [-2, -1, 0, 0.5, 0.99, 1, 1.01, 1.5, 2, 10, 50]
INSIDE = [(1.0, 0.0)] + [(1.0, s) for s in (1.0, 1e3, 5e6, -5e6)] + [(k, 0.0) for k in (1e2, 1e7)]


def check_on_the_grid(name, every=1):
    """How often each verdict is given on f(k · (a - s)), and a list of those that are not true."""
    operation, slope_of = GRID[name]
    cases = [(k, s, p + s) for k, s in INSIDE for p in POINTS]
    verdicts, mistakes = Counter(), []
    grid = [(*case, factor) for case in cases for factor in FACTORS]
    for k, s, x, factor in grid[len(name) % every :: every]:

        def f(a, k=k, s=s):
            return operation(a - s if s else a * k if k != 1 else a)

        inside = (x - s) if s else x * k
        try:
            if not math.isfinite(f(Value(x)).data):
                continue
        except (ValueError, ArithmeticError):
            continue  # x is outside of where the operation is defined
        true = slope_of(mp.mpf(inside))
        (row,) = gradcheck(claiming(factor, f), x).rows
        verdicts[row.verdict] += 1
        if true is None:
            true_verdicts = {"not differentiable here", "too rough to tell"}  # 1e7 * 1e-7 rounds
        else:
            off = abs(row.analytic - k * true)
            far = off and off >= mp.mpf(0.00999) * abs(k * true)
            true_verdicts = {"too rough to tell", "wrong" if far else "right"}
            if factor in (0.99, 1.01):
                true_verdicts.add("wrong")
            if abs(true) < 1e-17 and row.analytic == 0:  # 1 - tanh² has rounded to 0
                true_verdicts |= {"right", "wrong"}
        if row.verdict not in true_verdicts:
            mistakes.append((k, s, factor, row))
    return verdicts, mistakes


def test_no_operation_is_judged_wrongly_at_some_points_of_the_grid():
    """For all of it: pytest tests/long_runs.py."""
    verdicts = Counter()
    for name in GRID:
        counted, mistakes = check_on_the_grid(name, every=43)
        assert not mistakes, name
        verdicts += counted
    assert verdicts["too rough to tell"] <= verdicts.total() * 0.05
    assert set(verdicts) >= {"right", "wrong", "not differentiable here"}


# Operations of your own that compute with large numbers and return a small one.
OWN = {
    "x² - 2": (lambda m, x: x * x - 2, [1.4142, 2**0.5, 1.41420045268542, 0.3]),
    "√x - 1": (lambda m, x: m.sqrt(x) - 1, [0.99, 0.990000013068, 0.990000081675, 1.0]),
    "x³ - 3x + 1": (lambda m, x: x**3 - 3 * x + 1, [1.532088886237956, 1.5320889266851025]),
    "exp(x) - 1": (lambda m, x: m.exp(x) - 1, [0.0, 1e-8, 1e-3, -1e-5, 1e-300]),
    "log(0.75 x)": (lambda m, x: m.log(0.75 * x), [1.3333334, 1.3333333, 1.34]),
    "1 - cos(x)": (lambda m, x: 1 - m.cos(x), [1e-4, 1.000000099e-4, 0.1, -1e-3]),
    "x - sin(x)": (lambda m, x: x - m.sin(x), [1e-4, 1.000000013625577e-4, 0.1]),
    "(x - 1)⁵": (lambda m, x: (((x - 5) * x + 10) * x - 10) * x * x + 5 * x - 1, [1.1, 1.5, 0.0]),
    "softplus": (lambda m, x: m.log(1 + m.exp(x)), [-20.0, -3.0, 0.0, 20.0]),
    "tanh": (lambda m, x: (m.exp(x) - m.exp(-x)) / (m.exp(x) + m.exp(-x)), [0.0, 1e-9, 1e-3]),
    "(x² - 1) / (x - 1)": (lambda m, x: (x * x - 1) / (x - 1), [1.0000061970207272, 1.0001]),
    "cos² - sin²": (lambda m, x: m.cos(x) ** 2 - m.sin(x) ** 2, [0.78539, math.pi / 4]),
    "√(x² + 1) - 1": (lambda m, x: m.sqrt(x * x + 1) - 1, [1e-3, 1e-6, 1.0]),
    "ELU": (lambda m, x: x if x > 0 else m.exp(x) - 1, [0.0, 1e-15, -1e-8, -1e-3, 1.0]),
}


@pytest.mark.parametrize("name", OWN)
def test_an_operation_that_rounds_larger_numbers_inside_is_judged_by_larger_steps(name):
    f, points = OWN[name]
    for x in points:
        true = float(mp.diff(lambda x: f(mp, x), mp.mpf(x), h=mp.mpf(10) ** -25))
        for factor in FACTORS:
            (row,) = gradcheck(slope(lambda x: f(math, x), factor * true), x).rows
            assert row.verdict == ("right" if factor == 1 else "wrong"), row


@pytest.mark.parametrize("x", [3300000021780000.0, 3300000054450000.0, 1e17])
def test_a_sine_that_turns_from_one_float_to_the_next_is_too_rough(x):
    assert gradcheck(Value.sin, x).rows[0].verdict == "too rough to tell"


@pytest.mark.parametrize(
    ("factor", "verdict"),
    [
        (-2, "too rough to tell"),
        (0, "right"),  # because f seems constant, to a billionth
        (1, "too rough to tell"),
        (2, "too rough to tell"),
    ],
)
def test_a_slope_that_is_as_small_as_its_rounding_is_too_rough(factor, verdict):
    f = slope(lambda x: x * 1e-10 + 1e5, factor * 1e-10)
    assert gradcheck(f, 1e-3).rows[0].verdict == verdict


def test_a_hidden_slope_is_found_with_large_steps():
    """With small ones, x + 1e6 is rounded, and f stays the same."""
    assert gradcheck(slope(lambda x: (x + 1e6) - 1e6, 0.0), 1.1).rows[0].verdict == "wrong"
    f = slope(float, 0.0)
    assert gradcheck(lambda v: f((v + 1e12) - 1e12), 0.0).rows[0].verdict == "wrong"


def test_a_gradient_that_is_no_number_is_wrong():
    assert gradcheck(slope(math.exp, math.nan), 1.0).rows[0].verdict == "wrong"
    assert gradcheck(slope(math.exp, math.inf), 1.0).rows[0].verdict == "wrong"


def test_a_float32_among_the_numbers_is_taken_as_it_is():
    w = Value(0.0)
    w.data = np.float32(0.1)
    assert gradcheck(Value.exp, [w]).rows[0].x == float(np.float32(0.1))
    assert gradcheck(Value.exp, [w])


def test_what_the_function_uses_besides_its_inputs_keeps_its_gradient():
    w = Value(2.0)
    inner = w * 3
    inner.backward()
    assert gradcheck(lambda x: inner * x, 2.0)
    assert (w.grad, inner.grad) == (3.0, 1.0)


def test_under_no_grad_there_is_nothing_to_check():
    message = r"^gradcheck needs the graph, which no_grad\(\) leaves out: call it outside$"
    with no_grad(), pytest.raises(RuntimeError, match=message):
        gradcheck(lambda x: x * x, 3.0)


def test_a_function_that_returns_no_value_is_an_error():
    with pytest.raises(TypeError, match="returns one Value, not 2.0"):
        gradcheck(lambda x: x.data, 2.0)
    with pytest.raises(TypeError, match="returns one Value, not 0.0"):
        gradcheck(lambda x: x * x if x > 0 else 0.0, 0.3)


@pytest.mark.parametrize("x", [0.3, 0.5])
def test_where_an_operation_of_ones_own_would_be_complex_it_is_not_defined(x):
    def cube_root(v):
        return Value(v.data ** (1 / 3), (v,), (v.data ** (-2 / 3) / 3,), "cube root")

    assert gradcheck(cube_root, x).rows[0].verdict == "right"


def test_what_is_no_number_is_named_and_grads_are_kept():
    w, v = Value(2.0, label="w"), Value(3.0, label="v")
    w.data = "3"
    with pytest.raises(TypeError, match="the data of .*label='w'"):
        gradcheck(Value.exp, [w])

    def spoiled(x):
        y = v * x
        y.partials = (1.0, "a")
        return y

    v.grad = 5.0
    with pytest.raises(TypeError):
        gradcheck(spoiled, 2.0)
    assert v.grad == 5.0


def test_a_function_that_gives_another_number_each_time_cannot_be_checked():
    numbers = iter([1.5, 2.5])
    message = r"needs an f that gives the same each time \(seed .*\), not 3.0 and then 5.0$"
    with pytest.raises(ValueError, match=message):
        gradcheck(lambda x: x * next(numbers), 2.0)


def test_sums_in_another_order_are_the_same_number():
    signs = itertools.cycle([1, -1])

    def turned(x):
        return sum([x * 0.1, x * 0.2, x * 0.3][:: next(signs)])

    assert turned(Value(1.0)).data != turned(Value(1.0)).data
    assert gradcheck(turned, 1.0)
    assert gradcheck(lambda x: turned(x) * 1e8 - 6e7, 1.0)  # 0, and then 7e-9


def test_a_gradient_by_no_number_cannot_be_checked():
    with pytest.raises(
        ValueError, match="^gradcheck needs at least one number, not an empty list$"
    ):
        gradcheck(lambda: Value(2.0), [])


def test_the_result_prints_as_a_table():
    check = gradcheck(lambda a, b: a * b, [2.0, -5.0])
    assert isinstance(check, GradCheck)
    head, first, second = str(check).splitlines()
    assert head.split() == ["input", "analytic", "numeric", "error"]
    assert first.split()[:2] == ["2", "-5"]
    assert second.split()[:2] == ["-5", "2"]
    assert first.endswith("right")


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.integers(0, 2**32))
def test_the_gradients_of_random_graphs_agree_with_small_differences(seed):
    program = Program(seed, size=8)
    check = gradcheck(lambda *leaves: program.run(leaves), program.leaves)
    assert {row.verdict for row in check.rows} == {"right"}, f"{program.steps}\n{check}"


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.integers(0, 2**32))
def test_the_gradient_times_a_direction_is_the_tangent(seed):
    program = Program(seed, size=40)
    rng = random.Random(seed)
    leaves = [Value(x) for x in program.leaves]
    output = program.run(leaves)
    reached = set(topological_order(output))
    direction = {leaf: rng.uniform(-1, 1) for leaf in leaves if leaf in reached}
    output.backward()
    along = sum(leaf.grad * speed for leaf, speed in direction.items())
    sizes = sizes_of_gradients(output)
    size = sum(sizes[leaf] * abs(speed) for leaf, speed in direction.items())
    assert abs(tangents(output, direction)[output] - along) <= 1e-9 * size
