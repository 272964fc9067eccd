"""Stochastic gradient descent."""

import math

import numpy as np
import pytest

from tinygrad_neuron import SGD, Neuron, Value, mse_loss, no_grad

XS, YS = [1.0, 2.0, 3.0], [2.0, 4.0, 6.0]


def test_sgd_gives_the_bits_of_the_loop_by_hand():
    neuron = Neuron(1)
    neuron.load_state_dict({"w1": 0.5, "b": 0.0})
    optimizer = SGD(neuron.parameters(), lr=0.01)
    w, b = Value(0.5), Value(0.0)
    for _ in range(300):
        optimizer.zero_grad()
        mse_loss([neuron(x) for x in XS], YS).backward()
        optimizer.step()

        w.grad = b.grad = 0.0
        mse_loss([w * x + b for x in XS], YS).backward()
        with no_grad():
            w -= 0.01 * w.grad
            b -= 0.01 * b.grad
        assert neuron.state_dict() == {"w1": w.data, "b": b.data}


def test_momentum_adds_to_a_velocity():
    w = Value(1.0)
    optimizer = SGD([w], lr=0.1, momentum=0.5)
    w.grad = 2.0
    optimizer.step()  # velocity 2
    assert w.data == pytest.approx(0.8, rel=1e-15)
    optimizer.step()  # velocity 0.5·2 + 2 = 3
    assert w.data == pytest.approx(0.5, rel=1e-15)
    w.grad = 0.0
    optimizer.step()  # velocity 0.5·3 = 1.5
    assert w.data == pytest.approx(0.35, rel=1e-15)


def test_weight_decay_pulls_towards_zero():
    w = Value(2.0)
    optimizer = SGD([w], lr=0.1, weight_decay=0.25)
    w.grad = 1.0
    optimizer.step()
    assert w.data == 2.0 - 0.1 * (1.0 + 0.25 * 2.0)


def test_without_weight_decay_nothing_pulls_at_an_infinite_weight():
    w = Value(math.inf)
    w.grad = 1.0
    SGD([w], lr=0.1).step()
    assert w.data == math.inf


def test_the_learning_rate_can_be_assigned():
    w = Value(1.0)
    optimizer = SGD([w], lr=0.1)
    w.grad = 1.0
    optimizer.lr = 0.5
    optimizer.step()
    assert w.data == 0.5
    optimizer.lr = math.nan
    with pytest.raises(ValueError, match="lr must be finite"):
        optimizer.step()
    assert w.data == 0.5


def test_rates_become_floats_and_an_unused_velocity_stays_unused():
    w = Value(1.0)
    optimizer = SGD([w], lr=np.float64(0.5))
    w.grad = math.inf
    optimizer.step()
    assert (type(w.data), w.data) == (float, -math.inf)
    w.data, w.grad = 1.0, 1.0
    optimizer.momentum = 0.5
    optimizer.step()
    assert w.data == 0.5


def test_a_parameter_given_twice_moves_once():
    w = Value(1.0)
    w.grad = 1.0
    SGD([w, w], lr=0.5).step()
    assert w.data == 0.5


@pytest.mark.parametrize("name", ["data", "grad"])
def test_a_step_moves_nothing_if_one_number_is_missing(name):
    weights = [Value(1.0), Value(2.0, label="w2")]
    optimizer = SGD(weights, lr=0.1, momentum=0.9)
    for w in weights:
        w.grad = 1.0
    setattr(weights[1], name, "3")
    with pytest.raises(TypeError, match=rf"the {name} of .*label='w2'.*must be a real number"):
        optimizer.step()
    assert (weights[0].data, optimizer.velocities) == (1.0, [0.0, 0.0])


def test_zero_grad_zeroes_and_step_leaves_gradients_alone():
    w = Value(1.0)
    optimizer = SGD((v for v in [w]), lr=0.5)
    w.grad = 1.0
    optimizer.step()
    assert w.grad == 1.0
    optimizer.zero_grad()
    assert w.grad == 0.0


@pytest.mark.parametrize("name", ["lr", "momentum", "weight_decay"])
@pytest.mark.parametrize("rate", [-0.1, math.nan, math.inf])
def test_a_rate_that_was_assigned_is_looked_at_again_before_anything_moves(name, rate):
    w = Value(1.0)
    w.grad = 1.0
    optimizer = SGD([w], lr=0.1)
    setattr(optimizer, name, rate)
    with pytest.raises(ValueError, match=f"{name} must be finite and not negative, not {rate}"):
        optimizer.step()
    assert w.data == 1.0


@pytest.mark.parametrize("rate", [-0.1, math.nan, math.inf])
def test_a_rate_that_is_negative_nan_or_infinite_is_an_error(rate):
    for name in "lr", "momentum", "weight_decay":
        with pytest.raises(ValueError, match=f"{name} must be finite and not negative, not {rate}"):
            SGD([Value(1.0)], **{"lr": 0.1, name: rate})


@pytest.mark.parametrize(
    ("parameters", "lr", "error", "message"),
    [
        ([], 0.1, ValueError, "^SGD needs at least one parameter, not an empty list$"),
        ([1.0], 0.1, TypeError, "leaf Values, not 1.0"),
        (Neuron(1), 0.1, TypeError, r"a list, such as neuron.parameters\(\), not Neuron\(2 par"),
        (Value(1.0), 0.1, TypeError, r"a list, such as neuron.parameters\(\), not Value\(1.0"),
        ([[Value(1.0)]], 0.1, TypeError, r"leaf Values, not \[Value"),
        ([Value(1.0) * 2], 0.1, TypeError, "leaf Values, not Value.*op='\\*'"),
        ([Value(1.0)], "0.1", TypeError, "lr must be a real number, not '0.1'"),
    ],
)
def test_what_cannot_be_optimized_is_an_error(parameters, lr, error, message):
    with pytest.raises(error, match=message):
        SGD(parameters, lr)
