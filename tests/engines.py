"""Engines as other people write them, each with its own way to remember what was computed.

`ENGINES` has those that can be read, the wrong ones too, and `UNREADABLE` the others.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import micrograd.engine
import numpy as np

from tinygrad_neuron.foreign.parts import adopt

# The result of each operation and its local derivatives.
RULES = {
    "+": lambda a, b: (a + b, (1.0, 1.0)),
    "-": lambda a, b: (a - b, (1.0, -1.0)),
    "*": lambda a, b: (a * b, (b, a)),
    "/": lambda a, b: (a / b, (1 / b, -a / b**2)),
    "neg": lambda a: (-a, (-1.0,)),
    "exp": lambda a: (math.exp(a), (math.exp(a),)),
    "log": lambda a: (math.log(a), (1 / a,)),
    "tanh": lambda a: (math.tanh(a), (1 - math.tanh(a) ** 2,)),
    "relu": lambda a: (a, (1.0,)) if a > 0 else (0.0, (0.0,)),
}


class Operators:
    """What all engines here have in common: the operators.

    Each has its own `record(data, operands, slopes, op)`; slopes() gives the local derivatives.
    """

    __slots__ = ()

    def apply(self, op, *others, rule=None):
        operands = [self, *(o if isinstance(o, Operators) else type(self)(o) for o in others)]
        rule = rule or RULES[op]

        def facts():
            return rule(*(operand.data for operand in operands))

        return self.record(facts()[0], tuple(operands), lambda: facts()[1], op)

    # fmt: off
    def __add__(self, other): return self.apply("+", other)
    def __sub__(self, other): return self.apply("-", other)
    def __mul__(self, other): return self.apply("*", other)
    def __truediv__(self, other): return self.apply("/", other)
    def __radd__(self, other): return type(self)(other) + self
    def __rsub__(self, other): return type(self)(other) - self
    def __rmul__(self, other): return type(self)(other) * self
    def __rtruediv__(self, other): return type(self)(other) / self
    def __neg__(self): return self.apply("neg")
    def exp(self): return self.apply("exp")
    def log(self): return self.apply("log")
    def tanh(self): return self.apply("tanh")
    def relu(self): return self.apply("relu")
    # fmt: on

    def __pow__(self, n):
        return self.apply(f"**{n}", rule=lambda a: (a**n, (n * a ** (n - 1),)))


def flow(operands, slopes, out):
    """The chain rule for one value, as it stands inside a `_backward`."""
    for operand, slope in zip(operands, slopes()):
        operand.grad += slope * out.grad


def ordered(output, operands):
    """All values that the output depends on: operands first, without recursion."""
    order, seen, path = [], {id(output)}, [(output, iter(operands(output)))]
    while path:
        node, left = path[-1]
        for operand in left:
            if id(operand) not in seen:
                seen.add(id(operand))
                path.append((operand, iter(operands(operand))))
                break
        else:
            order.append(node)
            path.pop()
    return order


def call_closures(output, operands=lambda node: node._prev):
    output.grad = 1.0
    for node in reversed(ordered(output, operands)):
        node._backward()


class ClosuresSet(Operators):
    """micrograd's style."""

    def __init__(self, data, _children=(), _op="", label=""):
        self.data, self.grad, self._op, self.label = data, 0.0, _op, label
        self._prev = set(_children)
        self._backward = lambda: None

    def record(self, data, operands, slopes, op):
        out = type(self)(data, operands, op)
        out._backward = lambda: flow(operands, slopes, out)
        return out

    backward = call_closures


class ClosuresTuple(ClosuresSet):
    def __init__(self, data, _children=(), _op="", label=""):
        super().__init__(data, (), _op, label)
        self._prev = tuple(_children)


class Stored(Operators):
    """microgpt's style: no names of operations, no labels."""

    __slots__ = ("_children", "_local_grads", "data", "grad")

    def __init__(self, data, children=(), local_grads=()):
        self.data, self.grad = data, 0
        self._children, self._local_grads = children, local_grads

    def record(self, data, operands, slopes, op):
        return Stored(data, operands, slopes())

    def backward(self):
        self.grad = 1
        for node in reversed(ordered(self, lambda node: node._children)):
            for child, local_grad in zip(node._children, node._local_grads):
                child.grad += local_grad * node.grad


class Pairs(Operators):
    """Each parent stands next to its derivative."""

    def __init__(self, value, parents=None, operation=None, name=None):
        self.value, self.gradient = value, None
        self.parents, self.operation, self.name = parents, operation, name

    data = property(lambda self: self.value)

    def record(self, data, operands, slopes, op):
        return Pairs(data, list(zip(operands, slopes())), op)

    def backward(self):
        order = ordered(self, lambda node: [parent for parent, _ in node.parents or ()])
        for node in order:
            node.gradient = 0.0
        self.gradient = 1.0
        for node in reversed(order):
            for parent, derivative in node.parents or ():
                parent.gradient += derivative * node.gradient


@dataclass
class Data(Operators):
    """A dataclass: its `==` compares the fields, and it has no hash."""

    data: float
    grad: float = 0.0
    _prev: tuple = ()
    op: str = ""
    label: str = ""
    _backward: Callable = field(default=lambda: None, repr=False)

    backward = call_closures

    def record(self, data, operands, slopes, op):
        out = Data(data, _prev=operands, op=op)
        out._backward = lambda: flow(operands, slopes, out)
        return out


class EqualIsAValue(ClosuresTuple):
    """`a == b` is a value of the graph, so there is no hash and no `in`."""

    def __eq__(self, other):
        return EqualIsAValue(float(self.data == other.data), (self, other), "==")

    __hash__ = None


class Slots(Operators):
    __slots__ = ("_backward", "_op", "_prev", "data", "grad", "label", "later")

    def __init__(self, data, _prev=(), _op="", label=""):
        self.data, self.grad, self._prev, self._op, self.label = data, 0.0, _prev, _op, label
        self._backward = lambda: None

    record = ClosuresTuple.record
    backward = call_closures


class AnswersEverything(ClosuresTuple):
    def __getattr__(self, name):
        return f"you asked for {name}"


class NoTruth(ClosuresTuple):
    def __bool__(self):
        raise ValueError("a value is neither true nor false")


class GradNone(ClosuresTuple):
    """There is no gradient before the first backward pass."""

    def __init__(self, data, _children=(), _op="", label=""):
        super().__init__(data, _children, _op, label)
        self.grad = None

    def record(self, data, operands, slopes, op):
        out = GradNone(data, operands, op)

        def _backward():
            for operand, slope in zip(operands, slopes()):
                operand.grad = (operand.grad or 0.0) + slope * out.grad

        out._backward = _backward
        return out


class GradInt(ClosuresSet):
    def __init__(self, data, _children=(), _op="", label=""):
        super().__init__(data, _children, _op, label)
        self.grad = 0


class NumPyNumbers(ClosuresTuple):
    def __init__(self, data, _children=(), _op="", label=""):
        super().__init__(np.float64(data), _children, _op, label)
        self.grad = np.float64(0.0)


class Properties(Operators):
    """Everything is kept in a record and shown by properties."""

    def __init__(self, data, children=(), op="", label=""):
        self.record_ = {"data": data, "children": list(children), "op": op, "label": label}
        self._gradient, self._step = 0.0, lambda: None

    data = property(lambda self: self.record_["data"])
    children = property(lambda self: self.record_["children"])
    op = property(lambda self: self.record_["op"])
    label = property(lambda self: self.record_["label"])
    _backward = property(lambda self: self._step)

    @property
    def grad(self):
        return self._gradient

    @grad.setter
    def grad(self, gradient):
        self._gradient = float(gradient)

    def record(self, data, operands, slopes, op):
        out = Properties(data, operands, op)
        out._step = lambda: flow(operands, slopes, out)
        return out

    def backward(self):
        call_closures(self, lambda node: node.children)


class Handwritten:
    """As it is typed from the lecture. It keeps no names of operations."""

    def __init__(self, data, _children=()):
        self.data, self.grad, self._prev = data, 0.0, _children
        self._backward = lambda: None

    def __add__(self, other):
        other = other if isinstance(other, Handwritten) else Handwritten(other)
        out = Handwritten(self.data + other.data, (self, other))

        def _backward():
            self.grad += out.grad
            other.grad += out.grad

        out._backward = _backward
        return out

    def __mul__(self, other):
        other = other if isinstance(other, Handwritten) else Handwritten(other)
        out = Handwritten(self.data * other.data, (self, other))

        def _backward():
            self.grad += other.data * out.grad
            other.grad += self.data * out.grad

        out._backward = _backward
        return out

    def __pow__(self, n):
        out = Handwritten(self.data**n, (self,))

        def _backward():
            self.grad += n * self.data ** (n - 1) * out.grad

        out._backward = _backward
        return out

    def tanh(self):
        t = math.tanh(self.data)
        out = Handwritten(t, (self,))

        def _backward():
            self.grad += (1 - t**2) * out.grad

        out._backward = _backward
        return out

    # fmt: off
    def __neg__(self): return self * -1
    def __sub__(self, other): return self + -other
    def __truediv__(self, other): return self * other**-1
    def __radd__(self, other): return self + other
    def __rsub__(self, other): return -self + other
    def __rmul__(self, other): return self * other
    def __rtruediv__(self, other): return self**-1 * other
    # fmt: on

    backward = call_closures


class SecondDerivatives(Operators):
    """Gradients are values too, with a graph of their own."""

    def __init__(self, data, parents=(), op="", label=""):
        self.data, self.parents, self.op, self.label = data, parents, op, label
        self.grad = None

    def record(self, data, operands, slopes, op):
        partials = [SecondDerivatives(slope) for slope in slopes()]
        return SecondDerivatives(data, list(zip(operands, partials)), op)

    def backward(self):
        order = ordered(self, lambda node: [parent for parent, _ in node.parents])
        for node in order:
            node.grad = SecondDerivatives(0.0)
        self.grad = SecondDerivatives(1.0)
        for node in reversed(order):
            for parent, partial in node.parents:
                parent.grad = parent.grad + partial * node.grad


class OddNames(Operators):
    """Nobody could guess these names."""

    def __init__(self, number, kids=(), slopes=(), kind="", label=""):
        self.data = number
        self.kids, self.slopes, self.kind, self.label = kids, slopes, kind, label
        self.grad = 0.0

    def record(self, data, operands, slopes, op):
        return OddNames(data, operands, slopes(), op)

    def backward(self):
        self.grad = 1.0
        for node in reversed(ordered(self, lambda node: node.kids)):
            flow(node.kids, lambda node=node: node.slopes, node)


def adopt_odd_names(output):
    return adopt(
        output,
        operands=lambda node: node.kids,
        partials=lambda node: node.slopes,
        op=lambda node: node.kind,
    )


class Prints(ClosuresTuple):
    def record(self, data, operands, slopes, op):
        out = Prints(data, operands, op)

        def _backward():
            print(f"backward of {op}")
            flow(operands, slopes, out)

        out._backward = _backward
        return out


# Engines with a mistake.


class WrongDerivatives(ClosuresTuple):
    """In a product each operand gets its own data."""

    def apply(self, op, *others, rule=None):
        wrong = (lambda a, b: (a * b, (a, b))) if op == "*" else rule
        return super().apply(op, *others, rule=wrong)


class Assigns(ClosuresTuple):
    """`=` in place of `+=`."""

    def record(self, data, operands, slopes, op):
        out = Assigns(data, operands, op)

        def _backward():
            for operand, slope in zip(operands, slopes()):
                operand.grad = slope * out.grad

        out._backward = _backward
        return out


class Recursive(ClosuresTuple):
    """`_backward` calls its operands' `_backward`: each runs once for every path to its value."""

    def record(self, data, operands, slopes, op):
        out = Recursive(data, operands, op)

        def _backward():
            flow(operands, slopes, out)
            for operand in operands:
                operand._backward()

        out._backward = _backward
        return out

    def backward(self):
        self.grad = 1.0
        self._backward()


class Raises(ClosuresTuple):
    """Only for tanh."""

    def record(self, data, operands, slopes, op):
        out = Raises(data, operands, op)

        def _backward():
            flow(operands, slopes, out)
            if op == "tanh":
                raise ZeroDivisionError("division by zero")

        out._backward = _backward
        return out


class RecursiveSlots(Operators):
    """As Recursive, but a method of a class with slots."""

    __slots__ = ("_op", "_prev", "data", "grad", "slopes")

    def __init__(self, data, _prev=(), _op="", slopes=tuple):
        self.data, self.grad, self._prev, self._op, self.slopes = data, 0.0, _prev, _op, slopes

    def record(self, data, operands, slopes, op):
        return type(self)(data, operands, op, slopes)

    def _backward(self):
        flow(self._prev, self.slopes, self)
        for operand in self._prev:
            operand._backward()

    def backward(self):
        self.grad = 1.0
        self._backward()


class Exponential(RecursiveSlots):
    """As RecursiveSlots, but by another method, which nobody knows."""

    __slots__ = ()

    def flow_on(self):
        flow(self._prev, self.slopes, self)
        for operand in self._prev:
            operand.flow_on()

    def _backward(self):
        self.flow_on()


class Methods(RecursiveSlots):
    """The same without the mistake."""

    __slots__ = ()

    def record(self, data, operands, slopes, op):
        return Methods(data, operands, op, slopes)

    def _backward(self):
        flow(self._prev, self.slopes, self)

    backward = call_closures


class Returns(Operators):
    """A function takes the upstream gradient and returns the operands' gradients."""

    def __init__(self, data, parents=(), op="", label=""):
        self.data, self.parents, self.op, self.label = data, parents, op, label
        self.grad, self.grad_fn = 0.0, None

    def record(self, data, operands, slopes, op):
        out = Returns(data, operands, op)
        out.grad_fn = lambda upstream: [slope * upstream for slope in slopes()]
        return out

    def backward(self):
        self.grad = 1.0
        for node in reversed(ordered(self, lambda node: node.parents)):
            for parent, grad in zip(node.parents, node.grad_fn(node.grad) if node.grad_fn else ()):
                parent.grad += grad


class Functions(Returns):
    """A function stands next to each parent."""

    def record(self, data, operands, slopes, op):
        def function(i):
            return lambda upstream: slopes()[i] * upstream

        return Functions(data, [(v, function(i)) for i, v in enumerate(operands)], op)

    def backward(self):
        self.grad = 1.0
        for node in reversed(ordered(self, lambda node: [parent for parent, _ in node.parents])):
            for parent, function in node.parents:
                parent.grad += function(node.grad)


class Tensor(ClosuresTuple):
    """Its data is an array."""

    def __init__(self, data, _children=(), _op="", label=""):
        super().__init__(np.atleast_1d(data), _children, _op, label)

    def apply(self, op, *others, rule=None):
        return Tensor([0.0], (self, *others), op)


class Engine(NamedTuple):
    """How a test uses an engine."""

    make: Callable[[float, str], Any]
    right: bool = True  # whether its backward finds the gradients
    functions: tuple[str, ...] = ("relu", "tanh", "exp")
    output: Callable[[Any], Any] = lambda node: node  # what a view is given
    grad: Callable[[Any], float] = lambda node: float(node.grad)
    backward: Callable[[Any], None] = lambda node: node.backward()


def labelled(kind):
    return lambda number, label="": kind(number, label=label)


ENGINES = {
    "micrograd": Engine(lambda n, label="": micrograd.engine.Value(n), functions=("relu",)),
    "closures and a set": Engine(labelled(ClosuresSet)),
    "closures and a tuple": Engine(labelled(ClosuresTuple)),
    "stored derivatives": Engine(lambda number, label="": Stored(number)),
    "pairs": Engine(
        lambda number, label="": Pairs(number, name=label), grad=lambda node: node.gradient
    ),
    "dataclass": Engine(labelled(Data)),
    "== is a value": Engine(labelled(EqualIsAValue)),
    "slots": Engine(labelled(Slots)),
    "answers everything": Engine(labelled(AnswersEverything)),
    "no truth": Engine(labelled(NoTruth)),
    "grad None": Engine(labelled(GradNone), grad=lambda node: node.grad or 0.0),
    "grad int": Engine(labelled(GradInt)),
    "NumPy numbers": Engine(labelled(NumPyNumbers)),
    "properties": Engine(labelled(Properties)),
    "handwritten": Engine(lambda number, label="": Handwritten(number), functions=("tanh",)),
    "second derivatives": Engine(
        labelled(SecondDerivatives),
        grad=lambda node: node.grad.data if node.grad is not None else 0.0,
    ),
    "odd names": Engine(labelled(OddNames), output=adopt_odd_names),
    "prints": Engine(labelled(Prints)),
    "methods and slots": Engine(lambda number, label="": Methods(number)),
    "returns": Engine(labelled(Returns)),
    "functions": Engine(labelled(Functions)),
    "wrong derivatives": Engine(labelled(WrongDerivatives), right=False),
    "assigns": Engine(labelled(Assigns), right=False),
    "recursive with slots": Engine(lambda n, label="": RecursiveSlots(n), right=False),
    "recursive": Engine(labelled(Recursive), right=False),
}
UNREADABLE = {
    "raises": Engine(labelled(Raises), right=False),
    "exponential": Engine(lambda number, label="": Exponential(number), right=False),
    "tensor": Engine(labelled(Tensor), right=False),
    "odd names": Engine(labelled(OddNames)),  # without adopt
}
