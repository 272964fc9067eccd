"""Time and memory of one training step, against micrograd: python tests/benchmarks/training_step.py

The step is that of micrograd's own demo: a network 2-16-16-1 (337 parameters), 100 points on two
half-moons, the hinge loss and a small penalty on the weights; forward pass, backward pass, update.

    micrograd                  its nn and its engine, as published
    op by op                   the same program, micrograd's nn included, on this package's Value
    nn                         this package's MLP, hinge_loss and dot
    …, collector off           the same after gc.disable(), which is safe here

Every variant runs in a process of its own, in turn, several times. Reported are the median step and
the peak of resident memory above that of a Python that has imported only `resource`. Needs
micrograd (pip install '.[dev]'). Nothing is asserted.
"""

import gc
import math
import random
import resource
import sys
import time

VARIANTS = ["micrograd", "op by op", "op by op, collector off", "nn", "nn, collector off"]


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
        loss = loss + 1e-4 * sum(p * p for p in net.parameters())
        net.zero_grad()
        loss.backward()
        for p in net.parameters():
            p.data -= 0.1 * p.grad

    return step


def nn_step(points, sides):
    from tinygrad_neuron import MLP, SGD, dot, hinge_loss

    net = MLP(2, [16, 16, 1])
    optimizer = SGD(net.parameters(), lr=0.1)

    def step():
        scores = [net(point)[0] for point in points]
        loss = hinge_loss(scores, sides) + 1e-4 * dot(net.parameters(), net.parameters())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def measure(variant, steps):
    """The median time of a step in this process, and its peak of memory."""
    points, sides = half_moons(random.Random(1))
    random.seed(1)
    if variant.endswith("collector off"):
        gc.disable()
    if variant.startswith("nn"):
        step = nn_step(points, sides)
    elif variant == "micrograd":
        from micrograd.engine import Value

        step = micrograd_step(Value, points, sides)
    else:
        from tinygrad_neuron import Value

        step = micrograd_step(Value, points, sides)
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
    parser.add_argument("--runs", type=int, default=5, help="processes of each variant")
    parser.add_argument("--steps", type=int, default=5, help="steps timed in each process")
    arguments = parser.parse_args()
    peak = "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    bare = statistics.median(child("-c", peak)[0] for _ in range(arguments.runs))
    runs = {variant: [] for variant in VARIANTS}
    for _ in range(arguments.runs):
        for variant in VARIANTS:
            runs[variant].append(child(__file__, "measure", variant, str(arguments.steps)))
    unit = 1024 if sys.platform != "darwin" else 1024 * 1024  # ru_maxrss: kB, on macOS bytes
    seconds = {v: statistics.median(run[0] for run in runs[v]) for v in VARIANTS}
    memory = {v: (statistics.median(run[1] for run in runs[v]) - bare) / unit for v in VARIANTS}
    print(f"{'':26}{'ms a step':>10}{'times faster':>14}{'MB':>8}{'times less':>12}")
    for v in VARIANTS:
        faster, less = seconds["micrograd"] / seconds[v], memory["micrograd"] / memory[v]
        print(f"{v:26}{1e3 * seconds[v]:10.1f}{faster:14.1f}{memory[v]:8.1f}{less:12.1f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        print(*measure(sys.argv[2], int(sys.argv[3])))
    else:
        main()
