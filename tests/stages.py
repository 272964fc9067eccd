"""One right engine, and for each stage of building it the engines with its usual mistakes."""

RIGHT = """
import math


class Value:
    def __init__(self, data, operands=()):
        self.data, self.grad, self.operands = data, 0.0, tuple(operands)
        self._backward = lambda: None

    def __add__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        out = Value(self.data + other.data, [self, other])

        def _backward():
            self.grad += out.grad
            other.grad += out.grad

        out._backward = _backward
        return out

    def __mul__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        out = Value(self.data * other.data, [self, other])

        def _backward():
            self.grad += other.data * out.grad
            other.grad += self.data * out.grad

        out._backward = _backward
        return out

    def __pow__(self, n):
        out = Value(self.data**n, [self])

        def _backward():
            self.grad += n * self.data ** (n - 1) * out.grad

        out._backward = _backward
        return out

    def tanh(self):
        t = math.tanh(self.data)
        out = Value(t, [self])

        def _backward():
            self.grad += (1 - t**2) * out.grad

        out._backward = _backward
        return out

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + -other

    def __truediv__(self, other):
        return self * other**-1

    def __rsub__(self, other):
        return -self + other

    def __rtruediv__(self, other):
        return self**-1 * other

    def backward(self):
        order, seen = [], set()

        def visit(value):
            if value not in seen:
                seen.add(value)
                for operand in value.operands:
                    visit(operand)
                order.append(value)

        visit(self)
        for value in order:
            if value.operands:
                value.grad = 0.0
        self.grad += 1.0
        for value in reversed(order):
            value._backward()
"""
AS_IT_COMES = """
    def backward(self):
        self.grad = 1.0
        {}
"""
PRODUCT = """            self.grad += other.data * out.grad
            other.grad += self.data * out.grad
"""
BACKWARD = RIGHT[RIGHT.index("\n    def backward") :]


def backward(text):
    """Another backward() in place of the right one."""
    return BACKWARD, AS_IT_COMES.format(text)


ONCE = """seen = set()

        def visit(value):
            if value not in seen:
                seen.add(value)
                value._backward()
                for operand in value.operands:
                    visit(operand)

        visit(self)"""
EACH_TIME = """def visit(value):
            value._backward()
            for operand in value.operands:
                visit(operand)

        visit(self)"""
BREADTH_FIRST = """queue = [self]
        for value in queue:
            value._backward()
            queue += [operand for operand in value.operands if operand not in queue]"""
# The stage, what is wrong, the text that is replaced and the text in its place, and a part of what
# is said of it.
WRONG = [
    (
        "record",
        "set",
        "tuple(operands)",
        "set(operands)",
        "One of two operands is lost, as in a set",
    ),
    (
        "record",
        "float",
        "        out = Value(self.data * other.data, [self, other])\n",
        "        return self.data * other.data\n",
        "9.0 is no Value, and remembers no operands",
    ),
    (
        "operation",
        "upstream forgotten",
        PRODUCT,
        PRODUCT.replace(" * out.grad", ""),
        "The gradient of c, 7, is forgotten",
    ),
    (
        "operation",
        "own data",
        PRODUCT,
        PRODUCT.replace("other.data", "DATA")
        .replace("self.data", "other.data")
        .replace("DATA", "self.data"),
        "You multiply by an operand's own data",
    ),
    (
        "operation",
        "data of the result",
        PRODUCT,
        PRODUCT.replace("out.grad", "out.data"),
        "You wrote out.data where out.grad belongs",
    ),
    (
        "reuse",
        "=",
        PRODUCT,
        PRODUCT.replace("+=", "="),
        "The second use replaces the first: there is = where",
    ),
    ("backward", "no start", "self.grad += 1.0", "pass", "output's own gradient must start at 1"),
    ("backward", "not reversed", "reversed(order)", "order", "go back from the output"),
    (
        "backward",
        "+ drops it",
        "self.grad += out.grad\n            other.grad += out.grad",
        "self.grad += 1.0\n            other.grad += 1.0",
        "A sum drops the upstream gradient",
    ),
    ("order", "depth first", *backward(ONCE), "passes its gradient on too early"),
    ("order", "each time", *backward(EACH_TIME), "passes the same part on twice"),
    ("order", "breadth first", *backward(BREADTH_FIRST), "Breadth first, b comes before"),
    (
        "doubling",
        "each path",
        """            if value not in seen:
                seen.add(value)
                for operand in value.operands:
                    visit(operand)
                order.append(value)
""",
        """            for operand in value.operands:
                visit(operand)
            if value not in seen:
                seen.add(value)
                order.append(value)
""",
        "Go along each arrow of the graph once",
    ),
    ("numbers", "no __rsub__", "def __rsub__", "def minus", "Python calls the methods __rsub__"),
    ("numbers", "swapped", "return -self + other", "return self - other", "swapped: v.__rsub__"),
    ("numbers", "power", "self.data ** (n - 1)", "self.data ** n", "n * x ** (n - 1), and not"),
    ("tanh", "upstream forgotten", "(1 - t**2) * out.grad", "1 - t**2", "The upstream gradient, 3"),
    ("tanh", "1 - t", "(1 - t**2)", "(1 - t)", "and not 1 - tanh(x)."),
    ("tanh", "1 - x²", "(1 - t**2)", "(1 - self.data**2)", "and not 1 - x ** 2"),
    ("again", "leaves reset", "if value.operands:", "if True:", "Leaves are reset, too, but must"),
    ("again", "nothing reset", "if value.operands:", "if False:", "The output adds up its own"),
]
# Right, but this is said of it.
START = """        for value in order:
            if value.operands:
                value.grad = 0.0
        self.grad += 1.0
"""
TOLERATED = (
    START,
    "        self.grad = 1.0\n",
    "but a second pass adds to inner values, too, as in micrograd",
)


def with_mistake(old, new):
    assert RIGHT.count(old) == 1, old
    return RIGHT.replace(old, new)
