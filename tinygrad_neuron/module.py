"""The base of all models, which finds their parameters."""

from __future__ import annotations

from collections import UserDict, UserList, deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from types import MemberDescriptorType, NoneType, SimpleNamespace
from typing import Any

from tinygrad_neuron.engine import Value, as_float
from tinygrad_neuron.errors import never_raises, refuse_computed

LARGEST_ARRAY = 10_000  # objects in an array


class Module:
    """Base of all models: its parameters are the leaves that its attributes lead to.

    They may stand in lists, tuples, dicts, deques, dataclasses, SimpleNamespaces and arrays of
    objects. (PyTorch: not even in a list.) A set is refused with a TypeError, because it has no
    order. So is with a ValueError a weight that is computed, as Value(0.5) * 0.1 is: it would
    never learn.
    """

    def named_parameters(self) -> dict[str, Value]:
        named: dict[str, Value] = {}
        computed: dict[str, Value] = {}  # a stored layer or loss, or a mistake
        for name, value in values(self, "", {}):
            if value.operands:
                computed[name] = value
            elif named.setdefault(name, value) is not value:
                raise ValueError(f"two parameters have the name {name!r}; rename an attribute")
        refuse_computed(computed, named.values())
        return named

    def parameters(self) -> list[Value]:
        return list(self.named_parameters().values())

    def zero_grad(self) -> None:
        for parameter in self.parameters():
            parameter.grad = 0.0

    def state_dict(self) -> dict[str, float]:
        return {name: parameter.data for name, parameter in self.named_parameters().items()}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Set all parameters; a wrong name (ValueError) or number (TypeError) changes none."""
        named = self.named_parameters()
        if wrong := sorted(named.keys() ^ state.keys(), key=str):
            raise ValueError(f"a state must hold the parameters; missing or unknown: {wrong}")
        numbers = {name: as_float(state[name], f"the state's {name!r}") for name in named}
        for name, parameter in named.items():
            parameter.data = numbers[name]

    def named_attributes(self) -> list[tuple[str, object]]:
        return attributes(self)

    @never_raises
    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.parameters())} parameters)"


def values(thing: Any, path: str, seen: dict[int, object]) -> Iterator[tuple[str, Value]]:
    """The Values in a model or a container, except constants, each with its path."""
    kind = type(thing)  # isinstance could run code of the user
    if id(thing) in seen:  # shared by two models, or a model that holds its holder
        return
    seen[id(thing)] = thing  # and alive, so nothing else gets its id
    if issubclass(kind, Value):
        if thing.op != "const":
            yield path, thing
        return
    if issubclass(kind, Module):
        for name, part in thing.named_attributes():
            yield from values(part, f"{path}.{name}" if path else name, seen)
    for place, part in held_in(thing, path):
        for name, value in values(part, path + place, seen):
            if place == "{}":
                raise TypeError(f"{path} is a set, which has no order: use a list")
            yield name, value


def attributes(thing: object) -> list[tuple[str, object]]:
    """The attributes of an object itself, those in slots too, each with its name."""
    held: dict[str, object] = {}
    with suppress(AttributeError):  # all of them are in slots
        held.update(object.__getattribute__(thing, "__dict__"))
    for kind in type(thing).__mro__:
        for name, slot in vars(kind).items():
            if isinstance(slot, MemberDescriptorType):
                with suppress(AttributeError):  # nothing is assigned to it yet
                    held.setdefault(name, slot.__get__(thing))
    return list(held.items())


def held_in(thing: Any, path: str) -> Iterable[tuple[str, object]]:
    """What a container holds, each with its place in it, "[0]" or ".w"; () for all other objects.

    Containers are list, tuple, dict, deque and their subclasses, UserList, UserDict,
    SimpleNamespace, dataclasses and NumPy's arrays of objects, which may have 10,000 (ValueError).
    The places in a set are all "{}", because it has no order.
    """
    kind = type(thing)
    if kind in (float, int, str, bool, NoneType):  # the most frequent, for speed
        return ()
    if issubclass(kind, dict):
        return [(f"[{key!r}]", part) for key, part in dict.items(thing)]
    for sequence in list, tuple, deque:
        if issubclass(kind, sequence):
            return [(f"[{i}]", part) for i, part in enumerate(sequence.__iter__(thing))]
    if issubclass(kind, set | frozenset):
        return [("{}", part) for part in frozenset(thing)]
    if issubclass(kind, UserList | UserDict):
        return held_in(dict(attributes(thing)).get("data"), path)
    dataclass = any("__dataclass_fields__" in vars(base) for base in kind.__mro__)
    if dataclass or issubclass(kind, SimpleNamespace):
        return [(f".{name}", part) for name, part in attributes(thing)]
    if "numpy.ndarray" in [f"{k.__module__}.{k.__qualname__}" for k in kind.__mro__]:
        if thing.dtype.hasobject and thing.size > LARGEST_ARRAY:
            raise ValueError(f"{path} is an array of {thing.size:,} objects; keep it elsewhere")
        if thing.dtype.hasobject:
            return held_in(thing.tolist() if thing.ndim else [thing.item()], path)
    return ()
