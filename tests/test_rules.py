"""The table of rules is what the engine computes, for every operation."""

import ast
import inspect
import math
import random

import numpy as np
import pytest
from graphs import BINARY, OPERATIONS, UNARY, engine_operation, halves, operations_made
from seen import Seen

from tinygrad_neuron import (
    Value,
    bce_loss,
    bce_with_logits_loss,
    draw,
    no_grad,
    tree,
    unroll,
)
from tinygrad_neuron.view.functions import DERIVED
from tinygrad_neuron.view.graph import Graph
from tinygrad_neuron.view.page.javascript import in_javascript
from tinygrad_neuron.view.rules import RULES, rule_of

POINTS = {
    "log": (0.1, 5.0),
    "sqrt": (0.1, 5.0),
    "bce": (0.05, 0.95),
    "**": (0.3, 3.0),
    "**0.5": (0.1, 5.0),
}


def operands(rng, op, n):
    low, high = POINTS.get(op, (-3.0, 3.0))
    values = [Value(rng.uniform(low, high)) for _ in range(n)]
    if op in ("bce", "bce_with_logits"):
        for target in halves(values)[1]:
            target.data = rng.uniform(0.0, 1.0)
    return values


def number_of_operands(op):
    return 1 if op in UNARY else 2 if op in BINARY else 6


@pytest.mark.parametrize("op", sorted(OPERATIONS))
def test_a_program_and_the_engine_agree_to_the_last_bit(op):
    rng = random.Random(op)
    for _ in range(50):
        leaves = operands(rng, op, number_of_operands(op))
        output = engine_operation(op, leaves)
        output.backward()
        program = unroll(output, leaves, variables={})
        value, gradients = program(*[leaf.data for leaf in leaves])
        assert value == output.data
        assert list(gradients) == [leaf.grad for leaf in leaves], program.source


def test_a_node_is_outdated_when_its_operands_give_another_number_now():
    w, x = Value(2.0, label="w"), Value(3.0, label="x")
    product, double = w * x, x * 2.0
    squashed = product.tanh()
    y = squashed + double
    assert Graph(y, {}).old == set()
    with no_grad():
        w -= 1.0
    assert Graph(y, {}).old == {product, squashed, y}
    lines = tree(y).splitlines()
    old = [line.lstrip("│├└─ ").split()[0] for line in lines if "(old)" in line]
    assert old == ["y", "squashed", "product"]
    assert Seen(draw(y)).box("product") == ["w · x", "product = 6 (old)"]
    assert "(old): what it was computed from has changed since" in draw(y).source
    with no_grad():
        w += 1.0
    assert "(old)" not in draw(y).source + tree(y)


def test_an_operation_without_a_rule_is_outdated_with_its_operands():
    x = Value(2.0)
    square = x * x
    own = Value(8.0, (square,), (1.0,), "own")
    x.data = 3.0
    double = own * 2
    assert Graph(double, {}).old == {square, own, double}
    alone = Value(8.0, (x,), (1.0,), "own")
    assert Graph(alone, {}).old == set()


def test_what_cannot_be_computed_any_more_is_outdated_and_nan_is_nan():
    x = Value(2.0)
    y = x.log()
    z = y * 2
    x.data = -1.0
    assert Graph(z, {}).old == {y, z}
    assert Graph(Value(math.nan) * 1.0, {}).old == set()


def test_every_operation_of_the_package_has_a_rule():
    ops = operations_made()
    assert ops - {"dot", "mean"} == RULES.keys() - {"log1p"}
    assert {"+", "tanh", "bce"} <= ops
    assert rule_of("own", 1) is None


def test_a_long_sum_is_written_eight_terms_at_a_step():
    assert rule_of("mean", 8).value == ("(a1 + a2 + a3 + a4 + a5 + a6 + a7 + a8) / 8",)
    assert rule_of("mean", 9).value == ("a1 + a2 + a3 + a4 + a5 + a6 + a7 + a8", "(y + a9) / 9")
    assert rule_of("mean", 0) is None


CORNERS = [
    ("relu", lambda x: x.relu(), [0.0, -0.0, 1e-300, math.inf, -math.inf]),
    ("abs", abs, [0.0, -0.0, -2.0]),
    ("sqrt", lambda x: x.sqrt(), [0.0, 4.0]),
    ("tanh", lambda x: x.tanh(), [40.0, -40.0]),
    ("sigmoid", lambda x: x.sigmoid(), [-800.0, 800.0, 0.0]),
    ("**0", lambda x: x**0, [0.0, -1.0]),
    ("**0.5", lambda x: x**0.5, [0.0]),
    ("**1.0", lambda x: x**1.0, [0.0, -2.0]),
    ("**-1", lambda x: x**-1, [-2.0, 4.0]),
    ("0 **", lambda x: Value(0.0) ** x, [0.0, 0.5, 2.0]),
    ("** 0", lambda x: x ** Value(0.0), [0.0, 2.0]),
    ("**0.0", lambda x: x**0.0, [0.0, 2.0]),
    ("** in the base", lambda x: x ** Value(0.5), [0.0, 2.0]),
    ("bce", lambda p: bce_loss([p], [0.25]), [0.0, 1.0, 1e-50, 1 - 2**-53, 0.5]),
    ("bce in the target", lambda t: bce_loss([Value(0.7)], [t]), [0.0, 1.0, 0.25]),
    ("bce at 0 in the target", lambda t: bce_loss([Value(0.0)], [t]), [0.0, 1.0]),
    ("bce_with_logits", lambda x: bce_with_logits_loss([x], [0.25]), [0.0, 800.0, -800.0]),
    ("its target", lambda t: bce_with_logits_loss([Value(1.5)], [t]), [0.0, 0.25, 1.0]),
]


@pytest.mark.parametrize(("name", "function", "points"), CORNERS)
def test_at_the_corners_a_program_has_the_conventions_of_the_engine(name, function, points):
    x = Value(0.5)
    program = unroll(function(x), [x])
    for point in points:
        leaf = Value(point)
        output = function(leaf)
        output.backward()
        assert program(point) == (output.data, (leaf.grad,)), point
        value, (slope,) = program(np.array([point, 0.5]))
        assert (value[0], slope[0]) == pytest.approx((output.data, leaf.grad), rel=1e-15)
        of_values = program(Value(point))
        assert (of_values[0].data, of_values[1][0].data) == (output.data, leaf.grad)


def test_the_functions_that_are_translated_have_assignments_and_a_return_alone():
    """An `if` in one of them would be right for floats, and wrong for arrays and in a browser."""
    for function in DERIVED:
        (definition,) = ast.parse(inspect.getsource(function)).body
        for statement in definition.body[:-1]:
            assert isinstance(statement, ast.Assign) or ast.get_docstring(definition)
        assert isinstance(definition.body[-1], ast.Return)
        nodes = {type(node) for node in ast.walk(definition)}
        assert nodes.isdisjoint({ast.If, ast.IfExp, ast.For, ast.While, ast.Eq, ast.NotEq})
        assert in_javascript(ast.unparse(definition.body[-1].value))
