"""What the commands print, also where nobody can read it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tinygrad_neuron.command.errors import InputError, about_file
from tinygrad_neuron.view.files import is_protected

failures: list[OSError] = []  # of the standard output, to be told once everything is done


def say(text: str = "") -> None:
    """Print a line. If that fails, what was asked for besides is done nevertheless."""
    try:
        print(text)
    except OSError as error:
        failures.append(error)
        forget_output()


def warn(text: str) -> None:
    if sys.stderr:  # there is none if the shell has closed it
        with suppress(OSError):
            print(f"warning: {text}", file=sys.stderr)


def check_outputs(outputs: Sequence[Path], inputs: Sequence[Path]) -> None:
    """InputError if a file could not be written, or only over another that is needed."""
    places = set()
    for path in (*inputs, *outputs):
        with about_file(path):
            if path in outputs and str(path) == "-":
                raise InputError("- is no name for a file: give another, or its whole path")
            if path in outputs and path.is_dir():
                raise InputError(f"{path}: is a directory")
            with suppress(FileNotFoundError):
                path.stat()  # which notices a name that is too long, and a link to itself
            place = path.resolve()
            if path in outputs and not place.parent.is_dir():
                raise InputError(f"{path}: no such folder")
            new = not place.exists() or place.is_file()  # it is written beside, and put in place
            if path in outputs and not os.access(place.parent if new else place, os.W_OK):
                raise InputError(f"{path}: permission denied")
            if path in outputs and is_protected(place):
                raise InputError(f"{path}: the file is write-protected")
            places.add(place)
    if len(places) < len(outputs) + len(inputs):
        raise InputError("what is read and what is written must be different files")


def forget_output() -> None:
    """What could not be written is not tried again when the program ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
