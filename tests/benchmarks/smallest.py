"""The smallest Value that can run gpt.py. It checks nothing; compare.py measures what that saves.

Like this package's Value, it stores the local derivatives, `partials`, beside the operands.
"""

import math


class Value:
    __slots__ = ("data", "grad", "operands", "partials")

    def __init__(self, data, operands=(), partials=()):
        self.data = data
        self.grad = 0.0
        self.operands = operands
        self.partials = partials

    def __add__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __sub__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data - other.data, (self, other), (1.0, -1.0))

    def __mul__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __truediv__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        q = self.data / other.data
        return Value(q, (self, other), (1 / other.data, -q / other.data))

    def __pow__(self, n):
        return Value(self.data**n, (self,), (n * self.data ** (n - 1),))

    def exp(self):
        e = math.exp(self.data)
        return Value(e, (self,), (e,))

    def log(self):
        return Value(math.log(self.data), (self,), (1 / self.data,))

    def relu(self):
        return Value(max(0.0, self.data), (self,), (float(self.data > 0),))

    def backward(self):
        self.grad = 1.0
        for node in reversed(topological_order(self)):
            for operand, partial in zip(node.operands, node.partials):
                operand.grad += node.grad * partial


def recursive_order(output):
    """Python's limit of 1,000 calls is enough, because no path in gpt.py's graph has 200 values."""
    order = []
    visit(output, order, set())
    return order


# This is not a function inside recursive_order. Such a function refers to itself, and this cycle
# would keep the whole graph in memory while the collector is off.
def visit(node, order, seen):
    if node not in seen:
        seen.add(node)
        for operand in node.operands:
            visit(operand, order, seen)
        order.append(node)


def flat_order(output):
    """The same order without recursion: the path from the output, and what is left to visit."""
    order, seen = [], {output}
    path, unvisited = [output], [iter(output.operands)]
    while path:
        for operand in unvisited[-1]:
            if operand not in seen:
                seen.add(operand)
                if operand.operands:
                    path.append(operand)
                    unvisited.append(iter(operand.operands))
                    break
                order.append(operand)
        else:
            order.append(path.pop())
            unvisited.pop()
    return order


topological_order = recursive_order  # compare.py also measures flat_order
