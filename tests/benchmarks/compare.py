"""This engine against an earlier commit and the smallest Value: python tests/benchmarks/compare.py

    step: op by op, step: nn       the training steps of training_step.py
    order: …                       `topological_order` alone, on five graphs
    GPT: ours, op by op            the training step of gpt.py on this package's Value
    GPT: ours, dot                 the same, with `dot` for all matrix products
    GPT: smallest, recursion       the same, op by op, on the Value of smallest.py
    GPT: smallest, no recursion    the same, with an order that uses no recursion

Every variant runs in a process of its own, which takes one step whenever it is asked. The steps of
two variants alternate, so a change in the machine's speed meets both. A ratio is the median over
all pairs of steps. Beside it stands the ratio of a variant to itself, measured in the same way with
two processes of the first variant. It shows how far from 1 a ratio gets by chance. The times are
processor time, which leaves out the time that other programs get.

`--python` takes Pythons from 3.11 on. They need no packages, because this file hands them the
package of this clone, and micrograd if it is installed here.
"""

import argparse
import gc
import io
import os
import platform
import random
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import smallest
from gpt import GPT, op_by_op
from training_step import half_moons, micrograd_step, nn_step

from tinygrad_neuron import Value, dot, topological_order

ROOT = Path(__file__).resolve().parent.parent.parent
WARM_UP = 2  # steps that do not count
STEPS = ["step: op by op", "step: nn"]
ORDERS = [f"order: {name}" for name in ("chain", "MLP loss", "op by op", "wide dot", "GPT")]
GPTS = {
    "GPT: ours, op by op": (Value, op_by_op, None),
    "GPT: ours, dot": (Value, dot, None),
    "GPT: smallest, recursion": (smallest.Value, op_by_op, smallest.recursive_order),
    "GPT: smallest, no recursion": (smallest.Value, op_by_op, smallest.flat_order),
}


def gpt(variant):
    value_class, product, smallest.topological_order = GPTS[variant]
    return GPT(value_class, product)


def training_step(variant):
    points, sides = half_moons(random.Random(1))
    random.seed(1)
    if variant.endswith("op by op"):
        return micrograd_step(Value, points, sides)
    return nn_step(points, sides)


def graph(variant):
    """The output of the graph whose order is measured."""
    if variant == "order: chain":
        y = x = Value(1.0)
        for _ in range(20_000):
            y = y + x
        return y
    if variant == "order: wide dot":
        return dot([Value(1.0) for _ in range(20_000)], [2.0] * 20_000)
    if variant == "order: GPT":
        return gpt("GPT: ours, op by op").loss()
    losses = []  # the step hands over its loss instead of differentiating it
    Value.backward = lambda loss: losses.append(loss)
    training_step(variant)()
    return losses[0]


def take_steps(variant, collector):
    """For each line on standard input, take a step and print its seconds."""
    if collector == "off":
        gc.disable()
    if variant in ORDERS:
        step = partial(topological_order, graph(variant))
    else:
        step = gpt(variant).step if variant in GPTS else training_step(variant)
    for _ in sys.stdin:
        start = time.process_time()
        step()
        print(time.process_time() - start, flush=True)


def check_gradients():
    """Assert that all GPTs have the same gradients, and print a heading for this Python."""
    gradients, sizes = [], []
    for variant in GPTS:
        model = gpt(variant)
        loss = model.loss()
        loss.backward()
        gradients.append([p.grad for p in model.parameters])
        sizes.append(len(topological_order(loss)))
    largest = max(map(abs, gradients[0]))
    for variant, others in zip(GPTS, gradients):
        error = max(abs(a - b) for a, b in zip(gradients[0], others)) / largest
        assert error <= 1e-9, f"{variant}: a gradient is off by {error} of the largest gradient"
    print(f"Python {platform.python_version()}. All GPTs have the same gradients. ", end="")
    print(f"Their graphs have {sizes[0]:,} values op by op and {sizes[1]:,} with `dot`.")


def process(python, folders, *arguments):
    """This file with other arguments, in a process that finds packages in the folders."""
    path = os.pathsep.join(map(str, folders))
    command, environment = [python, __file__, *arguments], os.environ | {"PYTHONPATH": path}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment, text=True, stdin=pipe, stdout=pipe)


def seconds(child):
    print(file=child.stdin, flush=True)
    return float(child.stdout.readline())


def compare(first, second, pairs):
    """The median seconds of the first, the ratio first / second, and the ratio first / first."""
    with process(*first) as a, process(*second) as b, process(*first) as c:
        for child in [a, b, c] * WARM_UP:
            seconds(child)
        times = [(seconds(a), seconds(b)) for _ in range(pairs)]
        control = [(seconds(a), seconds(c)) for _ in range(pairs)]
    return median(x for x, _ in times), *(median(x / y for x, y in t) for t in (times, control))


def unpack(commit, folder):
    """Write the package, as it was in that commit, into the folder."""
    archive = ["git", "-C", ROOT, "archive", commit, "tinygrad_neuron"]
    done = subprocess.run(archive, capture_output=True)
    if done.returncode:
        sys.exit(f"git cannot read commit {commit!r}: {done.stderr.decode().strip()}")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
        tar.extractall(folder, filter="data")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", default="1aecc6a", metavar="COMMIT", help="the earlier commit")
    parser.add_argument("--pairs", type=int, default=15, help="pairs of steps for each ratio")
    parser.add_argument("--python", nargs="+", default=[sys.executable], help="by default this one")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        new, old = [ROOT, Path(folder, "peers")], [Path(folder, "old"), Path(folder, "peers")]
        unpack(arguments.base, old[0])
        versions = [*STEPS, *ORDERS]
        if micrograd := find_spec("micrograd"):
            shutil.copytree(micrograd.submodule_search_locations[0], new[1] / "micrograd")
        else:
            print("micrograd is not installed, so its program, op by op, is left out.\n")
            versions = [variant for variant in versions if not variant.endswith("op by op")]
        rows = [(v, new, v, old, f"this / {arguments.base}") for v in versions]
        ours, with_dot, recursive, flat = GPTS
        peers = [(ours, recursive), (ours, flat), (with_dot, ours), (flat, recursive)]
        rows += [(a, new, b, new, f"/ {b.removeprefix('GPT: ')}") for a, b in peers]
        for python in arguments.python:
            with process(python, new, "check") as check:
                print(check.communicate()[0])
            if check.returncode:
                sys.exit(f"{python} cannot run the GPTs, or their gradients differ")
            print("| | | ms | ratio | to itself | collector off: ms | ratio | to itself |")
            print("|---|---|" + "---:|" * 6)
            for a, folders_of_a, b, folders_of_b, label in rows:
                print(f"| {a} | {label} |", end="", flush=True)
                for collector in "on", "off":
                    first = python, folders_of_a, "take steps", a, collector
                    second = python, folders_of_b, "take steps", b, collector
                    middle, ratio, itself = compare(first, second, arguments.pairs)
                    cells = f" {1e3 * middle:.2f} | {ratio:.2f} | {itself:.2f} |"
                    print(cells, end="", flush=True)
                print()
            print()


if __name__ == "__main__":
    if sys.argv[1:] == ["check"]:
        check_gradients()
    elif sys.argv[1:2] == ["take steps"]:
        take_steps(*sys.argv[2:])
    else:
        main()
