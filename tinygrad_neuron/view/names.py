"""What the values of a graph are called, and which of them are a model's parameters."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import count, islice
from keyword import iskeyword
from typing import Any, NamedTuple, cast

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
                variables in the order of their definition. Without either, computed values are
                v1, v2, … and leaves x1, x2, … in topological order, and a number that was given to
                a neuron has the place of its weight: x2, or "x2 (sample 3)" of several samples. No
                two have the same name, but for other constants, which are called by their numbers.
    unnamed     those that are only called v1 or x1, or by their number
    given       the numbers that neurons were given
    parameters  the leaves of the models found
    neurons     the neurons among the models found
    """

    def __init__(
        self,
        order: Sequence[Value],
        search: Search,
        value: ValueOf,
        op: Callable[[Value], str] = lambda node: str(node.op),
    ) -> None:
        in_models = contents(search.models, search.value_class, value)
        paths = [(path, v) for path, thing in in_models if (v := value(thing)) is not None]
        self.parameters = {v for _, v in paths if not v.operands and v.op != "const"}
        self.neurons = [n for path, one in in_models if (n := neuron_in(path, one, value))]
        self.of: dict[Value, str] = {}
        self.name_by_label(order)
        loose = [(path, v) for path, one in search.loose if (v := value(one)) is not None]
        self.name_by_path([*paths, *loose])
        self.given: set[Value] = set()
        self.name_given(order, op)
        self.unnamed = set(order) - self.of.keys()
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

    def name_given(self, order: Sequence[Value], op: Callable[[Value], str]) -> None:
        """Name the constants that stand beside a neuron's weights after the weights' places."""
        places = {w: i for neuron in self.neurons for i, w in enumerate(neuron.weights, 1)}
        samples: dict[Value, list[Value]] = defaultdict(list)  # what each weight was multiplied by
        for node in order:
            half = len(node.operands) // 2
            if places and half and op(node) in ("*", "dot"):
                for pair in zip(node.operands[:half], node.operands[half:]):
                    for weight, x in (pair, pair[::-1]):
                        if weight in places and x.op == "const" and x not in self.of:
                            samples[weight].append(x)
        taken = set(self.of.values())
        for weight, xs in samples.items():
            distinct = list(dict.fromkeys(xs))
            for k, x in enumerate(distinct, 1):
                name = f"x{places[weight]}" + (f" (sample {k})" if len(distinct) > 1 else "")
                if x not in self.of and name not in taken:
                    self.of[x] = name
                    taken.add(name)
                self.given.add(x)

    def name_by_number(self, order: Sequence[Value]) -> None:
        taken = set(self.of.values())
        computed = (name for i in count(1) if (name := f"v{i}") not in taken)
        leaves = (name for i in count(1) if (name := f"x{i}") not in taken)
        for node in order:
            if node in self.of:
                continue
            if node.op == "const" and node not in self.given:
                self.of[node] = number(node.data)
            else:
                self.of[node] = next(computed if node.operands else leaves)

    def kind_of_leaf(self, leaf: Value) -> str:
        """Whether a leaf is a "parameter", a "constant" or an "input"."""
        if leaf.op == "const" and leaf not in self.given:
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


class Search:
    """Finds the values of one class, and the models that hold them, in variables.

    loose   the values outside models
    models  of each model, the given one first, the values and models that it holds
    """

    def __init__(
        self, value_class: type, variables: Mapping[str, object], given: object = None
    ) -> None:
        self.value_class = value_class
        # By id of an object beside another engine's values: its parameters, None if it is no model.
        self.known: dict[int, list[object] | None] = {}
        self.loose: list[Found] = []
        starts: dict[int, Found] = {}  # by id, because a model need not be hashable
        for name, variable in variables.items():
            if name.startswith("_") or name in ("In", "Out"):  # a notebook's own
                continue
            for path, thing in self.parts(name, variable, open_models=False):
                if issubclass(type(thing), value_class):
                    self.loose.append((path, thing))
                else:
                    starts.setdefault(id(thing), (path, thing))
        if given is not None:
            self.known[id(given)] = self.known.get(id(given)) or []
            first = starts.pop(id(given), ("", given))
            starts = {id(given): first, **starts}
        self.models = [list(self.parts(*start, open_models=True)) for start in starts.values()]

    def paths(self) -> dict[int, str]:
        """By id, a path to each value and model."""
        found = [*(pair for held in self.models for pair in held), *self.loose]
        return {id(thing): path for path, thing in reversed(found)}

    def parts(self, path: str, thing: object, open_models: bool) -> Iterator[Found]:
        """The values and models in a thing, each with its path, the nearest first.

        Lists, tuples and dicts are opened, and if wished models, with all that may hold parameters.
        None of their code is run, but for the `parameters()` of another engine's models. Outside
        models a search ends after ITEMS things.
        """
        at, start = path, thing
        seen: set[int] = set()
        queue: deque[Found] = deque([(path, thing)])
        left = sys.maxsize if open_models else ITEMS
        while queue and left:
            left -= 1
            path, thing = queue.popleft()
            # Not isinstance() alone, which asks a proxy for its __class__, which may raise.
            is_value, is_model = issubclass(type(thing), self.value_class), self.is_model(thing)
            known = is_value or is_model or issubclass(type(thing), OPENED)
            if id(thing) in seen or not (open_models or known):
                continue
            seen.add(id(thing))
            path = printable(path, LONGEST_PATH)
            if is_value:
                yield path, thing
            elif is_model:
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
                if (
                    self.value_class is not Value
                    and type(thing).__module__ not in sys.stdlib_module_names
                ):
                    queue += [(f"{path}.{name}", part) for name, part in attributes(thing)]
        if open_models and self.value_class is not Value:  # what no attribute leads to
            held = self.known.get(id(start)) or []
            yield from ((f"{at}.parameters()[{i}]", v) for i, v in enumerate(held))

    def is_model(self, thing: object) -> bool:
        """A Module; for another engine, an object whose parameters() are values of its class."""
        if issubclass(type(thing), Module) or self.value_class is Value:
            return issubclass(type(thing), Module)
        if id(thing) not in self.known:
            self.known[id(thing)] = None
            with suppress(Exception):  # it is their code
                if callable(getattr(type(thing), "parameters", None)):
                    parameters = list(cast(Any, thing).parameters())
                    if any(issubclass(type(one), self.value_class) for one in parameters):
                        self.known[id(thing)] = parameters
        return self.known[id(thing)] is not None


def contents(models: Iterable[list[Found]], value_class: type, value: ValueOf) -> list[Found]:
    """The values of the graph and the models in models, each once, with its first path."""

    def is_value(thing: object) -> bool:
        return issubclass(type(thing), value_class)

    shown = [
        [(path, thing) for path, thing in held if not is_value(thing) or value(thing) is not None]
        for held in models
    ]
    # Most values first: `for neuron in layer.neurons` leaves a neuron with a shorter path.
    shown.sort(key=lambda held: -sum(is_value(thing) for _, thing in held))
    first: dict[int, Found] = {}
    for path, thing in (pair for held in shown for pair in held):
        first.setdefault(id(thing), (path, thing))
    return list(first.values())


def neuron_in(path: str, model: object, value: ValueOf) -> NeuronFound | None:
    """A model's w and b, if it has them: a subclass of Neuron may not."""
    held = dict(attributes(model)) if value(model) is None else {}
    w, bias = held.get("w"), value(held.get("b"))
    if not isinstance(w, list | tuple) or not w or bias is None:
        return None
    weights = tuple(found for one in w if (found := value(one)) is not None)
    if len(weights) < len(w):
        return None
    function = held.get("activation")
    name = getattr(function, "__name__", "a function") if function else ""
    return NeuronFound(path, weights, bias, name if "activation" in held else None)


def is_plain(key: object) -> bool:
    """Whether a dict's key can stand in a path: the repr of another may hold an address."""
    if type(key) is str:
        return len(key) <= LONGEST_KEY
    return type(key) is int and abs(key) < 10**LONGEST_KEY
