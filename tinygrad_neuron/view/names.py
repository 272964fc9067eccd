"""What the values of a graph are called, and which of them are a model's parameters."""

from __future__ import annotations

import sys
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import count, islice
from keyword import iskeyword
from typing import NamedTuple

from tinygrad_neuron.engine import Value
from tinygrad_neuron.errors import never_raises
from tinygrad_neuron.module import Module, attributes, held_in
from tinygrad_neuron.view.notation import number, printable

Found = tuple[str, object]  # a value or a model with its path, such as net.layers[1]
ValueOf = Callable[[object], Value | None]  # of a thing, or of what it is the twin of

OWN_RECORDS = {"tinygrad_neuron.view.stepping.steps", "tinygrad_neuron.checks.gradcheck"}
OPENED = (Module, list, tuple, dict)
ITEMS = 10_000  # things in a variable that are looked at: a table of data may hold millions
LONGEST_PATH = 80  # letters
LONGEST_KEY = 40


class NeuronFound(NamedTuple):
    """A model with a list w of weights and a bias b, and where it is.

    activation  the name of its function, "" if it has none, None if that is not known
    """

    path: str
    weights: tuple[Value, ...]
    bias: Value
    activation: str | None


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
    neurons     the neurons among the models found
    """

    def __init__(
        self,
        order: Sequence[Value],
        variables: Mapping[str, object],
        model: object = None,
        kind: type = Value,
        value: ValueOf | None = None,
    ) -> None:
        graph = set(order)

        def of_order(thing: object) -> Value | None:
            return thing if isinstance(thing, Value) and thing in graph else None

        value = value or of_order
        models, loose = search(variables, model, kind)
        in_models = contents(models, kind, value)
        paths = [(path, v) for path, thing in in_models if (v := value(thing)) is not None]
        self.parameters = {v for _, v in paths if not v.operands and v.op != "const"}
        self.neurons = [n for path, one in in_models if (n := neuron_in(path, one, value))]
        self.of: dict[Value, str] = {}
        self.name_by_label(order)
        self.name_by_path(
            [*paths, *((path, v) for path, one in loose if (v := value(one)) is not None)]
        )
        self.unnamed = graph - self.of.keys()
        if kind is not Value:
            for leaf in self.unnamed:  # a number in their program
                leaf.op = leaf.op if leaf.operands else "const"
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


def paths_to(kind: type, variables: Mapping[str, object], model: object) -> dict[int, str]:
    """By id, the paths to all values of this kind that variables and models lead to."""
    models, loose = search(variables, model, kind)
    found = [pair for path, one in models for pair in parts(path, one, kind, open_models=True)]
    paths: dict[int, str] = {}
    for path, thing in (*found, *loose):
        paths.setdefault(id(thing), path)
    return paths


def search(
    variables: Mapping[str, object], given: object, kind: type
) -> tuple[list[Found], list[Found]]:
    """The models, the given one first, and the values outside them, that variables lead to."""
    models: dict[int, Found] = {}  # by id, because a model need not be hashable
    values: list[Found] = []
    for name, variable in variables.items():
        if name.startswith("_") or name in ("In", "Out"):  # a notebook's own
            continue
        for path, thing in parts(name, variable, kind, open_models=False):
            if issubclass(type(thing), kind):
                values.append((path, thing))
            else:
                models.setdefault(id(thing), (path, thing))
    if given is not None:
        first = models.pop(id(given), ("", given))
        return [first, *models.values()], values
    return list(models.values()), values


def contents(models: Iterable[Found], kind: type, value: ValueOf) -> list[Found]:
    """The values of the graph and the models that models hold, each once, with its first path."""
    opened = []
    for start, model in models:
        found = [
            (path, thing)
            for path, thing in parts(start, model, kind, open_models=True)
            if not issubclass(type(thing), kind) or value(thing) is not None
        ]
        opened.append(found)
    # Most values first: `for neuron in layer.neurons` leaves a neuron with a shorter path.
    opened.sort(key=lambda found: -sum(issubclass(type(thing), kind) for _, thing in found))
    first: dict[int, Found] = {}
    for path, thing in (pair for found in opened for pair in found):
        first.setdefault(id(thing), (path, thing))
    return list(first.values())


def parts(path: str, thing: object, kind: type, open_models: bool) -> Iterator[Found]:
    """The values and models in a thing, each with its path, the nearest first.

    Lists, tuples and dicts are opened, and if wished models, with all that may hold parameters;
    none of their own code is run. Outside models a search ends after ITEMS things.
    """
    seen: set[int] = set()
    queue: deque[Found] = deque([(path, thing)])
    left = sys.maxsize if open_models else ITEMS
    while queue and left:
        left -= 1
        path, thing = queue.popleft()
        # Not isinstance() alone, which asks a proxy for its __class__, which may raise.
        opened = issubclass(type(thing), (kind, *OPENED)) or is_model(thing, kind)
        if id(thing) in seen or not (open_models or opened):
            continue
        seen.add(id(thing))
        path = printable(path, LONGEST_PATH)
        if issubclass(type(thing), kind):
            yield path, thing
        elif is_model(thing, kind):
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
        elif isinstance(thing, list | tuple) and type(thing).__module__ not in OWN_RECORDS:
            things = list.__iter__(thing) if isinstance(thing, list) else tuple.__iter__(thing)
            queue += [(f"{path}[{i}]", part) for i, part in enumerate(islice(things, left))]
        elif open_models:
            queue += [(path + place, part) for place, part in held_in(thing, path)]


def neuron_in(path: str, model: object, value: ValueOf) -> NeuronFound | None:
    held = (
        dict(attributes(model)) if value(model) is None else {}
    )  # a subclass of Neuron may lack them
    w, b = held.get("w"), value(held.get("b"))
    if not isinstance(w, list | tuple) or not w or b is None:
        return None
    weights = tuple(found for one in w if (found := value(one)) is not None)
    if len(weights) < len(w):
        return None
    name = getattr(
        held.get("activation"), "__name__", "a function" if held.get("activation") else ""
    )
    return NeuronFound(path, weights, b, name if "activation" in held else None)


def is_model(thing: object, kind: type) -> bool:
    """A Module, or beside another engine's values an object whose parameters() are such values."""
    if issubclass(type(thing), Module) or kind is Value:
        return issubclass(type(thing), Module)
    if isinstance(thing, type) or not callable(getattr(type(thing), "parameters", None)):
        return False
    with suppress(Exception):  # it is their code
        return any(issubclass(type(one), kind) for one in thing.parameters())  # type: ignore[attr-defined]
    return False


def is_plain(key: object) -> bool:
    """Whether a dict's key can stand in a path: the repr of another may hold an address."""
    if type(key) is str:
        return len(key) <= LONGEST_KEY
    return type(key) is int and abs(key) < 10**LONGEST_KEY
