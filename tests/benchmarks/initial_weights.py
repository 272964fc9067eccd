"""How weights should start, so that a network learns: python tests/benchmarks/initial_weights.py

The program is micrograd's demo: a network 2-16-16-1, hinge loss with a penalty of 1e-4 · w², 100
points of two half-moons, and 100 steps at a rate that falls from 1 to 0.1. Printed is with how
many of 200 seeds the network tells all points apart after the last step. Weights start uniform in
±bound, where n is the number of inputs of a neuron. All seeds are trained at once, on NumPy arrays.

It needs pip install -e '.[notebooks]', for scikit-learn's points.
"""

import math
import random
from itertools import pairwise

import numpy as np
from sklearn.datasets import make_moons

from tinygrad_neuron import MLP

SIZES = [2, 16, 16, 1]
SEEDS = range(200)
STEPS = 100
PENALTY = 1e-4
BOUNDS = {
    "1/√n": lambda n: 1 / math.sqrt(n),
    "√(3/n)": lambda n: math.sqrt(3 / n),
    "√(6/n)": lambda n: math.sqrt(6 / n),
    "1": lambda n: 1.0,
}
points, targets = make_moons(n_samples=100, noise=0.1, random_state=1337)
sides = 2.0 * targets - 1


def drawn(seed, bound, biases):
    """Weights (inputs, neurons) and biases (neurons) of each layer, drawn as the package does."""
    rng = random.Random(seed)
    layers = []
    for n, size in pairwise(SIZES):
        weights = [[rng.uniform(-bound(n), bound(n)) for _ in range(n)] for _ in range(size)]
        spread = 1 / math.sqrt(n) if biases else 0.0
        layers += [np.array(weights).T, np.array([rng.uniform(-spread, spread) for _ in weights])]
    return layers


def scores(layers, relu):
    """The inputs of each layer, of shape (seeds, points, n), and the scores (seeds, points)."""
    inputs = [np.broadcast_to(points, (len(SEEDS), *points.shape))]
    for weights, biases in zip(layers[::2], layers[1::2]):
        z = inputs[-1] @ weights + biases[:, None, :]
        inputs.append(np.maximum(z, 0) if relu else np.tanh(z))
    return inputs[:-1], z[..., 0]


def learned(layers, relu):
    """How many seeds tell all points apart after the last step. The layers are moved."""
    for step in range(STEPS):
        inputs, score = scores(layers, relu)
        back = ((sides * score < 1) * -sides / len(sides))[..., None]
        gradients = []
        for i in reversed(range(len(inputs))):
            gradients[:0] = [inputs[i].swapaxes(1, 2) @ back, back.sum(axis=1)]
            x = inputs[i]
            back = back @ layers[2 * i].swapaxes(1, 2) * ((x > 0) if relu else 1 - x * x)
        for parameters, gradient in zip(layers, gradients):
            parameters -= (1 - 0.9 * step / STEPS) * (gradient + 2 * PENALTY * parameters)
    return np.all(scores(layers, relu)[1] * sides > 0, axis=1).sum()


def main():
    own = MLP(2, SIZES[1:], rng=random.Random(0)).layers[0].neurons
    weights, biases, *_ = drawn(0, BOUNDS["√(6/n)"], True)
    assert [[w.data for w in neuron.w] for neuron in own] == weights.T.tolist()
    assert [neuron.b.data for neuron in own] == biases.tolist()
    print("| bound | biases | relu | tanh |\n|---|---|---:|---:|")
    for name, bound in BOUNDS.items():
        for spread in False, True:
            cells = []
            for relu in True, False:
                layers = zip(*(drawn(seed, bound, spread) for seed in SEEDS))
                share = learned([np.stack(many) for many in layers], relu) / len(SEEDS)
                cells.append(f"{100 * share:.1f} %")
            print(f"| ±{name} | {'±1/√n' if spread else '0'} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
