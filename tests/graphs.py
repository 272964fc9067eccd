"""Random programs over all operations, which can be run on this engine and on another."""

import ast
import gc
import inspect
import math
import random
import sys

from tinygrad_neuron import (
    Value,
    bce_loss,
    bce_with_logits_loss,
    dot,
    edges,
    engine,
    hinge_loss,
    losses,
    mean,
    mse_loss,
    nn,
    topological_order,
)

# Each operation with the numbers at which it is defined and not steep beyond reason.
UNARY = {
    "neg": lambda x: True,
    "abs": lambda x: abs(x) > 0.01,  # away from the kink
    "relu": lambda x: abs(x) > 0.01,
    "exp": lambda x: x < 5,
    "log": lambda x: x > 0.1,
    "sqrt": lambda x: x > 0.1,
    "sin": lambda x: True,
    "cos": lambda x: True,
    "tanh": lambda x: abs(x) < 4,  # further out the slope has few correct digits in any engine
    "sigmoid": lambda x: abs(x) < 6,
    "**3": lambda x: abs(x) < 10,
    "**-2": lambda x: abs(x) > 0.3,
    "**0.5": lambda x: x > 0.1,
    "**2": lambda x: abs(x) < 10,
    "**1": lambda x: True,
    "**0": lambda x: True,
    "2 **": lambda x: abs(x) < 6,
    "3 +": lambda x: True,
    "+ 3": lambda x: True,
    "3 -": lambda x: True,
    "- 3": lambda x: True,
    "3 *": lambda x: True,
    "* 3": lambda x: True,
    "3 /": lambda x: abs(x) > 0.3,
    "/ 3": lambda x: True,
}
BINARY = {
    "+": lambda x, y: True,
    "-": lambda x, y: True,
    "*": lambda x, y: True,
    "/": lambda x, y: abs(y) > 0.3,
    "**": lambda x, y: 0.3 < x < 5 and abs(y) < 3,
}
# Of several pairs of numbers, all first ones before all second ones.
PAIRWISE = {
    "dot": lambda x, y: True,
    "mse": lambda p, t: True,
    "bce": lambda p, t: 0.05 < p < 0.95 and 0 <= t <= 1,
    "bce_with_logits": lambda x, t: 0 <= t <= 1,
}
NARY = {
    "mean": lambda x: True,
    "hinge": lambda p: abs(1 - TARGET * p) > 0.01,  # away from the kink
}
OPERATIONS = {*UNARY, *BINARY, *PAIRWISE, *NARY}
TARGET = -1.0  # of each hinge loss, whose targets are no operands


# What is written with operators alone, and so works on the numbers of any engine.
WRITTEN = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "**": lambda a, b: a**b,
    "neg": lambda a: -a,
    "abs": abs,
    "**0": lambda a: a**0,
    "**1": lambda a: a**1,
    "**2": lambda a: a**2,
    "**3": lambda a: a**3,
    "**-2": lambda a: a**-2,
    "**0.5": lambda a: a**0.5,
    "2 **": lambda a: 2**a,
    "3 +": lambda a: 3 + a,
    "+ 3": lambda a: a + 3,
    "3 -": lambda a: 3 - a,
    "- 3": lambda a: a - 3,
    "3 *": lambda a: 3 * a,
    "* 3": lambda a: a * 3,
    "3 /": lambda a: 3 / a,
    "/ 3": lambda a: a / 3,
}


def engine_operation(op, operands):
    """The operation on this engine's Values."""
    if op in WRITTEN:
        return WRITTEN[op](*operands)
    first, second = halves(operands)
    match op:
        case "dot":
            return dot(first, second)
        case "mean":
            return mean(operands)
        case "mse":
            return mse_loss(first, second)
        case "hinge":
            return hinge_loss(operands, [TARGET] * len(operands))
        case "bce":
            return bce_loss(first, second)
        case "bce_with_logits":
            return bce_with_logits_loss(first, second)
    return getattr(operands[0], op)()


def halves(operands):
    half = len(operands) // 2
    return operands[:half], operands[half:]


def operations_made():
    """The names of all operations that the engine and the losses make, but for plain powers."""
    made = set()
    for module in engine, nn, losses:
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            match node:
                case ast.Call(ast.Name("Value"), [_, _, _, ast.Constant(op)]):
                    made.add(op)
    return made


def is_defined(op, numbers):
    if op in PAIRWISE:
        return all(map(PAIRWISE[op], *halves(numbers)))
    if op in NARY:
        return all(map(NARY[op], numbers))
    return {**UNARY, **BINARY}[op](*numbers)


class Program:
    """leaves: numbers; steps: (op, indices of the operands among leaves and earlier results).

    The last result is the output. Its value, and those on the way, stay below 1000.
    """

    def __init__(self, seed, size=30):
        rng = random.Random(seed)
        self.leaves = [rng.uniform(-2, 2) for _ in range(rng.randint(2, 6))]
        self.steps = []
        nodes = [Value(x) for x in self.leaves]
        while len(self.steps) < size:
            op = rng.choice([*UNARY, *BINARY, *BINARY, *PAIRWISE, *NARY])
            n = 1 if op in UNARY else 2 if op in BINARY else 2 * rng.randint(1, 4)
            # recent nodes more often, so that graphs are deep as well as wide
            indices = [
                rng.randrange(len(nodes))
                if rng.random() < 0.5
                else len(nodes) - 1 - rng.randrange(3) % len(nodes)
                for _ in range(n)
            ]
            numbers = [nodes[i].data for i in indices]
            if not is_defined(op, numbers):
                continue
            node = engine_operation(op, [nodes[i] for i in indices])
            assert all(map(math.isfinite, (node.data, *node.partials))), (
                f"{op} of {numbers}: {node}"
            )
            if abs(node.data) < 1000:
                nodes.append(node)
                self.steps.append((op, indices))

    def nodes(self, leaves, operation=engine_operation):
        """The leaves, of any engine, and the results, in order."""
        nodes = list(leaves)
        for op, indices in self.steps:
            nodes.append(operation(op, [nodes[i] for i in indices]))
        return nodes

    def run(self, leaves, operation=engine_operation):
        """The output alone."""
        return self.nodes(leaves, operation)[-1]


def sizes_of_gradients(output):
    """Per node, the sum of the absolute values that are added up for its gradient.

    Two programs that add in another order differ by a rounding of this sum, not of the
    gradient, which may have cancelled.
    """
    order = topological_order(output)
    sizes = dict.fromkeys(order, 0.0) | {output: 1.0}
    for node, operand, partial in edges(order):
        sizes[operand] += sizes[node] * abs(partial)
    return sizes


def peak_megabytes():
    """The most memory that this process has had so far, on Linux and macOS."""
    import resource  # which Windows lacks

    kilobytes = 1 if sys.platform != "darwin" else 1 / 1024  # the unit there is a byte
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * kilobytes / 1024


def nodes_alive():
    return sum(type(thing) is Value for thing in gc.get_objects())
