"""Graphs as programs: their text, and what they compute on floats, arrays and Values."""

import builtins
import math
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from graphs import Program as RandomProgram
from graphs import nodes_alive

from tinygrad_neuron import (
    MLP,
    Neuron,
    Rule,
    Value,
    bce_loss,
    bce_with_logits_loss,
    dot,
    draw,
    hinge_loss,
    mean,
    mse_loss,
    no_grad,
    topological_order,
    tree,
    unroll,
)


def neuron_graph():
    neuron = Neuron(2, Value.tanh)
    neuron.load_state_dict({"w1": 0.5, "w2": -1.0, "b": 0.25})
    x1, x2 = Value(3.0, label="x1"), Value(1.0, label="x2")
    return neuron, [*neuron.parameters(), x1, x2], neuron([x1, x2])


# The text.


def test_a_program_has_every_forward_line_and_then_every_backward_line():
    _, inputs, y = neuron_graph()
    assert (
        unroll(y, inputs).source
        == """\
def backprop(w1, w2, b, x1, x2):
    # forward: y
    v1 = w1 * x1 + w2 * x2
    v2 = v1 + b
    y = tanh(v2)
    # backward: the derivatives of y, from the last line to the first
    d_y = 1.0  # ∂y/∂y
    d_v2 = d_y * (1 - y * y)  # d_y · ∂y/∂v2
    d_v1 = d_v2  # d_v2 · ∂v2/∂v1
    d_b = d_v2  # d_v2 · ∂v2/∂b
    d_w1 = d_v1 * x1  # d_v1 · ∂v1/∂w1
    d_w2 = d_v1 * x2  # d_v1 · ∂v1/∂w2
    d_x1 = d_v1 * w1  # d_v1 · ∂v1/∂x1
    d_x2 = d_v1 * w2  # d_v1 · ∂v1/∂x2
    return y, (d_w1, d_w2, d_b, d_x1, d_x2)
"""
    )


def backward_lines(y, *inputs):
    lines = unroll(y, inputs or None, variables={"y": y}).source.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("    # backward"))
    return [line.split("  #")[0].strip() for line in lines[start + 1 : -1]]


def test_a_gradient_is_set_at_the_first_contribution_and_added_to_at_the_later_ones():
    x = Value(3.0, label="x")
    y = x * x + x
    set_first = ["d_y = 1.0", "d_v1 = d_y", "d_x = d_y"]
    assert backward_lines(y) == [*set_first, "d_x += d_v1 * x", "d_x += d_v1 * x"]
    source = unroll(y, variables={"y": y}).source
    assert "# d_v1 · ∂₁v1/∂x\n" in source
    assert "# d_v1 · ∂₂v1/∂x\n" in source


def test_what_the_inputs_do_not_need_is_a_number_or_not_there():
    w, x, b = Value(2.0, label="w"), Value(3.0, label="x"), Value(-1.0, label="b")
    y = w * (x * 2 + b)
    source = unroll(y, [w]).source
    assert "y = w * 5.0\n" in source
    assert "def backprop(w):" in source
    assert backward_lines(y, w) == ["d_y = 1.0", "d_w = d_y * 5.0"]
    assert "w * (-1.0)" in unroll(w * b, [w]).source


def test_by_default_all_leaves_but_constants_are_inputs_in_evaluation_order():
    w, x = Value(2.0, label="w"), Value(3.0, label="x")
    program = unroll((x + 1) * w)
    assert program.inputs == ["x", "w"]
    assert program(3.0, 2.0) == (8.0, (2.0, 4.0))
    assert repr(program) == "Program(inputs=2, lines=10)"


def test_names_are_the_callers_or_those_given():
    h, net = Value(1.0), MLP(1, [2, 1])
    assert unroll(h * 2).inputs == ["h"]
    assert unroll(h * 2, variables={"z": h}).inputs == ["z"]
    program = unroll(net(1.0)[0], variables={}, model=net)
    assert "layers_0_neurons_1_w_0" in program.inputs


def test_the_slope_of_the_first_power_is_1():
    assert "d_x = d_v1  #" in unroll(Value(2.0, label="x") ** 1, variables={}).source


def test_a_name_without_a_letter_is_v():
    assert unroll(Value(1.0, label="?!") * 2, variables={}).inputs == ["v"]
    assert unroll(Value(1.0, label="__a__b_") * 2, variables={}).inputs == ["a_b"]


def test_names_become_pythons_own():
    net = MLP(2, [2, 1])
    program = unroll(net([Value(1.0, label="if"), Value(2.0, label="2 x")])[0])
    assert {"net_layers_0_neurons_1_w_0", "if_1", "v_2_x"} <= set(program.inputs)
    awkward = ["d_x", "x", "tanh", "print", "a b", "a_b", "_", "é", "ﬁ", "fi", "backprop"]
    awkward += ["lambda", "x৴", "inf", "e", "sum_of_product"]
    inputs = [Value(float(i), label=label) for i, label in enumerate(awkward, 1)]
    program = unroll(mean([v.tanh() for v in inputs]), inputs)
    assert len(set(program.inputs)) == len(awkward)
    assert all(name.isidentifier() and not hasattr(builtins, name) for name in program.inputs)
    value, _ = program(*range(1, 17))
    assert value == mean([v.tanh() for v in inputs]).data


def test_a_long_dot_and_a_long_mean_take_several_statements():
    w, x = [Value(1.0)] * 20, [Value(float(i)) for i in range(20)]
    source = unroll(dot(w, x), x).source
    assert source.count("    v1 = ") == 3
    assert max(map(len, source.splitlines())) < 130
    ones = [Value(1.0) for _ in range(3000)]
    assert unroll(mean(ones))(*[2.0] * 3000)[0] == 2.0


@pytest.mark.parametrize("operations", [10_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_a_long_program_is_made_and_run(operations):
    x = Value(0.5, label="x")
    y = x
    for _ in range(operations // 2):
        y = (y * 1.0001).sin()
    y.backward()
    assert unroll(y)(0.5) == (y.data, (x.grad,))


# What it computes.


def test_200_random_programs_agree_with_the_engine_to_the_last_bit():
    for seed in range(200):
        recorded = RandomProgram(seed)
        leaves = [Value(x) for x in recorded.leaves]
        y = recorded.run(leaves)
        y.backward()
        used = [leaf for leaf in leaves if leaf in set(topological_order(y))]
        if used:
            value, gradients = unroll(y, used)(*[leaf.data for leaf in used])
            assert value == y.data
            assert list(gradients) == [leaf.grad for leaf in used], seed


def test_a_program_is_the_function_and_not_the_point():
    _, inputs, y = neuron_graph()
    program = unroll(y, inputs)
    value, _ = program(1.0, 2.0, 0.5, -1.0, 0.25)
    assert value == math.tanh(1.0 * -1.0 + 2.0 * 0.25 + 0.5)


def test_arrays_are_a_batch_and_gradients_have_the_shape_of_the_value():
    _, inputs, y = neuron_graph()
    program = unroll(y, inputs)
    xs = np.array([[3.0, 1.0], [0.5, -2.0], [0.0, 0.0]])
    values, gradients = program(0.5, -1.0, 0.25, xs[:, 0], xs[:, 1])
    assert values.shape == (3,)
    for row, (a, b) in enumerate(xs):
        value, one = program(0.5, -1.0, 0.25, a, b)
        assert values[row] == pytest.approx(value, rel=1e-15)
        assert [g[row] for g in gradients] == pytest.approx(list(one), rel=1e-14)
    linear = unroll(inputs[0] * inputs[3] + inputs[2], [inputs[0], inputs[3], inputs[2]])
    _, (_, d_x, d_b) = linear(2.0, xs[:, 0], 1.0)
    assert d_b.tolist() == [1.0, 1.0, 1.0]
    assert d_x.tolist() == [2.0, 2.0, 2.0]


def test_the_total_is_the_sum_over_the_batch():
    _, inputs, y = neuron_graph()
    w1, w2, b, x1, x2 = inputs
    for output in y, w1 * x1 + b, (w1 + x1) * w1 - x2 / 2 + b * w2, mse_loss([y], [x1]):
        used = [v for v in inputs if v in set(topological_order(output))]
        program = unroll(output, used)
        batch = [v.data if v.label[0] != "x" else np.array([1.0, -2.0, 3.0]) for v in used]
        values, gradients = program(*batch)
        total, sums = program.total(*batch)
        assert total == pytest.approx(values.sum(), rel=1e-14)
        assert list(sums) == pytest.approx([g.sum() for g in gradients], rel=1e-13)
        assert all(np.shape(s) == () for s in sums)


def test_a_total_of_several_dimensions_is_one_number():
    x, y = Value(1.0, label="x"), Value(2.0, label="y")
    total, (d_x, d_y) = unroll(x * y).total(np.ones((3, 1)), np.arange(4.0))
    assert (total, d_x, d_y) == (18.0, 18.0, 12.0)
    assert unroll(x * y).total(np.ones((2, 2)), np.ones((2, 2)))[1] == (4.0, 4.0)


def test_there_is_no_total_of_numbers():
    x = Value(1.0, label="x")
    with pytest.raises(TypeError, match=r"^total\(\) adds up arrays: call the program itself"):
        unroll(x * x).total(2.0)


def test_shapes_broadcast_as_numpys_do():
    x, y = Value(1.0, label="x"), Value(2.0, label="y")
    value, (d_x, d_y) = unroll(x * y + x)(np.ones((3, 1)), np.arange(4.0))
    assert value.shape == d_x.shape == d_y.shape == (3, 4)
    assert d_x[0].tolist() == [1.0, 2.0, 3.0, 4.0]


def test_no_gradient_of_arrays_is_changed_by_another():
    x, y = Value(1.0, label="x"), Value(2.0, label="y")
    output = (x + y) + x * y  # the gradient of x begins as that of the sum
    a, b = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    _, (d_x, d_y) = unroll(output, [x, y])(a, b)
    assert d_x.tolist() == [4.0, 5.0]
    assert d_y.tolist() == [2.0, 3.0]
    assert a.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.relu() + abs(x) + x.sigmoid() + x.tanh(),
        lambda x: (x * x).sqrt() + (x * x + 1).log() + x**3 + x**0 + x**1,
        lambda x: (x * x) ** 0.5 + (x * x + 1) ** Value(1.5) + (x * x + 1) ** -2,
        lambda x: x.sin() * x.cos() - x.exp() / (x + 5),
        lambda x: bce_loss([x.sigmoid()], [0.25]) + hinge_loss([x], [1.0]) + mse_loss([x], [2.0]),
    ],
)
def test_every_kind_of_argument_gives_the_same_numbers(function):
    x = Value(0.75, label="x")
    program = unroll(function(x), [x])
    points = [-1.5, -0.25, 0.5, 1.25]
    for x in points:
        leaf = Value(x)
        right = function(leaf)
        right.backward()
        value, (slope,) = program(x)
        assert value == pytest.approx(right.data, rel=1e-14)
        assert slope == pytest.approx(leaf.grad, rel=1e-13, abs=1e-15)
        of_values, (slope_of_values,) = program(Value(x))
        assert (of_values.data, slope_of_values.data) == pytest.approx((value, slope), rel=1e-13)
    values, (slopes,) = program(np.array(points))
    assert values.tolist() == pytest.approx([program(x)[0] for x in points], rel=1e-13)
    assert slopes.tolist() == pytest.approx([program(x)[1][0] for x in points], rel=1e-13)


def test_the_gradients_of_values_have_gradients():
    x, y = Value(0.5, label="x"), Value(2.0, label="y")
    program = unroll((x * y).exp())
    inputs = Value(0.5), Value(2.0)
    d_x = program(*inputs)[1][0]
    d_x.backward()
    e = math.exp(1.0)
    assert inputs[0].grad == pytest.approx(2.0 * 2.0 * e, rel=1e-14)  # y² e^(xy)
    assert inputs[1].grad == pytest.approx((1 + 0.5 * 2.0) * e, rel=1e-14)  # (1 + xy) e^(xy)


@pytest.mark.parametrize(
    ("root", "slope", "second"),
    [
        (Value.sqrt, math.inf, -math.inf),  # 1 / 2√x and -1 / 4x√x, as x goes to 0
        (lambda x: x**0.5, math.inf, -math.inf),
        (lambda x: x ** Value(0.5), math.inf, -math.inf),
        (lambda x: x**1.5, 0.0, math.inf),
        (lambda x: x**2, 0.0, 2.0),
        (lambda x: x**1, 1.0, 0.0),
    ],
)
def test_at_0_a_gradient_has_the_limit_of_its_gradient(root, slope, second):
    x = Value(4.0, label="x")
    program, at = unroll(root(x), [x]), Value(0.0)
    gradient = program(at)[1][0]
    gradient.backward()
    assert (gradient.data, at.grad) == (slope, second)
    assert program(np.array([0.0, -0.0]))[1][0].tolist() == [slope, slope]


@pytest.mark.parametrize("kind", [complex, np.complex64])
def test_complex_arrays_are_refused(kind):
    with pytest.raises(TypeError, match="^a program takes arrays of real numbers, not of complex"):
        unroll(Value(1.0, label="x").tanh())(np.ones(2, dtype=kind))


def test_the_border_of_the_learning_rate_is_2_by_the_largest_curvature():
    # mean((w·x + b - 2x)²) over x = 1, 2, 3 has the second derivatives 2·mean(x²), 2·mean(x), 2
    w, b = Value(0.5, label="w"), Value(0.0, label="b")
    xs = [1.0, 2.0, 3.0]
    program = unroll(mse_loss([w * x + b for x in xs], [2 * x for x in xs]), [w, b])
    rows = []
    for i in range(2):
        at = [Value(0.5), Value(0.0)]
        program(*at)[1][i].backward()
        rows.append([v.grad for v in at])
    assert rows[0] == pytest.approx([28 / 3, 4.0], rel=1e-15)
    assert rows[1] == pytest.approx([4.0, 2.0], rel=1e-15)
    assert 2 / np.linalg.eigvalsh(rows)[-1] == pytest.approx(0.1803, abs=5e-5)


def test_a_choice_of_relu_is_in_the_program_and_one_of_python_is_not():
    x = Value(2.0, label="x")
    assert unroll(x.relu())(-3.0) == (0.0, (0.0,))
    taken = x * 2 if x > 0 else -x
    assert unroll(taken)(-3.0) == (-6.0, (2.0,))


def test_whole_numbers_are_floats_in_a_program():
    x = Value(2.0, label="x")
    value, (slope,) = unroll(x * x)(10**10 + 1)
    assert (value, slope) == (1.0000000002e20, 20000000002.0)
    assert type(value) is type(slope) is float


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gradients_of_arrays_have_the_dtype_of_the_value(dtype):
    x = Value(2.0, label="x")
    program = unroll(x.relu() * 2 + abs(x))
    value, (slope,) = program(np.array([1.0, -2.0], dtype))
    assert value.dtype == slope.dtype == dtype
    assert program.total(np.array([1.0, -2.0], dtype))[1] == (3.0 - 1.0,)


@pytest.mark.parametrize("n", [-1, -1.0, -0.5])
def test_a_slope_that_overflows_is_the_engines(n):
    x = Value(1e-200, label="x")
    y = x**n
    y.backward()
    assert unroll(y)(1e-200) == (y.data, (x.grad,))


def test_gradients_of_our_own_losses_can_be_unrolled_again():
    p = Value(0.3, label="p")
    slope = unroll(bce_loss([p], [1.0]))(p)[1][0]
    value, (curvature,) = unroll(slope)(0.3)
    assert (value, curvature) == pytest.approx((-1 / 0.3, 1 / 0.09), rel=1e-14)


def test_the_slope_of_a_loss_in_its_target_can_be_unrolled_again():
    """log(1 - p) - log(p), whose slope in p is -1 / (1 - p) - 1 / p."""
    p, t = Value(0.25, label="p"), Value(0.5, label="t")
    in_target = unroll(bce_loss([p], [t]), [p, t])(p, t)[1][1]
    assert "log1p" in {node.op for node in topological_order(in_target)}
    value, (slope,) = unroll(in_target, [p])(0.25)
    assert value == pytest.approx(math.log(0.75) - math.log(0.25))
    assert slope == pytest.approx(-1 / 0.75 - 1 / 0.25)


@pytest.mark.parametrize("n", [1, 2, 3, 9])
def test_a_mean_of_any_number_is_a_program(n):
    xs = [Value(float(i + 1), label=f"x{i}") for i in range(n)]
    value, slopes = unroll(mean(xs))(*range(1, n + 1))
    assert (value, slopes) == ((n + 1) / 2, (1 / n,) * n)


def test_no_array_that_comes_out_is_another_or_cannot_be_changed():
    x, w = Value(1.0, label="x"), Value(2.0, label="w")
    a, b = np.ones(3), np.ones(3)
    for output in (x + w).tanh(), x + w, x - w:
        value, gradients = unroll(output, [x, w])(a, b)
        arrays = [a, b, value, *gradients]
        for i, array in enumerate(arrays):
            array += 1.0
            assert not any(np.shares_memory(array, other) for other in arrays[:i])
    assert unroll(x)(a)[0] is not a


def test_whole_numbers_in_arrays_are_floats_too():
    x, w = Value(1.0, label="x"), Value(2.0, label="w")
    value, (d_x, _) = unroll(mse_loss([x], [w]), [x, w])(np.array([3], np.uint8), 5)
    assert (value.tolist(), d_x.tolist()) == ([4.0], [-4.0])
    assert unroll(x**-2).total(np.array([2, 4]))[1] == (-2 / 8 - 2 / 64,)


def test_scalars_of_numpy_are_numbers():
    x, w = Value(1.0, label="x"), Value(2.0, label="w")
    assert unroll(x * w)(np.float64(2.0), np.int64(3)) == (6.0, (3.0, 2.0))
    value, _ = unroll(x * w)(np.float64(2.0), Value(3.0))
    assert value.data == 6.0
    w.data = np.float64(4.0)
    assert "y = x * 4.0" in unroll(x * w, [x], variables={"y": x}).source.replace("v1", "y")


def test_the_second_slope_at_0_is_that_of_the_function_and_not_of_its_formula():
    x = Value(0.5, label="x")
    for function, right in [
        (lambda v: bce_with_logits_loss([v * 2.0], [1.0]), 1.0),  # 4·s·(1 - s)
        (lambda v: v.sigmoid() ** 2, 0.125),
        (lambda v: bce_loss([v.sigmoid()], [1.0]), 0.25),
        (lambda v: v**2.0, 2.0),
        (lambda v: v ** Value(2.0), 2.0),
        (lambda v: v**3.0, 0.0),
    ]:
        program = unroll(function(x), [x])
        at = Value(0.0)
        value, (slope,) = program(at)
        first = Value(0.0)
        function(first).backward()
        assert slope.data == first.grad
        slope.backward()
        assert at.grad == pytest.approx(right, rel=1e-14, abs=1e-15)
        at.grad = 0.0
        value.backward()
        assert at.grad == first.grad


def test_the_slope_in_a_target_has_a_slope_in_the_probability():
    p, t = Value(0.3, label="p"), Value(0.75, label="t")
    program = unroll(bce_loss([p], [t]), [p, t])
    at = Value(0.3)
    program(at, 0.75)[1][1].backward()  # log(1 - p) - log(p)
    assert at.grad == pytest.approx(-1 / 0.7 - 1 / 0.3, rel=1e-14)


def test_constants_as_inputs_have_short_names_of_their_own():
    y = mean([Value(1.0, op="const") for _ in range(3000)])
    program = unroll(y, y.operands)
    assert max(map(len, program.inputs)) < 12
    assert program.total(*[np.ones(2)] * 3000)[0] == 2.0


def test_a_program_can_be_pickled_after_it_was_called():
    program = unroll(Value(3.0, label="x") * 2)
    assert pickle.loads(pickle.dumps(program))(3.0) == program(3.0) == (6.0, (2.0,))
    assert pickle.loads(pickle.dumps(program)).source == program.source


def test_an_operations_name_is_never_run(tmp_path):
    x = Value(0.5, label="x")
    path = tmp_path / "written"
    evil = Value(1.0, (x,), (1.0,), f"**0) + open({str(path)!r}, 'w').write('x') + (0")
    tree(evil)
    draw(evil)
    with pytest.raises(ValueError, match="there is no rule"):
        unroll(evil)
    assert not path.exists()


def test_slopes_that_python_cannot_divide_are_infinite():
    x = Value(4.0, label="x")
    assert unroll(x.sqrt())(0.0) == (0.0, (math.inf,))
    assert unroll(x**0.5)(0.0) == (0.0, (math.inf,))
    with pytest.raises(ValueError, match="no real number"):
        unroll(x**0.5)(-1.0)


# Errors.


def test_an_operation_without_a_rule_is_refused_until_it_has_one():
    x = Value(2.0, label="x")
    cube = Value(8.0, (x,), (12.0,), "cube")
    with pytest.raises(
        ValueError, match="there is no rule for the operation 'cube': give"
    ) as found:
        unroll(cube)
    example = str(found.value).partition("rules=")[2]
    assert unroll(cube, rules=eval(example))(2.0) == (2.0, (1.0,))  # the rule of a sum
    rules = {"cube": Rule("a ** 3", "3 * a ** 2")}
    assert unroll(cube, rules=rules)(2.0) == (8.0, (12.0,))
    assert "    cube = x ** 3\n" in unroll(cube + 1, rules=rules).source
    value, (slope,) = unroll(cube * 2, rules=rules).total(np.array([1.0, 2.0]))
    assert (value, slope) == (2 * (1 + 8), 2 * 3 * (1 + 4))


def test_a_rule_that_cannot_be_written_into_a_program_is_refused():
    x = Value(2.0, label="x")
    cube = Value(8.0, (x,), (12.0,), "cube")
    for rule, message in [
        (Rule("a ** 3"), "must be a Rule with a value and 1 partial$"),
        (Rule("a ** 3", "1", "1"), "must be a Rule with a value and 1 partial$"),
        (("a ** 3", "3 * a ** 2"), "must be a Rule with a value and 1 partial$"),
        (Rule("a **", "1"), r"has 'a \*\*', which is no formula"),
        (Rule("a ** 3", 3), "has 3, which is no formula"),
        (Rule(8.0, "1"), "has 8.0, which is no formula"),
        (Rule("erf(a)", "1"), "has erf; known are a, abs, cos, exp, log, log1p, sigmoid, sign, "),
        (Rule("x ** 3", "1"), "has x; known are a, abs, "),
        (Rule("a ** 3", "a * b7"), "has b7; known are a, abs, "),
        (Rule("__import__(a)", "1"), "has __import__; known are a, abs, "),
        (Rule("__import__('os')", "1"), r"has .*: a formula has only numbers, names, \+ - "),
        (Rule("where(a == 0, 1, a)", "1"), "has 'where.*: a formula has only numbers, names"),
        (Rule("a ** 3 # cube", "1"), "has 'a .*: a formula has only numbers, names"),
        (Rule("(b := a)", "1"), "has .*: a formula has only numbers, names"),
        (Rule("where(a if a < 0 else 1, 1, a)", "1"), "has .*: a formula has only numbers"),
        (Rule("'a'", "1"), "has .*: a formula has only numbers, names"),
        (Rule("a < 1 < 2", "1"), "has .*: a formula has only numbers, names"),
        (Rule("exp", "1"), "has exp; known are a, abs, "),
        (Rule("y", "1"), "has y; known are a, abs, "),
        (Rule("exp()", "1"), "has 'exp.*: a formula has only numbers"),
        (Rule("where(a)", "1"), "has 'where.*: a formula has only numbers"),
        (Rule("\uff41", "1"), "a formula has only numbers"),
        (Rule("-" * 50_000 + "a", "1"), "which is no formula"),
        (Rule("a.data", "1"), "has .*: a formula has only numbers, names"),
    ]:
        with pytest.raises(ValueError, match=message):
            unroll(cube, rules={"cube": rule})


def test_an_operation_of_ones_own_with_a_known_name_is_not_taken_for_the_known_one():
    x = Value(2.0, label="x")
    for op, operands in [("-", (x,)), ("*", (x, x, x)), ("**cube", (x,)), ("dot", (x, x, x))]:
        own = Value(8.0, operands, (1.0,) * len(operands), op)
        with pytest.raises(ValueError, match="there is no rule"):
            unroll(own)
        assert "(old)" not in tree(own) + draw(own).source


def test_inputs_that_are_no_leaves_of_the_graph_are_errors():
    x, other = Value(2.0, label="x"), Value(3.0)
    y = x * x
    assert unroll(y, x)(3.0) == (9.0, (6.0,))  # one leaf may stand alone
    for wrong in [], [y], [other], [x, x]:
        with pytest.raises(ValueError, match="different leaves of the graph, at least one; not"):
            unroll(y, wrong)
    with pytest.raises(ValueError, match="at least one; the graph has constants only$"):
        unroll(Value(1.0, op="const"))
    with pytest.raises(TypeError, match=r"^the inputs of a program are Values, not \['x'\]"):
        unroll(y, ["x"])


def test_wrong_arguments_are_errors():
    x, y = Value(2.0, label="x"), Value(3.0, label="y")
    program = unroll(x * y)
    with pytest.raises(TypeError, match=r"2 inputs \(x, y\), not 1"):
        program(1.0)
    assert program(1.0, 2.0)[0] == 2.0
    three, four = (unroll(sum((Value(1.0, label=i) for i in "abcd"[:n]), x)) for n in (2, 3))
    with pytest.raises(TypeError, match=r"the program has 3 inputs \(x, a, b\), not 1"):
        three(1.0)
    with pytest.raises(TypeError, match=r"the program has 4 inputs \(x, a, b, …\), not 1"):
        four(1.0)
    with pytest.raises(TypeError, match=r"2 inputs \(x, y\), not 3"):
        program(1.0, 2.0, 3.0)
    with pytest.raises(TypeError, match="takes numbers, NumPy arrays, .* not list"):
        program([1.0], [2.0])
    with pytest.raises(TypeError, match=r"backprop\(\) missing 1 .* argument: 'y'"):
        program.debug(1.0)
    with pytest.raises(TypeError, match="one kind besides numbers, not numpy and values"):
        program(Value(1.0), np.ones(2))


@pytest.mark.parametrize("array", [np.array(["1"]), np.array([1j]), np.array([1.0], dtype=object)])
def test_arrays_of_anything_but_real_numbers_are_errors(array):
    with pytest.raises(TypeError, match="a program takes arrays of real numbers, not of"):
        unroll(Value(2.0, label="x") * 2)(array)


def test_a_leaf_is_a_program_too():
    x = Value(2.0, label="x")
    assert unroll(x)(5.0) == (5.0, (1.0,))


def test_a_program_keeps_no_graph_alive(collector_off):
    before = nodes_alive()
    x = Value(2.0, label="x")
    program = unroll(x * x)
    del x
    assert nodes_alive() == before
    assert program(3.0) == (9.0, (6.0,))


def test_a_program_stays_as_it_is_when_a_leaf_moves():
    w = Value(2.0, label="w")
    program = unroll(w * 3.0)
    with no_grad():
        w -= 1.0
    assert program(2.0) == (6.0, (3.0,))


# Files and debuggers.


def test_a_saved_program_runs_on_its_own(tmp_path):
    x = Value(0.5, label="x")
    y = bce_loss([(x * 2).sigmoid().relu()], [0.25]) + abs(x) ** 0.5 + x.sqrt() + x.exp()
    y.backward()
    path = tmp_path / "program.py"
    unroll(y).save(path)
    run = [sys.executable, "-I", "-S", str(path)]  # without what is installed
    done = subprocess.run(run, capture_output=True, encoding="utf-8", check=True, cwd=tmp_path)
    assert done.stdout == f"value {y.data}\nd_x {x.grad}\n"
    assert "tinygrad" not in path.read_text(encoding="utf-8")
    unroll(Value(math.inf, label="x").tanh()).save(path)
    assert subprocess.check_output(run, encoding="utf-8") == "value 1.0\nd_x 0.0\n"


def test_a_program_stops_in_the_debugger_line_by_line_and_leads_back(tmp_path):
    (tmp_path / "mine.py").write_text(
        "from tinygrad_neuron import Value, unroll\n"
        'result = unroll(Value(3.0, label="x") ** 2).debug(5.0)\n'
        "print(result)\n"
    )
    session = "until 8\np d_x\nnext\nnext\np result\ncontinue\n"
    own = {"HOME": str(tmp_path), "USERPROFILE": str(tmp_path), "PYTHONBREAKPOINT": ""}
    done = subprocess.run(
        [sys.executable, "mine.py"],
        input=session,
        capture_output=True,
        encoding="utf-8",
        check=True,
        cwd=tmp_path,
        env=os.environ | own,  # without what the user has set for pdb
    )
    said = [answer.strip().splitlines() for answer in done.stdout.split("(Pdb) ")]
    assert [answer[-1] for answer in said[1:]] == [
        "-> return v1, (d_x,)",
        "10.0",
        "-> return v1, (d_x,)",  # --Return--
        "-> print(result)",
        "(25.0, (10.0,))",
        "(25.0, (10.0,))",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["mine.py"]  # there is no file of it
