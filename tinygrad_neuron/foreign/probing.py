"""Finds local derivatives that are hidden in functions, such as micrograd's `_backward`.

Set the value's grad to 1 and its operands' grads to 0, call `_backward`, and read the operands'
grads. Afterwards everything is put back as it was.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from types import MethodType
from typing import Any

from tinygrad_neuron.engine import Value
from tinygrad_neuron.foreign.parts import (
    CALLED,
    CLOSURES,
    CURE,
    GRADS,
    MISSING,
    PARTIALS,
    ROW,
    Engine,
    attribute,
    first,
    fits,
    is_real,
    numbers_in,
    raised,
)
from tinygrad_neuron.foreign.twins import ForeignGraph
from tinygrad_neuron.module import attributes

PROBE_SECONDS = 10.0  # for all probes of a graph, and 1 more for each 10,000 values
Hidden = dict[Value, tuple[tuple[Value, ...], Sequence[Any]]]  # operands, functions in pairs
Closure = tuple[str, Callable[..., Any], tuple[float, ...]]  # its name, and its arguments


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
