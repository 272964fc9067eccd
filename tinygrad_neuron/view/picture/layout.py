"""Find a program that lays out DOT text, and run it."""

from __future__ import annotations

import importlib.metadata
import math
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

OVERRIDE = "TINYGRAD_NEURON_DOT"
TIMEOUT = 60.0  # seconds
DPI = 144  # of a PNG: two pixels for a point of the SVG
LEAST_DPI = 36  # below which nobody could read it
LARGEST_SIDE, LARGEST_AREA = 32_000, 300_000_000  # pixels, which programs are able to draw
REMEDIES = (
    "pip install '.[dot]', which brings the package graphviz-pure, or install Graphviz, with its "
    f"program dot on the PATH, or name one in {OVERRIDE}; tree() and .dot files need none"
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
            svg = run_layout([program, "-Tsvg"], source)
            if kind == "svg":
                return svg
            return run_layout([program, "-Tpng", f"-Gdpi={dpi_for(svg)}"], source)
        except OSError as error:
            problems.append(f"{program}: {error.strerror}")
        except LayoutError as error:
            problems.append(f"{program}: {error}")
        except subprocess.TimeoutExpired:
            raise LayoutError(
                f"{program} had not laid out the picture after {TIMEOUT:g} s: draw less of the "
                f"graph, or name another program in {OVERRIDE}"
            ) from None
    if not problems:
        raise LayoutError(f"a picture needs a program that lays it out: {REMEDIES}")
    raise LayoutError(f"no layout program could draw this ({'; '.join(problems)}): {REMEDIES}")


def programs() -> Iterator[str]:
    """The programs to try, the first one first."""
    if chosen := os.environ.get(OVERRIDE):
        yield chosen
        return
    try:
        files = importlib.metadata.files("graphviz-pure") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        # Asked for by its place: an environment that is not activated has it not on the PATH.
        if file.stem == "graphviz-pure" and file.suffix in ("", ".exe"):
            yield str(Path(str(file.locate())).resolve())
    if system := shutil.which("dot"):
        yield system


def run_layout(command: list[str], source: str) -> bytes:
    done = subprocess.run(command, input=source.encode(), capture_output=True, timeout=TIMEOUT)
    if done.returncode or not done.stdout.startswith((b"<?xml", b"\x89PNG")):
        said = [line for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
        why = said[-1].strip() if said else "no picture came out"
        raise LayoutError(f"exit status {done.returncode}, {why:.200}")
    return done.stdout  # what it warned of on the way, about letters' widths, is of no use


def dpi_for(svg: bytes) -> int:
    """As many as a PNG of this picture can have; ValueError if it would be too small to read."""
    try:
        width, height = (
            float(svg.partition(side)[2].partition(b"pt")[0]) for side in (b'width="', b'height="')
        )
    except ValueError:
        raise LayoutError("the SVG states no size") from None
    scale = min(LARGEST_SIDE / max(width, height), math.sqrt(LARGEST_AREA / (width * height)))
    dpi = min(DPI, int(72 * scale))
    if dpi < LEAST_DPI:
        size = f"{width:,.0f} x {height:,.0f} points"
        raise ValueError(f"a picture of {size} is too large for a .png: save it as .svg")
    return dpi
