"""What ends a command with one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class InputError(Exception):
    """Something the user gave is wrong; the message is the one line they see."""


@contextmanager
def about_file(name: object) -> Iterator[None]:
    """The system's error about a file becomes an InputError, such as x.csv: permission denied."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{name}: {(error.strerror or str(error)).lower()}") from None
