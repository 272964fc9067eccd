"""What the commands print, also where nobody can read it."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

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


def forget_output() -> None:
    """What could not be written is not tried again when the program ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
