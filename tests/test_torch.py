"""The same numbers as PyTorch, in float64."""

import math
import random
import re
import subprocess
import sys

import pytest
from graphs import OPERATIONS, Program, engine_operation, sizes_of_gradients
from manual import the_block
from properties import against_pytorch, torch_operation

from tinygrad_neuron import (
    MLP,
    SGD,
    Layer,
    Neuron,
    Value,
    bce_loss,
    bce_with_logits_loss,
    mse_loss,
    topological_order,
    unroll,
)

torch = pytest.importorskip("torch")
F = torch.nn.functional


@pytest.fixture(autouse=True)
def double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def test_random_programs_have_pytorchs_values_and_gradients():
    """For more of them: python tests/properties.py 1000000."""
    tally = against_pytorch(edges=50_000)
    assert tally.ops == OPERATIONS


POINTS = [-3.0, -0.5, 0.0, 0.25, 0.5, 1.0, 2.0, 1000.0, -1000.0, float("nan")]


@pytest.mark.parametrize(
    "op", ["relu", "abs", "tanh", "sigmoid", "sin", "cos", "**2", "**0", "bce_with_logits"]
)
def test_conventions_at_the_corners_are_pytorchs(op):
    for x in POINTS:
        leaf, tensor = Value(x), torch.tensor(x, requires_grad=True)
        target = [0.25] if op == "bce_with_logits" else []
        output = engine_operation(op, [leaf, *target])
        expected = torch_operation(op, [tensor, *map(torch.tensor, target)])
        output.backward()
        expected.backward()
        if x == x:
            assert output.data == pytest.approx(expected.item(), rel=1e-12, abs=1e-12)
            assert leaf.grad == pytest.approx(tensor.grad.item(), rel=1e-12, abs=1e-12)
        elif op != "**0":
            assert output.data != output.data
            assert expected.isnan()


@pytest.mark.parametrize("f", ["x.sqrt()", "x**0.5", "x**0", "x**1", "0**x", "x**v", "abs(x)"])
def test_conventions_at_zero_are_pytorchs(f):
    leaf, tensor = Value(0.0), torch.tensor(0.0, requires_grad=True)
    eval(f, {"x": leaf, "v": Value(0.5)}).backward()
    eval(f, {"x": tensor, "v": torch.tensor(0.5)}).backward()
    assert leaf.grad == tensor.grad.item()


@pytest.mark.parametrize("p", [0.0, 1e-300, 1e-14, 0.3, 1 - 1e-14, 1.0])
@pytest.mark.parametrize("t", [0.0, 0.3, 1.0])
def test_bce_is_pytorchs_at_and_beside_the_edges(p, t):
    leaf, target = Value(p), Value(t)
    tensor = torch.tensor(p, requires_grad=True)
    wanted = torch.tensor(t, requires_grad=True)
    output, expected = bce_loss(leaf, target), F.binary_cross_entropy(tensor, wanted)
    output.backward()
    expected.backward()
    assert output.data == pytest.approx(expected.item(), rel=1e-12, abs=0)
    # PyTorch's 1e-12 is a float32, 4e-9 too small; its slope in the target has no bound.
    assert leaf.grad == pytest.approx(tensor.grad.item(), rel=1e-8)
    if p > 1e-40 and p < 1:
        assert target.grad == pytest.approx(wanted.grad.item(), rel=1e-12)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"momentum": 0.9},
        {"weight_decay": 0.1},
        {"momentum": 0.5, "weight_decay": 0.01},
    ],
)
def test_sgd_moves_as_pytorchs_over_fifty_steps(options):
    rng = random.Random(0)
    xs = [[rng.uniform(-1, 1), rng.uniform(-1, 1)] for _ in range(8)]
    ys = [rng.uniform(-1, 1) for _ in range(8)]
    neuron = Neuron(2, activation=Value.tanh, rng=rng)
    w = torch.tensor([v.data for v in neuron.w], requires_grad=True)
    b = torch.tensor(neuron.b.data, requires_grad=True)
    ours, theirs = (
        SGD(neuron.parameters(), lr=0.1, **options),
        torch.optim.SGD([w, b], lr=0.1, **options),
    )
    for step in range(50):
        if step == 25:
            ours.lr = theirs.param_groups[0]["lr"] = 0.05
        ours.zero_grad()
        theirs.zero_grad()
        mse_loss([neuron(x) for x in xs], ys).backward()
        F.mse_loss(torch.tanh(torch.tensor(xs) @ w + b), torch.tensor(ys)).backward()
        ours.step()
        theirs.step()
        state = [p.data for p in neuron.parameters()]
        assert state == pytest.approx([*w.tolist(), b.item()], rel=1e-12, abs=1e-12)


def test_a_network_and_its_loss_are_pytorchs():
    net = MLP(2, [5, 3, 1], activation=Value.tanh, rng=random.Random(0))
    layers = []
    for layer in net.layers:
        linear = torch.nn.Linear(len(layer.neurons[0].w), len(layer.neurons))
        with torch.no_grad():
            linear.weight[:] = torch.tensor([[w.data for w in n.w] for n in layer.neurons])
            linear.bias[:] = torch.tensor([n.b.data for n in layer.neurons])
        layers += [linear, torch.nn.Tanh()]
    twin = torch.nn.Sequential(*layers[:-1])
    rng = random.Random(1)
    xs = [[rng.gauss(0, 1), rng.gauss(0, 1)] for _ in range(10)]
    ys = [float(rng.random() < 0.5) for _ in xs]
    loss = bce_with_logits_loss([net(x)[0] for x in xs], ys)
    expected = F.binary_cross_entropy_with_logits(twin(torch.tensor(xs))[:, 0], torch.tensor(ys))
    loss.backward()
    expected.backward()
    assert loss.data == pytest.approx(expected.item(), rel=1e-12)
    for layer, linear in zip(net.layers, twin[::2]):
        ours = [[w.grad for w in n.w] + [n.b.grad] for n in layer.neurons]
        theirs = torch.cat([linear.weight.grad, linear.bias.grad[:, None]], dim=1).tolist()
        for row, other in zip(ours, theirs):
            assert row == pytest.approx(other, rel=1e-12, abs=0)


# Unrolled programs.


@pytest.mark.parametrize("seed", range(20))
def test_a_program_on_tensors_agrees_with_the_engine(seed):
    recorded = Program(seed)
    leaves = [Value(x) for x in recorded.leaves]
    output = recorded.run(leaves)
    used = [leaf for leaf in leaves if leaf in set(topological_order(output))]
    program = unroll(output, used)
    value, gradients = program(*[torch.tensor([leaf.data] * 3) for leaf in used])
    output.backward()
    sizes = sizes_of_gradients(output)
    assert value.tolist() == pytest.approx([output.data] * 3, rel=1e-9, abs=1e-12)
    for leaf, gradient in zip(used, gradients):
        assert gradient.tolist() == pytest.approx([leaf.grad] * 3, rel=0, abs=1e-9 * sizes[leaf])


def test_tensors_and_numbers_mix_and_keep_their_precision():
    w, x = Value(0.1, label="w"), Value(2.0, label="x")
    value, (d_w, d_x) = unroll((w * x).tanh())(0.1, torch.tensor([2.0, 3.0]))
    assert value.tolist() == pytest.approx([math.tanh(0.1 * x) for x in (2.0, 3.0)], rel=1e-15)
    assert d_w.shape == d_x.shape == (2,)
    total, sums = unroll((w * x).tanh()).total(0.1, torch.tensor([2.0, 3.0]))
    assert total.item() == pytest.approx(value.sum().item(), rel=1e-15)
    expected = [d_w.sum().item(), d_x.sum().item()]
    assert [s.item() for s in sums] == pytest.approx(expected, rel=1e-14)


def test_a_gradient_has_the_dtype_and_the_device_of_the_value_whatever_the_default():
    x, b = Value(2.0, label="x"), Value(0.5, label="b")
    program = unroll(x.relu() * 3 + abs(x) + b)
    torch.set_default_dtype(torch.float32)
    for dtype in torch.float32, torch.float64:
        value, gradients = program(torch.tensor([1.0, -2.0], dtype=dtype), 0.5)
        assert {value.dtype, *(g.dtype for g in gradients)} == {dtype}
        assert [g.tolist() for g in gradients] == [[4.0, -1.0], [1.0, 1.0]]
        total, sums = program.total(torch.tensor([1.0, -2.0], dtype=dtype), 0.5)
        assert [total.item(), *(s.item() for s in sums)] == [4.5 + 2.5, 3.0, 2.0]
    _, (slope,) = unroll(Value(0.1) ** x, [x])(torch.tensor([2.0], dtype=torch.float64))
    assert slope.tolist() == pytest.approx([0.1**2 * math.log(0.1)], rel=1e-15)
    value, gradients = program(torch.ones(2, device="meta"), 0.5)  # it computes nothing
    assert {value.device.type, *(g.device.type for g in gradients)} == {"meta"}


def test_pytorch_differentiates_a_program_right_at_0():
    w = Value(0.5, label="w")
    program = unroll(bce_with_logits_loss([w * 2.0], [1.0]) + w.sigmoid(), [w])
    at = torch.zeros(2, requires_grad=True)
    value, (slope,) = program(at)
    (first,) = torch.autograd.grad(value.sum(), at, retain_graph=True)
    assert first.tolist() == pytest.approx(slope.tolist(), rel=1e-14)
    (second,) = torch.autograd.grad(slope.sum(), at)
    assert second.tolist() == pytest.approx([1.0, 1.0], rel=1e-14)  # 4/4 + 0


@pytest.mark.parametrize(
    ("function", "at"),
    [
        (lambda x, y, z: (x * y + z.sin()).tanh() * x.exp() + (y - z) ** 3, [0.3, -0.7, 1.1]),
        (lambda x, y, z: x.relu() * y.sqrt() + abs(z) * x.sigmoid() / y, [0.3, 0.7, -1.1]),
        (lambda x, y, z: (x**y).log() * z + x**0.5 - y.cos() * x**-2, [0.3, 0.7, -1.1]),
    ],
)
def test_second_derivatives_are_those_of_pytorch(function, at):
    inputs = [Value(v, label=n) for n, v in zip("xyz", at)]
    program = unroll(function(*inputs), inputs)
    expected = torch.autograd.functional.hessian(function, tuple(torch.tensor(v) for v in at))
    for i in range(3):
        values = [Value(v) for v in at]
        program(*values)[1][i].backward()
        row = [other.item() for other in expected[i]]
        assert [v.grad for v in values] == pytest.approx(row, rel=1e-12, abs=0)


def test_a_state_goes_to_pytorch_and_back_with_the_same_outputs():
    ours, twin = Layer(2, 3, Value.tanh, random.Random(0)), Layer(2, 3, Value.tanh)
    linear = torch.nn.Linear(2, 3)
    weights = [[neuron.state_dict()[name] for name in ("w1", "w2")] for neuron in ours.neurons]
    biases = [neuron.state_dict()["b"] for neuron in ours.neurons]
    linear.load_state_dict({"weight": torch.tensor(weights), "bias": torch.tensor(biases)})
    x = [0.5, -1.5]
    expected = torch.tanh(linear(torch.tensor(x))).tolist()
    assert [v.data for v in ours(x)] == pytest.approx(expected, rel=1e-15)
    for neuron, row, bias in zip(twin.neurons, linear.weight.tolist(), linear.bias.tolist()):
        neuron.load_state_dict({"w1": row[0], "w2": row[1], "b": bias})
    assert [v.data for v in twin(x)] == [v.data for v in ours(x)]


def test_two_processes_with_half_of_the_rows_each_learn_what_one_learns(tmp_path):
    script = the_block("tinygrad_neuron/view/program/README.md", "py", "# distributed")
    path = tmp_path / "distributed.py"
    path.write_text(script, encoding="utf-8")
    results = []
    for processes in 1, 2:
        launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
        run = [sys.executable, *launch, str(path)]
        done = subprocess.run(run, capture_output=True, encoding="utf-8", timeout=120)
        assert done.returncode == 0, done.stderr
        results.append([float(number) for number in re.findall(r"-?[\d.]+", done.stdout)])
    alone, together = results
    assert len(alone) == 2
    assert together == pytest.approx(alone, rel=1e-12)
    assert alone == pytest.approx([2.0, 1.0], abs=0.5)  # on the way to y = 2x + 1


def test_a_program_of_a_logit_keeps_its_digits_on_tensors():
    x, t = Value(1.0), Value(0.0)
    program = unroll(bce_with_logits_loss(x, t), [x, t])
    value, (slope, _) = program(torch.tensor([-20.0, 0.0]), 0.0)
    # log(1 + exp(-20)) and log 2; sigmoid(-20) and sigmoid(0)
    assert value.tolist() == pytest.approx([2.0611536203143808e-09, math.log(2)], rel=1e-15)
    assert slope.tolist() == pytest.approx([2.0611536181902037e-09, 0.5], rel=1e-15)


@pytest.mark.parametrize(
    ("function", "slope", "second"),
    [
        (lambda x: bce_with_logits_loss(x, 0.25), 0.25, 0.25),  # sigmoid(0) - t, and 0.5 · 0.5
        (Value.sigmoid, 0.25, 0.0),
        (Value.sqrt, math.inf, -math.inf),
        (lambda x: x**0.5, math.inf, -math.inf),
    ],
)
def test_pytorch_finds_the_right_slopes_of_a_program_at_0(function, slope, second):
    x = Value(1.0, label="x")
    at = torch.tensor([0.0], requires_grad=True)
    value, (gradient,) = unroll(function(x), [x])(at)
    assert gradient.item() == slope
    assert torch.autograd.grad(value.sum(), at, retain_graph=True)[0].item() == slope
    assert torch.autograd.grad(gradient.sum(), at)[0].item() == second


def test_a_complex_tensor_is_refused():
    with pytest.raises(TypeError, match="^a program takes arrays of real numbers, not of torch.c"):
        unroll(Value(1.0, label="x").tanh())(torch.tensor([1j]))
