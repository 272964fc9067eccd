"""Backpropagation on single numbers, also called reverse-mode automatic differentiation.

A number you make is a leaf. An operation makes an inner node and states four facts side by side:
its result, its operands, the partials (local derivatives) and its name. That is the forward pass.
`backward` then goes from the output to the leaves, along the edges from each node to its operands.
With the chain rule it finds how much the output changes when a node changes by 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ContextDecorator
from numbers import Integral, Real
from threading import get_ident
from typing import TypeVar

F = TypeVar("F", bound=Callable[..., object])
EdgesOf = Callable[[Sequence["Value"]], Iterator[tuple["Value", "Value", float]]]


class Value:
    """A number that remembers how it was computed.

    data      the number, a float; text or a Value that you assign is a TypeError in the next use
    grad      d(output)/d(self): for an inner node from the last backward pass through it; for a
              leaf the sum of all passes since it was set to 0 (by hand, or by a model's zero_grad)
    operands  the nodes it was computed from, in the order written, x twice for x * x; a leaf: none
    partials  the local derivatives d(self)/d(operand), one float per operand, in the same order
    op        the operation's name, "*" or "tanh"; "" for a leaf you made, "const" for the 10 below
    label     a name for people to read, or ""

    >>> w, x = Value(-3.0, label="w"), Value(2.0, label="x")
    >>> y = w * x + 10
    >>> y.backward()
    >>> y.data, w.grad, x.grad
    (4.0, 2.0, -3.0)

    `Value(x.data**3, (x,), (3 * x.data**2,), "cube")` is an operation of your own: four facts.
    `==` asks whether both are the same object, because nodes are kept in sets. `<` and `>` compare
    numbers. A result too large is inf for + - * /; functions and powers raise OverflowError.
    """

    __slots__ = ("data", "grad", "label", "op", "operands", "partials")

    def __init__(self, data: float, operands: tuple[Value, ...] = (),
            partials: tuple[float, ...] = (), op: str = "", label: str = "") -> None:  # fmt: skip
        self.data, self.grad = data, 0.0
        self.operands: tuple[Value, ...] = operands
        self.partials: tuple[float, ...] = partials
        self.op, self.label = op, label
        if type(data) is not float or op not in TRUSTED or len(operands) != len(partials):
            check_facts(self)
        if paused_threads and get_ident() in paused_threads:  # inside no_grad(): a leaf
            self.operands, self.partials, self.op = (), (), ""

    def backward(self, edges_of: EdgesOf | None = None) -> None:
        """Called on the output: find d(output)/d(node), the `grad` of each node it depends on.

        A node gets one term from each use, so its grad is a sum: `+=`. The sum must be complete
        before the node passes it on, so the output comes first and the leaves last. With b = a * 3
        and y = b * 2 + b * 5 the grad of a is 21. If b passed on what it has after b * 2, it would
        be 6. In a second call inner nodes start at 0 again, and leaves add to their grad.
        To watch each step, pass edges_of: a generator that yields the same as `edges`.
        """
        order = topological_order(self)
        zero_inner_nodes(order)
        self.grad += 1.0  # d(output)/d(output) = 1
        for node, operand, partial in (edges_of or edges)(order):
            operand.grad += node.grad * partial  # the chain rule

    def __add__(self, other: Value | float) -> Value:
        if not isinstance(other, Value):
            if not is_number(other):
                return NotImplemented  # so Python asks the class of `other`
            other = Value(other, op="const")  # a leaf, because operands are Values
        try:
            return Value(self.data + other.data, (self, other), (1.0, 1.0), "+")
        except (TypeError, OverflowError):  # an int, float32 or Fraction was assigned to data
            return with_float(self) + with_float(other)

    def __mul__(self, other: Value | float) -> Value:
        if not isinstance(other, Value):
            if not is_number(other):
                return NotImplemented
            other = Value(other, op="const")
        try:
            return Value(self.data * other.data, (self, other), (other.data, self.data), "*")
        except (TypeError, OverflowError):
            return with_float(self) * with_float(other)

    def __sub__(self, other: Value | float) -> Value:
        if not isinstance(other, Value):
            if not is_number(other):
                return NotImplemented
            other = Value(other, op="const")
        try:
            return Value(self.data - other.data, (self, other), (1.0, -1.0), "-")
        except (TypeError, OverflowError):
            return with_float(self) - with_float(other)

    def __truediv__(self, other: Value | float) -> Value:
        if not isinstance(other, Value):
            if not is_number(other):
                return NotImplemented
            other = Value(other, op="const")
        q = other.evaluate(number_of(self).__truediv__, "a / b needs b != 0")
        # d(a/b)/db = -a/b². It is written as -q/b because b² may underflow to 0.
        return Value(q, (self, other), (1 / other.data, -q / other.data), "/")

    def __pow__(self, exponent: Value | float) -> Value:
        """A plain exponent is part of the operation; a Value is an operand, with a gradient."""
        if isinstance(exponent, Value):
            rule = "x ** Value, whose slope is power * log(x), needs x >= 0 (or a plain exponent)"
            log = self.evaluate(math.log, rule) if self.data else 0.0  # 0**b is 0 for b > 0
            result, slope = power_and_slope(self, number_of(exponent))
            return Value(result, (self, exponent), (slope, result * log), "**")
        if not is_number(exponent):
            return NotImplemented
        whole = type(exponent) is int or isinstance(exponent, Integral)
        n = int(exponent) if whole else as_float(exponent)
        result, slope = power_and_slope(self, n)
        return Value(result, (self,), (slope,), f"**{n!r}")

    def __neg__(self) -> Value:
        return Value(-number_of(self), (self,), (-1.0,), "neg")

    def __abs__(self) -> Value:
        x = number_of(self)
        return Value(abs(x), (self,), (math.copysign(1.0, x) if x else 0.0,), "abs")

    def __radd__(self, other: float) -> Value:
        if type(other) is int and other == 0 and get_ident() not in paused_threads:
            return self  # sum() starts with 0 + x. Under no_grad() `total += …` would change x.
        return Value(other, op="const") + self if is_number(other) else NotImplemented

    def __rmul__(self, other: float) -> Value:
        return Value(other, op="const") * self if is_number(other) else NotImplemented

    def __rsub__(self, other: float) -> Value:
        return Value(other, op="const") - self if is_number(other) else NotImplemented

    def __rtruediv__(self, other: float) -> Value:
        return Value(other, op="const") / self if is_number(other) else NotImplemented

    def __rpow__(self, other: float) -> Value:
        return Value(other, op="const") ** self if is_number(other) else NotImplemented

    # Functions. As in PyTorch, the slope at 0 is 0 for relu and abs and inf for sqrt. tanh and
    # sigmoid use the textbook's slopes: 1 - t * t loses digits where t is close to 1.

    def exp(self) -> Value:
        e = self.evaluate(math.exp, "exp(x) needs x <= 709.78")
        return Value(e, (self,), (e,), "exp")

    def log(self) -> Value:
        result = self.evaluate(math.log, "log(x) needs x > 0")
        return Value(result, (self,), (1 / self.data,), "log")

    def sqrt(self) -> Value:
        root = self.evaluate(math.sqrt, "sqrt(x) needs x >= 0")
        return Value(root, (self,), (0.5 / root if root else math.inf,), "sqrt")

    def sin(self) -> Value:
        sine = self.evaluate(math.sin, "sin(x) and cos(x) need a finite x")
        return Value(sine, (self,), (math.cos(self.data),), "sin")

    def cos(self) -> Value:
        cosine = self.evaluate(math.cos, "sin(x) and cos(x) need a finite x")
        return Value(cosine, (self,), (-math.sin(self.data),), "cos")

    def tanh(self) -> Value:
        t = math.tanh(number_of(self))
        return Value(t, (self,), (1 - t * t,), "tanh")

    def sigmoid(self) -> Value:
        s = sigmoid(number_of(self))
        return Value(s, (self,), (s * (1 - s),), "sigmoid")

    def relu(self) -> Value:
        x = number_of(self)
        result, slope = (0.0, 0.0) if x <= 0 else (x, 1.0)  # nan stays nan
        return Value(result, (self,), (slope,), "relu")

    def evaluate(self, function: Callable[[float], float], rule: str) -> float:
        """function(data), a real number; or else its error, with the rule and this node."""
        x = number_of(self)
        try:
            result = function(x)
            if isinstance(result, complex):  # (-8) ** 0.5
                raise ValueError
        except (ValueError, ArithmeticError) as error:
            raise type(error)(f"{rule}, not {self}") from None
        return result

    # fmt: off
    def __pos__(self) -> Value: return self

    def __iadd__(self, other: Value | float) -> Value: return in_place(self, self + other)
    def __isub__(self, other: Value | float) -> Value: return in_place(self, self - other)
    def __imul__(self, other: Value | float) -> Value: return in_place(self, self * other)
    def __itruediv__(self, other: Value | float) -> Value: return in_place(self, self / other)
    def __ipow__(self, other: Value | float) -> Value: return in_place(self, self**other)

    def __lt__(self, other: Value | float) -> bool: return self.data < plain(other)
    def __le__(self, other: Value | float) -> bool: return self.data <= plain(other)
    def __gt__(self, other: Value | float) -> bool: return self.data > plain(other)
    def __ge__(self, other: Value | float) -> bool: return self.data >= plain(other)
    # fmt: on

    def item(self) -> float:
        """The plain number. (A __float__ would let math.tanh(v) return one without a graph.)"""
        return self.data

    def __bool__(self) -> bool:
        return bool(self.data != 0)

    def __format__(self, spec: str) -> str:
        return format(self.data, spec) if spec else repr(self)

    def __repr__(self) -> str:
        try:
            op = f", op={self.op!r}" if self.op else ""
            label = f", label={self.label!r}" if self.label else ""
            return f"Value({self.data!s:.60}, grad={self.grad!s:.60}{op}{label})"
        except (AttributeError, ValueError, RecursionError):  # before __init__, in pdb; w.data = w
            return "Value(?)"


def topological_order(output: Value) -> list[Value]:
    """Every node that `output` depends on; operands come before what is computed from them."""
    order: list[Value] = []
    seen, path = {output}, [output]  # path: from the output to here. Recursion would overflow.
    unvisited = iter(output.operands)  # the operands left to visit, of the last node on the path
    above: list[Iterator[Value]] = []  # the same for the nodes before it
    while path:
        for operand in unvisited:  # an iterator, so this goes on where it stopped
            if operand not in seen:
                seen.add(operand)
                if operand.operands:
                    path.append(operand)
                    above.append(unvisited)
                    unvisited = iter(operand.operands)
                    break
                order.append(operand)
        else:  # no operand is left
            order.append(path.pop())
            if above:
                unvisited = above.pop()
    return order


def edges(order: Sequence[Value]) -> Iterator[tuple[Value, Value, float]]:
    """Every (node, operand, partial) of a topological order, starting at the output."""
    for node in reversed(order):  # all nodes that use it came before: its grad is complete
        for operand, partial in zip(node.operands, node.partials):
            yield node, operand, partial


def zero_inner_nodes(order: Iterable[Value]) -> None:
    """Set them to 0. Leaves keep their grads, which must be numbers (else a TypeError)."""
    for node in order:
        if node.operands:
            node.grad = 0.0
        elif type(node.grad) is not float:
            node.grad = as_float(node.grad, f"the grad of {node}")


paused_threads: list[int] = []  # an entry for each no_grad() that a thread is inside


class no_grad(ContextDecorator):
    """Inside, nothing is recorded in this thread: results are leaves, `w -= …` changes w itself."""

    def __init__(self) -> None:
        self.entered_in: list[int] = []

    def __call__(self: ContextDecorator, func: F) -> F:
        if getattr(getattr(func, "__code__", None), "co_flags", 0) & 0x2A0:  # yield, async
            name, cure = getattr(func, "__name__", func), f"write `with {type(self).__name__}():`"
            raise TypeError(f"{name} runs later: {cure} inside it, with no yield in there")
        return ContextDecorator.__call__(self, func)

    def __enter__(self) -> None:
        self.entered_in.append(get_ident())
        paused_threads.append(get_ident())

    def __exit__(self, *error: object) -> None:
        here = get_ident() in self.entered_in  # no, if another thread closes a generator
        thread = get_ident() if here else self.entered_in[-1]
        self.entered_in.remove(thread)
        paused_threads.remove(thread)


def in_place(old: Value, new: Value) -> Value:
    """What `old -= …` returns: under no_grad() `old` itself, changed; else the recorded `new`."""
    if get_ident() not in paused_threads:
        if old.grad and not old.operands:  # a weight, and no_grad() is forgotten
            raise RuntimeError(f"{old} has a grad: change it `with no_grad():`, or write a = a + …")
        return new
    if old.operands:
        raise RuntimeError(f"{old} is computed: change its leaves, then compute it again")
    old.data = as_float(new.data)
    return old


def plain(number: Value | float) -> float:
    return number.data if isinstance(number, Value) else number


def is_number(thing: object) -> bool:
    """A real number: an int, float, bool, Fraction or real NumPy scalar; no Value and no text."""
    kind = type(thing)
    return kind in (float, int) or isinstance(thing, Real) or kind.__name__ in ("bool", "bool_")


def as_float(number: float, what: str = "data") -> float:
    try:
        if is_number(number):
            return float(number)
    except OverflowError:
        raise OverflowError(f"{what} must fit into a float, which ends at 1.8e308") from None
    kind = type(number).__name__
    raise TypeError(f"{what} must be a real number, not {number!r:.60} ({kind})") from None


def number_of(node: Value) -> float:
    """The node's data, made a float if another number was assigned to it."""
    if type(node.data) is not float:
        node.data = as_float(node.data, f"the data of {node}")
    return node.data


def with_float(node: Value) -> Value:
    if type(number_of(node)) is not float:
        raise TypeError(f"the data of {node} must keep the float that is assigned to it")
    return node


TRUSTED = frozenset(("+", "-", "*", "/", "dot", "const"))  # our own, unchecked because frequent


def check_facts(node: Value) -> None:
    """Check a new node's operands and partials, and make its data and partials floats."""
    operands, partials = node.operands, node.partials
    listed = isinstance(operands, tuple)
    if not listed or not isinstance(partials, tuple):
        name, facts = ("partials", partials) if listed else ("operands", operands)
        number = isinstance(facts, Value) or is_number(facts)
        cure = f"({facts},) needs its comma" if number else "Value(data, operands, partials, op)"
        raise TypeError(f"{name} are a tuple, not {facts!r:.60}: {cure}")
    if (n := len(operands)) != (m := len(partials)):
        counts = f"{n} operand{'s' * (n != 1)} and {m} partial{'s' * (m != 1)}"
        raise ValueError(f'"{node.op}" has {counts}; give one partial per operand')
    for operand, partial in zip(operands, partials):
        if not isinstance(operand, Value):
            raise TypeError(f'an operand of "{node.op}" must be a Value, not {operand!r:.60}')
        if not isinstance(operand.data, float):  # a float32 would round the result
            raise TypeError(f"assign float(…) to the data of {operand}, a {type(operand.data)}")
        if type(partial) is not float:
            node.partials = tuple(as_float(p, f'a partial of "{node.op}"') for p in partials)
    node.data = as_float(node.data)


def power_and_slope(base: Value, n: float) -> tuple[float, float]:
    """base**n and its slope: 0 if n is 0, and inf at base 0 for 0 < n < 1, as in PyTorch."""
    result = base.evaluate(lambda x: x**n, f"x ** {n} needs an x with a finite real power")
    if n == 0 or (base.data == 0 and n < 1):
        return result, math.inf if n else 0.0
    try:
        return result, n * base.data ** (n - 1)
    except OverflowError:  # 1e-200 ** -1 is a float, and 1e-200 ** -2 is inf
        return result, n * result / base.data


def sigmoid(x: float) -> float:
    e = math.exp(-abs(x))  # of -abs(x), because exp(1000) overflows
    return e / (1 + e) if x < 0 else 1 / (1 + e)
