"""The finished SVG: dark on a dark screen, and moving if that was asked for."""

from __future__ import annotations

import math
import re
from html import escape
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from tinygrad_neuron.view.picture.dot_text import LIT, UNSEEN
from tinygrad_neuron.view.picture.layout import LayoutError
from tinygrad_neuron.view.picture.scene import Piece, Scene, below_line, joined

# A dark colour for each that `dot_text` uses.
DARK = {
    "#ffffff": "#15191d",
    "#1d2329": "#e8eaec",
    "#59636c": "#a9b3bc",
    "#5c666f": "#98a3ad",
    "#6d28d9": "#c4a7ff",
    "#1f5fa8": "#79b8ff",
    "#a84a17": "#f2a36b",
    "#c62828": "#ff8a80",
    "#ffeccc": "#43320f",
    "#8a5a00": "#e0b060",
    "#e3effc": "#17324d",
    "#2567ad": "#7db4ee",
    "#f1f1f1": "#2a3036",
    "#e0f4d9": "#1c3a1c",
    "#2b7a2f": "#7fce83",
    "#e4e6e8": "#31373d",
}
SVG, XLINK = "{http://www.w3.org/2000/svg}", "http://www.w3.org/1999/xlink"
LINES = {f"{SVG}{name}" for name in ("path", "polygon", "polyline")}
ElementTree.register_namespace("", SVG[1:-1])
ElementTree.register_namespace("xlink", XLINK)
CLASS = "computation-graph"  # nothing else on a page has it
STEP, REST = 1.1, 4.0  # seconds for a step of a moving picture, and at its end


def finished(svg: bytes, scene: Scene, moving: bool = False) -> str:
    """The SVG with its title, the facts in words, and its styles."""
    text = visible(svg)
    text = re.sub(r"<!--.*?-->\n|<title>.*?</title>\n", "", text[text.index("<svg") :])
    text = in_points(text)
    if moving:
        text = in_motion(text, scene)
    style = dark_style(text) + (moving_style(scene.times(), text) if moving else "")
    title, facts = escape(scene.title), escape("\n".join(scene.facts()))
    head = f"<title>{title}</title>\n<desc>{facts}</desc>\n<style>{style}</style>\n"
    opening, rest = text.split(">", 1)
    return f'{opening} class="{CLASS}" role="img">\n{head}{rest.lstrip()}'


def visible(svg: bytes) -> str:
    """The SVG without the text that only keeps room: a worksheet must not hold the solution."""
    return re.sub(rf'<text [^>]*fill="{UNSEEN}">[^<]*</text>\n', "", svg.decode(errors="replace"))


def in_points(svg: str) -> str:
    """The SVG with a pixel for each point: for a notebook the layout scaled it, with its PNG."""
    paper = re.search(r'points="-4,4 -4,-([\d.]+) ([\d.]+),', svg)
    if not paper:
        return svg
    height, width = (math.ceil(float(side) + 4) for side in paper.groups())
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    svg = re.sub(r'width="[^"]*" height="[^"]*"\s*viewBox="[^"]*"', size, svg, count=1)
    return re.sub(r"scale\([^)]*\) rotate\(0\) ", "", svg, count=1)


def dark_style(svg: str) -> str:
    """Other colours on a dark screen, and the light ones in print."""
    rules = [
        f'.{CLASS} [{what}="{light}"]{{{what}:{dark}}}'
        for light, dark in DARK.items()
        for what in ("fill", "stroke")
        if f'{what}="{light}"' in svg
    ]
    return f"@media screen and (prefers-color-scheme:dark){{{''.join(rules)}}}"


def in_motion(svg: str, scene: Scene) -> str:
    """The SVG with a class for each step: s5 appears at step 5, and l5 is what it lights up."""
    root = ElementTree.fromstring(svg)
    groups = {group.get("id", ""): group for group in root.iter(f"{SVG}g")}
    if not all(node.id in groups for node in scene.nodes):
        raise LayoutError("the SVG of the layout program has not all boxes")
    for node in scene.nodes:
        set_steps(groups[node.id], [piece for line in node.lines for piece in joined(line)])
    for wire in scene.wires:
        if wire.id in groups:
            set_steps(groups[wire.id], joined([*wire.above, *below_line(wire, "LR")]))
    lit = [(step, [groups[id]], pass_) for step, id, pass_ in scene.lit_nodes()]
    for wire in scene.wires:
        ids = (wire.id, f"{wire.id}-tail", f"{wire.id}-head")
        parts = [groups[id] for id in ids if id in groups]
        lit += [(wire.forward, parts, "forward")]
        lit += [(wire.back, parts, "back")] if wire.back else []
    for step, parts, pass_ in lit:
        for part in parts:
            light_up(part, step, pass_)
    return ElementTree.tostring(root, encoding="unicode")


def set_steps(group: Element, pieces: list[Piece]) -> None:
    """Give each text the step of its piece; a piece may have become several texts."""
    texts = iter(list(group.iter(f"{SVG}text")))
    parents = {child: parent for parent in group.iter() for child in parent}
    text = None
    for piece in pieces:
        left = len(piece.text)
        while left > 0 and (text := next(texts, None)) is not None:
            left -= len(text.text or "")
            if piece.step:
                text.set("class", f"s{piece.step}")
        if piece.before and text is not None:
            ends = [*(step for step, _ in piece.before[1:]), piece.step]
            for (start, words), end in zip(piece.before, ends):
                earlier = Element(text.tag, text.attrib | {"class": f"l b{start}-{end}"})
                earlier.text = words
                parents[text].append(earlier)


def light_up(group: Element, step: int, pass_: str) -> None:
    """Lay a thick line over each line of the group. It is seen at this step."""
    solid = "edge" in group.get("class", "")
    for parent in list(group.iter()):
        for line in list(parent):
            if line.tag in LINES and not line.get("class"):
                fill = LIT[pass_] if solid and line.tag != f"{SVG}path" else "none"
                width = "2.5" if solid or line.tag != f"{SVG}polygon" else "1.5"
                looks = {"class": f"l l{step}", "stroke-width": width}
                looks |= {"stroke": LIT[pass_], "fill": fill}
                parent.append(Element(line.tag, line.attrib | looks))


def moving_style(times: list[int], svg: str) -> str:
    """When each step is seen, again and again."""
    whole = (len(times) + 1) * STEP + REST
    rules = [f".{CLASS} .l{{opacity:0}}"]
    for i, time in enumerate(times, 1):
        start, end = (100 * STEP * n / whole for n in (i, i + 1))
        rules.append(f"@keyframes s{time}{{0%{{opacity:0}}{start:.1f}%{{opacity:1}}}}")
        rules.append(f".{CLASS} .s{time}{{animation:s{time} {whole:.1f}s step-end infinite}}")
        moment = f"{start:.1f}%{{opacity:1}}{end:.1f}%{{opacity:0}}"
        rules.append(f"@keyframes l{time}{{0%{{opacity:0}}{moment}}}")
        rules.append(f".{CLASS} .l{time}{{animation:l{time} {whole:.1f}s step-end infinite}}")
    rules.append(
        f"@media (prefers-reduced-motion:reduce){{.{CLASS} *{{animation:none!important}}}}"
    )
    return "".join(rules)
