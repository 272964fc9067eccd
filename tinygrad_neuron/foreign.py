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
from threading import RLock
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

from tinygrad_neuron.engine import Value, as_float, topological_order
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

PROBE_SECONDS = 10.0  # for all probes of a graph, and 1 more for each 10,000 values
MISSING: Any = object()
Find = Callable[[Any], Any] | None
Hidden = dict[Value, tuple[tuple[Value, ...], Sequence[Any]]]  # operands, functions in pairs
Closure = tuple[str, Callable[..., Any], tuple[float, ...]]  # its name, and its arguments
ROW, SET = (tuple, list), (set, frozenset)
CALLED = (FunctionType, MethodType)
NAMED = (type, FunctionType, BuiltinFunctionType)  # these have a __name__
EITHER_WAY = ("parents", "children")  # in some engines the operands, in others the users
METHODS = {"__add__", "__mul__", "__radd__", "__rmul__", "backward"}
HEAP = 1 << 9  # Py_TPFLAGS_HEAPTYPE: a class that a class statement made
CURE = "give them with adopt(output, operands=…, partials=…, op=…)"
READING = RLock()  # because a probe changes grads, which no other thread may read meanwhile

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
    Every attribute of their objects is afterwards the same object as before. Three things cannot
    be put back: what a `_backward` prints, what it changes outside the graph, and what it changes
    in place, such as a list to which it appends.

    TypeError: the output is no value, or nothing was found where engines keep operands, numbers
    or local derivatives. RuntimeError: their code fails. TimeoutError: the probes take more than
    10 seconds (and 1 more for each 10,000 values).
    """
    graph = ForeignGraph()
    with READING:
        engine = Engine(output if type(output) is adopt else adopt(output))
        hidden = connect(engine, graph)
        twin = graph.twins[id(engine.output)]
        graph.order = topological_order(twin)
        check_cycles(graph)
        if hidden:
            graph.of_now = True
            probe(engine, graph, hidden)
    if graph.unordered:
        sort_sets(graph, paths)
        graph.order = topological_order(twin)
    return graph


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


# Finding the parts of a value.


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


# From their graph to the twins.


def connect(engine: Engine, graph: ForeignGraph) -> Hidden:
    """Make and connect all twins. Returns the twins that still need local derivatives."""
    hidden: Hidden = {}

    def twin_of(thing: Any) -> Value:
        twin = graph.twins.get(id(thing))
        if twin is None:
            constant = is_real(thing)
            twin = leaf(as_float(thing), "const") if constant else engine.twin(thing)
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
        operands = twin.operands = tuple([twin_of(thing) for thing, _ in arrows])
        partials = [partial for _, partial in arrows]
        if unordered:
            graph.unordered.add(twin)
        missing = any(partial is MISSING for partial in partials)
        if missing or any(isinstance(partial, CALLED) for partial in partials):
            twin.operands = tuple(dict.fromkeys(operands))  # x * x is one arrow
            hidden[twin] = operands, () if missing else partials
        else:
            twin.partials = numbers_in(partials, f'a local derivative of "{twin.op}"')
        if unordered or len(twin.operands) < len(arrows):
            graph.merged.add(twin)
    return hidden


def check_cycles(graph: ForeignGraph) -> None:
    seen: set[Value] = set()
    for twin in graph.order:
        if not seen.issuperset(twin.operands):
            name = type(graph.originals[twin]).__name__
            raise TypeError(f"the operands of a {name} lead back to itself, in a circle; {CURE}")
        seen.add(twin)


def probe(engine: Engine, graph: ForeignGraph, hidden: Hidden) -> None:
    """Find local derivatives by calling the closures, then put all attributes back."""
    nodes = [graph.originals[twin] for twin in graph.twins.values()]
    before = [(node, dict(attributes(node)), attribute(node, engine.grad)) for node in nodes]
    closures: dict[int, Closure] = {}
    methods: dict[tuple[type, str], Any] = {}
    try:
        for node in nodes:
            if name := first(node, CLOSURES, callable):
                closure = attribute(node, name)
                closures[id(node)] = name, closure, upstream(closure)
                # A closure may call its operands' closures, which would change more grads.
                try:
                    object.__setattr__(node, name, do_nothing)
                except AttributeError:  # a method of a class with slots
                    owner = next(kind for kind in type(node).__mro__ if name in vars(kind))
                    methods.setdefault((owner, name), vars(owner)[name])

        for owner, name in methods:
            setattr(owner, name, do_nothing)

        def probe_all() -> None:
            for twin, (operands, functions) in hidden.items():
                own = closures.get(id(graph.originals[twin]))
                found = in_pairs(functions) if functions else own
                twin.partials = probed(engine, graph, twin, operands, found)

        limited(probe_all, PROBE_SECONDS + len(nodes) // 10_000)
    finally:
        for (owner, name), method in methods.items():
            setattr(owner, name, method)
        restore(before, engine.grad)


def upstream(function: Any) -> tuple[float, ...]:
    """What to call this function with: 1 if it needs the gradient of its value as an argument."""
    if not isinstance(function, CALLED):
        return ()
    given = len(function.__defaults__ or ()) + isinstance(function, MethodType)
    return (1.0,) if function.__code__.co_argcount - given == 1 else ()


def in_pairs(functions: Sequence[Any]) -> Closure:
    """The functions that are paired with operands, as one closure that returns the derivatives."""

    def closure() -> tuple[float, ...]:
        partials = [f(*upstream(f)) if isinstance(f, CALLED) else f for f in functions]
        return numbers_in(partials, "what it returns")

    return "function in a pair", closure, ()


def probed(engine: Engine, graph: ForeignGraph, twin: Value, operands: tuple[Value, ...],
        found: Closure | None) -> tuple[float, ...]:  # fmt: skip
    """The local derivatives of one value: the grads that its closure gives to its operands.

    Or else, if it gives none, the numbers that it returns.
    """
    if not found:
        looked = f"looked for {', '.join(PARTIALS + CLOSURES)}"
        raise TypeError(f'no local derivatives were found for "{twin.op}": {looked}; {CURE}')
    (name, closure, arguments), grad = found, engine.grad
    takers = [graph.originals[operand] for operand in twin.operands if operand.op != "const"]
    try:
        if grad:
            object.__setattr__(graph.originals[twin], grad, 1.0)
            for taker in takers:
                object.__setattr__(taker, grad, 0.0)
        returned = closure(*arguments)
    except Exception as error:
        raise RuntimeError(f'the {name} of "{twin.op}" {raised(error)}; {CURE}') from error
    what = f'the grad that the {name} of "{twin.op}" gives to an operand'
    gathered = numbers_in([attribute(taker, grad) for taker in takers], what) if grad else ()
    if returned is not None and not any(gathered):
        returned = (returned,) if type(returned) is float else returned
        n = len(operands)
        n = -1 if n > 1 and twin in graph.unordered else n  # which is whose?
        if fits(returned, n):
            twin.operands = operands
            return numbers_in(returned, what)
        if isinstance(returned, ROW) and fits(returned, len(returned)) and any(returned):
            what = f'the {name} of "{twin.op}" returns {returned!r:.60}'
            raise TypeError(f"{what}: whose local derivatives are these? {CURE}")
    if not grad:
        kind = type(engine.output).__name__
        what = f"no gradients, and so no local derivatives, were found in {kind}"
        raise TypeError(f"{what}: looked for {', '.join(GRADS)}; {CURE}")
    if len(gathered) == len(twin.operands):
        return gathered
    left = iter(gathered)  # a plain number among the operands gets no grad
    return tuple([math.nan if v.op == "const" else next(left) for v in twin.operands])


def do_nothing(*_: object) -> None:
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
        hint = "does a _backward go through the whole graph?"
        raise TimeoutError(f"the probes take over {seconds:g} seconds: {hint} {CURE}") from None
    finally:
        sys.setprofile(earlier)


def restore(saved: Iterable[tuple[Any, dict[str, object], Any]], grad: str) -> None:
    """Give each object the attributes back that it had, and the grad that a property keeps."""
    for node, before, number in saved:
        put_back(node, before)
        if grad not in before and number is not MISSING:
            with suppress(Exception):  # of the property
                now = attribute(node, grad)
                if now is not number and not (is_real(now) and is_real(number) and now == number):
                    object.__setattr__(node, grad, number)
                    put_back(node, before)


def put_back(node: Any, before: Mapping[str, object]) -> None:
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
        twin.operands = tuple(operand for operand, _ in row)
        twin.partials = tuple(partial for _, partial in row)


def sortable(x: float) -> tuple[bool, float]:
    """Sorts as x does, and nan comes last."""
    return (True, 0.0) if math.isnan(x) else (False, x)


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
