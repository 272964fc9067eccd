"""A scene as Mermaid, which code hosts draw inside Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tinygrad_neuron.view.picture.scene import Scene, below_line, in_words

MOST_ARROWS = 200
# The shapes tell the kinds apart: there are no colours, which would fit a light page or a dark one.
SHAPES = {
    "input": ("([", "])"),
    "parameter": ("[[", "]]"),
    "constant": ("[/", "/]"),
    "output": ("{{", "}}"),
    "inner": ("[", "]"),
    "omitted": (">", "]"),
}
ARROWS = {"zero": "-.->", "omitted": "---"}
# Mermaid puts a number at the middle of its arrow, and of a curve that may lie behind a box.
SETTINGS = '%%{init: {"flowchart": {"curve": "linear", "wrappingWidth": 400}}}%%'
PLAIN = " =.,+-/()[]:"  # signs that need no escape
# A letter without a width, which is a blank to Markdown; where it stands, nothing has a meaning:
APART = "\N{ZERO WIDTH NO-BREAK SPACE}"
MEANT = re.compile(
    r"^(?=[-+#>=`~]|\d+[.)])"  # a list, a heading, a quote or code
    r"|(?<=[*~$\\@\]ﬂ¶])|(?<=(?<![^\W_])_)"  # emphasis, a formula, a line break or a link
    r"|(?=@)|(?<=:)(?=//|fa-)|(?<=www)(?=\.)"  # a link or an icon
)
NO_BREAK = "\N{NO-BREAK SPACE}"


def mermaid(scene: Scene, direction: str) -> str:
    """The scene in the language of Mermaid; ValueError if it has too many arrows."""
    if len(scene.wires) > MOST_ARROWS:
        raise ValueError(
            f"a picture in Mermaid has at most {MOST_ARROWS} arrows, not {len(scene.wires):,}: "
            "save it as .svg, or draw a value before the output"
        )
    ids = {node.id: f"n{i}" for i, node in enumerate(scene.nodes, 1)}
    lines = [SETTINGS, f"flowchart {direction}"]
    for node in scene.nodes:
        start, end = SHAPES[node.kind]
        first, *rest = map(in_words, node.lines)
        rows = [*rest[:1], first, *rest[1:]]  # a diagram has one size of letters: the name leads
        lines.append(f"    {ids[node.id]}{start}{quoted_lines(rows)}{end}")
    for wire in scene.wires:
        texts = [in_words(line) for line in (wire.above, below_line(wire, direction)) if line]
        label = f"|{quoted_lines(texts)}|" if texts else ""
        arrow = ARROWS.get(wire.look, "-->")
        lines.append(f"    {ids[wire.tail]} {arrow}{label} {ids[wire.head]}")
    for i, wire in enumerate(scene.wires):
        if wire.look in ("positive", "negative"):
            dashes = ",stroke-dasharray:6 3" if wire.look == "negative" else ""
            lines.append(f"    linkStyle {i} stroke-width:{wire.width:.1f}px{dashes}")
    if notes := [*scene.notes, *scene.legend]:
        lines.append(f"    notes[{quoted_lines(notes)}]")
        lines.append("    style notes fill:none,stroke:none")
    return "\n".join(lines) + "\n"


def quoted_lines(texts: Iterable[str]) -> str:
    return f'"{"<br>".join(map(escaped, texts))}"'


def escaped(text: str) -> str:
    """The text, in which no letter means anything to Mermaid, Markdown or HTML."""
    text = MEANT.sub(APART, text).replace("  ", f" {NO_BREAK}")
    return "".join(c if is_plain_letter(c) else f"#{ord(c)};" for c in text)


def is_plain_letter(c: str) -> bool:
    return c.isalnum() or c in PLAIN or (ord(c) > 127 and c not in (APART, NO_BREAK))
