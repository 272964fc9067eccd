"""A table of text cells, read from a CSV file, and its columns as numbers."""

from __future__ import annotations

import csv
import math
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple


class InputError(Exception):
    """Something the user gave is wrong; the message is the one line they see."""


class Row(NamedTuple):
    line: int  # in the file, from 1
    cells: list[str]


class Table(NamedTuple):
    """A header and the rows below it, which all have as many cells as the header."""

    path: Path
    names: list[str]
    rows: list[Row]

    def column(self, name: str) -> list[str]:
        i = self.names.index(name)
        return [row.cells[i] for row in self.rows]

    def words(self, name: str) -> list[str]:
        """A column whose cells are all filled; else an InputError about the first empty one."""
        cells = self.column(name)
        if "" in cells:
            raise InputError(f"{self.place(cells.index(''), name)}: the cell is empty")
        return cells

    def numbers(self, name: str, role: str) -> list[float]:
        """A column whose cells are finite numbers; else an InputError about the first other."""
        cells = self.words(name)
        numbers = [as_number(cell) for cell in cells]
        for i, number in enumerate(numbers):
            if not math.isfinite(number):
                problem = f"{role} must be a finite number, not {shown(cells[i])}"
                raise InputError(f"{self.place(i, name)}: {problem}")
        return numbers

    def place(self, i: int, name: str) -> str:
        return f"{self.path}, line {self.rows[i].line}, column {name!r}"

    def only(self, name: str, cells: Collection[str]) -> Table:
        """The rows whose cell in this column is one of `cells`."""
        kept = [row for row, cell in zip(self.rows, self.column(name)) if cell in cells]
        return self._replace(rows=kept)


def is_number(cell: str) -> bool:
    """Whether the cell is a number, be it nan or infinite."""
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell  # which float() would let pass, as in 1_000


def as_number(cell: str) -> float:
    return float(cell) if is_number(cell) else math.nan


def shown(cell: str) -> str:
    """A cell in an error message, which is one line and not too long."""
    return repr(cell if len(cell) <= 40 else cell[:40] + "…")


def read_table(path: Path) -> Table:
    """Read a comma-separated file in UTF-8 whose first row names the columns."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, skipinitialspace=True)
            records = [Row(reader.line_num, [" ".join(c.split()) for c in r]) for r in reader]
    except OSError as error:
        raise InputError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file in UTF-8") from None
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: {error}") from None
    records = [record for record in records if record.cells not in ([], [""])]  # blank lines
    if not records:
        raise InputError(f"{path}: the file is empty; a table needs a header and rows")
    names, rows = records[0].cells, records[1:]
    if not rows:
        raise InputError(f"{path}: there is a header and no row below it")
    if len(names) == 1:
        problem = f"one column only, {shown(names[0])}; cells are separated by commas"
        raise InputError(f"{path}: the header has {problem}")
    for i, name in enumerate(names, 1):
        if not name:
            raise InputError(f"{path}, line {records[0].line}: column {i} has no name")
        if names.count(name) > 1:
            raise InputError(f"{path}: the column {name!r} stands in the header twice")
    for row in rows:
        if len(row.cells) != len(names):
            cells = f"{len(row.cells)} cells under a header of {len(names)}"
            raise InputError(f"{path}, line {row.line}: {cells}")
    return Table(path, names, rows)
