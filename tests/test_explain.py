"""Gradients path by path."""

import math

import pytest
from graphs import Program as RandomProgram
from graphs import nodes_alive, sizes_of_gradients

from tinygrad_neuron import Value, detect_anomaly, dot, explain, mean


def all_paths(output, node):
    """By walking every one."""
    if output is node:
        return [[]]
    return [
        [partial, *rest]
        for operand, partial in zip(output.operands, output.partials)
        for rest in all_paths(operand, node)
    ]


def stages(n, c):
    x, c = Value(0.5, label="x"), Value(c, label="c")
    y = x
    for _ in range(n):
        y = y + y * c
    return x, y


def test_the_paths_are_shown_with_their_derivatives_and_products():
    x = Value(3.0, label="x")
    s = x * x + x.sin()
    assert repr(explain(s, x)) == (
        "∂s/∂x = 5.01: the sum over 3 paths from s to x\n"
        "      3 = ∂s/∂v1 · ∂₁v1/∂x = 1 · 3\n"
        "      3 = ∂s/∂v1 · ∂₂v1/∂x = 1 · 3\n"
        "  −0.99 = ∂s/∂v2 · ∂v2/∂x = 1 · (−0.99)"
    )


def test_two_stages_of_sums_have_four_paths():
    a = Value(1.0, label="a")
    b = a + a
    c = b + b
    explanation = explain(c, a)
    assert (explanation.gradient, explanation.count, explanation.blocked) == (4.0, 4, 0)
    ways = [path.edges for path in explanation.paths]
    assert sorted((i, j) for (_, i), (_, j) in ways) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert all([node for node, _ in way] == [c, b] for way in ways)
    assert {path.product for path in explanation.paths} == {1.0}


def test_a_blocked_path_is_shown_as_such_and_last():
    x = Value(3.0, label="x")
    y = (x * -2).relu() + x * 0.001
    lines = str(explain(y, x)).splitlines()
    assert lines[1] == "  0.001 = ∂y/∂v3 · ∂v3/∂x = 1 · 0.001"
    assert lines[2] == "  0, blocked at relu: ∂y/∂v2 · ∂v2/∂v1 · ∂v1/∂x = 1 · 0 · (−2)"
    blocked = explain(y, x).paths[1]
    assert (blocked.blocked_at.op, blocked.product) == ("relu", 0.0)
    assert blocked.partials == [1.0, 0.0, -2.0]


def test_sixty_stages_have_2_to_the_60_paths():
    x, y = stages(60, 0.1)
    explanation = explain(y, x)
    assert explanation.count == 2**60
    assert explanation.gradient == pytest.approx(1.1**60)
    assert [path.product for path in explanation.paths] == pytest.approx([1.0] + [0.1] * 9)
    lines = str(explanation).splitlines()
    assert lines[0] == ("∂y/∂x = 304.5: the sum over 1,152,921,504,606,846,976 paths from y to x")
    assert lines[-1] == "  … and 1,152,921,504,606,846,966 more, together 302.6"  # 1.1**60 - 1.9
    assert " · … 52 more … · " in lines[1]


def test_among_paths_that_are_all_alike_none_is_walked_in_vain():
    x = Value(0.5, label="x")
    y = x
    for _ in range(60):
        y = y * 0.3 + y * 0.3
    explanation = explain(y, x)
    assert explanation.count == 2**60
    assert [path.product for path in explanation.paths] == pytest.approx([0.3**60] * 10)
    assert len({tuple(path.edges) for path in explanation.paths}) == 10


def test_more_than_10_to_the_1000_paths_are_counted_as_that():
    x, y = stages(4000, 0.0)
    assert "the sum over more than 10^1000 paths" in str(explain(y, x))
    assert str(explain(y, x)).endswith("more than 10^1000 of them blocked")
    many = y + (y - 1e300).relu()
    text = "… and more than 10^1000 more, more than 10^1000 of them blocked"
    assert str(explain(many, x)).endswith(text)
    x, y = stages(200, 0.0)
    assert explain(y, x).count == 2**200
    assert "the sum over about 10^60 paths" in str(explain(y, x))  # 2**200 = 1.6e60
    # x + x*0: of 2^200 paths all are blocked but the one that takes no product
    assert explain(y, x).blocked == 2**200 - 1
    assert "0, blocked at *: " in str(explain(y, x))
    assert str(explain(y, x)).endswith(" more, all blocked")


@pytest.mark.parametrize("seed", range(60))
def test_the_largest_paths_are_those_that_walking_all_finds(seed):
    program = RandomProgram(seed, size=12)
    leaves = [Value(x) for x in program.leaves]
    y = program.run(leaves)
    sizes = sizes_of_gradients(y)
    for leaf in leaves:
        explanation = explain(y, leaf)
        paths = all_paths(y, leaf)
        products = [math.prod(path) for path in paths]
        assert explanation.count == len(paths)
        assert explanation.blocked == sum(0 in path for path in paths)
        found = [abs(path.product) for path in explanation.paths]
        assert found == pytest.approx(sorted(map(abs, products), reverse=True)[:10], rel=1e-9)
        assert len({tuple(path.edges) for path in explanation.paths}) == len(found)
        for path in explanation.paths:
            way = [node for node, _ in path.edges] + [leaf]
            for (node, position), operand in zip(path.edges, way[1:]):
                assert node.operands[position] is operand
            assert way[0] is y
            assert path.partials == [node.partials[position] for node, position in path.edges]
        if leaf in sizes:
            assert explanation.gradient == pytest.approx(sum(products), abs=1e-9 * sizes[leaf])


def test_of_a_rest_that_is_lost_in_rounding_no_sum_is_told():
    x = Value(1.0, label="x")
    terms = [x * (1e16 * (-1) ** i) for i in range(10)] + [x * 3.0, x * 5.0]
    assert str(explain(sum(terms), x)).endswith("… and 2 more")
    terms = [x * 1e13 for i in range(10)] + [x * 3.0]
    assert str(explain(sum(terms), x)).endswith("… and 1 more, together 3")


def test_what_the_output_does_not_depend_on_has_no_path():
    x, y = Value(1.0, label="x"), Value(2.0) * 3
    explanation = explain(y, x)
    assert (explanation.gradient, explanation.count, explanation.paths) == (0.0, 0, [])
    assert str(explanation) == "0: y does not depend on x"
    assert str(explain(y, Value(1.0))) == "0: y does not depend on Value(1.0, grad=0.0)"


def test_the_output_by_itself_is_1():
    y = Value(2.0) * 3
    assert str(explain(y, y)) == "∂y/∂y = 1: a value's derivative with respect to itself"


def test_inner_values_are_explained_too():
    x = Value(3.0, label="x")
    h = x * x
    y = h * 2 + h
    y.backward()
    assert explain(y, h).gradient == h.grad == 3.0
    assert str(explain(y, h)).splitlines()[1:] == [
        "  2 = ∂y/∂v1 · ∂v1/∂h = 1 · 2",
        "  1 = ∂y/∂h = 1",
    ]


def test_a_path_with_an_infinite_derivative_is_the_largest():
    x = Value(0.0, label="x")
    y = x.sqrt() + x * 1e300
    explanation = explain(y, x)
    assert [path.product for path in explanation.paths] == [math.inf, 1e300]
    assert str(explanation).startswith("∂y/∂x = inf: the sum over 2 paths")


def test_a_path_with_both_0_and_infinity_is_nan_and_comes_first():
    x = Value(0.0, label="x")
    y = x.sqrt() * 0.0 + x * 2
    assert str(explain(y, x)).splitlines() == [
        "∂y/∂x = nan: the sum over 2 paths from y to x",
        "  nan = ∂y/∂v2 · ∂v2/∂v1 · ∂v1/∂x = 1 · 0 · inf",
        "    2 = ∂y/∂v3 · ∂v3/∂x = 1 · 2",
    ]
    many = x.sqrt() + mean([x] * 30)
    assert str(explain(many, x)).endswith("\n  … and 21 more")  # inf less inf is not their sum


def test_a_path_that_is_nan_comes_first_among_many():
    x = Value(0.0, label="x")
    y = (x * x).sqrt()  # by either x: inf · 0
    for i in range(1, 11):
        y = y + x * float(i)
    explanation = explain(y, x, variables={"y": y})
    products = [path.product for path in explanation.paths]
    assert [math.isnan(product) for product in products[:2]] == [True, True]
    assert products[2:] == [10.0, 9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0]
    assert explanation.blocked == 2  # though what they add is not 0
    assert str(explanation).endswith("\n  … and 2 more")


def test_explaining_is_no_anomaly():
    x = Value(0.0, label="x")
    y = x.sqrt()
    with detect_anomaly():
        assert explain(y, x).gradient == math.inf


def test_wide_operations_are_explained():
    ws = [Value(float(i), label=f"w{i}") for i in range(1, 2001)]
    y = dot(ws, ws)
    assert [path.product for path in explain(y, ws[6]).paths] == [7.0, 7.0]
    x = Value(1.0, label="x")
    assert str(explain(mean([x] * 40), x)).endswith("… and 30 more, together 0.75")


def test_explaining_keeps_nothing(collector_off):
    before = nodes_alive()
    x = Value(3.0, label="x")
    y = x * x
    y.backward()
    explanation = explain(y, x)
    del x, y, explanation
    assert nodes_alive() == before


def test_by_what_is_no_value_is_an_error():
    x = Value(1.0)
    with pytest.raises(TypeError, match="by a Value comes about, not by 1.0"):
        explain(x * x, 1.0)
