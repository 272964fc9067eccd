"""Reads the graphs of other people's engines: micrograd, and the hundreds that resemble it.

Each value of theirs gets a twin, a `Value` with the same number, gradient, operands and operation.
The local derivatives are read where the engine stores them, or else probed.
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import RLock
from typing import Any

from tinygrad_neuron.engine import Value, as_float, topological_order
from tinygrad_neuron.foreign.parts import (
    CALLED,
    CURE,
    MISSING,
    Engine,
    adopt,
    is_real,
    leaf,
    numbers_in,
)
from tinygrad_neuron.foreign.probing import Hidden, probe
from tinygrad_neuron.foreign.sets import sort_sets
from tinygrad_neuron.foreign.twins import ForeignGraph

READING = RLock()  # because a probe changes grads, which no other thread may read meanwhile


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
