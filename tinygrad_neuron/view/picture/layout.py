"""Find a program that lays out DOT text, and run it."""

from __future__ import annotations

import math
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

OVERRIDE = "TINYGRAD_NEURON_DOT"
TIMEOUT = 60.0  # seconds
DPI = 144  # of a PNG: two pixels for a point of the SVG
LEAST_DPI = 36  # below which nobody could read it
LARGEST_SIDE, LARGEST_AREA = 32_000, 300_000_000  # pixels, which programs are able to draw
# For a notebook: of a page's 830 points, and at most 1,000 pixels wide.
NOTEBOOK = ("-Gdpi=86", "-Gsize=11.5,100")
REMEDIES = (
    "pip install '.[dot]', which brings the package graphviz-pure, or install Graphviz, with its "
    f"program dot on the PATH, or name one in {OVERRIDE}; tree() and .dot files need none"
)


class LayoutError(RuntimeError):
    """No program could lay out the picture; the message says why, and what helps."""


def render(source: str, kind: str) -> bytes:
    """The DOT text as a picture, "svg" or "png"."""
    (svg,) = laid_out(source, ["svg"])
    if kind == "svg":
        return svg
    (png,) = laid_out(source, ["png"], f"-Gdpi={dpi_for(svg)}")
    return png


def render_for_notebook(source: str) -> list[bytes]:
    """The DOT text as SVG and, from the same run, as PNG, unless nobody could read that."""
    try:
        svg, png = laid_out(source, ["svg", "png"], *NOTEBOOK)
    except LayoutError:
        return laid_out(source, ["svg"])
    scale = re.search(rb"scale\(([\d.]+)", svg)
    return [svg] if scale and 72 * float(scale[1]) < LEAST_DPI else [svg, png]


def laid_out(source: str, kinds: Sequence[str], *options: str) -> list[bytes]:
    """A picture of each kind by the first program that can make them.

    The one that the environment variable TINYGRAD_NEURON_DOT names is the only one tried. Else
    graphviz-pure comes before the system's dot, so that a picture is the same on every machine.
    """
    problems = []
    for program in programs():
        try:
            return run_layout([program, *options], source, kinds)
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
    yield from installed()
    if system := shutil.which("dot"):
        yield system


@cache
def installed() -> list[str]:
    """The program of graphviz-pure, if that is installed, by the place that the package names.

    It is not on the PATH where the environment is not activated.
    """
    import importlib.metadata  # which is slow to import

    try:
        files = importlib.metadata.files("graphviz-pure") or []
    except importlib.metadata.PackageNotFoundError:
        return []
    found = [f for f in files if f.stem == "graphviz-pure" and f.suffix in ("", ".exe")]
    return [str(Path(str(file.locate())).resolve()) for file in found]


def run_layout(command: list[str], source: str, kinds: Sequence[str]) -> list[bytes]:
    """What one run writes, a file for each kind."""
    with TemporaryDirectory() as folder:
        paths = [Path(folder, kind) for kind in kinds]
        outputs = [part for path in paths for part in (f"-T{path.name}", "-o", str(path))]
        done = subprocess.run(
            [*command, *outputs], input=source.encode(), capture_output=True, timeout=TIMEOUT
        )
        written = [path.read_bytes() if path.is_file() else b"" for path in paths]
    # What it warned of on the way, about letters' widths, is of no use.
    right = all(made(kind, content) for kind, content in zip(kinds, written))
    if done.returncode or not right:
        said = [line for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
        why = said[-1].strip() if said else "no picture came out"
        raise LayoutError(f"exit status {done.returncode}, {why:.200}")
    return written


def made(kind: str, content: bytes) -> bool:
    return content.startswith(b"\x89PNG") if kind == "png" else b"<svg" in content


def size_of(svg: bytes) -> tuple[float, float]:
    """Width and height of an SVG, in points."""
    try:
        width, height = (
            float(svg.partition(side)[2].partition(b"pt")[0]) for side in (b'width="', b'height="')
        )
    except ValueError:
        width = height = 0.0
    if not (0 < width < math.inf and 0 < height < math.inf):
        raise LayoutError("the SVG states no size")
    return width, height


def dpi_for(svg: bytes) -> int:
    """As many as a PNG of this picture can have; ValueError if it would be too small to read."""
    width, height = size_of(svg)
    scale = min(LARGEST_SIDE / max(width, height), math.sqrt(LARGEST_AREA / (width * height)))
    dpi = min(DPI, int(72 * scale))
    if dpi < LEAST_DPI:
        size = f"{width:,.0f} x {height:,.0f} points"
        raise ValueError(f"a picture of {size} is too large for a .png: save it as .svg")
    return dpi
