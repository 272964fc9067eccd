"""What a picture shows: its SVG, read as XML."""

import re
import xml.etree.ElementTree as ET
from itertools import groupby
from typing import NamedTuple

SVG = "{http://www.w3.org/2000/svg}"
LINES = {f"{SVG}{name}" for name in ("path", "polygon", "polyline")}
BACKWARDS = "←↑→↓"


class Letters(NamedTuple):
    """Letters that look alike, and where they begin."""

    text: str
    x: float
    y: float
    fill: str
    bold: bool
    size: float


class Arrow(NamedTuple):
    """An arrow from one box to another, and what is written along it."""

    tail: str
    head: str
    texts: tuple[str, ...]


class Seen:
    """The boxes and arrows of a picture, each found by its id.

    boxes     of each box the lines that can be seen, in the order of the source
    kinds     its class, such as "input"
    arrows    each with the names of its boxes; what flows back is a text of its own
    tooltips  by id, of boxes and arrows
    notes     the lines below the picture
    again     the ids of small boxes that have no more than the name of another box
    """

    def __init__(self, picture, svg=None):
        self.svg = svg or picture.svg()
        root = ET.fromstring(self.svg)
        self.groups = {group.get("id"): group for group in root.iter(f"{SVG}g")}
        self.ids = [id for id in self.groups if re.fullmatch(r"node-\d+", id or "")]
        self.ids.sort(key=lambda id: int(id[5:]))
        self.boxes = [self.lines(id) for id in self.ids]
        self.kinds = [self.groups[id].get("class").removeprefix("node ") for id in self.ids]
        self.names = {id: self.name(id) for id in self.ids}
        self.again = [id for id in self.groups if "-again-" in (id or "") and id[0] == "n"]
        called = self.names | {id: self.name(id) for id in self.again}
        drawn = [id for id in self.groups if re.match("node|arrow", id or "")]
        self.tooltips = {id: tooltip(self.groups[id]) for id in drawn}
        self.notes = [text.text for text in root.iterfind(f"{SVG}g/{SVG}text")]
        ends = {}
        for tail, head, id in re.findall(
            r'^\t"([^"]+)"\S* -> "([^"]+)"\S* \[.*?\bid="(arrow-\d+)[^"]*"', picture.source, re.M
        ):
            ends.setdefault(id, [tail])[1:] = [head]
        self.arrow_ids = list(ends)
        self.arrows = [
            Arrow(called[tail], called[head], tuple(self.texts(id)))
            for id, (tail, head) in ends.items()
        ]

    def letters(self, id):
        """All that is written in a box or on an arrow, in its order."""
        return [
            Letters(
                "".join(text.itertext()).replace("\u200b", ""),  # which only makes room
                *(float(text.get(place)) for place in "xy"),
                text.get("fill", "black"),
                text.get("font-weight") == "bold",
                float(text.get("font-size")),
            )
            for text in self.groups[id].iter(f"{SVG}text")
            if "edge" not in self.groups[id].get("class")
        ]

    def lines(self, id):
        """What can be seen, line by line."""
        found = groupby(self.letters(id), lambda letters: letters.y)
        lines = [[each.text for each in line if each.fill != "transparent"] for _, line in found]
        return ["".join(texts).strip() for texts in lines]

    def name(self, id):
        """What is bold in a box; of one without a name, its last line."""
        return "".join(each.text for each in self.letters(id) if each.bold) or self.lines(id)[-1]

    def texts(self, id):
        """Of an arrow the local derivative, and what flows back."""
        if id not in self.groups or "edge" in self.groups[id].get("class"):
            return []
        text = "\n".join(self.lines(id))
        parts = re.split(rf"(?=[{BACKWARDS}](?: |$))", text)
        return [part.strip() for part in parts if part.strip()]

    def id(self, name):
        (id,) = [id for id, found in self.names.items() if found == name]
        return id

    def box(self, name):
        """The lines of the box that is called so."""
        return self.boxes[self.ids.index(self.id(name))]

    def kind(self, name):
        return self.kinds[self.ids.index(self.id(name))]

    def tooltip(self, name):
        return self.tooltips[self.id(name)]

    def between(self, tail, head):
        """The texts of the arrows from one box to another."""
        return [arrow.texts for arrow in self.arrows if (arrow.tail, arrow.head) == (tail, head)]

    def outlines(self, id):
        """The shapes of a box, or the lines of an arrow, each as its attributes."""
        parts = [id] if id.startswith("node") or id in self.groups else []
        parts += [f"{id}-tail", f"{id}-head"] if f"{id}-tail" in self.groups else []
        return [
            part.attrib for name in parts for part in self.groups[name].iter() if part.tag in LINES
        ]

    def outline(self, name):
        """The first shape of the box that is called so."""
        return self.outlines(self.id(name))[0]

    def line(self, tail, head):
        """The line of the only arrow from one box to another."""
        (id,) = [
            id for id, a in zip(self.arrow_ids, self.arrows) if (a.tail, a.head) == (tail, head)
        ]
        return next(line for line in self.outlines(id) if line.get("fill") == "none")

    def size(self):
        """Width and height, in pixels."""
        sides = re.search(r'width="(\d+)" height="(\d+)"', self.svg).groups()
        return tuple(map(int, sides))


def tooltip(group):
    links = group.iter(f"{SVG}a")
    return next((a.get("{http://www.w3.org/1999/xlink}title") for a in links), "")
