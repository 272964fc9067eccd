"""A table with one more column: what a model makes of each row."""

from __future__ import annotations

import math
import sys
from pathlib import Path

from tinygrad_neuron.command.errors import InputError, about_file
from tinygrad_neuron.command.model_file import load_model
from tinygrad_neuron.command.output import check_outputs
from tinygrad_neuron.command.table import STDIN, in_quotes, listed, read_table
from tinygrad_neuron.view.files import write_whole


def predict_table(model_path: Path, path: Path, output: Path | None) -> None:
    """Write the table with its predictions to a file, or to the standard output.

    For classes there is also the probability of the second one.
    """
    model = load_model(model_path)
    table = read_table(path)
    if output:
        check_outputs([output], [model_path, *([] if path == STDIN else [path])])
    if missing := [name for name in model.scales if name not in table.names]:
        has = f"the model needs {listed(missing)}; the table has {listed(table.names)}"
        raise InputError(f"{table.source}: {has}")
    added = ["prediction", *(["probability"] if model.classes else [])]
    for name in added:
        if name in table.names:
            raise InputError(f"{table.source}: there is a column {name!r} already; rename it")
    columns = [
        scale.standardised(table.numbers(name, "an input")) for name, scale in model.scales.items()
    ]
    answers = model.predict([list(row) for row in zip(*columns)])
    for row, answer in zip(table.rows, answers):
        if not math.isfinite(answer):
            problem = "its numbers are too large for the model"
            raise InputError(f"{table.source}, line {row.line}: {problem}, which answers {answer}")
    point = "," if table.decimal_comma else "."

    def number(digits: str) -> str:
        return digits.replace(".", point)

    rows = [[*table.header.written, *added]]
    for row, answer in zip(table.rows, answers):
        if model.classes:
            predicted = [model.classes[answer >= 0.5], number(f"{answer:.6g}")]
        else:
            predicted = [number(f"{answer:.10g}")]
        rows.append([*row.written, *predicted])
    lines = (table.separator.join(in_quotes(cell, table.separator) for cell in row) for row in rows)
    content = "".join(f"{line}\n" for line in lines).encode()
    if output is None:
        if not sys.stdout:
            raise InputError("standard output: it is closed")
        sys.stdout.buffer.write(content)  # in UTF-8, whatever the terminal shows
        return
    with about_file(output):
        write_whole(output, content)
