"""`gradcheck` and `tangents`: they find right gradients right, and wrong ones wrong."""

import math
import random

import pytest
from graphs import Program, sizes_of_gradients
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_neuron import Value, gradcheck, no_grad, tangents, topological_order
from tinygrad_neuron.gradcheck import GradCheck


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
    with pytest.raises(ValueError, match="along leaves of the graph, unlike Value"):
        tangents(y, {y if stray == "y" else stray: 1.0})


def test_a_direction_is_made_of_numbers():
    a = Value(2.0)
    with pytest.raises(TypeError, match="^a direction's speed must be a real number, not '1'"):
        tangents(a * a, {a: "1"})


def test_the_step_is_the_third_root_of_a_rounding():
    """A central difference of x³ at 1 is 3 + h², and h³ is 2**-52."""
    (row,) = gradcheck(lambda x: x**3, 1.0).rows
    assert row.numeric - 3 == pytest.approx(2 ** (-104 / 3), rel=0.2)
    assert repr(row).startswith("Row(x=1.0, ")


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
@pytest.mark.parametrize("far", [1e8, 1e10, 1e12])
def test_among_numbers_so_large_that_a_wrong_slope_might_pass_nothing_is_vouched_for(slope, far):
    check = gradcheck(lambda v: Value(v.data, (v,), (slope,), "same") + far, 1.0)
    assert not check
    assert check.rows[0].verdict == "too rough to tell"


def test_of_a_large_number_the_step_is_large():
    """With one of 2**(-52/3) the rounding of a million would hide an error of 0.02 in 2,000."""
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
        (Value.sqrt, 0.0),
        (lambda v: v * 1e308, 1.7),
        (lambda v: v * math.nan, 1.0),
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


@pytest.mark.parametrize(("off", "verdict"), [(1.5, "right"), (1.972, "wrong"), (2.5, "wrong")])
def test_a_slope_may_be_off_by_twice_what_an_eighth_of_the_step_changes(off, verdict):
    """A difference of x³ at 0 is h², with h of 2**(-52/3), and 1/64 of that with an eighth."""
    check = gradcheck(slope(lambda x: x**3, (1 + off) * 2 ** (-104 / 3)), 0.0)
    assert check.rows[0].verdict == verdict  # two times 63/64 is 1.96875


@pytest.mark.parametrize(
    ("size", "verdict"),
    [(1704.0, "right"), (1704.4589009598542, "right"), (1705.0, "too rough to tell")],
)
def test_sixteen_roundings_may_be_a_millionth_of_the_step(size, verdict):
    """16 · 2**-52 · size / h is a millionth at a size of 1704.4589009598542."""
    check = gradcheck(lambda x: x * 0.0 + size, 0.5)
    assert check.rows[0].verdict == verdict


@pytest.mark.parametrize(
    ("claimed", "verdict"), [(0.005, "too rough to tell"), (0.005866964580001646, "wrong")]
)
def test_sixteen_roundings_may_be_a_thousandth_of_the_slope(claimed, verdict):
    """16 · 2**-52 · 10,000 / h is a thousandth of 0.005866964580001646."""
    check = gradcheck(slope(lambda x: 1e4, claimed), 0.5)
    assert check.rows[0].verdict == verdict


def test_a_kink_of_more_than_eight_roundings_is_one():
    """7/8 of it is left in an eighth of the step, and 8 roundings of 1 are 4.69e-9."""
    assert gradcheck(slope(lambda x: 1 + 5.7e-9 * max(x, 0.0), -5.7e-9), 0.0)
    assert not gradcheck(slope(lambda x: 1 + 5e-9 * max(x, 0.0), -5e-9), 0.0)


def test_what_the_function_uses_besides_its_inputs_keeps_its_gradient():
    w = Value(2.0)
    inner = w * 3
    inner.backward()
    assert gradcheck(lambda x: inner * x, 2.0)
    assert (w.grad, inner.grad) == (3.0, 1.0)


def test_under_no_grad_there_is_nothing_to_check():
    message = r"^gradcheck needs what no_grad\(\) leaves out: call it outside$"
    with no_grad(), pytest.raises(RuntimeError, match=message):
        gradcheck(lambda x: x * x, 3.0)


def test_a_function_that_returns_no_value_is_an_error():
    with pytest.raises(TypeError, match="returns one Value, not 2.0"):
        gradcheck(lambda x: x.data, 2.0)


def test_a_function_that_gives_another_number_each_time_cannot_be_checked():
    numbers = iter([1.5, 2.5])
    message = r"needs an f that gives the same each time \(seed .*\), not 3.0 and then 5.0$"
    with pytest.raises(ValueError, match=message):
        gradcheck(lambda x: x * next(numbers), 2.0)


def test_sums_in_another_order_are_the_same_number():
    signs = iter([1, -1] * 100)

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
