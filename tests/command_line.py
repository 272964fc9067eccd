"""`tinygrad-neuron`, in this process, which is quick, or in one of its own, as a shell runs it."""

import contextlib
import io
import subprocess
import sys
from typing import NamedTuple
from unittest import mock

from tinygrad_neuron.__main__ import main
from tinygrad_neuron.command.output import failures


class Done(NamedTuple):
    """How a command has ended, and what it has printed."""

    returncode: int
    stdout: str
    stderr: str


def run(*words, input=""):
    """The command with these arguments, in this process; input is its standard input.

    Ctrl-C ends the tests, and is no answer of the command.
    """
    failures.clear()
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="") for _ in range(2)]
    stdin = io.TextIOWrapper(io.BytesIO(input.encode()), encoding="utf-8")
    with (
        mock.patch.object(sys, "argv", ["tinygrad-neuron", *map(str, words)]),
        mock.patch.object(sys, "stdin", stdin),
        contextlib.redirect_stdout(streams[0]),
        contextlib.redirect_stderr(streams[1]),
    ):
        try:
            main()
        except SystemExit as end:
            status = end.code or 0
        else:
            status = 0
        if isinstance(status, str):  # Python prints it, and exits with 1
            print(status, file=sys.stderr)
            status = 1
    if status == 130:
        raise KeyboardInterrupt
    out, err = (stream.flush() or stream.buffer.getvalue().decode() for stream in streams)
    return Done(status, out, err)


def run_as_process(*words, **options):
    """The same in a process of its own, with subprocess.run's options."""
    command = [sys.executable, "-m", "tinygrad_neuron", *map(str, words)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", **options)
    return Done(done.returncode, done.stdout, done.stderr)
