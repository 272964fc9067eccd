"""A table of text cells, read from a file with separators, and its columns as numbers."""

from __future__ import annotations

import csv
import io
import math
import re
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from tinygrad_neuron.command.errors import InputError, about_file
from tinygrad_neuron.command.output import warn

SEPARATORS = "\t;,"
SAMPLE = 20  # rows that show how cells are separated
STDIN = Path("-")
DECIMAL_COMMA = re.compile(r"^([+-]?\d*),(\d+(?:[eE][+-]?\d+)?)$")
IN_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}([., ’'])\d{3}(\1\d{3})*([.,]\d+)?")
LIKE_A_NUMBER = re.compile(r"[+−-]?[€$£]? ?\d[\d., ’']* ?[%€]?")  # as people write them
NOT_TEXT = {  # of files that are no text, by how they begin
    b"\xff\xfe": "text in UTF-16; save it in UTF-8",
    b"\xfe\xff": "text in UTF-16; save it in UTF-8",
    b"\x1f\x8b": "compressed; unpack it with gunzip",
    b"BZh": "compressed; unpack it with bunzip2",
    b"\xfd7zXZ": "compressed; unpack it with unxz",
    b"\x28\xb5\x2f\xfd": "compressed; unpack it with unzstd",
    b"PK\x03\x04": "a spreadsheet or a zip file; save the sheet as CSV, or unzip the file",
    b"\xd0\xcf\x11\xe0": "a spreadsheet; save the sheet as CSV",
    b"PAR1": "a Parquet file; save it as CSV",
    b"%PDF": "a PDF; save the table as CSV",
    b"<": "HTML or XML; save the table as CSV",
    b"{": "JSON; save the table as CSV",
    b"[": "JSON; save the table as CSV",
}


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

    source         the file, as messages call it
    decimal_comma  whether numbers have a comma for a point, as they may where no commas separate
    """

    source: str
    separator: str
    header: TableRow
    rows: list[TableRow]
    decimal_comma: bool

    @property
    def names(self) -> list[str]:
        return self.header.cells

    def column(self, name: str) -> list[str]:
        """InputError if there is not exactly one column of this name."""
        if (times := self.names.count(name)) != 1:
            known = listed(filter(None, self.names))
            problem = f"no column {shown(name)}, only {known}"
            if times and name:
                problem = (
                    f"{times} columns are called {shown(name)}; rename them, or leave them out"
                )
            raise InputError(f"{self.source}: {problem}")
        i = self.names.index(name)
        return [row.cells[i] for row in self.rows]

    def words(self, name: str) -> list[str]:
        """A column whose cells are all filled; else an InputError about the first empty one."""
        cells = self.column(name)
        if "" in cells:
            raise InputError(f"{self.place(cells.index(''), name)}: the cell is empty")
        return cells

    def numbers(self, name: str, role: str, for_words: str = "") -> list[float]:
        """A column whose cells are finite numbers; else an InputError about the first other.

        for_words  the cure if that is a word
        """
        cells = self.words(name)
        numbers = [as_number(self.with_point(cell)) for cell in cells]
        for i, (cell, number) in enumerate(zip(cells, numbers)):
            is_marked = IN_THOUSANDS.fullmatch(cell) is not None
            is_odd = self.decimal_comma and "." in cell and math.isfinite(number)
            if is_odd and (is_marked or any("," in other for other in cells)):
                problem = f"{shown(cell)} has a point, and other numbers have a decimal comma"
            elif not math.isfinite(number):
                problem = f"{role} must be a finite number, not {shown(cell)}"
            else:
                continue
            cure = "" if reads_as_number(self.with_point(cell)) else for_words
            if is_marked:
                cure = "; write numbers without thousands marks"
            elif LIKE_A_NUMBER.fullmatch(cell) and not is_odd:
                cure = "; write digits and a decimal point only"
            elif not i and len(cells) > 2 and all(map(math.isfinite, numbers[1:])):
                cure = "; if this line has names or units, delete it, or what stands above it"
            raise InputError(f"{self.place(i, name)}: {problem}{cure}")
        pointed = [cell for cell in cells if "." in cell]
        mixed = self.separator == "\t" and len(pointed) < len(cells)
        if (
            pointed
            and (mixed or self.separator == ";")
            and all(map(IN_THOUSANDS.fullmatch, pointed))
        ):
            warn(f"{self.source}: the point in {pointed[0]} is read as a decimal point")
        return numbers

    def place(self, i: int, name: str) -> str:
        return f"{self.source}, line {self.rows[i].line}, column {name!r}"

    def with_point(self, cell: str) -> str:
        """A number that has a decimal comma, as it may where semicolons separate, with a point."""
        return DECIMAL_COMMA.sub(r"\1.\2", cell) if self.decimal_comma else cell

    def has_numbers(self, name: str) -> bool:
        """Whether a cell of the column looks like a finite number, or all are such as nan."""
        cells = self.column(name)
        return any(looks_like_number(cell) for cell in cells) or all(map(reads_as_number, cells))

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


def looks_like_number(cell: str) -> bool:
    """Whether the cell is a finite number, or what people write for one, such as 1,200 or 5 %."""
    return math.isfinite(as_number(cell)) or LIKE_A_NUMBER.fullmatch(cell) is not None


def as_number(cell: str) -> float:
    return float(cell) if reads_as_number(cell) else math.nan


def listed(words: Iterable[str]) -> str:
    """The first ten words, for an error message."""
    words = list(words)
    more = f" and {len(words) - 10} more" if len(words) > 10 else ""
    return ", ".join(word[:40] for word in words[:10]) + more


def shown(cell: str) -> str:
    """A cell in an error message, which is one line and not too long."""
    return repr(cell if len(cell) <= 40 else cell[:40] + "…")


def in_quotes(cell: str, separator: str) -> str:
    """A cell as a table must have it, so that it is read as it was."""
    needs_quotes = cell[:1] == " " or not {separator, '"', "\r", "\n"}.isdisjoint(cell)
    return '"' + cell.replace('"', '""') + '"' if needs_quotes else cell


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
    check_quotes(text, separator, source)
    header, *rows = without_empty_ends(records)
    if text.startswith("# "):
        raise InputError(
            f"{source}, line 1: it looks like a comment, and the names of the columns belong "
            "there; delete the line, or the #"
        )
    check_header(header, rows, source)
    for row in rows:
        if len(row.cells) != len(header.cells):
            count = "1 cell" if len(row.cells) == 1 else f"{len(row.cells)} cells"
            cells = f"{count} under a header of {len(header.cells)}"
            over_lines = any("\n" in cell or "\r" in cell for cell in row.written)
            cure = "; a quote may be closed too late" if over_lines else ""
            raise InputError(f"{source}, line {row.line}: {cells}{cure}")
    commas = [c for row in rows for c in row.cells if DECIMAL_COMMA.match(c)]
    decimal_comma = separator != "," and bool(commas)
    if decimal_comma and all(map(IN_THOUSANDS.fullmatch, commas)):
        warn(f"{source}: the comma in {commas[0]} is read as a decimal point")
    return Table(source, separator, header, rows, decimal_comma)


def check_quotes(text: str, separator: str, source: str) -> None:
    """InputError if a quoted cell goes on behind its last quote: csv would read "2"3 as 23."""
    end = f"{separator}\r\n"
    cell = re.compile(
        f'[ \ufeff]*(?:"(?:[^"]|"")*"([^{end}]*)|[^{end}]*)(?:[{separator}\n]|\r\n?|$)'
    )
    for found in cell.finditer(text):
        if behind := (found[1] or "").strip():
            line = len(text[: found.start(1)].splitlines())
            problem = f"a quoted cell is followed by {shown(behind)}, so a quote is wrong"
            raise InputError(f"{source}, line {line}: {problem}")


def without_empty_ends(records: list[TableRow]) -> list[TableRow]:
    """Without the last columns if nothing stands in them, as where each row ends in a separator."""
    width = max(i for row in records for i, cell in enumerate(["", *row.cells]) if cell or not i)
    return [TableRow(line, cells[:width], written[:width]) for line, cells, written in records]


def check_header(header: TableRow, rows: list[TableRow], source: str) -> None:
    """InputError if the first row is not the one with the names, or the only one."""
    first, place = header.cells[0], f"{source}, line {header.line}"
    if re.fullmatch("sep=.?", first.lower()):
        raise InputError(f"{place}: sep= is for a spreadsheet program; delete this line")
    if not rows:
        raise InputError(f"{source}: there is a header and no row below it")
    width = max(len(rows[-1].cells), len(header.cells))
    names = [name for name in header.cells if name]
    if width > 1 and len(names) < 2:
        problem = f"{shown(names[0])} is the only name" if names else "there is no name"
        cure = "delete what stands above the names, or quote cells that have a comma"
        raise InputError(f"{place}: {problem} for {width} columns; {cure}")


def read_text(path: Path, source: str) -> str:
    with about_file(source):
        if path != STDIN:
            content = path.read_bytes()
        elif sys.stdin:
            content = sys.stdin.buffer.read()
        else:
            raise InputError(f"{source}: it is closed")
    for beginning, kind in NOT_TEXT.items():
        if content.startswith(beginning):
            raise InputError(f"{source}: it is {kind}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = f"byte {content[error.start]:#x} is not UTF-8"
        cure = "save the table in UTF-8, which spreadsheet programs call CSV UTF-8"
        raise InputError(f"{source}, line {line}: {problem}; {cure}") from None
    if "\0" in text:
        raise InputError(
            f"{source}: it has zero bytes: it is no text, or text in UTF-16; save it in UTF-8"
        )
    return text


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
    scores = {}  # a row is wrong; which one, is said where the table is read
    for separator in reversed(SEPARATORS):
        try:
            rows = [row.cells for row in islice(records_of(text, separator, ""), SAMPLE)]
        except InputError:  # a quote that is not closed
            return separator
        widths_of_rows = Counter(len(cells) for cells in rows if len(cells) > 1)
        scores[separator] = max(((n, width) for width, n in widths_of_rows.items()), default=(0, 0))
    return max(scores, key=scores.__getitem__)


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
            if any(cells):
                yield TableRow(reader.line_num, cells, record)
            start = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{source}, line {start}: {error}") from None
