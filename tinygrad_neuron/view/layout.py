"""Find a program that lays out DOT text, and run it."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

OVERRIDE = "TINYGRAD_NEURON_DOT"
TIMEOUT = 60.0  # seconds
DPI = 144  # two pixels for a point of the SVG
LARGEST_SIDE = 20_000  # pixels
REMEDIES = (
    "pip install '.[dot]', which brings the package graphviz-pure, or install Graphviz, with its "
    f"program dot on the PATH, or name one in {OVERRIDE}; tree() and .source need none"
)


class LayoutError(RuntimeError):
    """No program could lay out the picture; the message says why, and what helps."""


def render(source: str, kind: str) -> bytes:
    """The DOT text as a picture, "svg" or "png", by the first program that can.

    The one that the environment variable TINYGRAD_NEURON_DOT names is the only one tried. Else
    graphviz-pure comes before the system's dot, so that a picture is the same on every machine.
    """
    problems = []
    for program in programs():
        try:
            if kind == "png":
                check_size(run([program, "-Tsvg"], source, b"<?xml"))
                return run([program, "-Tpng", f"-Gdpi={DPI}"], source, b"\x89PNG")
            return run([program, "-Tsvg"], source, b"<?xml")
        except (OSError, LayoutError) as error:
            problems.append(f"{program}: {error}")
    if not problems:
        raise LayoutError(f"a picture needs a program that lays it out: {REMEDIES}")
    raise LayoutError(f"no layout program could draw this ({'; '.join(problems)}): {REMEDIES}")


def check_size(svg: bytes) -> None:
    """Refuse a PNG so large that the program might crash."""
    width, height = (
        float(svg.partition(side)[2].partition(b"pt")[0]) * DPI / 72
        for side in (b'width="', b'height="')
    )
    if max(width, height) > LARGEST_SIDE:
        size = f"{width:,.0f} x {height:,.0f}"
        raise ValueError(f"a .png has at most {LARGEST_SIDE:,} pixels a side, not {size}: use .svg")


def programs() -> Iterator[str]:
    if chosen := os.environ.get(OVERRIDE):
        yield chosen
        return
    try:
        files = importlib.metadata.files("graphviz-pure") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.stem == "graphviz-pure" and file.suffix in ("", ".exe"):
            yield str(
                Path(str(file.locate())).resolve()
            )  # not on the PATH in an environment that is not activated
    if system := shutil.which("dot"):
        yield system


def run(command: list[str], source: str, start: bytes) -> bytes:
    try:
        done = subprocess.run(command, input=source.encode(), capture_output=True, timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        raise LayoutError(f"not finished after {TIMEOUT:g} s; draw less of the graph") from None
    if done.returncode or not done.stdout.startswith(start):
        said = [line for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
        why = said[-1].strip() if said else "no picture came out"
        raise LayoutError(f"exit status {done.returncode}, {why:.200}")
    return done.stdout  # what it warned of on the way, about letters' widths, is of no use
