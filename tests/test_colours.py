"""The colours of pictures, light and dark: each can be read on whatever it may stand."""

import inspect
import math
import re
import xml.etree.ElementTree as ET

import pytest

from tinygrad_neuron import Neuron, Value, draw
from tinygrad_neuron.view.picture import dot_text
from tinygrad_neuron.view.picture.dot_text import (
    BACK,
    BROKEN,
    COLOURS,
    INK,
    KINDS,
    LINE,
    LIT,
    LOOKS,
    MARKS,
    PAPER,
    SOFT,
    UNSEEN,
)
from tinygrad_neuron.view.picture.svg import DARK

USED = set(re.findall("#[0-9a-f]{6}", inspect.getsource(dot_text)))
FILLS = {looks.get("fillcolor", PAPER) for looks in (*KINDS.values(), *MARKS.values())}
TEXTS = {*COLOURS.values(), SOFT, INK, BACK}


def contrast(one, other):
    """As WCAG defines it, from 1 to 21."""
    light, dark = sorted(map(luminance, (one, other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour):
    shares = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear))


def pairs():
    """Each colour of a text or a line with each that it may stand on."""
    for fill in FILLS:
        yield from ((text, fill) for text in TEXTS)
        yield from ((border, fill) for border in LIT.values())
    for looks in KINDS.values():
        for border in looks.get("color", LINE), BROKEN:
            yield from ((border, fill) for fill in (PAPER, looks.get("fillcolor", PAPER)))
    for fill in (looks["fillcolor"] for looks in MARKS.values() if "fillcolor" in looks):
        yield LINE, fill
    for looks in LOOKS.values():
        yield looks.get("color", LINE), PAPER


def test_the_contrast_is_that_of_the_definition():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("shades", [{}, DARK], ids=["light", "dark"])
def test_texts_and_lines_can_be_read_on_every_fill_that_they_may_stand_on(shades):
    poor = {
        (line, fill): round(found, 2)
        for line, fill in pairs()
        if (found := contrast(shades.get(line, line), shades.get(fill, fill))) < 4.5
    }
    assert poor == {}


def test_each_colour_has_a_dark_one_and_no_two_have_the_same():
    assert set(DARK) == USED
    assert len({*DARK.values()}) == len(DARK)
    assert USED.isdisjoint(DARK.values())
    assert luminance(DARK[PAPER]) < 0.05 < 0.5 < luminance(DARK[INK])


def test_every_colour_of_a_picture_changes_on_a_dark_screen():
    neuron, g = Neuron(1, Value.tanh), Value(9.81, op="const", label="g")
    hidden = neuron(Value(2.0, label="x"))
    y = hidden * g + Value(math.inf, label="n")
    with_grads = hidden * g
    with_grads.backward()
    many = Value(0.0, tuple(Value(1.0) for _ in range(102)), (1.0, -1.0, 0.0) * 34, "mix")
    for output in y, with_grads, many:
        svg = draw(output, expand=True, after=1 if output is with_grads else None).svg()
        rule = re.escape("@media screen and (prefers-color-scheme:dark){") + r"(.*?\})\}"
        dark = re.search(rule, svg)[1]
        for element in ET.fromstring(svg).iter():
            for what in "fill", "stroke":
                colour = element.get(what, "none")
                if colour not in ("none", UNSEEN):
                    assert (
                        f'.computation-graph [{what}="{colour}"]{{{what}:{DARK[colour]}}}' in dark
                    )
