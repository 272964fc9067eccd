"""The door through which every view sees a graph: it finds each fact once."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Mapping
from functools import cached_property
from math import isfinite
from os.path import dirname, join
from types import FrameType

from tinygrad_neuron import foreign
from tinygrad_neuron.engine import Value, edges, topological_order
from tinygrad_neuron.errors import check_graph, never_raises
from tinygrad_neuron.module import Module
from tinygrad_neuron.view.names import Names, paths_to
from tinygrad_neuron.view.notation import partial_sign, printable
from tinygrad_neuron.view.rules import TWICE, Rule, checked_rule, rule_of

PACKAGE = join(dirname(dirname(__file__)), "")  # the folder of tinygrad_neuron, with its slash
OPTIMIZED = 1  # inspect.CO_OPTIMIZED: the code of a function
Place = tuple[str, int]  # a file and the number of a line
MOST_NAMED = 3  # of the values that a sentence is about
CLOSE = 1e-9  # of the sum of what is added: two sums of it that differ by less are the same


class Graph:
    """The computation graph of an output, as it is when a view looks.

    output  a Value, a value of another engine, or what `adopt` returns
    order   its Values in topological order; of another engine, twins of its values
    kind    the class of its values
    names   what they are called

    variables  those that give names; None: those of the caller, whose frame is given
    model      a model that is in none of the variables
    rules      formulas for operations of the reader's own
    """

    def __init__(
        self,
        output: object,
        variables: Mapping[str, object] | None,
        caller: FrameType | None = None,
        model: object = None,
        rules: Mapping[str, Rule] | None = None,
    ) -> None:
        if variables is None:
            variables = variables_of(caller)
        elif not isinstance(variables, Mapping) or not all(isinstance(n, str) for n in variables):
            rule = "variables are objects by name, such as locals()"
            raise TypeError(f"{rule}, not {variables!r:.60}")
        self.theirs: foreign.ForeignGraph | None = None
        self.own_rules = rules or {}
        if isinstance(output, Value):
            self.kind: type = Value
            self.order = topological_order(output)
            check_graph(self.order)
            if model is not None and not isinstance(model, Module):
                raise TypeError(f"a model must be a Module, such as an MLP, not {model!r:.60}")
        else:
            self.kind = foreign.class_of(output)
            self.theirs = foreign.read(output, paths_to(self.kind, variables, model))
            self.order = self.theirs.order
        self.output = self.order[-1]
        self.names = Names(self.order, variables, model, self.kind, self.value)

    @never_raises
    def __repr__(self) -> str:
        return f"Graph({len(self.order):,} values)"

    def value(self, thing: object) -> Value | None:
        """The Value in this graph that a thing is, or is the twin of; None if there is none."""
        if self.theirs is None:
            return thing if isinstance(thing, Value) and thing in self.places else None
        return self.theirs.twins.get(id(thing))

    def original(self, node: Value) -> object:
        """What a Value of this graph is to the reader: itself, or a value of their engine."""
        return self.theirs.originals.get(node, node) if self.theirs else node

    @cached_property
    def places(self) -> dict[Value, int]:
        """Of each Value its place in the order."""
        return {node: i for i, node in enumerate(self.order)}

    def mark(self, node: Value, position: int, count: int | None = None) -> str:
        """∂, or ∂₁, ∂₂, … of several operands, if these have an order."""
        if self.theirs and node in self.theirs.unordered:
            return "∂"
        return partial_sign(position, len(node.operands) if count is None else count)

    def rule(self, node: Value) -> Rule | None:
        """The formulas of a node's operation, None if they are not known."""
        op, count = str(node.op), len(node.operands)
        if op in self.own_rules and count:
            return checked_rule(op, count, self.own_rules[op])
        if self.theirs and count == 1 and self.op(node) in TWICE:
            return TWICE[self.op(node)]
        return rule_of(self.op(node), count) if count else None

    def op(self, node: Value) -> str:
        """The name of a node's operation, of another engine's as ours has it."""
        return foreign.canonical(node.op) if self.theirs else str(node.op)

    def kind_of(self, node: Value) -> str:
        """ "output", "inner", or of another leaf "parameter", "constant" or "input"."""
        if node is self.output:
            return "output"
        return "inner" if node.operands else self.names.kind(node)

    @cached_property
    def old(self) -> set[Value]:
        """Those that would have other data if they were computed again now."""
        from tinygrad_neuron.view.recompute import outdated

        return outdated(self.order, self.rule)

    @cached_property
    def slips(self) -> dict[tuple[Value, int], float]:
        """Of another engine, the partials that are not those of the rules: what would be right."""
        from tinygrad_neuron.view.recompute import slips

        fresh = [node for node in self.order if node not in self.old] if self.theirs else []
        return slips(fresh, self.rule)

    @cached_property
    def arriving(self) -> dict[Value, float]:
        """Of each Value whose grad is not the sum of what its arrows bring, that sum.

        An arrow brings the grad of the value that it points to, times the local derivative. Before
        `backward()` the output has no grad, and nothing is compared.
        """
        sums, sizes = defaultdict(float, {self.output: 1.0}), defaultdict(float, {self.output: 1.0})
        for node, operand, partial in edges(self.order):
            sums[operand] += node.grad * partial
            sizes[operand] += abs(node.grad * partial)
        compared = [node for node in self.order if node.op != "const" and self.output.grad]
        return {v: sums[v] for v in compared if not agree(v.grad, sums[v], sizes[v])}

    @property
    def doubts(self) -> list[str]:
        """For people: which grads are not what arrives, and why that may be."""
        if self.theirs and self.theirs.of_now and self.old and self.arriving:
            return ["data changed since backward(), and each ∂ is that of now"]
        causes: dict[str, list[str]] = {}
        for node, total in self.arriving.items():
            times = round(node.grad / total) if total and isfinite(node.grad / total) else 0
            cause = "several passes or outputs added up, or a mistake in an operation"
            if node.grad == 0:
                cause = "set to 0 since, or a mistake in an operation"
            elif times > 1 and agree(node.grad, times * total, abs(node.grad)):
                cause = f"{times} passes added up, or a mistake in an operation"
            causes.setdefault(cause, []).append(self.names.of[node])
        told = [f"grad is not what the arrows bring at {few(n)}: {c}" for c, n in causes.items()]
        if wrong := dict.fromkeys(f"{self.names.of[v]} ({printable(v.op)})" for v, _ in self.slips):
            told.append(f"∂ is not that of the rule at {few([*wrong])}: a mistake in an operation")
        return told


def agree(x: float, y: float, size: float) -> bool:
    """Whether two sums of terms that have this size together differ by roundings alone."""
    return x == y or (x != x and y != y) or abs(x - y) <= CLOSE * size


def few(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def variables_of(frame: FrameType | None) -> dict[str, object]:
    """The variables that code in this frame can use, its own before the module's."""
    if frame is None:  # called by no Python code
        return {}
    snapshot = frame.f_locals
    variables = {**snapshot}
    for name, variable in frame.f_globals.copy().items():
        variables.setdefault(name, variable)
    # Before Python 3.13 a function's frame keeps the snapshot, which would keep the graph alive
    # after `del loss`. Where there is a reference besides the frame's, this function's and the
    # call's, the caller has it, from locals(), and it stays as it is.
    code = frame.f_code
    if sys.version_info < (3, 13) and code.co_flags & OPTIMIZED:
        if sys.getrefcount(snapshot) == 3:
            for name in (*code.co_varnames, *code.co_cellvars, *code.co_freevars):
                snapshot.pop(name, None)
    return {n: thing for n, thing in variables.items() if isinstance(n, str) and n.isidentifier()}


def users_frame() -> FrameType:
    """The innermost frame that is not this package's own."""
    frame = sys._getframe()
    while frame.f_code.co_filename.startswith(PACKAGE) and frame.f_back:
        frame = frame.f_back
    return frame


def users_place() -> Place:
    frame = users_frame()
    return frame.f_code.co_filename, frame.f_lineno


def users_variables() -> dict[str, object]:
    return variables_of(users_frame())
