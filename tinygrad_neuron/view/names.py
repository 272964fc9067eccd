"""What the values of a graph are called, and which of them are a model's parameters."""

from __future__ import annotations

import sys
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from types import FrameType

from tinygrad_neuron.engine import Value, topological_order
from tinygrad_neuron.nn import Module, Neuron
from tinygrad_neuron.view.notation import number, printable

Found = tuple[str, Value | Module]
OPENED = (Value, Module, list, tuple, dict)

ITEMS = 10_000  # that a variable is searched for: a table of data may hold millions
LONGEST_PATH = 80  # letters
OPTIMIZED = 1  # inspect.CO_OPTIMIZED: the code of a function


class Names:
    """What people would call the values of a graph.

    of          Value -> name: its label if no other in the graph has that label; else the path that
                leads to it, such as net.layers[1].neurons[3].w[0], through models first and then
                through other variables in the order of their definition; else v1, v2, … in
                evaluation order. No two have the same name, but for constants: one without a
                label and a path is called by its number.
    parameters  the leaves of the models found
    neurons     path -> Neuron, of the models found
    """

    def __init__(
        self,
        order: Sequence[Value],
        variables: Mapping[str, object],
        model: Module | None = None,
    ) -> None:
        graph = set(order)
        models: dict[int, tuple[str, Module]] = {}  # by id, because a model need not be hashable
        loose: list[tuple[str, Value]] = []
        for name, variable in variables.items():
            if name.startswith("_") or name in ("In", "Out"):  # a notebook's own
                continue
            for path, thing in parts(name, variable, open_models=False):
                if isinstance(thing, Module):
                    models.setdefault(id(thing), (path, thing))
                elif thing in graph:
                    loose.append((path, thing))
        if model is not None:
            models = {id(model): models.get(id(model), ("", model)), **models}
        opened = [list(parts(path, inner, open_models=True)) for path, inner in models.values()]
        # Most values first: `for neuron in layer.neurons` leaves a neuron with a shorter path.
        opened.sort(key=lambda found: -sum(isinstance(t, Value) and t in graph for _, t in found))

        owned: list[tuple[str, Value]] = []
        self.neurons: dict[str, Neuron] = {}
        known: set[int] = set()
        for path, thing in (pair for found in opened for pair in found):
            if isinstance(thing, Value):
                if thing in graph:
                    owned.append((path, thing))
            elif isinstance(thing, Neuron) and id(thing) not in known:
                known.add(id(thing))
                self.neurons[path or "neuron"] = thing
        self.parameters = {v for _, v in owned if not v.operands and v.op != "const"}
        self.of = names_of(order, owned + loose)

    def kind(self, leaf: Value) -> str:
        """ "parameter", "constant" or "input"."""
        if leaf.op == "const":
            return "constant"
        return "parameter" if leaf in self.parameters else "input"


def look_up(
    output: Value, variables: Mapping[str, object], model: Module | None
) -> tuple[list[Value], Names]:
    """The output's graph in topological order, and its names."""
    if not isinstance(output, Value):
        cure = ", such as the first of these" if isinstance(output, list | tuple) else ""
        raise TypeError(f"a graph is drawn from one Value{cure}, not from {output!r:.60}")
    if not isinstance(variables, Mapping) or not all(isinstance(name, str) for name in variables):
        raise TypeError(f"names must be variables by name, such as locals(), not {variables!r:.60}")
    if model is not None and not isinstance(model, Module):
        raise TypeError(f"a model must be a Module, such as an MLP, not {model!r:.60}")
    order = topological_order(output)
    return order, Names(order, variables, model)


def names_of(order: Sequence[Value], paths: Iterable[tuple[str, Value]]) -> dict[Value, str]:
    labels = {node: printable(str(node.label)) for node in order if str(node.label).strip()}
    count = Counter(labels.values())
    names = {node: label for node, label in labels.items() if count[label] == 1}
    taken = set(names.values())
    for path, node in paths:
        if node not in names and path not in taken:
            names[node] = path
            taken.add(path)
    numbered = 0
    for node in order:
        if node not in names and node.op == "const":
            names[node] = number(node.data)
        elif node not in names:
            numbered += 1
            while f"v{numbered}" in taken:
                numbered += 1
            names[node] = f"v{numbered}"
    return names


def parts(path: str, thing: object, open_models: bool) -> Iterator[Found]:
    """The Values and models in a thing, each with its path, the nearest first.

    Lists, tuples and dicts are opened, and models if wished; none of their own code is run. Outside
    models a search ends after ITEMS things.
    """
    seen: set[int] = set()
    queue: deque[tuple[str, object]] = deque([(path, thing)])
    left = sys.maxsize if open_models else ITEMS
    while queue and left:
        left -= 1
        path, thing = queue.popleft()
        # Not isinstance() alone, which asks a proxy for its __class__, which may raise.
        if id(thing) in seen or not issubclass(type(thing), OPENED):
            continue
        seen.add(id(thing))
        if isinstance(thing, Value):
            yield path, thing
        elif isinstance(thing, Module):
            yield path, thing
            if open_models:
                queue.extend(islice(attributes(path, thing), left))
        elif isinstance(thing, dict | list | tuple):
            queue.extend(islice(items(path, thing), left))


def attributes(path: str, model: Module) -> Iterator[tuple[str, object]]:
    for name, part in vars(model).items():
        yield (f"{path}.{name}" if path else name), part


def items(
    path: str, container: dict[object, object] | list[object] | tuple[object, ...]
) -> Iterator[tuple[str, object]]:
    if isinstance(container, dict):
        for key, part in dict.items(container):
            if type(key) in (str, int):  # the repr of another may hold an address
                yield printable(f"{path}[{key!r}]", LONGEST_PATH), part
    elif isinstance(container, list):
        yield from ((f"{path}[{i}]", part) for i, part in enumerate(list.__iter__(container)))
    else:
        yield from ((f"{path}[{i}]", part) for i, part in enumerate(tuple.__iter__(container)))


def variables_of(frame: FrameType) -> dict[str, object]:
    """The variables that code in this frame can use, its own before the module's."""
    snapshot = frame.f_locals
    variables = {**snapshot, **{k: v for k, v in frame.f_globals.items() if k not in snapshot}}
    # Before Python 3.13 a function's frame keeps the snapshot, which would keep the graph alive
    # after `del loss`. Where the caller holds it too, from locals(), it is the caller's.
    if sys.version_info < (3, 13) and frame.f_code.co_flags & OPTIMIZED:
        if sys.getrefcount(snapshot) == 3:  # the frame's, this function's, and the call's own
            snapshot.clear()
    return variables
