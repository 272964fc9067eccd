"""A page of a calculus book: every operation, with its result and partials worked by hand.

The points are such that a wrong rule gives another number: sums and products of different
primes, angles and logarithms whose functions are fractions.
"""

import math

import pytest
from graphs import operations_made

from tinygrad_neuron import (
    Value,
    bce_loss,
    bce_with_logits_loss,
    dot,
    mean,
)
from tinygrad_neuron.checks.gradcheck import gradcheck

LOG2, LOG3, LOG4, ROOT3 = math.log(2), math.log(3), math.log(4), math.sqrt(3)

# op, the operation, where, its result, its partials
RULES = [
    ("+", lambda a, b: a + b, (2, 5), 7, (1, 1)),
    ("-", lambda a, b: a - b, (2, 5), -3, (1, -1)),
    ("*", lambda a, b: a * b, (2, 5), 10, (5, 2)),
    ("/", lambda a, b: a / b, (3, 4), 0.75, (1 / 4, -3 / 16)),
    ("**", lambda a, b: a**b, (2, 3), 8, (12, 8 * LOG2)),
    ("**3", lambda a: a**3, (2,), 8, (12,)),
    ("**-2", lambda a: a**-2, (4,), 1 / 16, (-1 / 32,)),
    ("**0.5", lambda a: a**0.5, (9,), 3, (1 / 6,)),
    ("**1.5", lambda a: a**1.5, (4,), 8, (3,)),
    ("neg", lambda a: -a, (3,), -3, (-1,)),
    ("abs", abs, (-3,), 3, (-1,)),
    ("abs", abs, (5,), 5, (1,)),
    ("exp", Value.exp, (LOG3,), 3, (3,)),
    ("log", Value.log, (4,), LOG4, (1 / 4,)),
    ("sqrt", Value.sqrt, (9,), 3, (1 / 6,)),
    ("sin", Value.sin, (math.pi / 6,), 1 / 2, (ROOT3 / 2,)),
    ("cos", Value.cos, (math.pi / 3,), 1 / 2, (-ROOT3 / 2,)),
    ("tanh", Value.tanh, (LOG2,), 3 / 5, (16 / 25,)),
    ("sigmoid", Value.sigmoid, (LOG3,), 3 / 4, (3 / 16,)),
    ("sigmoid", Value.sigmoid, (-LOG3,), 1 / 4, (3 / 16,)),
    ("relu", Value.relu, (2,), 2, (1,)),
    ("relu", Value.relu, (-3,), 0, (0,)),
    ("dot", lambda a, b, x, y: dot([a, b], [x, y]), (2, 3, 5, 7), 31, (5, 7, 2, 3)),
    ("mean", lambda a, b, c: mean([a, b, c]), (1, 2, 6), 3, (1 / 3, 1 / 3, 1 / 3)),
    ("bce", lambda p, t: bce_loss(p, t).operands[0], (1 / 4, 1), LOG4, (-4, LOG3)),
    ("bce", lambda p, t: bce_loss(p, t).operands[0], (3 / 4, 0), LOG4, (4, -LOG3)),
    ("bce", lambda p, t: bce_loss(p, t).operands[0], (1 / 2, 1 / 4), LOG2, (1, 0)),
    (
        "bce_with_logits",
        lambda x, t: bce_with_logits_loss(x, t).operands[0],
        (LOG3, 1),
        math.log(4 / 3),
        (-1 / 4, -LOG3),
    ),
    (
        "bce_with_logits",
        lambda x, t: bce_with_logits_loss(x, t).operands[0],
        (-LOG3, 0.25),
        math.log(4 / 3) + LOG3 / 4,
        (0, LOG3),
    ),
]
NAMES = [f"{op} at {at}" for op, _, at, _, _ in RULES]


@pytest.mark.parametrize(("op", "f", "at", "result", "partials"), RULES, ids=NAMES)
def test_every_operation_has_the_result_and_the_partials_of_the_book(op, f, at, result, partials):
    operands = tuple(Value(x) for x in at)
    node = f(*operands)
    assert node.op == op
    assert node.operands == operands
    assert node.data == pytest.approx(result, rel=1e-12, abs=1e-15)
    assert node.partials == pytest.approx(partials, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize(("op", "f", "at", "result", "partials"), RULES, ids=NAMES)
def test_every_operation_agrees_with_small_differences(op, f, at, result, partials):
    if "bce" in op:  # a target of 0 or 1 is at the edge of what is allowed
        f, at, partials = (lambda p, t=at[1], f=f: f(p, Value(t))), at[:1], partials[:1]
    check = gradcheck(f, at)
    assert check
    assert [row.verdict for row in check.rows] == ["right"] * len(at)
    assert [row.analytic for row in check.rows] == pytest.approx(partials, rel=1e-12, abs=1e-15)


def test_no_operation_is_left_out():
    """Of all that the engine and the losses call so; a power has its exponent in its name."""
    assert operations_made() == {op for op, *_ in RULES if op == "**" or not op.startswith("**")}


# Corners, where there is a convention: PyTorch's.
CORNERS = [
    ("relu at 0", Value.relu, (0,), 0, (0,)),
    ("abs at 0", abs, (0,), 0, (0,)),
    ("sqrt at 0", Value.sqrt, (0,), 0, (math.inf,)),
    ("x**0 at 0", lambda x: x**0, (0,), 1, (0,)),
    ("x**0.0 at 0", lambda x: x**0.0, (0,), 1, (0,)),
    ("x**0.5 at 0", lambda x: x**0.5, (0,), 0, (math.inf,)),
    ("x**1 at 0", lambda x: x**1, (0,), 0, (1,)),
    ("x**2 at 0", lambda x: x**2, (0,), 0, (0,)),
    ("0**v at v = 2", lambda x, v: x**v, (0, 2), 0, (0, 0)),
    ("0**v at v = 0", lambda x, v: x**v, (0, 0), 1, (0, 0)),
    ("(-8)**3", lambda x: x**3, (-8,), -512, (192,)),
    ("(-2)**-1", lambda x: x**-1, (-2,), -0.5, (-0.25,)),
    ("tanh far out", Value.tanh, (1000,), 1, (0,)),
    ("sigmoid far right", Value.sigmoid, (1000,), 1, (0,)),
    ("sigmoid far left", Value.sigmoid, (-1000,), 0, (0,)),
    ("1/1e-200", lambda x: 1 / x, (1e-200,), 1e200, (-math.inf,)),
    ("(1e-200)**-1", lambda x: x**-1, (1e-200,), 1e200, (-math.inf,)),
    ("(-1e-200)**-1", lambda x: x**-1, (-1e-200,), -1e200, (-math.inf,)),
    ("(-1e-150)**-2", lambda x: x**-2, (-1e-150,), 1e300, (math.inf,)),
    ("a product too large", lambda x: x * 1e200, (1e200,), math.inf, (1e200,)),
    ("a small quotient", lambda a, b: a / b, (1e-200, 1e-170), 1e-30, (1e170, -1e140)),
]


@pytest.mark.parametrize(
    ("f", "at", "result", "partials"), [c[1:] for c in CORNERS], ids=[c[0] for c in CORNERS]
)
def test_the_corners_have_the_conventions_that_are_stated(f, at, result, partials):
    leaves = [Value(x) for x in at]
    node = f(*leaves)
    slopes = dict(zip(node.operands, node.partials))
    assert node.data == pytest.approx(result, rel=1e-12, abs=0)
    assert [slopes[leaf] for leaf in leaves] == pytest.approx(list(partials), rel=1e-12)


@pytest.mark.parametrize(
    "f",
    [
        lambda v: v + 1,
        lambda v: 1 - v,
        lambda v: v * 0,
        lambda v: v / 2,
        lambda v: v**2,
        lambda v: 2**v,
        abs,
        Value.exp,
        Value.log,
        Value.sqrt,
        Value.sin,
        Value.cos,
        Value.tanh,
        Value.sigmoid,
        Value.relu,
        lambda v: mean([v, 1.0]),
        lambda v: dot([v], [2.0]),
        lambda v: bce_loss(v, 1.0),
        lambda v: bce_with_logits_loss(v, 1.0),
    ],
)
def test_nan_passes_through(f):
    assert math.isnan(f(Value(math.nan)).data)
