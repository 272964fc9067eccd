"""Which nodes of a graph are what their operands and their rules say."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache

from tinygrad_neuron.engine import Value
from tinygrad_neuron.view.functions import functions_of
from tinygrad_neuron.view.rules import Rule, letters_of

CORNERS = {"abs", "relu", "sqrt", "log", "**"}  # at 0, engines may have other slopes


def outdated(
    order: Sequence[Value], rule_of: Callable[[Value], Rule | None], near: float
) -> set[Value]:
    """The nodes of a topological order that would have other data if computed again now.

    After `optimizer.step()`, these are all that depend on a parameter. Of an operation without a
    rule we only know that it is outdated if one of its operands is. `near` is how far off another
    engine may be that computes an operation in another way.
    """
    now: dict[Value, float | None] = {}  # None: not known
    old: set[Value] = set()
    for node in order:
        numbers = [now[operand] for operand in node.operands]
        rule = rule_of(node)
        if rule is None or not numbers:
            now[node] = None if not old.isdisjoint(node.operands) else node.data
        else:
            compute = operation(rule, len(numbers))
            try:
                now[node] = None if None in numbers else compute(*numbers)[0]
            except (ArithmeticError, ValueError):  # log of what is below 0 now
                now[node] = None
        if agree(now[node], node.data, near):
            now[node] = node.data
        else:
            old.add(node)
    return old


def wrong_partials(
    order: Sequence[Value], rule_of: Callable[[Value], Rule | None], near: float
) -> dict[tuple[Value, int], float]:
    """(node, position) -> the right local derivative, where the node has another."""
    found = {}
    for node in order:
        rule, numbers = rule_of(node), [operand.data for operand in node.operands]
        name = "**" if node.op.startswith("**") else node.op.lower()
        if rule is None or (0 in numbers and name in CORNERS):
            continue
        with suppress(ArithmeticError, ValueError):
            _, *right = operation(rule, len(numbers))(*numbers)
            for i, (partial, slope) in enumerate(zip(node.partials, right)):
                if not agree(slope, partial, near):
                    found[node, i] = slope
    return found


def agree(x: float | None, y: float, near: float) -> bool:
    if x is None or x == y or (x != x and y != y):
        return x is not None
    return math.isclose(x, y, rel_tol=near, abs_tol=near / 1000)


@lru_cache(maxsize=1000)
def operation(rule: Rule, operands: int) -> Callable[..., Sequence[float]]:
    """The operation on floats, by its rule: its result, and its partials."""
    steps = "".join(f"    y = {formula}\n" for formula in rule.value)
    results = ", ".join(["y", *rule.partials])
    source = f"def compute({', '.join(letters_of(operands))}):\n{steps}    return {results}\n"
    namespace = dict(functions_of("floats"))
    exec(source, namespace)
    compute: Callable[..., Sequence[float]] = namespace.pop("compute")
    return compute
