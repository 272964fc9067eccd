"""Backpropagation edge by edge."""

import math

import pytest
from graphs import Program as RandomProgram
from graphs import nodes_alive

from tinygrad_neuron import MLP, Neuron, Value, edges, mean, no_grad, steps, topological_order


def bits(x):
    return x.hex()


def test_the_steps_of_a_neuron_with_two_inputs():
    # y = tanh(0.5·3 - 1·1 + 0.25) = tanh(0.75), whose slope is 1 - tanh²(0.75) = 0.596586
    neuron = Neuron(2, Value.tanh)
    neuron.load_state_dict({"w1": 0.5, "w2": -1.0, "b": 0.25})
    x1, x2 = Value(3.0, label="x1"), Value(1.0, label="x2")
    y = neuron([x1, x2])
    assert [str(step) for step in steps(y)] == [
        "v2.grad += ∂y/∂v2 · y.grad = 0.5966 · 1 = 0.5966   (0 → 0.5966)",
        "v1.grad += ∂v2/∂v1 · v2.grad = 1 · 0.5966 = 0.5966   (0 → 0.5966)",
        "b.grad += ∂v2/∂b · v2.grad = 1 · 0.5966 = 0.5966   (0 → 0.5966)",
        "w1.grad += ∂v1/∂w1 · v1.grad = 3 · 0.5966 = 1.79   (0 → 1.79)",
        "w2.grad += ∂v1/∂w2 · v1.grad = 1 · 0.5966 = 0.5966   (0 → 0.5966)",
        "x1.grad += ∂v1/∂x1 · v1.grad = 0.5 · 0.5966 = 0.2983   (0 → 0.2983)",
        "x2.grad += ∂v1/∂x2 · v1.grad = (−1) · 0.5966 = −0.5966   (0 → −0.5966)",
    ]
    first = steps(y)[0]
    assert (first.node, first.operand, first.position) == (y, y.operands[0], 0)
    assert first.partial == first.contribution == pytest.approx(1 - math.tanh(0.75) ** 2)
    assert (first.upstream, first.grad_before) == (1.0, 0.0)


def test_two_edges_between_the_same_values_are_two_steps():
    a = Value(1.0, label="a")
    b = a + a
    c = b + b
    assert [repr(step) for step in steps(c)] == [
        "b.grad += ∂₁c/∂b · c.grad = 1 · 1 = 1   (0 → 1)",
        "b.grad += ∂₂c/∂b · c.grad = 1 · 1 = 1   (1 → 2)",
        "a.grad += ∂₁b/∂a · b.grad = 1 · 2 = 2   (0 → 2)",
        "a.grad += ∂₂b/∂a · b.grad = 1 · 2 = 2   (2 → 4)",
    ]


def test_a_value_that_is_used_three_times_gets_three_contributions():
    x = Value(3.0, label="x")
    y = x * 2 + x.exp() * x
    e = math.exp(3.0)
    taken = [step for step in steps(y) if step.operand is x]
    assert [step.contribution for step in taken] == pytest.approx([e, 3 * e, 2.0])
    assert [step.position for step in taken] == [1, 0, 0]
    assert taken[-1].grad_after == pytest.approx(4 * e + 2)


@pytest.mark.parametrize("seed", range(200))
def test_contributions_add_up_to_the_gradients_to_the_last_bit(seed):
    program = RandomProgram(seed)
    y = program.run([Value(x) for x in program.leaves])
    order = topological_order(y)
    for i, node in enumerate(order):
        node.grad = float(i)  # whatever was there before
    stale = [node.grad for node in order]
    taken = steps(y)
    assert [node.grad for node in order] == stale

    assert [(step.node, step.operand, step.partial) for step in taken] == list(edges(order))
    sums = dict.fromkeys(order, 0.0) | {y: 1.0}
    for step in taken:
        assert bits(step.upstream) == bits(sums[step.node])
        assert bits(step.grad_before) == bits(sums[step.operand])
        sums[step.operand] += step.contribution
        assert bits(step.grad_after) == bits(sums[step.operand])
        assert step.node.operands[step.position] is step.operand
    for node in order:
        node.grad = 0.0
    y.backward()
    assert [bits(sums[node]) for node in order] == [bits(node.grad) for node in order]


def test_the_steps_are_of_the_forward_pass_that_was_run():
    w, x = Value(2.0, label="w"), Value(3.0, label="x")
    y = w * x
    w.data = 100.0
    assert [step.partial for step in steps(y)] == [3.0, 2.0]


def test_a_leaf_has_no_steps():
    assert steps(Value(2.0)) == []


def test_under_no_grad_the_steps_of_a_recorded_graph_are_the_same():
    x = Value(3.0, label="x")
    y = x * x
    with no_grad():
        assert [step.grad_after for step in steps(y)] == [3.0, 6.0]


def test_names_that_are_formulas_or_numbers_stand_in_brackets():
    x = Value(3.0, label="x")
    (y := x - 0.5).label = "x - 0.5"
    assert [str(step).partition(" = ")[0] for step in steps(y)] == [
        "x.grad += ∂(x - 0.5)/∂x · (x - 0.5).grad",
        "(0.5).grad += ∂(x - 0.5)/∂(0.5) · (x - 0.5).grad",
    ]


def test_names_are_the_callers_or_those_given():
    h = Value(1.0) * 2
    assert str(steps(h)[1]).startswith("(2).grad += ∂h/∂(2)")
    assert str(steps(h, variables={"z": h})[1]).startswith("(2).grad += ∂z/∂(2)")
    net = MLP(1, [2, 1])
    assert "layers[0].neurons[1].w[0].grad" in str(steps(net(1.0)[0], variables={}, model=net))


def test_steps_of_what_is_no_value_are_an_error():
    with pytest.raises(TypeError, match="a graph is that of one Value"):
        steps(3.0)


def test_a_long_chain_is_stepped_through_without_recursion():
    y = x = Value(1.0)
    for _ in range(50_000):
        y = y + 1.0
    assert steps(y)[-2].operand is x


def test_steps_keep_the_graph_alive_only_as_long_as_they_live(collector_off):
    before = nodes_alive()
    x = Value(2.0)
    taken = steps(mean([x * x, x]))
    del taken, x
    assert nodes_alive() == before
