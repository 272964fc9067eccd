"""Files that are written whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from pathlib import Path
from threading import get_ident


def is_protected(path: Path) -> bool:
    """Whether there is a file that may not be written. Root could, but is not meant to."""
    writable = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH
    return path.is_file() and not (os.access(path, os.W_OK) and path.stat().st_mode & writable)


def write_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """Write beside the file and then take its place, so that a failure leaves the old one.

    What is there and no file, such as a pipe, is written to. PermissionError: the file may not be
    written, even if its folder may be.
    """
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
        with open(path, "wb") as device:
            device.write(content)
        return
    target = Path(os.path.realpath(path))  # a link stays a link
    if is_protected(target):
        raise PermissionError(errno.EACCES, "the file is write-protected", os.fspath(path))
    part = target.with_name(f".{os.getpid()}-{get_ident()}.part")
    try:
        part.write_bytes(content)
        if target.exists():
            shutil.copymode(target, part)
        part.replace(target)
    except OSError as error:
        error.filename, error.filename2 = os.fspath(path), None  # nobody knows the other file
        raise
    finally:
        part.unlink(missing_ok=True)
