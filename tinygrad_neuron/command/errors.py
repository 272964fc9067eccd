"""What ends a command with one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class InputError(Exception):
    """Something the user gave is wrong; the message is the one line they see.

    excerpt  lines to be shown below it
    """

    excerpt = ""


class Diverged(Exception):
    """The loss ran away: when, at which learning rate, how, and what to try.

    losses  of the epochs until then; the last may be infinite or nan
    """

    def __init__(self, epoch: int, lr: float, how: str, losses: list[float]) -> None:
        where = f"diverged at epoch {epoch} at the learning rate {lr:g}"
        super().__init__(f"{where}: {how}; try --lr {lr / 10:g}")
        self.epoch, self.losses = epoch, losses


class Interrupted(Exception):
    """Ctrl-C has ended the learning; what was learned until then is reported and saved."""


@contextmanager
def about_file(name: object) -> Iterator[None]:
    """The system's error about a file becomes an InputError, such as x.csv: permission denied."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{name}: {(error.strerror or str(error)).lower()}") from None
