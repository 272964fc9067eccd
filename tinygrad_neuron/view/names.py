"""What the values of a graph are called, and which of them are a model's parameters."""

from __future__ import annotations

import sys
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count, islice
from keyword import iskeyword
from types import FrameType

from tinygrad_neuron.engine import Value, topological_order
from tinygrad_neuron.errors import check_graph, never_raises
from tinygrad_neuron.module import Module, attributes
from tinygrad_neuron.module import parts as held_by
from tinygrad_neuron.nn import Neuron
from tinygrad_neuron.view.notation import number, printable

Found = tuple[str, Value | Module]  # with its path, such as net.layers[1]

OPENED = (Value, Module, list, tuple, dict)
ITEMS = 10_000  # things in a variable that are looked at: a table of data may hold millions
LONGEST_PATH = 80  # letters
LONGEST_KEY = 40
OPTIMIZED = 1  # inspect.CO_OPTIMIZED: the code of a function


def named_graph(
    output: Value,
    variables: Mapping[str, object] | None,
    model: Module | None,
    caller: FrameType | None,
) -> tuple[list[Value], Names]:
    """The graph in topological order, and its names by the variables, or else by the caller's."""
    if not isinstance(output, Value):
        cure = ", such as the first of these" if isinstance(output, list | tuple) and output else ""
        raise TypeError(f"a graph is that of one Value{cure}, not of {output!r:.60}")
    if variables is None:
        variables = variables_of(caller)
    elif not isinstance(variables, Mapping) or not all(isinstance(n, str) for n in variables):
        raise TypeError(f"names must be variables by name, such as locals(), not {variables!r:.60}")
    if model is not None and not isinstance(model, Module):
        raise TypeError(f"a model must be a Module, such as an MLP, not {model!r:.60}")
    order = topological_order(output)
    check_graph(order)
    return order, Names(order, variables, model)


class Names:
    """What people would call the values of a graph.

    of          Value -> name: its label if no other in the graph has that label (parameters have
                labels only if those of all are unique); else the path that leads to it, such as
                net.layers[1].neurons[3].w[0], through models first and then through other
                variables in the order of their definition; else v1, v2, … in topological order. No
                two have the same name, but for constants: one without a label and a path is called
                by its number.
    unnamed     those with neither label nor path
    parameters  the leaves of the models found
    neurons     the Neurons of the models found, each with its path
    """

    def __init__(
        self,
        order: Sequence[Value],
        variables: Mapping[str, object],
        model: Module | None = None,
    ) -> None:
        graph = set(order)
        models, loose = search(variables, model)
        in_models = contents(models, graph)
        paths = [(path, v) for path, v in in_models if isinstance(v, Value)]
        self.parameters = {v for _, v in paths if not v.operands and v.op != "const"}
        self.neurons = [(path, n) for path, n in in_models if isinstance(n, Neuron)]
        self.of: dict[Value, str] = {}
        self.name_by_label(order)
        self.name_by_path([*paths, *((path, v) for path, v in loose if v in graph)])
        self.unnamed = graph - self.of.keys()
        self.name_by_number(order)

    @never_raises
    def __repr__(self) -> str:
        return f"Names({len(self.of):,} values)"

    def name_by_label(self, order: Sequence[Value]) -> None:
        """Parameters have labels all or none: not one w3 among net.layers[0].neurons[1].w[0]."""
        texts = ((node, str(node.label or "")) for node in order)
        labels = {node: printable(text) for node, text in texts if text.strip()}
        uses = Counter(labels.values())
        shared = any(uses[labels[node]] > 1 for node in self.parameters if node in labels)
        for node, label in labels.items():
            if uses[label] == 1 and not (shared and node in self.parameters):
                self.of[node] = label

    def name_by_path(self, paths: Iterable[tuple[str, Value]]) -> None:
        taken = set(self.of.values())
        for path, node in paths:
            if node not in self.of and path not in taken:
                self.of[node] = path
                taken.add(path)

    def name_by_number(self, order: Sequence[Value]) -> None:
        taken = set(self.of.values())
        numbers = (name for i in count(1) if (name := f"v{i}") not in taken)
        for node in order:
            if node not in self.of:
                self.of[node] = number(node.data) if node.op == "const" else next(numbers)

    def kind(self, leaf: Value) -> str:
        """Whether a leaf is a "parameter", a "constant" or an "input"."""
        if leaf.op == "const":
            return "constant"
        return "parameter" if leaf in self.parameters else "input"


def identifiers(nodes: Iterable[Value], names: Names, taken: Iterable[str]) -> dict[Value, str]:
    """The names as Python's own, for a program in which d_x stands beside every x."""
    from unicodedata import normalize

    used = set(taken)
    tried: Counter[str] = Counter()
    found = {}
    for node in nodes:
        letters = normalize("NFKC", names.of[node])  # as Python does with what it reads
        words = "".join(c if f"a{c}".isidentifier() else "_" for c in letters).split("_")
        name = "_".join(filter(None, words)) or "v"  # layers[0].w[1] is layers_0_w_1
        if not name.isidentifier():
            name = f"v_{name}"
        base = name
        while iskeyword(name) or not used.isdisjoint((name, f"d_{name}")):
            tried[base] += 1
            name = f"{base}_{tried[base]}"
        used |= {name, f"d_{name}"}
        found[node] = name
    return found


def search(
    variables: Mapping[str, object], given: Module | None
) -> tuple[list[tuple[str, Module]], list[tuple[str, Value]]]:
    """The models, the given one first, and the Values outside them, that variables lead to."""
    models: dict[int, tuple[str, Module]] = {}  # by id, because a model need not be hashable
    values: list[tuple[str, Value]] = []
    for name, variable in variables.items():
        if name.startswith("_") or name in ("In", "Out"):  # a notebook's own
            continue
        for path, thing in parts(name, variable, open_models=False):
            if isinstance(thing, Value):
                values.append((path, thing))
            else:
                models.setdefault(id(thing), (path, thing))
    if given is not None:
        first = models.pop(id(given), ("", given))
        return [first, *models.values()], values
    return list(models.values()), values


def contents(models: Iterable[tuple[str, Module]], graph: set[Value]) -> list[Found]:
    """The Values of the graph and the models that models hold, each once, with its first path."""
    opened = []
    for start, model in models:
        found = [
            (path, thing)
            for path, thing in parts(start, model, open_models=True)
            if isinstance(thing, Module) or thing in graph
        ]
        opened.append(found)
    # Most Values first: `for neuron in layer.neurons` leaves a neuron with a shorter path.
    opened.sort(key=lambda found: -sum(isinstance(thing, Value) for _, thing in found))
    first: dict[int, Found] = {}
    for path, thing in (pair for found in opened for pair in found):
        first.setdefault(id(thing), (path, thing))
    return list(first.values())


def parts(path: str, thing: object, open_models: bool) -> Iterator[Found]:
    """The Values and models in a thing, each with its path, the nearest first.

    Lists, tuples and dicts are opened, and if wished models, with all that may hold parameters;
    none of their own code is run. Outside models a search ends after ITEMS things.
    """
    seen: set[int] = set()
    queue: deque[tuple[str, object]] = deque([(path, thing)])
    left = sys.maxsize if open_models else ITEMS
    while queue and left:
        left -= 1
        path, thing = queue.popleft()
        # Not isinstance() alone, which asks a proxy for its __class__, which may raise.
        if id(thing) in seen or not (open_models or issubclass(type(thing), OPENED)):
            continue
        seen.add(id(thing))
        path = printable(path, LONGEST_PATH)
        if isinstance(thing, Value):
            yield path, thing
        elif isinstance(thing, Module):
            yield path, thing
            if open_models:
                dot = "." if path else ""
                queue += [(f"{path}{dot}{name}", part) for name, part in attributes(thing)]
        elif isinstance(thing, dict):
            items = list(islice(dict.items(thing), left))  # at once: a thread may change it
            for i, (key, part) in enumerate(items):
                if is_plain(key):
                    queue.append((f"{path}[{key!r}]", part))
                elif open_models:  # a parameter, whatever its key
                    queue.append((f"{path}[…{i}]", part))
        elif isinstance(thing, list | tuple):
            things = list.__iter__(thing) if isinstance(thing, list) else tuple.__iter__(thing)
            queue += [(f"{path}[{i}]", part) for i, part in enumerate(islice(things, left))]
        elif open_models:
            queue += [(path + place, part) for place, part in held_by(thing, path)]


def is_plain(key: object) -> bool:
    """Whether a dict's key can stand in a path: the repr of another may hold an address."""
    if type(key) is str:
        return len(key) <= LONGEST_KEY
    return type(key) is int and abs(key) < 10**LONGEST_KEY


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
