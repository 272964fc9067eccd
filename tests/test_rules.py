"""The table of rules is what the engine computes, for every operation."""

import math
import random

import pytest
from graphs import BINARY, UNARY, engine_operation

from tinygrad_neuron import Value, draw, no_grad, topological_order, tree, unroll
from tinygrad_neuron.view.recompute import outdated
from tinygrad_neuron.view.rules import RULES, rule_of

POINTS = {
    "log": (0.1, 5.0),
    "sqrt": (0.1, 5.0),
    "bce": (0.05, 0.95),
    "**": (0.3, 3.0),
    "**0.5": (0.1, 5.0),
}
ALL = [*UNARY, *BINARY, "dot", "mean"]


def operands(rng, op, n):
    low, high = POINTS.get(op, (-3.0, 3.0))
    return [Value(rng.uniform(low, high)) for _ in range(n)]


def number_of_operands(op):
    return 1 if op in UNARY else 2 if op in BINARY else 6


@pytest.mark.parametrize("op", ALL)
def test_a_program_and_the_engine_agree_to_the_last_bit(op):
    rng = random.Random(op)
    for _ in range(50):
        leaves = operands(rng, op, number_of_operands(op))
        output = engine_operation(op, leaves)
        output.backward()
        program = unroll(output, leaves, names={})
        value, gradients = program(*[leaf.data for leaf in leaves])
        assert value == output.data
        assert list(gradients) == [leaf.grad for leaf in leaves], program.source


def test_a_node_is_outdated_when_its_operands_give_another_number_now():
    w, x = Value(2.0, label="w"), Value(3.0, label="x")
    product, double = w * x, x * 2.0
    squashed = product.tanh()
    y = squashed + double
    assert outdated(topological_order(y)) == set()
    with no_grad():
        w -= 1.0
    assert outdated(topological_order(y)) == {product, squashed, y}
    lines = tree(y).splitlines()
    old = [line.lstrip("│├└─ ").split()[0] for line in lines if "(old)" in line]
    assert old == ["y", "squashed", "product"]
    assert ">data 6 (old)<" in draw(y).source
    assert "(old): what it was computed from has changed since" in draw(y).source
    with no_grad():
        w += 1.0
    assert "(old)" not in draw(y).source + tree(y)


def test_an_operation_without_a_rule_is_outdated_with_its_operands():
    x = Value(2.0)
    square = x * x
    own = Value(8.0, (square,), (1.0,), "own")
    x.data = 3.0
    assert outdated(topological_order(own)) == {square, own}
    alone = Value(8.0, (x,), (1.0,), "own")
    assert outdated(topological_order(alone)) == set()


def test_what_cannot_be_computed_any_more_is_outdated_and_nan_is_nan():
    x = Value(2.0)
    y = x.log()
    x.data = -1.0
    assert outdated(topological_order(y)) == {y}
    assert outdated(topological_order(Value(math.nan) * 1.0)) == set()


def test_every_operation_of_the_engine_has_a_rule():
    assert {op for op in ALL if op[0].isalpha() and op not in ("dot", "mean")} <= RULES.keys()
    assert rule_of("own", 1) is None
