"""The worked examples of the course, each with its numbers."""

import math
import random
import statistics

import pytest

from tinygrad_neuron import SGD, Neuron, Value, bce_loss, mse_loss, no_grad

# 1. Learning is search: 2a + 3b = 13, from a = b = 0, solved when both sides differ by 0.05.


def guesses(seed):
    rng = random.Random(seed)
    tries = 1
    while abs(2 * rng.uniform(0, 10) + 3 * rng.uniform(0, 10) - 13) > 0.05:
        tries += 1
    return tries


def test_guessing_takes_hundreds_of_tries_and_learns_nothing():
    tries = [guesses(seed) for seed in range(200)]
    assert (min(tries), max(tries)) == (4, 2353)
    assert round(statistics.mean(tries)) == 461
    assert round(statistics.median(tries), -1) == 310


def follow_the_sign(step_of, number=float, c=3.0, right=13.0, steps=1000):
    """Too large: lower; too small: raise; a and b in turn. Returns a, b and the errors."""
    unknowns, errors = [number(0.0), number(0.0)], []
    for turn in range(steps + 1):
        a, b = unknowns
        error = 2 * a + c * b - right
        errors.append(error.item() if isinstance(error, Value) else error)
        if abs(errors[-1]) <= 0.05 or turn == steps:
            break
        step = step_of(errors[-1])
        unknowns[turn % 2] = unknowns[turn % 2] + (-step if errors[-1] > 0 else step)
    return *unknowns, errors


@pytest.mark.parametrize("number", [float, Value])
@pytest.mark.parametrize(
    ("step_of", "steps"),
    [
        (lambda error: 0.01, 519),
        (lambda error: 0.1, 52),
        (lambda error: 1.0, 7),
        (lambda error: abs(error) / 10, 20),
        (lambda error: abs(error) / 4, 6),
    ],
)
def test_following_the_sign_of_the_error_takes_a_few_steps(step_of, steps, number):
    *_, errors = follow_the_sign(step_of, number)
    assert len(errors) - 1 == steps


def test_too_large_a_step_jumps_over_the_solution_for_ever():
    *_, errors = follow_the_sign(lambda error: 4.0)
    assert errors[:7] == [-13, -5, 7, -1, 11, 3, -9]
    assert len(errors) - 1 == 1000


def test_the_sign_of_the_error_does_not_say_which_way_to_go():
    a, b, errors = follow_the_sign(lambda error: 0.1, c=-3.0, right=1.0)
    assert (a, b) == (pytest.approx(50.0), pytest.approx(50.0))
    assert abs(errors[-1]) > 50 > abs(errors[0])


def test_following_the_gradient_solves_the_equation_in_four_steps():
    a, b = Value(0.0), Value(0.0)
    steps = 0
    while abs((error := 2 * a + 3 * b - 13).item()) > 0.05:
        a.grad = b.grad = 0.0
        (error**2).backward()
        assert (a.grad, b.grad) == (pytest.approx(4 * error.data), pytest.approx(6 * error.data))
        with no_grad():
            a -= 0.03 * a.grad
            b -= 0.03 * b.grad
        steps += 1
    assert steps == 4
    assert (round(a.data, 3), round(b.data, 3)) == (1.995, 2.993)


def test_finding_the_unknowns_is_learning_the_weights_of_a_neuron():
    neuron = Neuron(2)
    neuron.load_state_dict({"w1": 0.0, "w2": 0.0, "b": 0.0})
    optimizer = SGD(neuron.w, lr=0.03)
    for _ in range(4):
        optimizer.zero_grad()
        mse_loss(neuron([2.0, 3.0]), 13.0).backward()
        optimizer.step()
    assert [round(w.data, 3) for w in neuron.w] == [1.995, 2.993]


# 2. The update rule: new weight = weight - learning rate · gradient.


def test_one_step_of_the_update_rule_in_plain_floats():
    def loss(w):
        return (w - 1.65) ** 2

    weight, learning_rate, small = 0.5, 0.01, 1e-6
    gradient = (loss(weight + small) - loss(weight - small)) / (2 * small)
    assert gradient == pytest.approx(-2.3, rel=1e-9)
    new_weight = weight - learning_rate * gradient
    assert new_weight == pytest.approx(0.523, rel=1e-9)
    assert (loss(weight), loss(new_weight)) == pytest.approx((1.3225, 1.270129), rel=1e-9)


def test_one_step_of_the_update_rule_lowers_the_loss():
    w = Value(0.5)

    def loss():
        return (w - 1.65) ** 2

    before = loss()
    before.backward()
    assert before.item() == pytest.approx(1.3225, rel=1e-12)
    assert w.grad == pytest.approx(-2.3, rel=1e-12)
    with no_grad():
        w -= 0.01 * w.grad
    assert w.item() == pytest.approx(0.523, rel=1e-12)
    assert loss().item() == pytest.approx(1.270129, rel=1e-12)


# 3. The loop by hand: y = 3x + 1.

LINE = {
    0: (0.925, 0.145, 60.375),
    20: (2.987988117775352, 0.85535448444973, 0.043078647325299),
    40: (3.03893693488226, 0.88086461945723, 0.002392466149440),
    60: (3.037970681212035, 0.88824110388554, 0.002098088084445),
    80: (3.035794226084994, 0.894757493659114, 0.001860941),
    99: (3.033812913820668, 0.90058581319241, 0.00166054),
}


def test_the_loop_by_hand_learns_the_line():
    xs, ys = [1.0, 2.0, 3.0, 4.0], [4.0, 7.0, 10.0, 13.0]
    w, b = Value(0.5, label="w"), Value(0.0, label="b")
    learning_rate = 0.01
    for step in range(100):
        predictions = [w * x + b for x in xs]
        loss = sum((p - y) ** 2 for p, y in zip(predictions, ys)) / len(xs)
        loss.backward()
        if step == 0:
            assert (w.grad, b.grad) == (pytest.approx(-42.5), pytest.approx(-14.5))
        with no_grad():
            w -= learning_rate * w.grad
            b -= learning_rate * b.grad
        w.grad = 0.0
        b.grad = 0.0
        if step in LINE:
            expected = LINE[step]
            assert w.item() == pytest.approx(expected[0], rel=0, abs=1e-12)
            assert b.item() == pytest.approx(expected[1], rel=0, abs=1e-12)
            digits = 5e-9 if step >= 80 else 1e-12  # those of the table
            assert loss.item() == pytest.approx(expected[2], rel=0, abs=digits)
    assert f"Learned: y = {w:.2f}x + {b:.2f}" == "Learned: y = 3.03x + 0.90"


# 4. The same loop with a neuron and an optimizer: y = 2x.

XS, YS = [1.0, 2.0, 3.0], [2.0, 4.0, 6.0]


def train(lr, epochs):
    """A linear neuron from w = 0.5 and b = 0 on y = 2x; the neuron and the losses."""
    neuron = Neuron(1)
    neuron.load_state_dict({"w1": 0.5, "b": 0.0})
    optimizer = SGD(neuron.parameters(), lr=lr)
    losses = []
    for _ in range(epochs):
        predictions = [neuron(x) for x in XS]
        loss = mse_loss(predictions, YS)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return neuron, losses


@pytest.mark.parametrize(
    ("epochs", "weight", "bias"),
    [
        (100, 1.808807665795999, 0.434598424613772),
        (500, 1.92699716469538, 0.16595260394010),
        (1000, 1.97808687952199, 0.04981367351837),
        (3000, 1.99982210562268, 0.00040439573366),
    ],
)
def test_a_neuron_and_an_optimizer_learn_the_line(epochs, weight, bias):
    neuron, losses = train(0.01, epochs)
    assert neuron.w[0].item() == pytest.approx(weight, rel=0, abs=1e-12)
    assert neuron.b.item() == pytest.approx(bias, rel=0, abs=1e-12)
    assert losses[0] == 10.5


# 5. The learning rate.


@pytest.mark.parametrize(
    ("lr", "expected"),
    [
        (0.0001, {0: 10.5, 20: 10.05, 99: 8.44}),
        (0.001, {0: 10.5, 20: 6.74, 99: 1.19}),
        (0.01, {0: 10.5, 20: 0.135, 99: 0.0272}),
        (0.1, {0: 10.5, 1: 0.167, 2: 0.0413, 20: 0.0166, 99: 0.00035}),
        (0.17, {0: 10.5, 1: 8.24, 2: 6.47, 20: 0.0901, 99: 0.0000113}),
        (0.19, {0: 10.5, 1: 12.9, 2: 15.8, 20: 625, 99: 6.5e9}),
        (1.0, {0: 10.5, 20: 1.5e41, 99: 6.5e199}),
    ],
)
def test_the_learning_rate_decides_between_crawling_learning_and_diverging(lr, expected):
    _, losses = train(lr, 100)
    for epoch, loss in expected.items():
        digits = len(f"{loss:e}".rstrip("0").split("e")[0].replace(".", "").rstrip("0"))
        assert f"{losses[epoch]:.{max(digits, 2) - 1}e}" == f"{loss:.{max(digits, 2) - 1}e}"


def test_a_learning_rate_of_ten_overflows_at_epoch_76():
    _, losses = train(10.0, 76)
    assert f"{losses[20]:.1e}" == "4.6e+82"
    with pytest.raises(OverflowError, match=r"x \*\* 2"):
        train(10.0, 77)


def test_the_border_of_divergence_is_two_over_the_largest_eigenvalue():
    # The loss's second derivatives: in w twice 2·mean(x²), in b twice 2, mixed 2·mean(x).
    a, b, c = 2 * 14 / 3, 2 * 2.0, 2.0
    largest = (a + c) / 2 + math.sqrt(((a - c) / 2) ** 2 + b**2)
    border = 2 / largest
    assert border == pytest.approx(0.1803, abs=5e-5)
    assert train(border * 0.99, 2000)[1][-1] < 1e-3
    assert train(border * 1.01, 2000)[1][-1] > 1e3


# 6. A neuron that classifies.


def test_a_neuron_learns_to_classify_and_nine_points_in_ten_is_as_good_as_it_gets():
    neuron = Neuron(2, activation=Value.sigmoid)
    neuron.load_state_dict({"w1": 0.2, "w2": -0.4, "b": -0.0633})  # w·x + b = -0.6633
    assert f"{neuron([1.0, 2.0]):.2f}" == "0.34"
    rng = random.Random(0)
    points = [[rng.uniform(0, 1), rng.uniform(0, 2)] for _ in range(200)]
    # Usually class 1 where x1 is above 0.5, usually too where x2 is above 1; chance decides near
    # the line on which the two rules cancel.
    classes = [float(x1 + x2 / 2 + rng.gauss(0, 0.12) > 1) for x1, x2 in points]
    optimizer = SGD(neuron.parameters(), lr=2.0)
    for _ in range(300):
        loss = bce_loss([neuron(x) for x in points], classes)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert neuron([1.0, 2.0]).item() >= 0.98
    answers = [neuron(x) > 0.5 for x in points]
    right = sum(answer == (c == 1.0) for answer, c in zip(answers, classes))
    assert 0.85 <= right / 200 <= 0.95
