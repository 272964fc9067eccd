"""What a neuron learns from: a target column, standardised inputs, and rows held out."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from typing import NamedTuple

from tinygrad_neuron.command.errors import InputError
from tinygrad_neuron.command.output import warn
from tinygrad_neuron.command.table import Table, shown

Classes = tuple[str, str]


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
    target = table.names[-1] if target is None else target
    if inputs is None:
        inputs = [name for name in table.names if name != target]
    for name in (target, *inputs):
        if name not in table.names:
            raise InputError(f"{table.source}: no column {name!r}, only {listed(table.names)}")
    if target in inputs:
        raise InputError(f"{table.source}: {target!r} is to be learned, and so is no input")
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

    n = len(targets)
    held_out = sorted(rng.sample(range(n), round(holdout * n)))
    training = sorted(set(range(n)) - set(held_out))
    if not training or (holdout and not held_out):
        problem = f"a holdout of {holdout:g} leaves {len(training)} of {n} rows to learn from"
        raise InputError(f"{table.source}: {problem} and {len(held_out)} to test on")
    if classes and len({targets[i] for i in training}) == 1:
        word = classes[int(targets[training[0]])]
        raise InputError(f"{table.source}: the rows to learn from have one class only, {word!r}")

    scales = {name: measure([column[i] for i in training]) for name, column in columns.items()}
    for name, (_, deviation) in scales.items():
        if deviation and not (math.isfinite(deviation) and math.isfinite(1 / deviation)):
            problem = "the numbers are too large or too close to standardise"
            raise InputError(f"{table.source}, column {name!r}: {problem}")
    constant = [name for name, scale in scales.items() if scale.deviation == 0]
    if len(constant) == len(scales):
        problem = f"no input column changes in the {len(training)} rows to learn from"
        raise InputError(f"{table.source}: {problem}")
    for name in constant:
        warn(f"column {name!r} is left out, for it never changes")
        del scales[name]

    def part(indices: list[int]) -> Part:
        standardised = [
            scale.standardised([columns[name][i] for i in indices])
            for name, scale in scales.items()
        ]
        return Part([list(row) for row in zip(*standardised)], [targets[i] for i in indices])

    return Dataset(target, classes, scales, part(training), part(held_out))


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
            numbers = table.numbers(target, "a target of numbers")
            if max(map(abs, numbers)) > 1e150:
                problem = "the numbers are too large to be squared; divide them"
                raise InputError(f"{table.source}, column {target!r}: {problem}")
            return numbers, ("0", "1") if set(numbers) <= {0.0, 1.0} else None
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
    """Scale of the numbers; the deviation is 0 if they are all the same, inf if it overflows."""
    if min(column) == max(column):
        return Scale(column[0], 0.0)
    try:
        mean = math.fsum(column) / len(column)
    except OverflowError:
        return Scale(math.inf, math.inf)
    return Scale(mean, math.dist(column, [mean] * len(column)) / math.sqrt(len(column)))


def listed(words: list[str]) -> str:
    """The first ten words, for an error message."""
    more = f" and {len(words) - 10} more" if len(words) > 10 else ""
    return ", ".join(word[:40] for word in words[:10]) + more
