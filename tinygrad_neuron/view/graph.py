"""The door through which every view sees a graph: it finds each fact once."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from os.path import dirname, join
from types import FrameType

from tinygrad_neuron.engine import Value, edges, topological_order
from tinygrad_neuron.errors import check_graph, never_raises
from tinygrad_neuron.foreign.parts import canonical, class_of
from tinygrad_neuron.foreign.reading import read
from tinygrad_neuron.foreign.twins import ForeignGraph
from tinygrad_neuron.module import Module
from tinygrad_neuron.view.names import Names, Search
from tinygrad_neuron.view.notation import partial_sign, printable
from tinygrad_neuron.view.rules import RULES, TWICE, Rule, checked_rule, rule_of

PACKAGE = join(dirname(dirname(__file__)), "")  # the folder of tinygrad_neuron, with its slash
OPTIMIZED = 1  # inspect.CO_OPTIMIZED: the code of a function
Edge = tuple[Value, int]  # a node, and the position of one of its operands
Place = tuple[str, int]  # a file and the number of a line
MOST_NAMED = 3  # of the values that a sentence is about
MOST_PASSES = 1_000  # that anybody would add up
NEAR = 1e-6  # another engine may compute in another way, or with float32
CLOSE = 1e-9  # of the sum of what is added: two sums of it that differ by less are the same


class Graph:
    """The computation graph of an output, as it is when a view looks.

    output       the Value that was given; of another engine, its twin, with the same numbers
    order        the Values in topological order; of another engine, the twins of its values
    value_class  the class of the values that were given
    names        what the values are called
    near         how far apart numbers may be that are called equal

    variables  name -> object, as in locals(); None means the variables of `caller`, a frame
    model      a model that is in none of the variables
    rules      formulas for operations that the reader has written

    TypeError: variables that are no mapping, a model that is no Module, data or a grad that is no
    number; for another engine, whatever its `read` raises.

    >>> x = Value(3.0)
    >>> graph = Graph(x * x, {"x": x})
    >>> [graph.names.of[node] for node in graph.order], graph.rule(graph.output).value
    (['x', 'v1'], ('a * b',))
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
            variables = variables_of(readers_frame(caller))
        elif not isinstance(variables, Mapping) or not all(isinstance(n, str) for n in variables):
            rule = "variables are objects by name, such as locals()"
            raise TypeError(f"{rule}, not {variables!r:.60}")
        self.theirs: ForeignGraph | None = None
        self.own_rules = rules or {}
        self.checked: dict[tuple[str, int], Rule] = {}  # of these, by operation and operands
        if isinstance(output, Value):
            self.value_class: type = Value
            search = Search(Value, variables, model)
            self.order = topological_order(output)
            check_graph(self.order)
            if model is not None and not isinstance(model, Module):
                raise TypeError(f"a model must be a Module, such as an MLP, not {model!r:.60}")
        else:
            self.value_class = class_of(output)
            search = Search(self.value_class, variables, model)
            paths = search.paths()
            self.theirs = read(output, paths)
            self.order = self.theirs.order
            for twin, thing in self.theirs.originals.items():
                if not twin.operands and not twin.label and id(thing) not in paths:
                    twin.op = "const"  # a number in their program
        self.near = NEAR if self.theirs else 0.0
        self.complete()
        self.output = self.order[-1]
        self.names = Names(self.order, search, self.value, self.op)

    @never_raises
    def __repr__(self) -> str:
        return f"Graph({len(self.order):,} values)"

    def value(self, thing: object) -> Value | None:
        """The Value in this graph that a thing is, or is the twin of; None if there is none."""
        if self.theirs is None:
            return thing if isinstance(thing, Value) and thing in self.index else None
        return self.theirs.twins.get(id(thing))

    def original(self, node: Value) -> object:
        """What a Value of this graph is to the reader: itself, or a value of their engine."""
        return self.theirs.originals.get(node, node) if self.theirs else node

    @cached_property
    def index(self) -> dict[Value, int]:
        """Of each Value its place in the order."""
        return {node: i for i, node in enumerate(self.order)}

    def mark(self, node: Value, position: int) -> str:
        """∂, or ∂₁, ∂₂, … where the same operand stands at several positions."""
        return partial_sign(position, node.operands[position] in self.repeated.get(node, ()))

    @cached_property
    def repeated(self) -> dict[Value, set[Value]]:
        """Of a Value with x twice among its operands, such as x * x: those operands."""
        twice = [v for v in self.order if len({*v.operands}) < len(v.operands)]
        return {v: {o for o, uses in Counter(v.operands).items() if uses > 1} for v in twice}

    def rule(self, node: Value) -> Rule | None:
        """The formulas of a node's operation, None if they are not known."""
        op, count, theirs = str(node.op), len(node.operands), self.theirs
        if op in self.own_rules and count:
            own = self.own_rules[op]
            others = rule_of(self.op(node), count) if isinstance(own, Rule) else None
            if others and len(own.partials) != count:  # it is for -a, and not for a - b
                return others
            if (op, count) not in self.checked:
                self.checked[op, count] = checked_rule(op, count, own)
            return self.checked[op, count]
        if theirs and count == 1 and self.op(node) in TWICE:
            return self.rule_of_one(node)
        return rule_of(self.op(node), count) if count else None

    def complete(self) -> None:
        """By the rules, put a - b from a set in order, and find derivatives by plain numbers."""
        from tinygrad_neuron.view.recompute import agree, operation

        def facts(rule: Rule, places: Sequence[int]) -> Sequence[float]:
            with suppress(ArithmeticError, ValueError):
                return operation(rule, len(places))(*[node.operands[i].data for i in places])
            return ()

        def fits(rule: Rule, places: Sequence[int]) -> list[bool]:
            theirs = node.data, *(node.partials[i] for i in places)
            return [agree(x, y, NEAR) for x, y in zip(facts(rule, places), theirs)]

        for node in self.order if self.theirs else ():
            rule, count = self.rule(node), len(node.operands)
            paired = self.theirs and node in self.theirs.unordered and count == 2
            has_order = paired and self.op(node) not in ("+", "*")
            if rule and has_order and fits(rule, (1, 0)) > fits(rule, (0, 1)):
                node.operands, node.partials = node.operands[::-1], node.partials[::-1]
            if rule and any(partial != partial for partial in node.partials):
                found = zip(node.operands, node.partials, facts(rule, range(count))[1:])
                known = [slope if v.op == "const" else p for v, p, slope in found]
                node.partials = tuple(known) or node.partials

    def check_rules(self) -> None:
        """ValueError if an operation of another engine gives other data than its rule."""
        first = next((v for v in self.order if v in self.old), None)
        if self.theirs and first is not None:
            op = printable(first.op)
            found = f"the data of {self.names.of[first]} are not what the rule of {op!r} gives"
            cure = f"compute the graph again if data have changed, or use rules={{{op!r}: Rule(…)}}"
            raise ValueError(f"{found}: {cure}")

    def rule_of_one(self, node: Value) -> Rule | None:
        """Of + - * / with one operand, which may stand for both: what gives the node's data."""
        from tinygrad_neuron.view.recompute import operation

        op, x = self.op(node), node.operands[0].data
        may_be = [TWICE[op]] if self.theirs and node in self.theirs.merged else []
        may_be += [RULES["neg"]] if op == "-" else []
        for rule in may_be:
            with suppress(ArithmeticError):
                if operation(rule, 1)(x)[0] == node.data:
                    return rule
        return None

    def op(self, node: Value) -> str:
        """The name of a node's operation, of another engine's as ours has it."""
        return canonical(node.op) if self.theirs else str(node.op)

    def is_number(self, node: Value) -> bool:
        """Whether a leaf is a plain number, which is called by that number."""
        named = node not in self.names.unnamed or node in self.names.given
        return node.op == "const" and not named

    def kind_of(self, node: Value) -> str:
        """ "output", "inner", or of another leaf "parameter", "constant" or "input"."""
        if node is self.output:
            return "output"
        return "inner" if node.operands else self.names.kind_of_leaf(node)

    @cached_property
    def old(self) -> set[Value]:
        """The values whose data their operands no longer give."""
        from tinygrad_neuron.view.recompute import outdated

        return outdated(self.order, self.rule, self.near)

    @cached_property
    def wrong_partials(self) -> dict[tuple[Value, int], float]:
        """Of another engine: (node, position) -> the right partial, where it has another."""
        from tinygrad_neuron.view.recompute import wrong_partials

        fresh = [node for node in self.order if node not in self.old] if self.theirs else []
        return wrong_partials(fresh, self.rule, self.near)

    @cached_property
    def over_arrows(self) -> dict[Value, float]:
        """Value -> the sum over its arrows, for every Value whose grad is another number.

        An arrow brings the grad of the value that it points to, times the local derivative. Before
        `backward()` the output has no grad, and nothing is compared.
        """
        sums: dict[Value, float] = defaultdict(float)
        sizes: dict[Value, float] = defaultdict(float)
        for node, operand, partial in edges(self.order):
            sums[operand] += node.grad * partial
            sizes[operand] += abs(node.grad * partial)
        near = max(CLOSE, self.near)
        compared = [v for v in self.order[:-1] if v.op != "const" and self.output.grad]
        return {v: sums[v] for v in compared if not is_close(v.grad, sums[v], near * sizes[v])}

    @cached_property
    def fresh_grads(self) -> dict[Value, float]:
        """The grads of a fresh backward pass, whatever the grads are now."""
        copies = copies_of(self.order)
        copies[self.output].backward(edges)  # the engine's own, also within detect_anomaly()
        return {node: copy.grad for node, copy in copies.items()}

    @cached_property
    def turns(self) -> dict[Edge, int]:
        """Of each edge its turn in the backward pass, from 1."""
        edges_in_turn = enumerate(numbered(self.order), 1)
        return {(node, position): turn for turn, (position, (node, _, _)) in edges_in_turn}

    def doubts_of_grads(self) -> list[str]:
        """For people: which grads are not what arrives, and why that may be."""
        of_now = self.theirs is not None and self.theirs.of_now
        if of_now and self.old and self.over_arrows:
            return ["data changed since backward(), and each ∂ is that of now"]
        unknown = any(node.operands and self.rule(node) is None for node in self.order)
        changed = "data changed since backward(), " if of_now and unknown else ""
        other = "or a mistake in an operation" if self.theirs else "or set by hand"
        causes: dict[str, list[str]] = {}
        for node, total in self.over_arrows.items():
            ratio = node.grad / total if total else 0.0
            times = round(ratio) if 1 < ratio <= MOST_PASSES else 1
            cause = f"{changed}several passes or outputs added up, {other}"
            if node.grad == 0:
                cause = "still 0, or set to 0 since" + (f", {other}" if self.theirs else "")
            elif times > 1 and is_close(node.grad, times * total, CLOSE * abs(node.grad)):
                cause = f"{times} passes added up, {other}"
            causes.setdefault(cause, []).append(self.names.of[node])
        return [
            f"the grad is not the sum over the arrows at {first_names(names)}: {cause}"
            for cause, names in causes.items()
        ]

    def doubts_of_partials(self) -> list[str]:
        """For people: where a local derivative differs from the rule."""
        at = [f"{self.names.of[v]} ({printable(v.op)})" for v, _ in self.wrong_partials]
        places = first_names([*dict.fromkeys(at)])
        told = f"∂ is not what the rule gives at {places}: a mistake in an operation"
        return [told] if at else []


def numbered(order: Sequence[Value]) -> Iterator[tuple[int, tuple[Value, Value, float]]]:
    """The edges of a topological order, each with the position of its operand."""
    last, position = None, 0
    for edge in edges(order):
        position = position + 1 if edge[0] is last else 0
        last = edge[0]
        yield position, edge


def copies_of(order: Iterable[Value]) -> dict[Value, Value]:
    """The graph once more, with gradients of its own, which are 0."""
    copies: dict[Value, Value] = {}
    for node in order:
        copy = copies[node] = Value(0.0)
        copy.operands = tuple([copies[operand] for operand in node.operands])
        copy.partials = node.partials
    return copies


def is_close(x: float, y: float, distance: float) -> bool:
    return x == y or (x != x and y != y) or abs(x - y) <= distance


def first_names(names: list[str]) -> str:
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


def readers_frame(frame: FrameType | None) -> FrameType | None:
    """The frame whose names a reader knows.

    At a debugger's prompt inside this package, where `tree(self)` may be typed, that is the frame
    of the program that called the package.
    """
    outer = frame
    if frame is None or frame.f_code.co_filename.startswith(PACKAGE):
        return frame
    if frame.f_globals.get("__name__", "").partition(".")[0] != "tinygrad_neuron":
        return frame
    while outer and not outer.f_code.co_filename.startswith(PACKAGE):
        outer = outer.f_back  # the debugger's own
    while outer and outer.f_code.co_filename.startswith(PACKAGE):
        outer = outer.f_back
    return outer or frame


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
