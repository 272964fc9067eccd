"""Where the time of a step goes: python tests/benchmarks/phases.py

The step op by op of training_step.py, of some 66,000 nodes, in its four parts, with Python's cycle
collector as it is, run a hundred times less often, and off; and one multiplication, on this
package's Value and on one that checks nothing. On one machine, in milliseconds:

    collector       forward   order   chain rule   freeing
    on                   41      29           19         6
    less often           18      22           20         6
    off                  15      20           20         7

What costs most is the collector, which looks in vain for cycles among so many new objects, three
for a node: the Value, its operands and its partials (which for + and - are constants). Fewer nodes
help, as `dot`, `mean` and the losses make. Of the 230 nanoseconds of a multiplication 30 are
checks: that the result is a float, that this thread is not under no_grad(), that the other operand
is a Value. The chain rule takes 150 nanoseconds an edge.
"""

import gc
import random
import statistics
import time
import timeit
from itertools import pairwise

from micrograd import nn
from training_step import half_moons

from tinygrad_neuron import Value, edges, topological_order
from tinygrad_neuron.engine import zero_inner_nodes

RUNS = 9


class Unchecked:
    """A Value that checks nothing."""

    __slots__ = ("data", "grad", "label", "op", "operands", "partials")

    def __init__(self, data, operands=(), partials=(), op="", label=""):
        self.data = data
        self.grad = 0.0
        self.operands = operands
        self.partials = partials
        self.op = op
        self.label = label

    def __mul__(self, other):
        return Unchecked(self.data * other.data, (self, other), (other.data, self.data), "*")


def parts(net, points, sides):
    """Seconds for the forward pass, the order, the chain rule and freeing."""
    times = [time.perf_counter()]
    scores = [net([Value(x) for x in point]) for point in points]
    losses = [(1 + -side * score).relu() for side, score in zip(sides, scores)]
    loss = sum(losses) * (1.0 / len(losses)) + 1e-4 * sum(p * p for p in net.parameters())
    times.append(time.perf_counter())
    order = topological_order(loss)
    times.append(time.perf_counter())
    zero_inner_nodes(order)
    loss.grad = 1.0
    for node, operand, partial in edges(order):
        operand.grad += node.grad * partial
    times.append(time.perf_counter())
    del scores, losses, loss, order, node, operand
    times.append(time.perf_counter())
    return [end - start for start, end in pairwise(times)]


def main():
    nn.Value = Value
    random.seed(1)
    net = nn.MLP(2, [16, 16, 1])
    points, sides = half_moons(random.Random(1))
    print(f"{'collector':16}{'forward':>9}{'order':>9}{'chain rule':>12}{'freeing':>9}  ms")
    usual, *rest = gc.get_threshold()
    for name, threshold in ("on", usual), ("less often", 100 * usual), ("off", 0):
        gc.set_threshold(threshold, *rest)
        runs = [parts(net, points, sides) for _ in range(RUNS)]
        f, o, c, d = (1e3 * statistics.median(column) for column in zip(*runs))
        print(f"{name:16}{f:9.1f}{o:9.1f}{c:12.1f}{d:9.1f}")
    for kind in Value, Unchecked:
        a, b = kind(2.0), kind(3.0)
        best = min(timeit.repeat(lambda a=a, b=b: a * b, number=100_000, repeat=RUNS))
        print(f"one multiplication, {kind.__name__}: {best / 100_000 * 1e9:.0f} ns")


if __name__ == "__main__":
    main()
