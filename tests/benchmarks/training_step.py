"""Time and memory of one training step, against its peers: python tests/benchmarks/training_step.py

The step is that of micrograd's own demo: a network 2-16-16-1 (337 parameters), 100 points on two
half-moons, the hinge loss and a small penalty on the weights; forward pass, backward pass, update.

    micrograd                  its nn and its engine, as published
    op by op                   the same program, micrograd's nn included, on this package's Value
    nn                         this package's MLP, hinge_loss and dot
    …, collector off           the same after gc.disable(), which is safe here
    PyTorch scalars            micrograd's program on tensors of one number
    CasADi lists               the loss of a sample as a compiled function, called for each sample
    CasADi mapped              the same, mapped over NumPy arrays; returns each sample's gradients,
                               as the unrolled program does, which NumPy sums
    CasADi mapped, sums        the same, but CasADi sums them
    unrolled on floats         the loss of a sample as a program, called for each sample
    unrolled on NumPy          the same program, called once with arrays
    …, 10,000                  with 10,000 points, taken 5,000 at a time, which costs as much as all
                               at once; 1,000 at a time costs twice that, in calls of NumPy
    PyTorch tensors, 10,000    the network as PyTorch is meant to be used, on one thread, in float64

Every variant runs in a process of its own, in turn, several times. Reported are the median step and
the peak of resident memory above that of a Python that has imported only `resource`. Needs
micrograd (pip install '.[dev]'), and those with a name not installed (torch, casadi) are left out.
Nothing is asserted.
"""

import gc
import math
import random
import resource
import sys
import time
from importlib.util import find_spec

VARIANTS = {
    "micrograd": "micrograd",
    "op by op": "micrograd",
    "op by op, collector off": "micrograd",
    "nn": "tinygrad_neuron",
    "nn, collector off": "tinygrad_neuron",
    "PyTorch scalars": "torch",
    "CasADi lists": "casadi",
    "CasADi mapped": "casadi",
    "CasADi mapped, sums": "casadi",
    "unrolled on floats": "tinygrad_neuron",
    "unrolled on NumPy": "numpy",
    "unrolled on NumPy, 10,000": "numpy",
    "PyTorch tensors, 10,000": "torch",
}
MANY = 10_000
AT_ONCE = 5_000  # points: 40 kB an array
LR, PENALTY = 0.1, 1e-4


def half_moons(rng, n=100):
    points, sides = [], []
    for i in range(n):
        angle, upper = rng.uniform(0, math.pi), i % 2 == 0
        x, y = math.cos(angle), math.sin(angle)
        x, y = (x, y) if upper else (1 - x, 0.5 - y)
        points.append([x + rng.gauss(0, 0.1), y + rng.gauss(0, 0.1)])
        sides.append(1 if upper else -1)
    return points, sides


def micrograd_step(value_class, points, sides):
    """The demo's program, with micrograd's Value or another."""
    from micrograd import nn

    nn.Value = value_class
    net = nn.MLP(2, [16, 16, 1])

    def step():
        scores = [net([value_class(x) for x in point]) for point in points]
        losses = [(1 + -side * score).relu() for side, score in zip(sides, scores)]
        loss = sum(losses) * (1.0 / len(losses))
        loss = loss + PENALTY * sum(p * p for p in net.parameters())
        net.zero_grad()
        loss.backward()
        for p in net.parameters():
            p.data -= LR * p.grad

    return step


def nn_step(points, sides):
    from tinygrad_neuron import MLP, SGD, dot, hinge_loss

    net = MLP(2, [16, 16, 1])
    optimizer = SGD(net.parameters(), lr=LR)

    def step():
        scores = [net(point)[0] for point in points]
        loss = hinge_loss(scores, sides) + PENALTY * dot(net.parameters(), net.parameters())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def scalar_torch_step(points, sides):
    import torch

    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    rng = random.Random(1)

    def neuron(n):
        w = [torch.tensor(rng.uniform(-1, 1), requires_grad=True) for _ in range(n)]
        return w, torch.tensor(0.0, requires_grad=True)

    layers = [[neuron(n) for _ in range(size)] for n, size in ((2, 16), (16, 16), (16, 1))]
    parameters = [p for layer in layers for w, b in layer for p in (*w, b)]

    def score(x):
        for layer in layers:
            x = [sum((wi * xi for wi, xi in zip(w, x)), b) for w, b in layer]
            x = x if layer is layers[-1] else [v.relu() for v in x]
        return x[0]

    def step():
        scores = [score([torch.tensor(x) for x in point]) for point in points]
        losses = [(1 + -side * score).relu() for side, score in zip(sides, scores)]
        loss = sum(losses) * (1.0 / len(losses)) + PENALTY * sum(p * p for p in parameters)
        loss.backward()
        with torch.no_grad():
            for p in parameters:
                p -= LR * p.grad
                p.grad = None

    return step


def tensor_torch_step(points, sides):
    import torch

    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    net = torch.nn.Sequential(
        *(torch.nn.Linear(2, 16), torch.nn.ReLU(), torch.nn.Linear(16, 16), torch.nn.ReLU()),
        torch.nn.Linear(16, 1),
    )
    optimizer = torch.optim.SGD(net.parameters(), LR)
    points, sides = torch.tensor(points), torch.tensor(sides, dtype=torch.float64)

    def step():
        loss = torch.relu(1 - sides * net(points)[:, 0]).mean()
        loss = loss + PENALTY * sum((p * p).sum() for p in net.parameters())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def program_of_a_sample():
    """The hinge loss of one point by 337 parameters, its two numbers and its side; the start."""
    from tinygrad_neuron import MLP, Value, hinge_loss, unroll

    net = MLP(2, [16, 16, 1])
    x1, x2, side = Value(0.5), Value(0.5), Value(1.0)
    parameters = net.parameters()
    loss = hinge_loss(net([x1, x2]), [side])
    return unroll(loss, [*parameters, x1, x2, side], variables={}), [p.data for p in parameters]


def unrolled_float_step(points, sides):
    program, weights = program_of_a_sample()
    n = len(points)

    def step():
        totals = [0.0] * len(weights)
        for (x1, x2), side in zip(points, sides):
            _, gradients = program(*weights, x1, x2, side)
            totals = [total + gradient for total, gradient in zip(totals, gradients)]
        weights[:] = [w - LR * (t / n + 2 * PENALTY * w) for w, t in zip(weights, totals)]

    return step


def unrolled_numpy_step(points, sides):
    import numpy as np

    program, weights = program_of_a_sample()
    x1, x2 = np.array(points, dtype=float).T.copy()
    side = np.array(sides, dtype=float)
    n = len(points)

    def step():
        totals = [0.0] * len(weights)
        for i in range(0, n, AT_ONCE):
            part = slice(i, i + AT_ONCE)
            _, gradients = program.total(*weights, x1[part], x2[part], side[part])
            totals = [total + g for total, g in zip(totals, gradients)]
        weights[:] = [float(w - LR * (t / n + 2 * PENALTY * w)) for w, t in zip(weights, totals)]

    return step


def casadi_function():
    import casadi

    rng = random.Random(1)
    weights, values = [], []

    def neuron(x, activation):
        w = [casadi.SX.sym("w") for _ in x]
        b = casadi.SX.sym("b")
        weights.extend([*w, b])
        values.extend([rng.uniform(-1, 1) / math.sqrt(len(x)) for _ in x] + [0.0])
        total = b
        for wi, xi in zip(w, x):
            total = total + wi * xi
        return casadi.fmax(total, 0) if activation else total

    point, side = casadi.SX.sym("x", 2), casadi.SX.sym("side")
    x = [point[0], point[1]]
    for size, activation in ((16, True), (16, True), (1, False)):
        x = [neuron(x, activation) for _ in range(size)]
    loss = casadi.fmax(1 - side * x[0], 0)
    w = casadi.vertcat(*weights)
    function = casadi.Function("f", [w, point, side], [loss, casadi.gradient(loss, w)])
    return function, values


def casadi_list_step(points, sides):
    function, weights = casadi_function()
    n = len(points)

    def step():
        totals = [0.0] * len(weights)
        for point, side in zip(points, sides):
            _, gradients = function(weights, point, side)
            totals = [total + g for total, g in zip(totals, gradients.nonzeros())]
        weights[:] = [w - LR * (t / n + 2 * PENALTY * w) for w, t in zip(weights, totals)]

    return step


def casadi_mapped_step(points, sides, sums=False):
    import numpy as np

    function, weights = casadi_function()
    n = len(points)
    mapped = function.map("mapped", "serial", n, [0], [0, 1] if sums else [])  # one w for all
    points, sides = np.array(points).T.copy(), np.array(sides, dtype=float)[None, :]
    w = np.array(weights)

    def step():
        _, gradients = mapped(w, points, sides)
        totals = np.add.reduce(np.array(gradients), axis=1)  # of one column, or of all samples'
        w[:] = w - LR * (totals / n + 2 * PENALTY * w)

    return step


def step_of(variant, points, sides):
    if variant.startswith("nn"):
        return nn_step(points, sides)
    if variant == "micrograd":
        from micrograd.engine import Value

        return micrograd_step(Value, points, sides)
    if variant.startswith("op by op"):
        from tinygrad_neuron import Value

        return micrograd_step(Value, points, sides)
    if variant == "CasADi mapped, sums":
        return casadi_mapped_step(points, sides, sums=True)
    makers = {
        "PyTorch scalars": scalar_torch_step,
        "PyTorch tensors": tensor_torch_step,
        "CasADi lists": casadi_list_step,
        "CasADi mapped": casadi_mapped_step,
        "unrolled on floats": unrolled_float_step,
        "unrolled on NumPy": unrolled_numpy_step,
    }
    return makers[variant.partition(",")[0]](points, sides)


def measure(variant, steps):
    """The median time of a step in this process, and its peak of memory."""
    points, sides = half_moons(random.Random(1), MANY if variant.endswith("10,000") else 100)
    random.seed(1)
    if variant.endswith("collector off"):
        gc.disable()
    step = step_of(variant, points, sides)
    seconds = []
    for _ in range(steps + 1):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return sorted(seconds[1:])[steps // 2], peak  # the first step warms up


def main():
    # Not at the top, because the processes that are measured should hold nothing else.
    import argparse
    import statistics
    import subprocess

    def child(*arguments):
        run = [sys.executable, *arguments]
        printed = subprocess.run(run, capture_output=True, text=True, check=True).stdout
        return [float(number) for number in printed.split()]

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7, help="processes of each variant")
    parser.add_argument("--steps", type=int, default=5, help="steps timed in each process")
    arguments = parser.parse_args()
    peak = "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    bare = statistics.median(child("-c", peak)[0] for _ in range(arguments.runs))
    variants = [variant for variant, library in VARIANTS.items() if find_spec(library)]
    runs = {variant: [] for variant in variants}
    for _ in range(arguments.runs):
        for variant in variants:
            runs[variant].append(child(__file__, "measure", variant, str(arguments.steps)))
    unit = 1024 if sys.platform != "darwin" else 1024 * 1024  # ru_maxrss: kB, on macOS bytes
    seconds = {v: statistics.median(run[0] for run in runs[v]) for v in variants}
    memory = {v: (statistics.median(run[1] for run in runs[v]) - bare) / unit for v in variants}
    print(f"{'':26}{'ms a step':>10}{'times faster':>14}{'MB':>8}{'times less':>12}")
    for v in variants:
        faster, less = seconds["micrograd"] / seconds[v], memory["micrograd"] / memory[v]
        print(f"{v:26}{1e3 * seconds[v]:10.2f}{faster:14.1f}{memory[v]:8.1f}{less:12.1f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        print(*measure(sys.argv[2], int(sys.argv[3])))
    else:
        main()
