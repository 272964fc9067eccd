"""Reads the graphs of other people's engines: micrograd, and the hundreds that resemble it.

Each value of theirs gets a twin, a `Value` with the same number, gradient, operands and operation.
The local derivatives are read where the engine stores them. If they are hidden in a function
`_backward`, they are probed: set the value's grad to 1 and its operands' grads to 0, call
`_backward`, and read the operands' grads. Afterwards everything is put back as it was.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from numbers import Real
from operator import add, mul, sub, truediv
from types import BuiltinFunctionType, FunctionType
from typing import Any

from tinygrad_neuron.engine import Value, as_float, topological_order
from tinygrad_neuron.errors import never_raises
from tinygrad_neuron.module import attributes

# The names under which engines keep these things. The first one that fits is used.
DATA = ("data", "value")
GRAD = ("grad", "gradient")
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

PROBE_SECONDS = 10.0  # for all probes of a graph, and 1 more for each 10,000 values
MISSING: Any = object()
ROW, SET = (tuple, list), (set, frozenset)
NAMED = (type, FunctionType, BuiltinFunctionType)  # these have a __name__
HEAP = 1 << 9  # Py_TPFLAGS_HEAPTYPE: a class that a class statement made
CURE = "give them with adopt(output, operands=…, partials=…, op=…)"

ON_TWO_NUMBERS: dict[str, Callable[[Value, Value], Value]]
ON_TWO_NUMBERS = {"+": add, "-": sub, "*": mul, "/": truediv, "**": pow}  # as our engine has them
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


class Adopted:
    """An output together with the functions that read its engine. `adopt` makes it."""

    __slots__ = ("op", "operands", "output", "partials")

    def __init__(
        self,
        output: Any,
        operands: Callable[[Any], Any] | None = None,
        partials: Callable[[Any], Any] | None = None,
        op: Callable[[Any], str] | None = None,
    ) -> None:
        self.output, self.operands, self.partials, self.op = output, operands, partials, op

    @never_raises
    def __repr__(self) -> str:
        return f"adopt({self.output!r:.60})"


def adopt(
    output: Any,
    *,
    operands: Callable[[Any], Any] | None = None,
    partials: Callable[[Any], Any] | None = None,
    op: Callable[[Any], str] | None = None,
) -> Adopted:
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
    >>> [(twin.data, twin.partials, twin.op) for twin in read(output).order]
    [(-3.0, (), ''), (2.0, (), ''), (-6.0, (2.0, -3.0), '*')]
    """
    return Adopted(output, operands, partials, op)


class ForeignGraph:
    """A graph of another engine, as twins that are our Values.

    order      the twins in topological order: operands before their users, the output last
    originals  for each twin the object it stands for
    twins      for the id of each of their objects its twin
    unordered  the twins whose operands came from a set
    merged     the twins that may have lost an operand, because it is the same object as another
    of_now     whether local derivatives were probed, so they belong to the data of now
    """

    __slots__ = ("merged", "of_now", "order", "originals", "twins", "unordered")

    def __init__(self) -> None:
        self.merged: set[Value] = set()
        self.order: list[Value] = []
        self.originals: dict[Value, Any] = {}
        self.twins: dict[int, Value] = {}
        self.unordered: set[Value] = set()
        self.of_now = False


def read(output: Any, paths: Mapping[int, str] = {}) -> ForeignGraph:
    """The graph of a value of another engine, or of what `adopt` returned.

    `paths` maps the id of an object to its name. Operands from a set are sorted by these names.
    Every attribute of their objects is afterwards the same object as before. Two things cannot be
    put back: what a `_backward` prints, and what it changes outside the graph.

    TypeError: the output is no value, or nothing was found where engines keep operands, numbers
    or local derivatives. RuntimeError: their `_backward` fails. TimeoutError: the probes take
    more than 10 seconds (and 1 more for each 10,000 values).
    """
    engine = Engine(output if type(output) is Adopted else Adopted(output))
    graph = ForeignGraph()
    hidden = connect(engine, graph)
    if hidden:
        graph.of_now = True
        probe(engine, graph, hidden)
    twin = graph.twins[id(engine.output)]
    graph.order = topological_order(twin)
    if graph.unordered:
        sort_sets(graph, paths)
        graph.order = topological_order(twin)
    return graph


def class_of(output: Any) -> type:
    """The most general class of a value of another engine that somebody wrote."""
    kinds = type(output.output if type(output) is Adopted else output).__mro__
    own = [k for k in kinds if k.__module__ not in ("abc", "typing") and not built_in(k)]
    return own[-1] if own else kinds[0]


def built_in(kind: type) -> bool:
    """Whether Python itself brings this class. What exec() makes may claim the same module."""
    return kind.__module__ == "builtins" and not kind.__flags__ & HEAP


# Finding the parts of a value.


class Engine:
    """Where an engine keeps the parts of a value. The output shows it for the whole graph."""

    def __init__(self, adopted: Adopted) -> None:
        self.adopted, self.output = adopted, adopted.output
        output, kind = adopted.output, type(adopted.output)
        if is_real(output) or built_in(kind):
            listed = isinstance(output, ROW) and output
            cure = ", such as the first of these" if listed else ""
            raise TypeError(f"a graph is that of one Value{cure}, not of {output!r:.60}")
        self.data = first(output, DATA, is_real) or first(output, DATA)
        self.grad = first(output, GRAD, lambda grad: not callable(grad)) or GRAD[0]
        self.operands = first(output, OPERANDS, has_operands) or first(output, OPERANDS, is_listed)
        if not self.data or not (adopted.operands or self.operands):
            what, names = ("operands", OPERANDS) if self.data else ("numbers", DATA)
            cure = CURE if self.data else "keep a value's number in its attribute data"
            held = ", ".join(name for name, _ in attributes(output)) or "no attributes"
            looked = f"looked for {', '.join(names)}, and it has {held:.200}"
            raise TypeError(f"no {what} were found in {kind.__name__}: {looked}; {cure}")
        self.partials = ""
        n = len(self.arrows(output)[0])
        self.partials = first(output, PARTIALS, lambda found: fits(found, n))

    def arrows(self, node: Any) -> tuple[list[tuple[Any, Any]], bool]:
        """The operands, each with its derivative or MISSING, and whether they are in a set."""
        find = self.adopted.operands
        found = find(node) if find else attribute(node, self.operands, None)
        if not is_listed(found):
            name = type(node).__name__
            raise TypeError(f"the operands of {name} are no list, tuple or set: {found!r:.60}")
        arrows = [arrow(thing) for thing in found or () if thing is not None]
        unordered = isinstance(found, SET) and bool(arrows)
        partials: Any = None
        if arrows and self.adopted.partials:
            partials = list(self.adopted.partials(node))
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
        twin = Value(real_number(data, f"the data of {name}"), op="const")
        twin.op, twin.label = "", text(node, LABEL)
        if grad is not None and not callable(grad):
            twin.grad = real_number(number_in(grad), f"the grad of {name}")
        return twin

    def op(self, node: Any) -> str:
        """The name of the operation, if need be from the method that made the closure."""
        if self.adopted.op:
            return str(self.adopted.op(node))
        return text(node, OP) or maker(attribute(node, first(node, CLOSURES, callable), None))


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


def found_under(thing: Any, names: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """The attributes that the thing has under these names, each with its name."""
    kind, held = type(thing), attribute(thing, "__dict__", ())
    for name in names:
        # The test is for speed: most names are missing, and an AttributeError takes long.
        if name in held or hasattr(kind, name):
            found = attribute(thing, name)
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
    return is_listed(found) and found is not None and len(found) > 0


def fits(found: Any, n: int) -> bool:
    """Whether these can be the local derivatives of n operands."""
    listed = isinstance(found, ROW) and len(found) == n
    return listed and all(is_real(number_in(partial)) for partial in found)


def arrow(thing: Any) -> tuple[Any, Any]:
    """An operand and its derivative. Some engines store both as a pair."""
    if not issubclass(type(thing), ROW) or len(thing) != 2:
        return thing, MISSING
    a, b = thing
    return (b, a) if is_real(a) and not is_real(b) else (a, b)


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


def maker(closure: Any) -> str:
    """The operation in "Value.__add__.<locals>._backward": "+"."""
    path, _, name = getattr(closure, "__qualname__", "").rpartition(".<locals>.")
    method = path.rpartition(".")[2]
    if "." in name or (method.startswith("_") and not method.endswith("__")):
        return ""
    plain = method.strip("_")
    known = plain in SPELLINGS or plain == method
    return canonical(plain if known else plain.removeprefix("r"))


# From their graph to the twins.


def connect(engine: Engine, graph: ForeignGraph) -> list[Value]:
    """Make and connect all twins. Returns the twins that still need local derivatives."""
    hidden: list[Value] = []

    def twin_of(thing: Any) -> Value:
        twin = graph.twins.get(id(thing))
        if twin is None:
            constant = is_real(thing)
            twin = Value(as_float(thing), op="const") if constant else engine.twin(thing)
            graph.originals[twin] = thing
            if not constant:
                graph.twins[id(thing)] = twin
                unvisited.append(twin)
        return twin

    unvisited: list[Value] = []
    twin_of(engine.output)
    for twin in unvisited:  # which grows
        node = graph.originals[twin]
        arrows, unordered = engine.arrows(node)
        if not arrows:
            continue
        twin.op = engine.op(node)
        twin.operands = tuple(twin_of(thing) for thing, _ in arrows)
        if unordered:
            graph.unordered.add(twin)
        if any(partial is MISSING for _, partial in arrows):
            twin.operands = tuple(dict.fromkeys(twin.operands))  # x * x is one arrow
            hidden.append(twin)
        else:
            what = f'a local derivative of "{twin.op}"'
            twin.partials = tuple(real_number(number_in(partial), what) for _, partial in arrows)
        if unordered or len(twin.operands) < len(arrows):
            graph.merged.add(twin)
    return hidden


def probe(engine: Engine, graph: ForeignGraph, hidden: Iterable[Value]) -> None:
    """Find local derivatives by calling the closures, then put all attributes back."""
    nodes = [graph.originals[twin] for twin in graph.twins.values()]
    before = [(node, dict(attributes(node))) for node in nodes]
    closures: dict[int, tuple[str, Callable[[], object]]] = {}
    try:
        for node in nodes:
            if name := first(node, CLOSURES, callable):
                closures[id(node)] = name, attribute(node, name)
                with suppress(AttributeError, TypeError):  # a method of a class with slots
                    # A closure may call its operands' closures, which would change more grads.
                    object.__setattr__(node, name, do_nothing)

        def probe_all() -> None:
            for twin in hidden:
                twin.partials = probed(engine, graph, twin, closures)

        limited(probe_all, PROBE_SECONDS + len(nodes) // 10_000)
    finally:
        restore(before)


def probed(engine: Engine, graph: ForeignGraph, twin: Value,
        closures: Mapping[int, tuple[str, Callable[[], object]]]) -> tuple[float, ...]:  # fmt: skip
    """The local derivatives of one value: the grads that its closure gives to its operands."""
    node = graph.originals[twin]
    if id(node) not in closures:
        looked = f"looked for {', '.join(PARTIALS + CLOSURES)}"
        raise TypeError(f'no local derivatives were found for "{twin.op}": {looked}; {CURE}')
    name, closure = closures[id(node)]
    try:
        object.__setattr__(node, engine.grad, 1.0)
        for operand in twin.operands:
            if operand.op != "const":
                object.__setattr__(graph.originals[operand], engine.grad, 0.0)
        closure()
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise RuntimeError(f'the {name} of "{twin.op}" raised {what:.200}; {CURE}') from error
    partials = []
    for i, operand in enumerate(twin.operands):
        if operand.op == "const":  # a plain number, which gets no grad
            facts = rule(twin.op, twin.operands)
            partials.append(facts[1 + i] if facts else math.nan)
        else:
            grad = attribute(graph.originals[operand], engine.grad)
            what = f'the grad that the {name} of "{twin.op}" gives to an operand'
            partials.append(real_number(number_in(grad), what))
    return tuple(partials)


def do_nothing() -> None:
    pass


class TimesUp(BaseException):
    """Not an Exception, because their code may catch every Exception."""


def limited(run: Callable[[], None], seconds: float) -> None:
    """Call `run`, but stop it after this time, when it next calls a function."""
    from time import monotonic

    deadline = monotonic() + seconds

    def watch(frame: object, event: str, arg: object) -> None:
        if event == "call" and monotonic() > deadline:
            raise TimesUp

    earlier = sys.getprofile()
    if earlier is not None and not callable(earlier):  # cProfile's, which cannot be put back
        return run()
    try:
        sys.setprofile(watch)
        run()
    except TimesUp:
        hint = "does a _backward call the _backward of its operands?"
        raise TimeoutError(f"the probes take over {seconds:g} seconds: {hint} {CURE}") from None
    finally:
        sys.setprofile(earlier)


def restore(saved: Iterable[tuple[Any, dict[str, object]]]) -> None:
    """Give each object the attributes back that it had."""
    for node, before in saved:
        now = dict(attributes(node))
        for name in now.keys() - before.keys():
            object.__delattr__(node, name)
        for name, thing in before.items():
            if now.get(name, MISSING) is not thing:
                object.__setattr__(node, name, thing)


# The order of operands that come from a set.


def sort_sets(graph: ForeignGraph, paths: Mapping[int, str]) -> None:
    """Sort them by name, operation, data and derivative, and then by what is around them."""
    names = {twin: twin.label for twin in graph.originals}  # a constant has no name
    names |= {twin: paths[key] for key, twin in graph.twins.items() if key in paths}
    color: dict[Value, bytes] = {}

    def key(arrow: tuple[Value, float]) -> tuple[Any, ...]:
        operand, partial = arrow
        name, op = names[operand], operand.op
        numbers = *sortable(operand.data), *sortable(partial)
        return not name, name, not op, op, *numbers, color.get(operand, b"")

    def in_order(twin: Value) -> list[tuple[Value, float]]:
        return sorted(zip(twin.operands, twin.partials), key=key)

    rows = {twin: in_order(twin) for twin in graph.unordered}
    if any(len(set(map(key, row))) < len(row) for row in rows.values()):
        color = colors(graph.order, graph.unordered, names)
        rows = {twin: in_order(twin) for twin in graph.unordered}
    for twin, row in rows.items():
        if agreement(twin, row[::-1]) > agreement(twin, row):
            row.reverse()
        twin.operands = tuple(operand for operand, _ in row)
        twin.partials = tuple(partial for _, partial in row)


def sortable(x: float) -> tuple[bool, float]:
    """Sorts as x does, and nan comes last."""
    return (True, 0.0) if math.isnan(x) else (False, x)


def agreement(twin: Value, row: Sequence[tuple[Value, float]]) -> list[bool]:
    """Whether a - b, a / b or a ** b gives this value's data, and the derivatives in this row."""
    if len(row) != 2 or twin.op in ("+", "*"):
        return []
    theirs = twin.data, *(partial for _, partial in row)
    facts = rule(twin.op, [operand for operand, _ in row]) or ()
    return [math.isclose(a, b, rel_tol=1e-9) for a, b in zip(facts, theirs)]


def rule(op: str, operands: Sequence[Value]) -> tuple[float, ...] | None:
    """What our engine makes of + - * / ** on two numbers: the result and its two partials."""
    apply = ON_TWO_NUMBERS.get(canonical(op))
    if apply is None or len(operands) != 2:
        return None
    with suppress(ArithmeticError, ValueError):
        ours = apply(*(Value(operand.data) for operand in operands))
        return ours.data, *(ours.partials or (math.nan, math.nan))  # none under no_grad()
    return None


def colors(
    order: Sequence[Value], unordered: set[Value], names: Mapping[Value, str]
) -> dict[Value, bytes]:
    """A digest for each value: of itself, of what it depends on and of what depends on it.

    No digest depends on an address. If two operands in a set have the same digest, it does not
    matter which comes first: one is chosen, and the digests are computed again to tell all others.
    """
    from hashlib import blake2b

    def digest(*facts: object) -> bytes:
        return blake2b(repr(facts).encode(), digest_size=12).digest()

    color = {t: digest(names[t], t.label, t.op, t.data, t.grad) for t in order}
    kinds = 0
    for _ in range(3 + 200_000 // len(order)):
        for twin in order:  # from the leaves to the output
            if twin.operands:
                around = [repr((color[t], p)) for t, p in zip(twin.operands, twin.partials)]
                color[twin] = digest(color[twin], sorted(around) if twin in unordered else around)
        uses: dict[Value, list[bytes]] = {twin: [] for twin in order}
        for twin in reversed(order):  # and back
            color[twin] = digest(color[twin], sorted(uses[twin]))
            for i, (operand, partial) in enumerate(zip(twin.operands, twin.partials)):
                place = -1 if twin in unordered else i
                uses[operand].append(digest(color[twin], partial, place))
        kinds, before = len(set(color.values())), kinds
        if kinds == len(order):
            break
        if kinds == before:
            alike = [t for twin in unordered for t in same_color(twin, color)]
            if not alike:
                break
            chosen = min(alike, key=color.__getitem__)
            color[chosen] = digest(color[chosen], "the first")
    return color


def same_color(twin: Value, color: Mapping[Value, bytes]) -> list[Value]:
    """The operands that have the digest of another operand of this value."""
    count: dict[bytes, int] = {}
    for operand in twin.operands:
        count[color[operand]] = count.get(color[operand], 0) + 1
    return [operand for operand in twin.operands if count[color[operand]] > 1]
