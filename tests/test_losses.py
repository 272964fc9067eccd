"""The losses, at points worked by hand and at the hard ones."""

import math

import pytest

from tinygrad_neuron import (
    Value,
    bce_loss,
    bce_with_logits_loss,
    hinge_loss,
    mse_loss,
)

ALL = [mse_loss, bce_loss, bce_with_logits_loss, hinge_loss]


@pytest.mark.parametrize(
    ("loss", "predictions", "targets", "result", "gradient"),
    [
        (mse_loss, [1.0, 5.0], [3.0, 4.0], (4 + 1) / 2, [-2.0, 1.0]),
        (bce_loss, [0.25, 0.75], [1, 1], (math.log(4) + math.log(4 / 3)) / 2, [-2.0, -2 / 3]),
        (bce_with_logits_loss, [0.0, 0.0], [1, 0], math.log(2), [-0.25, 0.25]),
        (hinge_loss, [0.5, -3.0, 2.0], [1, 1, -1], (0.5 + 4 + 3) / 3, [-1 / 3, -1 / 3, 1 / 3]),
        (hinge_loss, [1.0, -2.0], [1, -1], 0.0, [0.0, 0.0]),
    ],
)
def test_a_loss_is_the_mean_over_the_samples(loss, predictions, targets, result, gradient):
    values = [Value(p) for p in predictions]
    y = loss(values, targets)
    y.backward()
    assert y.op == "mean"
    assert y.data == pytest.approx(result, rel=1e-12)
    assert [v.grad for v in values] == pytest.approx(gradient, rel=1e-12)


@pytest.mark.parametrize("loss", ALL)
def test_predictions_and_targets_are_lists_or_single_ones(loss):
    p = Value(0.25)
    assert loss(p, 1.0).data == loss([p], [1.0]).data == loss((p,), iter([1])).data


@pytest.mark.parametrize("loss", ALL)
@pytest.mark.parametrize(
    ("predictions", "targets", "lengths"), [([0.5], [1, 1], "1 and 2"), ([], [], "0 and 0")]
)
def test_unequal_or_empty_lists_are_an_error(loss, predictions, targets, lengths):
    with pytest.raises(ValueError, match=f"a loss needs pairs of numbers, not {lengths} numbers"):
        loss(predictions, targets)


@pytest.mark.parametrize("loss", ALL)
def test_the_lists_that_an_mlp_returns_are_no_predictions(loss):
    for predictions, targets in ([[Value(0.5)], [Value(0.5)]], [1.0, 1.0]), ([0.5], [[1.0]]):
        with pytest.raises(TypeError, match=r"numbers, not lists: give it mlp\(x\)\[0\], not mlp"):
            loss(predictions, targets)


@pytest.mark.parametrize("loss", ALL)
def test_targets_may_be_values(loss):
    t = Value(1.0, label="t")
    y = loss([Value(0.25)], [t])
    y.backward()
    assert y.data == loss([0.25], [1.0]).data
    assert t.grad != 0.0


def test_binary_cross_entropy_is_one_node_a_sample():
    p, x = Value(0.5), Value(0.5)
    assert [v.op for v in bce_loss([p, p], [0, 1]).operands] == ["bce", "bce"]
    (sample,) = bce_with_logits_loss(x, 1.0).operands
    assert sample.op == "bce_with_logits"
    assert [v.op for v in sample.operands] == ["", "const"]


@pytest.mark.parametrize(
    ("p", "t", "result", "slope"),
    [
        (0.0, 1.0, 100.0, -1e12),  # log stops at -100, the slope's divisor at 1e-12
        (1.0, 0.0, 100.0, 1e12),
        (0.0, 0.0, 0.0, 0.0),
        (1.0, 1.0, 0.0, 0.0),
        (1e-300, 1.0, 100.0, -1e12),
        (1e-10, 0.0, 1e-10 + 5e-21, 1 + 1e-10),  # log(1 - p) would lose all but six digits
    ],
)
def test_bce_is_bounded_at_the_edges_and_exact_beside_them(p, t, result, slope):
    v = Value(p)
    y = bce_loss(v, t)
    y.backward()
    assert y.data == pytest.approx(result, rel=1e-9, abs=0)
    assert v.grad == pytest.approx(slope, rel=1e-9, abs=0)
    assert math.copysign(1.0, y.data) == 1.0


@pytest.mark.parametrize(
    ("x", "t", "result", "slope"),
    [
        (0.0, 1.0, math.log(2), -0.5),
        (0.0, 0.0, math.log(2), 0.5),
        (1000.0, 0.0, 1000.0, 1.0),
        (math.inf, 0.0, math.inf, 1.0),
        (-1000.0, 1.0, 1000.0, -1.0),
        (1000.0, 1.0, 0.0, 0.0),
        (-1000.0, 0.0, 0.0, 0.0),
        (40.0, 1.0, math.exp(-40), -math.exp(-40)),
        (-40.0, 0.0, math.exp(-40), math.exp(-40)),
    ],
)
def test_bce_with_logits_is_right_at_zero_and_far_out(x, t, result, slope):
    v = Value(x)
    y = bce_with_logits_loss(v, t)
    y.backward()
    assert y.data == pytest.approx(result, rel=1e-12, abs=0)
    assert v.grad == pytest.approx(slope, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize(
    ("loss", "p", "t", "message"),
    [
        (bce_loss, 1 + 1e-15, 1, r"from 0 to 1 .*not Value\(1.000000000000001"),
        (bce_loss, 1.5, 1, r"from 0 to 1 .*not Value\(1.5"),
        (bce_loss, -0.1, 1, r"from 0 to 1 .*not Value\(-0.1"),
        (bce_loss, 0.5, 2, r"from 0 to 1 .*not Value\(2.0"),
        (bce_with_logits_loss, 0.5, -1, r"from 0 to 1 .*not Value\(-1.0"),
        (hinge_loss, 0.5, 0, r"targets of -1 or 1, not Value\(0.0"),
    ],
)
def test_a_number_that_the_loss_has_no_meaning_for_is_an_error(loss, p, t, message):
    with pytest.raises(ValueError, match=message):
        loss([0.5, p], [1, t])
