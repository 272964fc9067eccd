"""The order of operands that come from a set, the same in every process."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tinygrad_neuron.engine import Value
from tinygrad_neuron.foreign.twins import ForeignGraph


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
