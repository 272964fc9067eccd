"""Where another engine keeps the parts of a value: its number, its operands and so on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from numbers import Real
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

from tinygrad_neuron.engine import Value, as_float
from tinygrad_neuron.errors import never_raises
from tinygrad_neuron.module import attributes

# The names under which engines keep these things. The first one that fits is used.
DATA = ("data", "value")
GRAD = ("grad", "gradient")
GRADS = (*GRAD, "adjoint", "derivative")
OPERANDS = (
    *("_prev", "_parents", "parents", "_children", "children", "prev", "inputs", "_inputs"),
    *("operands", "_operands", "args", "_args", "src"),
)
PARTIALS = (
    *("_local_grads", "local_grads", "_local_derivatives", "local_derivatives", "partials"),
    *("_partials", "_local_gradients", "local_gradients", "_grads_local", "grads_local", "grads"),
)
CLOSURES = ("_backward", "backward_fn", "_backward_fn", "grad_fn", "_grad_fn", "_backprop")
OP = ("_op", "op", "operation", "_operation")
LABEL = ("label", "name", "_label", "_name")

MISSING: Any = object()
Find = Callable[[Any], Any] | None
ROW, SET = (tuple, list), (set, frozenset)
CALLED = (FunctionType, MethodType)
NAMED = (type, FunctionType, BuiltinFunctionType)  # these have a __name__
EITHER_WAY = ("parents", "children")  # in some engines the operands, in others the users
METHODS = {"__add__", "__mul__", "__radd__", "__rmul__", "backward"}
HEAP = 1 << 9  # Py_TPFLAGS_HEAPTYPE: a class that a class statement made
CURE = "give them with adopt(output, operands=…, partials=…, op=…)"

SPELLINGS = {
    **{"add": "+", "plus": "+", "sub": "-", "subtract": "-", "minus": "-", "mul": "*"},
    **{"times": "*", "multiply": "*", "·": "*", "×": "*", "div": "/", "divide": "/"},
    **{"truediv": "/", "pow": "**", "power": "**", "^": "**", "negate": "neg", "negative": "neg"},
    **{"ln": "log", "logistic": "sigmoid", "σ": "sigmoid", "square": "**2", "√": "sqrt"},
}


def canonical(op: str) -> str:
    """The name that our engine has for an operation of another: "relu" for "ReLU".

    >>> canonical("ReLU"), canonical("__mul__"), canonical("^2")
    ('relu', '*', '**2')
    """
    name = op.lower().strip("_() ")
    name = SPELLINGS.get(name, name)
    return f"**{name[1:]}" if name.startswith("^") else name


class adopt:
    """Say how to read an engine with unusual names. Give the result to a view as its output.

    Each function takes a value of that engine: `operands` returns the values it was computed from,
    `partials` their local derivatives in the same order, and `op` the operation's name. What you
    leave out is found as usual.

    >>> class Num:
    ...     def __init__(self, value, kids=(), slopes=(), kind=""):
    ...         self.value, self.kids, self.slopes, self.kind = value, kids, slopes, kind
    >>> w, x = Num(-3.0), Num(2.0)
    >>> y = Num(w.value * x.value, (w, x), (x.value, w.value), "*")
    >>> output = adopt(y, operands=lambda num: num.kids, partials=lambda num: num.slopes,
    ...                op=lambda num: num.kind)
    >>> from tinygrad_neuron.foreign.reading import read
    >>> [(twin.data, twin.partials, twin.op) for twin in read(output).order]
    [(-3.0, (), ''), (2.0, (), ''), (-6.0, (2.0, -3.0), '*')]
    """

    __slots__ = ("op", "operands", "output", "partials")

    def __init__(self, output: Any, *, operands: Find = None, partials: Find = None,
            op: Find = None) -> None:  # fmt: skip
        if type(output) is adopt:
            raise TypeError("adopt takes a value, not another adopt(…): give all in one call")
        for name, find in ("operands", operands), ("partials", partials), ("op", op):
            if find is not None and not callable(find):
                example = f"such as lambda value: value.{name}"
                raise TypeError(f"{name} is a function of a value, {example}, not {find!r:.60}")
        self.output, self.operands, self.partials, self.op = output, operands, partials, op

    @never_raises
    def __repr__(self) -> str:
        return f"adopt({self.output!r:.60})"


class Engine:
    """Where an engine keeps the parts of a value. The output shows it for the whole graph."""

    def __init__(self, adopted: adopt) -> None:
        self.adopted, self.output, self.partials = adopted, adopted.output, ""
        output, kind = adopted.output, type(adopted.output)
        if is_real(output) or built_in(kind):
            listed = isinstance(output, ROW) and output
            cure = ", such as the first of these" if listed else ""
            raise TypeError(f"a graph is that of one Value{cure}, not of {output!r:.60}")
        if hasattr(kind, "shape") and hasattr(kind, "dtype"):  # PyTorch's, NumPy's
            real_number(output, "the output")  # raises
        self.data = first(output, DATA, is_real) or first(output, DATA)
        self.operands = first(output, OPERANDS, has_operands) or first(output, OPERANDS, is_listed)
        if not self.data or not (adopted.operands or self.operands):
            what, names = ("operands", OPERANDS) if self.data else ("numbers", DATA)
            cure = CURE if self.data else "keep a value's number in its attribute data"
            held = ", ".join(name for name, _ in attributes(output)) or "no attributes"
            looked = f"looked for {', '.join(names)}, and it has {held:.200}"
            raise TypeError(f"no {what} were found in {kind.__name__}: {looked}; {cure}")
        operands = [operand for operand, _ in self.arrows(output)[0]]
        if operands and all(map(is_real, operands)):
            what = f"the operands of {kind.__name__} are numbers, not values"
            raise TypeError(f"{what}: {operands!r:.60}; {CURE}")
        if not operands and not adopted.operands:
            self.check_leaf()
        with_grad = (first(v, GRADS, lambda grad: not callable(grad)) for v in (output, *operands))
        self.grad = next(filter(None, with_grad), "")
        self.partials = first(output, PARTIALS, lambda found: fits(found, len(operands)))
        if operands and self.partials and first(output, CLOSURES, callable):
            # They may be all 0 because they wait for a backward pass.
            self.partials *= any(map(number_in, attribute(output, self.partials)))

    def check_leaf(self) -> None:
        """Empty `children` may be users. Then another attribute holds the operands."""
        family, kind = class_of(self.output), type(self.output).__name__
        for name, held in attributes(self.output) * (self.operands.strip("_") in EITHER_WAY):
            things = [arrow(thing)[0] for thing in held] if isinstance(held, ROW + SET) else []
            values = all(issubclass(type(t), family) and t is not self.output for t in things)
            if things and values:
                what = f"{kind} has no {self.operands}, but its {name} holds values"
                raise TypeError(f"{what}: if these are its operands, {CURE}")

    def arrows(self, node: Any) -> tuple[list[tuple[Any, Any]], bool]:
        """The operands, each with its derivative or MISSING, and whether they are in a set."""
        find = self.adopted.operands
        found = find(node) if find else attribute(node, self.operands, None)
        found = list(found) if find and isinstance(found, Iterator) else found
        if not is_listed(found):
            name = type(node).__name__
            raise TypeError(f"the operands of {name} are no list, tuple or set: {found!r:.60}")
        arrows = [arrow(thing) for thing in found or () if thing is not None]
        unordered = isinstance(found, SET) and bool(arrows)
        partials: Any = None
        if arrows and self.adopted.partials:
            partials = self.adopted.partials(node)
            partials = list(partials) if isinstance(partials, Iterable) else []
            if (n := len(partials)) != (m := len(arrows)):
                raise TypeError(f"adopt(…, partials=…) gave {n} local derivatives for {m} operands")
        elif arrows and self.partials and not unordered:
            partials = attribute(node, self.partials, None)
            partials = partials if fits(partials, len(arrows)) else None
        if partials is not None:
            arrows = [(operand, partial) for (operand, _), partial in zip(arrows, partials)]
        return arrows, unordered

    def twin(self, node: Any) -> Value:
        """A leaf with the number, the gradient and the label of a node."""
        name = type(node).__name__
        data, grad = attribute(node, self.data), attribute(node, self.grad, None)
        if data is MISSING:
            raise TypeError(f"{node!r:.60} ({name}) is no operand: it has no {self.data}; {CURE}")
        twin = leaf(real_number(data, f"the data of {name}"), "", text(node, LABEL))
        if grad is not None and not callable(grad):
            twin.grad = real_number(number_in(grad), f"the grad of {name}")
        return twin

    def op(self, node: Any) -> str:
        """The name of the operation, if need be from the method that made the closure."""
        if self.adopted.op:
            op = self.adopted.op(node)
            return "" if op is None else str(op)
        return text(node, OP) or maker(attribute(node, first(node, CLOSURES, callable), None))


def leaf(number: float, op: str, label: str = "") -> Value:
    """A Value with this op, even under no_grad()."""
    value = Value(number, op="const", label=label)  # "const" is not checked, which is faster
    value.op = op
    return value


def is_real(thing: object) -> bool:
    """As the engine's is_number, but it asks the class only: isinstance() may run their code."""
    kind = type(thing)
    return kind in (float, int) or issubclass(kind, Real) or kind.__name__ in ("bool", "bool_")


def attribute(thing: Any, name: str, default: Any = MISSING) -> Any:
    """An attribute, slot or property, without `__getattr__`, which may answer everything."""
    try:
        return object.__getattribute__(thing, name)
    except AttributeError:
        return default
    except Exception as error:  # of a property
        raise RuntimeError(f"the {name} of {type(thing).__name__} {raised(error)}") from error


def raised(error: Exception) -> str:
    return f"raised {f'{type(error).__name__}: {error}':.200}".replace("\n", " ")


def found_under(thing: Any, names: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """The attributes that the thing has under these names. A property may give its error."""
    kind, held = type(thing), attribute(thing, "__dict__", ())
    for name in names:
        # The test is for speed: most names are missing, and an AttributeError takes long.
        if name in held or hasattr(kind, name):
            try:
                found = attribute(thing, name)
            except RuntimeError as error:
                found = error
            if found is not MISSING:
                yield name, found


def first(thing: Any, names: Iterable[str], right: Callable[[Any], Any] = lambda _: True) -> str:
    """The first name under which the thing has the right kind of attribute, or ""."""
    return next((name for name, found in found_under(thing, names) if right(found)), "")


def text(node: Any, names: Iterable[str]) -> str:
    """The first text under these names. A class, a function or an Enum gives its name."""
    for _, found in found_under(node, names):
        if isinstance(found, NAMED):
            return found.__name__
        word = found if isinstance(found, str) else attribute(found, "_name_", "")
        if word and isinstance(word, str):
            return word
    return ""


def is_listed(found: Any) -> bool:
    return found is None or isinstance(found, ROW + SET)


def has_operands(found: Any) -> bool:
    return is_listed(found) and bool(found) and not all(map(is_real, found))


def fits(found: Any, n: int) -> bool:
    """Whether these can be the local derivatives of n operands."""
    listed = isinstance(found, ROW) and len(found) == n
    return listed and all(is_real(number_in(partial)) for partial in found)


def arrow(thing: Any) -> tuple[Any, Any]:
    """An operand and its derivative, or the function for it. Some engines store both as a pair."""
    if not issubclass(type(thing), ROW) or len(thing) != 2:
        return thing, MISSING
    a, b = thing
    swapped = isinstance(a, CALLED) or (is_real(a) and not is_real(b))
    return (b, a) if swapped else (a, b)


def number_in(thing: Any) -> Any:
    """The number in a value. Engines with second derivatives have values as gradients."""
    if type(thing) is float or is_real(thing):
        return thing
    name = first(thing, DATA, is_real)
    return attribute(thing, name) if name else thing


def real_number(thing: Any, what: str) -> float:
    if type(thing) is float:
        return thing
    if is_real(thing):
        return as_float(thing, what)
    kind = type(thing).__name__
    raise TypeError(f"{what} is a {kind}: only engines on single numbers can be read")


def numbers_in(things: Iterable[Any], what: str) -> tuple[float, ...]:
    return tuple([real_number(number_in(thing), what) for thing in things])


def maker(closure: Any) -> str:
    """The operation in "Value.__add__.<locals>._backward": "+"."""
    path, _, name = getattr(closure, "__qualname__", "").rpartition(".<locals>.")
    method = path.rpartition(".")[2]
    if "." in name or (method.startswith("_") and not method.endswith("__")):
        return ""
    plain = method.strip("_")
    known = plain in SPELLINGS or plain == method
    return canonical(plain if known else plain.removeprefix("r"))


def class_of(output: Any) -> type:
    """The class of all values of another engine: the most general one that has operators.

    Its own base class may be shared with layers. Without operators, it is the most general class
    that somebody wrote.
    """
    kinds = type(output.output if type(output) is adopt else output).__mro__
    own = [k for k in kinds if k.__module__ not in ("abc", "typing") and not built_in(k)]
    return [kinds[0], *own[-1:], *(k for k in own if not METHODS.isdisjoint(vars(k)))][-1]


def built_in(kind: type) -> bool:
    """Whether Python itself brings this class. What exec() makes may claim the same module."""
    return kind.__module__ == "builtins" and not kind.__flags__ & HEAP
