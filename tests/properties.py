"""Random programs and hard places, on this engine, on PyTorch and in 100 digits.

As a program it prints how far apart they are, in so many edges of random programs:

pip install -e '.[test]' torch && python tests/properties.py 1000000
"""

import random
import sys
from functools import partial
from importlib.util import find_spec

import mpmath
from graphs import OPERATIONS, TARGET, WRITTEN, Program, halves, sizes_of_gradients

from tinygrad_neuron import (
    Value,
    bce_loss,
    bce_with_logits_loss,
    hinge_loss,
    mse_loss,
    no_grad,
    topological_order,
)

TINY = 1e-55  # of a hundred digits, the change of 1e-40 leaves a slope no more than sixty
BOUND = 1e-9  # of what was added up for a gradient, in absolute values: see sizes_of_gradients


class Tally:
    """What was compared in random programs, and how far apart it was at worst."""

    def __init__(self):
        self.programs = self.edges = 0
        self.ops = set()
        self.value = self.gradient = 0.0
        self.left_out = 0

    def program(self, program, output):
        self.programs += 1
        self.edges += sum(len(node.operands) for node in topological_order(output))
        self.ops.update(op for op, _ in program.steps)

    def values(self, seed, ours, theirs):
        error = float(abs(ours - theirs) / max(1, abs(theirs)))
        assert error <= BOUND, f"program {seed}: {ours}, not {theirs}"
        self.value = max(self.value, error)

    def gradients(self, seed, ours, theirs, size):
        error = float(abs(ours - theirs) / size) if size else float(abs(ours - theirs))
        assert error <= BOUND, f"program {seed}: {ours}, not {theirs}; {size} was added up"
        self.gradient = max(self.gradient, error)

    def __str__(self):
        missing = OPERATIONS - self.ops
        ops = f"{len(self.ops)}" + (f" (not {', '.join(sorted(missing))})" if missing else "")
        errors = f"{self.value:.1e} | {self.gradient:.1e} | {self.left_out}"
        return f"{self.programs:,} | {self.edges:,} | {ops} | {errors}"


def against_pytorch(edges, first_seed=0):
    """Several outputs, one of them twice; then the leaves move in place, and all once more."""
    import torch

    tally = Tally()
    while tally.edges < edges:
        seed = first_seed + tally.programs
        program, rng = Program(seed), random.Random(f"outputs of {seed}")
        leaves = [Value(x) for x in program.leaves]
        tensors = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in program.leaves]
        for _ in range(2):
            nodes, theirs = program.nodes(leaves), program.nodes(tensors, torch_operation)
            outputs = [len(nodes) - 1, len(nodes) - 1]
            outputs += [rng.randrange(len(leaves), len(nodes)) for _ in range(2)]
            sizes = dict.fromkeys(leaves, 0.0)
            for i in outputs:
                nodes[i].backward()
                theirs[i].backward(retain_graph=True)
                tally.values(seed, nodes[i].data, theirs[i].item())
                for node, size in sizes_of_gradients(nodes[i]).items():
                    if node in sizes:
                        sizes[node] += size
            for leaf, tensor in zip(leaves, tensors):
                gradient = 0.0 if tensor.grad is None else tensor.grad.item()
                tally.gradients(seed, leaf.grad, gradient, sizes[leaf])
            rate = 1e-6 / max(1.0, *(abs(leaf.grad) for leaf in leaves))
            with no_grad(), torch.no_grad():
                for leaf, tensor in zip(leaves, tensors):
                    if tensor.grad is not None:
                        tensor -= rate * tensor.grad
                        tensor.grad = None
                    leaf -= rate * leaf.grad
                    leaf.grad = 0.0
        tally.program(program, nodes[-1])
    return tally


def torch_operation(op, operands):
    """An operation of the random programs, on tensors."""
    import torch
    from torch.nn import functional

    if op in WRITTEN:
        return WRITTEN[op](*operands)
    if len(operands) == 1:
        return getattr(torch, op)(operands[0])
    match op:
        case "mean":
            return torch.stack(operands).mean()
        case "hinge":
            return (1 - TARGET * torch.stack(operands)).relu().mean()
    first, second = map(torch.stack, halves(operands))
    match op:
        case "dot":
            return torch.dot(first, second)
        case "mse":
            return functional.mse_loss(first, second)
        case "bce":
            return functional.binary_cross_entropy(first, second)
        case "bce_with_logits":
            return functional.binary_cross_entropy_with_logits(first, second)


def against_mpmath(edges, first_seed=0):
    """Each slope is a difference quotient, so no rule of calculus is on their side."""
    tally = Tally()
    with mpmath.workdps(100):
        while tally.edges < edges:
            seed = first_seed + tally.programs
            program = Program(seed)
            leaves = [Value(x) for x in program.leaves]
            output = program.run(leaves)
            output.backward()
            exact = [mpmath.mpf(x) for x in program.leaves]
            tally.values(seed, output.data, program.run(exact, exact_operation))
            sizes = sizes_of_gradients(output)
            for i, leaf in enumerate(leaves):
                right, size = slope(program, exact, i), sizes.get(leaf, 0.0)
                if abs(leaf.grad - right) <= TINY:
                    continue
                if abs(leaf.grad - right) > BOUND * size and needs_more_digits(
                    program, i, right, size
                ):
                    tally.left_out += 1
                else:
                    tally.gradients(seed, leaf.grad, right, size)
            tally.program(program, output)
    return tally


def needs_more_digits(program, i, right, size):
    """Whether the slope changes so much if each result on the way is changed in its 16th digit.

    Then no floats can have more digits of it: of 3 - (3 - x) a small x has few.
    """

    def rounded(op, operands):
        return exact_operation(op, operands) * (1 + mpmath.mpf(10) ** -15)

    numbers = [mpmath.mpf(x) for x in program.leaves]
    return abs(slope(program, numbers, i, rounded) - right) > BOUND * size


def slope(program, numbers, i, operation=None):
    """By a change of 1e-40 to either side, which errs in the eightieth digit."""
    step = mpmath.mpf(10) ** -40
    up, down = (
        program.run([*numbers[:i], numbers[i] + h, *numbers[i + 1 :]], operation or exact_operation)
        for h in (step, -step)
    )
    return (up - down) / (2 * step)


EXACT_LOSS = {  # of one pair
    "mse": lambda p, t: (p - t) ** 2,
    "hinge": lambda p, t: max(1 - t * p, mpmath.mpf(0)),
    "bce": lambda p, t: -t * mpmath.log(p) - (1 - t) * mpmath.log(1 - p),
    "bce_with_logits": lambda x, t: mpmath.log(1 + mpmath.exp(x)) - t * x,
}
EXACT = {
    "relu": lambda x: max(x, mpmath.mpf(0)),
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "dot": lambda *xs: mpmath.fdot(*halves(xs)),
    "mean": lambda *xs: sum(xs) / len(xs),
    "hinge": lambda *ps: sum(EXACT_LOSS["hinge"](p, TARGET) for p in ps) / len(ps),
}


def exact_operation(op, operands):
    """An operation of the random programs, on numbers of many digits."""
    if op in WRITTEN:
        return WRITTEN[op](*operands)
    if op in EXACT:
        return EXACT[op](*operands)
    if op in EXACT_LOSS:
        return EXACT["mean"](*map(EXACT_LOSS[op], *halves(operands)))
    return getattr(mpmath, op)(*operands)


ENGINE = {
    "mse": mse_loss,
    "hinge": hinge_loss,
    "bce": bce_loss,
    "bce_with_logits": bce_with_logits_loss,
}
# Where digits are lost if a formula is not written with care. For a loss: predictions, target.
HARD = {
    "exp": [(-708.0,), (-1e-9,), (1e-9,), (709.7,)],
    "log": [(1e-300,), (1 - 1e-9,), (1 + 1e-9,), (1e300,)],
    "sqrt": [(1e-300,), (1 + 1e-15,), (1e300,)],
    "sin": [(1e-9,), (3.141592653589793,), (1e5,)],
    "cos": [(1e-9,), (1.5707963267948966,), (1e5,)],
    "tanh": [(s * x,) for s in (1, -1) for x in (1e-9, 0.5, 5.0, 19.0, 20.0, 300.0)],
    "sigmoid": [(s * x,) for s in (1, -1) for x in (1e-9, 0.5, 5.0, 36.0, 37.0, 700.0)],
    "/": [(1.0, 1e-100), (1e-300, 3.0), (49.0, 49.0), (1e200, 1e-50)],
    "**": [(1e-10, 3.3), (1 + 1e-9, 1e6), (1e100, 3.0), (0.5, -900.0)],
    "**-2": [(1e-100,), (1e100,)],
    "-": [(1 + 1e-12, 1.0), (1e16, 1.0)],
    "mse": [(1 + 1e-8, 1.0), (1e-150, 0.0), (1e100, -1e100)],
    "hinge": [(1 - 1e-9, 1.0), (1 + 1e-9, 1.0), (1e-9, -1.0)],
    "bce": [(p, t) for p in (1e-11, 1e-6, 0.5, 1 - 1e-6, 1 - 1e-11) for t in (0.0, 0.25, 1.0)],
    "bce_with_logits": [
        (s * x, t)
        for s in (1, -1)
        for x in (1e-9, 0.5, 5.0, 36.0, 50.0, 700.0)
        for t in (0.0, 0.25, 1.0)
    ],
}
SATURATING = {"tanh", "sigmoid", "bce_with_logits"}


def at_hard_places():
    """(op, point, relative error of the value, error of each slope), compared in 1,000 digits.

    The error of a slope is relative; of a function that saturates it is absolute.
    """
    for op, points in HARD.items():
        for point in points:
            leaves = [Value(x) for x in point]
            if op in ENGINE:
                output = ENGINE[op](*leaves)
                leaves = leaves[:1]
            elif op in WRITTEN:
                output = WRITTEN[op](*leaves)
            else:
                output = getattr(leaves[0], op)()
            output.backward()
            with mpmath.workdps(1000):
                exact = EXACT_LOSS.get(op, partial(exact_at, op))
                numbers = [mpmath.mpf(x) for x in point]
                slopes = [
                    difference(leaf.grad, exact_slope(exact, numbers, i), op in SATURATING)
                    for i, leaf in enumerate(leaves)
                ]
                yield op, point, difference(output.data, exact(*numbers)), slopes


def exact_at(op, *numbers):
    return exact_operation(op, numbers)


def exact_slope(exact, numbers, i):
    step = abs(numbers[i]) * mpmath.mpf(10) ** -300
    up, down = (exact(*numbers[:i], numbers[i] + h, *numbers[i + 1 :]) for h in (step, -step))
    return (up - down) / (2 * step)


def difference(ours, exact, absolute=False):
    error = abs(mpmath.mpf(ours) - exact)
    return float(error if absolute or not exact else error / abs(exact))


def main(edges):
    print(
        "| compared with | programs | edges | operations | worst value | worst gradient | beyond |"
    )
    print("|---|---|---|---|---|---|---|")
    if find_spec("torch"):
        print(f"| PyTorch | {against_pytorch(edges)} |")
    else:
        print("| PyTorch, which is not installed: pip install torch | | | | | | |")
    print(f"| 100 digits | {against_mpmath(edges)} |")
    print()
    print("| hard places | points | worst value | worst slope |")
    print("|---|---|---|---|")
    found = list(at_hard_places())
    for op in HARD:
        mine = [row for row in found if row[0] == op]
        value, slope = max(row[2] for row in mine), max(max(row[3]) for row in mine)
        kind = "absolute" if op in SATURATING else "relative"
        print(f"| {op} | {len(mine)} | {value:.1e} | {slope:.1e} {kind} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 10_000)
