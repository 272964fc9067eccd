"""Backpropagation on single numbers, also called reverse-mode automatic differentiation.

A number you make is a leaf. An operation makes an inner node and states four facts side by side:
result, operands, partials (the local derivatives) and name. That is the forward pass. `backward`
then goes from each node to its operands, edge by edge, and finds with the chain rule how much the
output changes per unit of each node.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ContextDecorator
from functools import reduce
from numbers import Integral, Real
from operator import add, mul
from threading import get_ident


class Value:
    """A number that remembers how it was computed.

    data      the number, a float; anything but a real number is a TypeError
    grad      of an inner node: d(output)/d(self) in the last backward pass through it;
              of a leaf: the sum of these over the passes since it was last zeroed
    operands  the nodes it was computed from, in the order written; a leaf has none
    partials  the local derivatives d(self)/d(operand), one per operand, in the same order
    op        what was written, "*" or "tanh"; of a leaf "", of a plain number's leaf "const"
    label     a name for people to read, or ""

    >>> w, x = Value(-3.0, label="w"), Value(2.0, label="x")
    >>> y = w * x + 10
    >>> y.backward()
    >>> y.data, w.grad, x.grad
    (4.0, 2.0, -3.0)

    `Value(x.data**3, (x,), (3 * x.data**2,), "cube")` is an operation of your own: four facts.
    `==` asks whether both are the same object: nodes live in sets and dicts. `<` and `>` compare
    numbers. + - * / overflow to inf, as floats do; functions and powers raise OverflowError.
    """

    __slots__ = ("data", "grad", "label", "op", "operands", "partials")

    def __init__(
        self, data: float, operands: tuple[Value, ...] = (), partials: tuple[float, ...] = (),
        op: str = "", label: str = "",
    ) -> None:  # fmt: skip
        self.data = data if type(data) is float else as_float(data)
        self.grad = 0.0
        self.operands: tuple[Value, ...] = operands
        self.partials: tuple[float, ...] = partials
        self.op = op
        self.label = label
        if not (type(operands) is tuple is type(partials)) or len(operands) != len(partials):
            refuse_facts(self)
        if paused_threads and get_ident() in paused_threads:  # see no_grad: the result is a leaf
            self.operands, self.partials, self.op = (), (), ""

    def backward(self) -> None:
        """Compute d(self)/d(node) into the `grad` of every node that self depends on.

        Inner nodes start again at 0 and leaves accumulate, over a second pass or a second output
        that shares nodes. The partials are from the forward pass, whatever `data` is by now.
        """
        order = topological_order(self)
        zero_inner_nodes(order)
        self.grad += 1.0  # d(self)/d(self) = 1; a leaf accumulates even this
        for node, operand, partial in edges(order):
            operand.grad += node.grad * partial  # the chain rule

    def __add__(self, other: Value | float) -> Value:
        if not isinstance(other, Value):
            if not is_number(other):
                return NotImplemented
            other = Value(other, op="const")
        return Value(self.data + other.data, (self, other), (1.0, 1.0), "+")

    def __mul__(self, other: Value | float) -> Value:
        if not isinstance(other, Value):
            if not is_number(other):
                return NotImplemented
            other = Value(other, op="const")
        return Value(self.data * other.data, (self, other), (other.data, self.data), "*")

    def __sub__(self, other: Value | float) -> Value:
        if not isinstance(other, Value):
            if not is_number(other):
                return NotImplemented
            other = Value(other, op="const")
        return Value(self.data - other.data, (self, other), (1.0, -1.0), "-")

    def __truediv__(self, other: Value | float) -> Value:
        if not isinstance(other, Value):
            if not is_number(other):
                return NotImplemented
            other = Value(other, op="const")
        q = evaluate(lambda b: number_of(self) / b, other, "a / b needs b != 0")
        # -q / b, not -a / b**2, because b**2 may underflow
        return Value(q, (self, other), (1 / other.data, -q / other.data), "/")

    def __pow__(self, exponent: Value | float) -> Value:
        """A plain exponent is part of the operation; a Value is an operand, with a gradient."""
        if isinstance(exponent, Value):
            rule = "x ** Value, whose slope is power * log(x), needs x >= 0 (or a plain exponent)"
            log = evaluate(math.log, self, rule) if self.data else 0.0  # 0**b: no slope in b
            result, slope = power(self, number_of(exponent))
            return Value(result, (self, exponent), (slope, result * log), "**")
        if not is_number(exponent):
            return NotImplemented
        whole = type(exponent) is int or isinstance(exponent, Integral)
        n = int(exponent) if whole else as_float(exponent)
        result, slope = power(self, n)
        return Value(result, (self,), (slope,), f"**{n!r}")

    def __neg__(self) -> Value:
        return Value(-self.data, (self,), (-1.0,), "neg")

    def __pos__(self) -> Value:
        return self

    def __abs__(self) -> Value:
        slope = math.copysign(1.0, self.data) if self.data else 0.0
        return Value(abs(self.data), (self,), (slope,), "abs")

    def __radd__(self, other: float) -> Value:
        if type(other) is int and other == 0 and get_ident() not in paused_threads:
            return self  # sum() begins so; not under no_grad(), where `total += w` would move self
        return Value(other, op="const") + self if is_number(other) else NotImplemented

    def __rmul__(self, other: float) -> Value:
        return Value(other, op="const") * self if is_number(other) else NotImplemented

    def __rsub__(self, other: float) -> Value:
        return Value(other, op="const") - self if is_number(other) else NotImplemented

    def __rtruediv__(self, other: float) -> Value:
        return Value(other, op="const") / self if is_number(other) else NotImplemented

    def __rpow__(self, other: float) -> Value:
        return Value(other, op="const") ** self if is_number(other) else NotImplemented

    # Functions. As in PyTorch, the slope at 0 is 0 for relu and abs and inf for sqrt; the slopes
    # of tanh and sigmoid are the textbook forms, which lose digits where the slope is tiny.

    def exp(self) -> Value:
        e = evaluate(math.exp, self, "exp(x) needs x <= 709.78")
        return Value(e, (self,), (e,), "exp")

    def log(self) -> Value:
        result = evaluate(math.log, self, "log(x) needs x > 0")
        return Value(result, (self,), (1 / number_of(self),), "log")

    def sqrt(self) -> Value:
        root = evaluate(math.sqrt, self, "sqrt(x) needs x >= 0")
        return Value(root, (self,), (0.5 / root if root else math.inf,), "sqrt")

    def sin(self) -> Value:
        sine = evaluate(math.sin, self, "sin(x) and cos(x) need a finite x")
        return Value(sine, (self,), (math.cos(number_of(self)),), "sin")

    def cos(self) -> Value:
        cosine = evaluate(math.cos, self, "sin(x) and cos(x) need a finite x")
        return Value(cosine, (self,), (-math.sin(number_of(self)),), "cos")

    def tanh(self) -> Value:
        t = math.tanh(number_of(self))
        return Value(t, (self,), (1 - t * t,), "tanh")

    def sigmoid(self) -> Value:
        s = logistic(number_of(self))
        return Value(s, (self,), (s * (1 - s),), "sigmoid")

    def relu(self) -> Value:
        result, slope = (0.0, 0.0) if self.data <= 0 else (self.data, 1.0)  # nan stays nan
        return Value(result, (self,), (slope,), "relu")

    def __iadd__(self, other: Value | float) -> Value:
        return in_place(self, self + other)

    def __isub__(self, other: Value | float) -> Value:
        return in_place(self, self - other)

    def __imul__(self, other: Value | float) -> Value:
        return in_place(self, self * other)

    def __itruediv__(self, other: Value | float) -> Value:
        return in_place(self, self / other)

    def __ipow__(self, other: Value | float) -> Value:
        return in_place(self, self**other)

    def item(self) -> float:  # there is no __float__: math.tanh(v) would silently cut the graph
        return self.data

    def __bool__(self) -> bool:
        return self.data != 0

    def __lt__(self, other: Value | float) -> bool:
        return self.data < (other.data if isinstance(other, Value) else other)

    def __le__(self, other: Value | float) -> bool:
        return self.data <= (other.data if isinstance(other, Value) else other)

    def __gt__(self, other: Value | float) -> bool:
        return self.data > (other.data if isinstance(other, Value) else other)

    def __ge__(self, other: Value | float) -> bool:
        return self.data >= (other.data if isinstance(other, Value) else other)

    def __format__(self, spec: str) -> str:
        return format(self.data, spec) if spec else repr(self)

    def __repr__(self) -> str:
        op = f", op={self.op!r}" if getattr(self, "op", "") else ""
        label = f", label={self.label!r}" if getattr(self, "label", "") else ""
        data, grad = getattr(self, "data", "?"), getattr(self, "grad", "?")  # half made: in pdb
        return f"Value({data}, grad={grad}{op}{label})"


def topological_order(output: Value) -> list[Value]:
    """Every node that `output` depends on, operands before the nodes that use them.

    Backward, a node passes its grad on once, so it must be complete. With b = a * 3 and
    y = b * 2 + b * 5 the grad of a is 21; if b passed on what it has after b * 2, it would be 6.
    """
    order: list[Value] = []
    seen = {output}
    path = [output]  # from the output to where the walk is: recursion would overflow
    unvisited = [iter(output.operands)]  # the operands left to visit, of each node on the path
    try:
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
    except (AttributeError, TypeError):
        raise TypeError(f"an operand of {path[-1]} is not a Value") from None
    return order


def edges(order: Sequence[Value]) -> Iterator[tuple[Value, Value, float]]:
    """Every (node, operand, partial) of a topological order, the output's first."""
    for node in reversed(order):  # all that use it have had their turn: its grad is complete
        if type(node.grad) is not float:  # there is a Value among the partials
            node.grad = as_float(node.grad, f"the grad of {node}")
        for operand, partial in zip(node.operands, node.partials):
            yield node, operand, partial


def zero_inner_nodes(order: Iterable[Value]) -> None:
    """A leaf keeps its grad; one that is no number is a TypeError."""
    for node in order:
        if node.operands:
            node.grad = 0.0
        elif type(node.grad) is not float:
            node.grad = as_float(node.grad, f"the grad of {node}")


def dot(weights: Iterable[Value | float], inputs: Iterable[Value | float]) -> Value:
    """w1·x1 + w2·x2 + … as one node; ValueError unless equally long and not empty."""
    left, right = as_values(weights), as_values(inputs)
    if len(left) != len(right) or not left:
        raise ValueError(f"dot needs pairs of numbers, not {len(left)} and {len(right)} numbers")
    return weighted_sum(left, right)


def weighted_sum(weights: list[Value], inputs: list[Value]) -> Value:
    ws, xs = [w.data for w in weights], [x.data for x in inputs]
    total = reduce(add, map(mul, ws, xs))  # sum() rounds otherwise from Python 3.12 on
    return Value(total, (*weights, *inputs), (*xs, *ws), "dot")


def mean(values: Iterable[Value | float]) -> Value:
    """The arithmetic mean as one node; ValueError if there are no values."""
    operands = tuple(as_values(values))
    if not operands:
        raise ValueError("mean needs at least one value, not an empty list")
    n, total = len(operands), reduce(add, [v.data for v in operands])
    return Value(total / n, operands, (1 / n,) * n, "mean")


paused_threads: list[int] = []  # an entry for each no_grad() that a thread is inside


class no_grad(ContextDecorator):
    """Inside, this thread records nothing: results are leaves, and `w -= …` moves w itself."""

    def __enter__(self) -> None:
        paused_threads.append(get_ident())

    def __exit__(self, *error: object) -> None:
        paused_threads.remove(get_ident())


def in_place(old: Value, new: Value) -> Value:
    """What `old -= …` returns: under no_grad() `old` itself, moved; else `new`."""
    if get_ident() not in paused_threads:
        if old.grad and not old.operands:
            raise RuntimeError(f"{old} moves only `with no_grad():`; to record, write w = w - …")
        return new
    if old.operands:
        raise RuntimeError(f"{old} is no leaf: move leaves in place, and compute it again")
    old.data = as_float(new.data)
    return old


Numbers = Iterable[Value | float] | Value | float


def as_values(x: Numbers) -> list[Value]:
    """Values as they are, plain numbers as constants, one or many. (A list is told without abc.)"""
    many = [x] if isinstance(x, Value | float) else x if isinstance(x, list | Iterable) else [x]
    return [v if isinstance(v, Value) else Value(v, op="const") for v in many]


def is_number(thing: object) -> bool:
    """A real number: int, float, bool, Fraction, a NumPy scalar; Value and text are none."""
    kind = type(thing)
    return kind in (float, int) or isinstance(thing, Real) or kind.__name__ in ("bool", "bool_")


def as_float(number: float, what: str = "data") -> float:
    try:
        if is_number(number):
            return float(number)
    except OverflowError:
        raise OverflowError(f"{what} must fit into a float, which ends at 1.8e308") from None
    raise TypeError(f"{what} must be a real number, not {number!r:.60} ({type(number).__name__})")


def number_of(node: Value) -> float:
    """The node's data as a float: another number may have been assigned."""
    return node.data if type(node.data) is float else as_float(node.data, f"the data of {node}")


def refuse_facts(node: Value) -> None:
    """An error that says why its operands and partials are not two tuples of the same length."""
    for name, facts in ("operands", node.operands), ("partials", node.partials):
        if type(facts) is not tuple:
            comma = f"({facts},) needs its comma" if isinstance(facts, Value | float | int) else ""
            cure = comma or "Value(data, operands, partials, op)"
            raise TypeError(f"{name} are a tuple, not {facts!r:.60}: {cure}")
    n, m = len(node.operands), len(node.partials)
    counts = f"{n} operand{'s' * (n != 1)} and {m} partial{'s' * (m != 1)}"
    raise ValueError(f'"{node.op}" has {counts}; give one partial per operand')


def evaluate(function: Callable[[float], float], node: Value, rule: str) -> float:
    """function(node.data), a real number; an error is raised with the rule and the node in it."""
    x = number_of(node)
    try:
        result = function(x)
        if isinstance(result, complex):
            raise ValueError
    except (ValueError, ArithmeticError) as error:
        raise type(error)(f"{rule}, not {node}") from None
    return float(result)


def power(base: Value, n: float) -> tuple[float, float]:
    """base**n and its slope: 0 if n is 0, and inf at base 0 for 0 < n < 1, as in PyTorch."""
    result = evaluate(lambda x: x**n, base, f"x ** {n} needs an x with a finite real power")
    if n == 0 or (base.data == 0 and n < 1):
        return result, math.inf if n else 0.0
    try:
        return result, n * base.data ** (n - 1)
    except OverflowError:  # 1e-200 ** -1 is a float, 1e-200 ** -2 is not
        return result, n * result / base.data


def logistic(x: float) -> float:
    e = math.exp(-abs(x))  # of -abs(x), because exp(1000) overflows
    return e / (1 + e) if x < 0 else 1 / (1 + e)
