"""Where does the nan come from? The first number that is not finite stops the program."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ContextDecorator
from math import inf, isfinite
from threading import Lock, get_ident
from types import TracebackType

from tinygrad_neuron.engine import EdgesOf, Value, edges, no_grad, topological_order
from tinygrad_neuron.view.graph import Place, numbered, users_place, users_variables
from tinygrad_neuron.view.names import Names, Search
from tinygrad_neuron.view.notation import derivative, factor, number, partial_sign, printable, word

SHOWN_OPERANDS = 6  # operands in a message: a dot may have thousands
LONGEST_SOURCE = 80  # letters


class detect_anomaly(ContextDecorator):
    """In this thread stop at the first nan or infinity that an operation makes, and say where.

    That is a FloatingPointError, for a result as for a gradient, with the operation, its operands
    and your line that wrote it. What is outside an operation's domain, as log(0), becomes one too
    where it leaves the context.
    Your own infinite leaves are no anomaly, nor are the gradients of constants, which go nowhere.
    (PyTorch: torch.autograd.detect_anomaly looks at nan only, and in the backward pass only.)

    Inside, all is slower, because each operation looks for your line. Outside, it costs nothing:
    entering replaces three methods of Value, and the last to leave puts them back.

    >>> a, b = Value(float("inf")), Value(float("inf"))
    >>> with detect_anomaly():  # doctest: +ELLIPSIS
    ...     y = a - b
    Traceback (most recent call last):
        ...
    FloatingPointError: operation "-" gave nan from a = inf and b = inf, in ..., line 2: y = a - b
    """

    def __init__(self) -> None:
        self.entered_in: list[int] = []  # threads

    __call__ = no_grad.__call__

    def __enter__(self) -> None:
        with lock:
            if not watched_threads:
                replace_methods(watched_init, watched_backward, watched_evaluate)
            watched_threads.append(get_ident())
            self.entered_in.append(get_ident())

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with lock:
            own = get_ident()  # but a generator may be closed in another thread
            thread = own if own in self.entered_in else self.entered_in[-1]
            self.entered_in.remove(thread)
            watched_threads.remove(thread)
            if not watched_threads:
                replace_methods(plain_init, plain_backward, plain_evaluate)
                places.clear()
        if error is not None and TOLD in error.__dict__:
            raise FloatingPointError(error.__dict__[TOLD]) from error


lock = Lock()
watched_threads: list[int] = []  # each as often as it has entered and not left
places: dict[int, Place] = {}  # by id, because a node as the key would keep its graph alive
TOLD = "_told"  # the attribute of an operation's error that holds a text with its place
plain_init, plain_backward, plain_evaluate = Value.__init__, Value.backward, Value.evaluate


def replace_methods(*methods: object) -> None:
    for name, method in zip(("__init__", "backward", "evaluate"), methods):
        setattr(Value, name, method)


def watched_init(
    self: Value,
    data: float,
    operands: tuple[Value, ...] = (),
    partials: tuple[float, ...] = (),
    op: str = "",
    label: str = "",
) -> None:
    plain_init(self, data, operands, partials, op, label)
    if not operands:
        return
    if get_ident() not in watched_threads:
        places.pop(id(self), None)  # of a node that was freed
        return
    places[id(self)] = place = users_place()
    if not isfinite(self.data):  # of operands, not self.operands, which no_grad() leaves empty
        given = described_operands(operands)
        text = f"{quoted(op)} gave {number(self.data)} from {given}, {line_of(place)}"
        raise FloatingPointError(f"operation {text}")


def watched_edges(order: Sequence[Value]) -> Iterator[tuple[Value, Value, float]]:
    return checked_edges(order) if get_ident() in watched_threads else edges(order)


def checked_edges(order: Sequence[Value]) -> Iterator[tuple[Value, Value, float]]:
    """The edges of a backward pass, with a look at what each has added to the operand's grad."""
    for position, (node, operand, partial) in numbered(order):
        before = operand.grad
        yield node, operand, partial
        # A grad that was inf before is no fault of this edge.
        if isfinite(before) and not isfinite(operand.grad) and operand.op != "const":
            raise FloatingPointError(backward_error(order, node, position, partial, before))


def watched_backward(self: Value, edges_of: EdgesOf | None = None) -> None:
    plain_backward(self, edges_of or watched_edges)


def watched_evaluate(self: Value, function: Callable[[float], float], rule: str) -> float:
    try:
        return plain_evaluate(self, function, rule)
    except (ValueError, ArithmeticError) as error:
        if get_ident() in watched_threads:
            place = line_of(users_place())
            error.__dict__[TOLD] = f"{rule}, not {described_operands([self])}, {place}"
        raise


def backward_error(
    order: Sequence[Value], node: Value, position: int, partial: float, before: float
) -> str:
    operand = node.operands[position]
    sign = partial_sign(position, node.operands.count(operand) > 1)
    graph = dict.fromkeys(order)
    search = Search(Value, users_variables())
    names = Names(order, search, lambda thing: value_in(graph, thing)).of
    y, x = word(names[node]), word(names[operand])
    numbers = f"{number(before)} + {factor(partial)} · {factor(node.grad)}"
    chain_rule = f"{x}.grad + {derivative(sign, y, x)} · {y}.grad"
    return (
        f"backward through {quoted(node.op)} gave {chain_rule} = {numbers} = "
        f"{number(operand.grad)} at {x} = {number(operand.data)}, {line_of(places.get(id(node)))}"
    )


def described_operands(operands: Iterable[Value]) -> str:
    """The operands with their names in the user's frame, the largest of them if they are many."""
    root = Value.__new__(Value)  # without the constructor, which is replaced
    root.operands = tuple(dict.fromkeys(operands))
    search = Search(Value, users_variables())
    graph = dict.fromkeys(topological_order(root)[:-1])
    for model in search.models:
        held = [v for _, v in model if isinstance(v, Value)]
        if not graph.keys().isdisjoint(held):  # or else a w1 were not told from another neuron's
            graph.update(dict.fromkeys(held))
    names = Names(list(graph), search, lambda thing: value_in(graph, thing))
    # What is not finite comes first, and then what may have overflowed.
    sizes = {v: abs(v.data) if isfinite(v.data) else inf for v in root.operands}
    shown = set(sorted(sizes, key=sizes.__getitem__, reverse=True)[:SHOWN_OPERANDS])
    words = []
    for v in root.operands:
        if v in shown:
            name = f"{names.of[v]} = " if v not in names.unnamed else ""
            origin = f" (of {printable(str(v.op))})" if v.operands and not name else ""
            words.append(f"{name}{number(v.data)}{origin}")
    if len(shown) < len(root.operands):
        words.append("…")
    return (" and " if len(words) == 2 else ", ").join(words)


def value_in(graph: Mapping[Value, None], thing: object) -> Value | None:
    return thing if isinstance(thing, Value) and thing in graph else None


def quoted(op: str) -> str:
    return f'"{printable(str(op))}"'


def line_of(place: Place | None) -> str:
    """The file, the number of the line and, where there is a source, the line."""
    if place is None:
        return "in a line that is not known, because it ran outside detect_anomaly()"
    from linecache import getline  # slow to import

    source = printable(getline(*place).strip(), LONGEST_SOURCE)
    return f"in {place[0]}, line {place[1]}" + (f": {source}" if source else "")
