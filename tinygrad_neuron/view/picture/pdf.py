"""A picture as PDF, for slides."""

from __future__ import annotations

import io
import re
import unicodedata
from importlib.util import find_spec

from tinygrad_neuron.view.picture.svg import visible

SYMBOLS = "∂−←↑→↓≠≤≥∞"  # of the font Symbol, which every reader of PDF has


def check_svglib() -> None:
    if find_spec("svglib") is None:
        raise ImportError("a .pdf needs the package svglib: pip install '.[slides]'")


def pdf(svg: bytes) -> bytes:
    """The SVG of a layout program as PDF.

    ImportError: there is no svglib. ValueError: a label has letters that its fonts do not have.
    """
    check_svglib()
    from reportlab.graphics import renderPDF
    from reportlab.pdfgen.canvas import Canvas
    from svglib.svglib import svg2rlg

    text = re.sub(' xlink:title="[^"]*"', "", visible(svg))
    # The fonts have neither subscripts nor most superscripts.
    text = re.sub("[₀-₉]+", lambda digits: shifted(digits[0], "sub"), text)
    text = re.sub("[⁰⁴-⁹]+", lambda digits: shifted(digits[0], "super"), text)
    for letter in text:
        if letter not in SYMBOLS and not letter.encode("cp1252", errors="ignore"):
            raise ValueError(f"a .pdf has no letter {letter!r}: save the picture as .svg or .png")
    drawing, content = svg2rlg(io.BytesIO(text.encode())), io.BytesIO()
    assert drawing
    size = drawing.width, drawing.height
    canvas = Canvas(
        content, pagesize=size, invariant=1
    )  # no date: the same picture, the same bytes
    renderPDF.draw(drawing, canvas, 0, 0)
    canvas.save()
    return content.getvalue()


def shifted(digits: str, shift: str) -> str:
    plain = unicodedata.normalize("NFKC", digits)
    return f'<tspan baseline-shift="{shift}" font-size="8">{plain}</tspan>'
