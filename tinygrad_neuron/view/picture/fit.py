"""Which boxes a picture has room for on a page, and how they are laid out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from tinygrad_neuron.view.picture.boxes import (
    READABLE,
    Box,
    Choice,
    Selection,
    nearest_first,
    nearest_only,
)
from tinygrad_neuron.view.picture.dot_text import dot_text
from tinygrad_neuron.view.picture.layout import LayoutError, render, size_of
from tinygrad_neuron.view.picture.scene import Scene, Shape, TextLine

# In points, which are shown as pixels, so that no text is smaller than 11 pixels.
PAGE_WIDTH, PAGE_HEIGHT = 830, 1400
ROOMY, TIGHT = 0.3, 0.13  # inches between the ranks of a picture with numbers on its arrows
MOST_NUMBERS = 100  # arrows with numbers
LETTER, LEAST_HEIGHT = 4.0, 50.0  # points of a letter and of a box: no more than they take

T = TypeVar("T")
SceneOf = Callable[[list[Box], bool], Scene]  # of boxes, with or without numbers on the arrows


class Drawing(NamedTuple):
    """A scene of these boxes, with or without numbers on its arrows, and how it is laid out."""

    scene: Scene
    boxes: list[Box]
    numbered: bool
    shape: Shape

    def size(self, across: bool) -> tuple[float, float]:
        """How long it is along its arrows, and how broad, in points."""
        width, height = size_of(render(dot_text(self.scene, self.shape), "svg"))
        return (width, height) if across else (height, width)


def fitted(selection: Selection, scene_of: SceneOf, directions: Sequence[str]) -> Drawing:
    """The fullest drawing that fits on a page, by trying.

    Before a box is left out, the drawing is turned, and the numbers on its arrows are left out.
    Nothing is left out of what the reader asked to see. Without a program that lays it out, the
    fullest drawing is taken.
    """
    choices = list(selection.choices())
    output, last = selection.graph.output, choices[-1]

    def drawings(choice: Choice) -> list[Drawing]:
        return drawings_of(selection.boxes(choice), scene_of, directions)

    def fitting(choice: Choice) -> Drawing | None:
        few = len(nearest_first(output, choice.arrows, READABLE)) <= READABLE
        return first_to_fit(drawings(choice)) if few else None

    def nearest(count: int) -> list[Drawing]:  # where the numbers on arrows matter most
        drawn = drawings(nearest_only(output, last, count))
        return [drawing for drawing in drawn if drawing.numbered] or drawn

    if selection.expand is True:
        return drawings(choices[0])[0]
    few = len(nearest_first(output, choices[0].arrows, READABLE)) <= READABLE
    first = choices[0] if few else nearest_only(output, last, READABLE)
    try:
        if isinstance(selection.expand, str) and few:
            return first_to_fit(drawings(first)) or drawings(first)[0]
        drawing = fullest(choices, fitting)
        if drawing is None:
            found = len(nearest_first(output, last.arrows))
            counts = range(min(READABLE, found), 0, -1)
            drawing = fullest(counts, lambda count: first_to_fit(nearest(count)))
        return drawing or nearest(1)[0]
    except LayoutError:
        return drawings(first)[0]


def fullest(choices: Sequence[T], fitting: Callable[[T], Drawing | None]) -> Drawing | None:
    """The drawing of the first choice that fits, if all after it fit too."""
    best = fitting(choices[0])
    start, end = 1, len(choices) if best is None else 0
    while start < end:
        middle = (start + end) // 2
        drawing = fitting(choices[middle])
        if drawing:
            best, end = drawing, middle
        else:
            start = middle + 1
    return best


def drawings_of(boxes: list[Box], scene_of: SceneOf, directions: Sequence[str]) -> list[Drawing]:
    """The drawings of these boxes, the best one first."""
    few = sum(len(box.arrows) for box in boxes) <= MOST_NUMBERS
    with_numbers = scene_of(boxes, True) if few else None
    scenes = [(with_numbers, True)] if with_numbers and with_numbers.has_numbers() else []
    scenes.append((scene_of(boxes, False), False))
    return [
        Drawing(scene, boxes, numbered, Shape(direction, ROOMY))
        for scene, numbered in scenes
        for direction in directions
    ]


def shape_of(scene: Scene, directions: Sequence[str]) -> Shape | None:
    """In which shape a scene fits on a page, if there is one."""
    numbered = scene.has_numbers()
    tried = [Drawing(scene, [], numbered, Shape(direction, ROOMY)) for direction in directions]
    found = first_to_fit(tried)
    return found.shape if found else None


def first_to_fit(drawings: Sequence[Drawing]) -> Drawing | None:
    """The best of these drawings that fits on a page."""
    for roomy in drawings:
        across = roomy.shape.direction in ("LR", "RL")
        page = (PAGE_WIDTH, PAGE_HEIGHT) if across else (PAGE_HEIGHT, PAGE_WIDTH)
        # Two ranks, a box and the numbers behind it, for each step of the longest path.
        ranks, longest = longest_path(roomy.scene, across)
        if longest + 72 * TIGHT * (ranks - 1) > page[0]:
            continue  # no layout would make it fit
        length, breadth = roomy.size(across)
        if length <= page[0] and breadth <= page[1]:
            return roomy
        saved = 2 * 72 * (ROOMY - TIGHT) * (ranks - 1) if roomy.numbered else 0.0
        if saved and length - saved <= page[0] and breadth <= page[1]:
            tight = roomy._replace(shape=Shape(roomy.shape.direction, TIGHT))
            length, breadth = tight.size(across)
            if length <= page[0] and breadth <= page[1]:
                return tight
    return None


def longest_path(scene: Scene, across: bool) -> tuple[int, float]:
    """How many boxes it has, and a length in points that it has at least."""
    own = {node.id: least_width(node.lines) if across else LEAST_HEIGHT for node in scene.nodes}
    paths = {node.id: (1, own[node.id]) for node in scene.nodes}
    for wire in scene.wires:  # in topological order
        ranks, length = paths[wire.tail]
        between = least_width([wire.above, wire.below]) if across else 0.0
        longer = length + between + own[wire.head]
        paths[wire.head] = (max(paths[wire.head][0], ranks + 1), max(paths[wire.head][1], longer))
    return max(ranks for ranks, _ in paths.values()), max(length for _, length in paths.values())


def least_width(lines: Sequence[TextLine]) -> float:
    return LETTER * max(sum(len(piece.text) for piece in line) for line in lines)
