"""What a neuron learns from: a target column, standardised inputs, and rows held out."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from typing import NamedTuple

from tinygrad_neuron.command.errors import InputError
from tinygrad_neuron.command.output import warn
from tinygrad_neuron.command.table import (
    Table,
    as_number,
    listed,
    looks_like_number,
    reads_as_number,
    shown,
)

Classes = tuple[str, str]
TINY = 1e-12
NOISE = 4  # units in the last place, within which numbers differ by rounding alone


class Scale(NamedTuple):
    """A column's mean and standard deviation."""

    mean: float
    deviation: float

    def standardised(self, numbers: list[float]) -> list[float]:
        return [(x - self.mean) / self.deviation for x in numbers]


class Part(NamedTuple):
    """Some rows: their standardised inputs, and the target of each."""

    rows: list[list[float]]
    targets: list[float]


class Dataset(NamedTuple):
    """What a table says about one of its columns.

    classes  the words that the targets 0 and 1 stand for; None if they are numbers
    scales   of the inputs, by name, as measured on the training rows
    """

    target: str
    classes: Classes | None
    scales: dict[str, Scale]
    training: Part
    held_out: Part

    def answer_name(self) -> str:
        """What the neuron's answer to a row is."""
        return f"probability of {self.classes[1]}" if self.classes else self.target


def make_dataset(
    table: Table,
    target: str | None,
    inputs: list[str] | None,
    classes: Classes | None,
    one_class: str | None,
    holdout: float,
    rng: random.Random,
) -> Dataset:
    """Read a table's target (by default the last column) and inputs (by default all the others).

    classes    keep only the rows of these two
    one_class  tell this one from all the others
    holdout    the share of rows, drawn by rng, that are not learned from
    """
    if len(table.names) == 1:
        cure = "cells are separated by commas, semicolons or tabs"
        problem = f"the header has one column only, {shown(table.names[0])}"
        raise InputError(f"{table.source}: {problem}; {cure}")
    target, inputs = choose(table, target, inputs)
    if target in inputs:
        raise InputError(f"{table.source}: {target!r} is the target, so it cannot be an input")
    words = set(table.words(target))
    for word in classes or ([] if one_class is None else [one_class]):
        if word not in words:
            known = listed(sorted(words))
            problem = f"no row has {shown(word)} in column {target!r}, only {known}"
            raise InputError(f"{table.source}: {problem}")
    if classes:
        table = table.only(target, classes)
    targets, classes = read_targets(table, target, classes, one_class)
    columns = {name: table.numbers(name, "an input") for name in inputs}

    training, held_out = split(table.source, targets, classes, holdout, rng)

    scales = {name: measure([column[i] for i in training]) for name, column in columns.items()}
    for name, (mean, deviation) in scales.items():
        if deviation and not (math.isfinite(deviation) and math.isfinite(1 / deviation)):
            problem = "the numbers are too large or too close to standardise"
            raise InputError(f"{table.source}, column {name!r}: {problem}")
        if 0 < deviation < TINY * abs(mean):
            warn(f"column {name!r} changes by less than {TINY:g} of its size: is that rounding?")
    constant = [name for name, scale in scales.items() if scale.deviation == 0]
    if len(constant) == len(scales):
        problem = f"no input column changes in the {len(training)} rows to learn from"
        raise InputError(f"{table.source}: {problem}")
    for name in constant:
        differs = min(columns[name]) < max(columns[name])
        how = "changes by rounding at most" if differs else "never changes"
        warn(f"column {name!r} is left out, for it {how}")
        del scales[name]

    def part(indices: list[int]) -> Part:
        standardised = [
            scale.standardised([columns[name][i] for i in indices])
            for name, scale in scales.items()
        ]
        return Part([list(row) for row in zip(*standardised)], [targets[i] for i in indices])

    return Dataset(target, classes, scales, part(training), part(held_out))


def choose(table: Table, target: str | None, inputs: list[str] | None) -> tuple[str, list[str]]:
    """The names of the target and the inputs; InputError where it is not clear which they are."""
    named = [name for name in table.names if name]
    if target is None:
        target = named[-1]
        check_name(table, target)
    if inputs is None:
        inputs = [name for name in dict.fromkeys(named) if name != target]
        for name in inputs:
            check_name(table, name)
        for i, name in enumerate(table.names, 1):
            if not name:
                warn(f"column {i} is left out, for it has no name")
    return target, inputs


def check_name(table: Table, name: str) -> None:
    """InputError if this was not meant for a name, when nobody has chosen it."""
    place = f"{table.source}, line {table.header.line}"
    if looks_like_number(name) or reads_as_number(name):
        cure = "write a line of names above it, or choose columns with --target and --inputs"
        raise InputError(f"{place}: {name} is a number, where names of columns belong; {cure}")
    if not name.isprintable():
        problem = "has a character that cannot be printed"
        raise InputError(f"{place}: the column {shown(name)} {problem}")


def split(
    source: str, targets: list[float], classes: Classes | None, holdout: float, rng: random.Random
) -> tuple[list[int], list[int]]:
    """The rows to learn from, and those to hold out: of each class the share, and one at least."""
    everything = range(len(targets))
    kinds = [[i for i in everything if targets[i] == kind] for kind in (0.0, 1.0)]
    held_out: list[int] = []
    for kind, word, other in zip(kinds, classes or (), reversed(classes or ())):
        if not kind:
            raise InputError(f"{source}: the rows have one class only, {other!r}")
        if holdout and len(kind) == 1:
            problem = f"only one row has {word!r}, and it cannot be learned from and held out"
            raise InputError(f"{source}: {problem}; give more rows, or no --holdout")
        if holdout:
            held_out += rng.sample(kind, min(max(round(holdout * len(kind)), 1), len(kind) - 1))
    if not classes:
        held_out = rng.sample(everything, round(holdout * len(targets)))
    training = sorted({*everything} - {*held_out})
    if not training or (holdout and not held_out):
        problem = f"a holdout of {holdout:g} leaves {len(training)} of {len(targets)} rows to learn"
        raise InputError(f"{source}: {problem} from and {len(held_out)} to test on")
    return training, sorted(held_out)


def read_targets(
    table: Table, target: str, classes: Classes | None, one_class: str | None
) -> tuple[list[float], Classes | None]:
    cells = table.words(target)
    if one_class is not None:
        check_printable(table, target, [one_class])
        return [float(cell == one_class) for cell in cells], (f"not {one_class}", one_class)
    if not classes:
        words = sorted(set(cells))
        if table.has_numbers(target):
            numbers = table.numbers(target, "a target", "; --classes and --class learn words")
            if max(map(abs, numbers)) > 1e150:
                problem = "the numbers are too large to be squared; divide them"
                raise InputError(f"{table.source}, column {target!r}: {problem}")
            if set(numbers) <= {0.0, 1.0}:
                return numbers, ("0", "1")
            if len(words) == 2 and len(cells) > 5 and not any("," in word for word in words):
                words.sort(key=as_number)
                cure = f"--classes={','.join(words)} learns them as classes"
                warn(f"column {target!r} has two numbers only, {' and '.join(words)}; {cure}")
            return numbers, None
        if len(words) > 2:
            cure = "keep two with --classes A,B, or tell one from the rest with --class A"
            raise InputError(f"{table.source}: {len(words)} classes, {listed(words)}; {cure}")
        classes = (words[0], words[-1])
    check_printable(table, target, classes)
    return [float(classes.index(cell)) for cell in cells], classes


def check_printable(table: Table, target: str, classes: Iterable[str]) -> None:
    """InputError about the first class with a character that no one can see."""
    for word in classes:
        if not word.isprintable():
            place = table.place(table.column(target).index(word), target)
            raise InputError(f"{place}: {shown(word)} has a character that cannot be printed")


def measure(column: list[float]) -> Scale:
    """Scale of the numbers; the deviation is 0 if they differ by rounding at most, inf if it
    overflows."""
    if max(column) - min(column) <= NOISE * math.ulp(max(map(abs, column))):
        return Scale(column[0], 0.0)
    try:
        mean = math.fsum(column) / len(column)
    except OverflowError:
        return Scale(math.inf, math.inf)
    return Scale(mean, math.dist(column, [mean] * len(column)) / math.sqrt(len(column)))
