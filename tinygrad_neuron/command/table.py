"""A table of text cells, read from a file with separators, and its columns as numbers."""

from __future__ import annotations

import csv
import io
import math
import re
import sys
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from tinygrad_neuron.command.errors import InputError

SEPARATORS = "\t;,"
SAMPLE = 20  # rows that show how cells are separated
STDIN = Path("-")
DECIMAL_COMMA = re.compile(r"^([+-]?\d*),(\d+(?:[eE][+-]?\d+)?)$")


class TableRow(NamedTuple):
    """A row of a file.

    line     its number there, from 1
    cells    without blanks at the ends, and single ones between words
    written  the cells as they stand there
    """

    line: int
    cells: list[str]
    written: list[str]


class Table(NamedTuple):
    """A header and the rows below it, which all have as many cells as the header.

    source  the file, as messages call it
    """

    source: str
    separator: str
    header: TableRow
    rows: list[TableRow]

    @property
    def names(self) -> list[str]:
        return self.header.cells

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
        numbers = [as_number(self.with_point(cell)) for cell in cells]
        for i, number in enumerate(numbers):
            if not math.isfinite(number):
                problem = f"{role} must be a finite number, not {shown(cells[i])}"
                raise InputError(f"{self.place(i, name)}: {problem}")
        return numbers

    def place(self, i: int, name: str) -> str:
        return f"{self.source}, line {self.rows[i].line}, column {name!r}"

    def with_point(self, cell: str) -> str:
        """A number that has a decimal comma, as it may where semicolons separate, with a point."""
        return DECIMAL_COMMA.sub(r"\1.\2", cell) if self.separator == ";" else cell

    def has_decimal_commas(self) -> bool:
        cells = (cell for row in self.rows for cell in row.cells)
        return self.separator == ";" and any(map(DECIMAL_COMMA.match, cells))

    def has_numbers(self, name: str) -> bool:
        """Whether a cell of the column is a number."""
        return any(reads_as_number(self.with_point(cell)) for cell in self.column(name))

    def only(self, name: str, cells: Collection[str]) -> Table:
        """The rows whose cell in this column is one of `cells`."""
        kept = [row for row, cell in zip(self.rows, self.column(name)) if cell in cells]
        return self._replace(rows=kept)


def reads_as_number(cell: str) -> bool:
    """Whether the cell is a number, be it nan or infinite."""
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell  # which float() would let pass, as in 1_000


def as_number(cell: str) -> float:
    return float(cell) if reads_as_number(cell) else math.nan


def shown(cell: str) -> str:
    """A cell in an error message, which is one line and not too long."""
    return repr(cell if len(cell) <= 40 else cell[:40] + "…")


def read_table(path: Path) -> Table:
    """Read a file in UTF-8 whose first row names the columns; - is the standard input.

    Its cells are separated by commas, semicolons or tabs.
    """
    source = "standard input" if path == STDIN else str(path)
    text = read_text(path, source)
    separator = separator_of(text)
    records = list(records_of(text, separator, source))
    if not records:
        raise InputError(f"{source}: the file is empty; a table needs a header and rows")
    header, *rows = records
    if not rows:
        raise InputError(f"{source}: there is a header and no row below it")
    uses = Counter(header.cells)
    for i, name in enumerate(header.cells, 1):
        if not name:
            raise InputError(f"{source}, line {header.line}: column {i} has no name")
        if not name.isprintable():
            problem = f"column {i}, {name!r}, has a character that cannot be printed"
            raise InputError(f"{source}, line {header.line}: {problem}")
        if uses[name] > 1:
            raise InputError(f"{source}: the column {name!r} stands in the header twice")
    for row in rows:
        if len(row.cells) != len(header.cells):
            cells = f"{len(row.cells)} cells under a header of {len(header.cells)}"
            over_lines = any("\n" in cell or "\r" in cell for cell in row.written)
            cure = "; a quote may be closed too late" if over_lines else ""
            raise InputError(f"{source}, line {row.line}: {cells}{cure}")
    return Table(source, separator, header, rows)


def read_text(path: Path, source: str) -> str:
    try:
        if path != STDIN:
            content = path.read_bytes()
        elif sys.stdin:
            content = sys.stdin.buffer.read()
        else:
            raise InputError(f"{source}: it is closed")
        return content.decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{source}: {(error.strerror or str(error)).lower()}") from None
    except UnicodeDecodeError:
        raise InputError(f"{source}: not a text file in UTF-8") from None


def separator_of(text: str) -> str:
    """The one by which the first rows have the most cells, all as many.

    Of two, it is not the comma, which may be a decimal comma.
    """
    widths = {}
    for separator in SEPARATORS:
        try:
            rows = [row.cells for row in islice(records_of(text, separator, ""), SAMPLE)]
        except InputError:
            continue
        if len(set(map(len, rows))) == 1:
            widths[separator] = len(rows[0])
    most = max(widths, key=widths.__getitem__, default=",")
    if widths.get(most, 0) > 1:
        return most
    names = {}  # a row is wrong; which one, is said where the table is read
    for separator in SEPARATORS:
        try:
            with suppress(StopIteration):
                names[separator] = len(next(records_of(text, separator, "")).cells)
        except InputError:  # a quote that is not closed
            return separator
    return max(reversed(names), key=names.__getitem__, default=",")


def records_of(text: str, separator: str, source: str) -> Iterator[TableRow]:
    """The rows that are not blank; InputError if the last has a quote that is not closed."""
    lines = io.StringIO(text, newline="").readlines()
    end = '"end"'  # a row of its own, unless a quote before it is open
    reader = csv.reader([*lines, end], delimiter=separator, skipinitialspace=True)
    start = 1  # of the row that is read
    try:
        for record in reader:
            if reader.line_num > len(lines):
                if record != ["end"]:
                    raise InputError(f"{source}, line {start}: a quote is not closed")
                return
            cells = [" ".join(cell.split()) for cell in record]
            if cells not in ([], [""]):
                yield TableRow(reader.line_num, cells, record)
            start = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{source}, line {start}: {error}") from None
