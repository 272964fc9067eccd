"""What a picture shows, before it is written as DOT, as Mermaid or as a moving picture.

A Node is a box as it is drawn, with its text, and a Wire is an arrow as it is drawn.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import NamedTuple

WORD, DATA, GRAD = "word", "data", "grad"  # what a piece of text is; the last two are numbers
BACKWARDS = {"LR": "←", "TB": "↑", "RL": "→", "BT": "↓"}  # where gradients flow


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of text on a line.

    style  how it looks: "soft", "ink", "bold", "back" (of the backward pass) or "old"
    what   WORD, or DATA or GRAD for numbers, which a worksheet leaves blank
    step   the step of both passes at which it appears; 0 is before the first one
    shown  whether it is visible; a hidden piece keeps its room
    before what stands there earlier, each with its step: the sum so far
    """

    text: str
    style: str = "ink"
    what: str = WORD
    step: int = 0
    shown: bool = True
    before: Sequence[tuple[int, str]] = ()

    def at(self, step: int) -> Piece:
        """As it is at a step of both passes."""
        if self.step <= step:
            return replace(self, step=0, before=())
        earlier = [text for when, text in self.before if when <= step]
        text = earlier[-1] if earlier else self.text
        return replace(self, text=text, step=0, shown=bool(earlier), before=())


TextLine = Sequence[Piece]  # a line of text


def in_words(row: TextLine) -> str:
    """The visible text of a line."""
    return "".join(piece.text for piece in row if piece.shown)


def joined(line: TextLine) -> list[Piece]:
    """The pieces with those that look alike in one, so that no gap is between them."""
    pieces = []
    for _, group in groupby(line, lambda p: (p.style, p.shown, p.step, bool(p.before))):
        alike = list(group)
        if text := "".join(piece.text for piece in alike):
            pieces.append(replace(alike[0], text=text))
    return pieces


@dataclass(frozen=True, slots=True)
class Node:
    """A box, or the words that stand for what is not drawn.

    kind     "input", "parameter", "constant", "inner", "output", "omitted", or "again" for the name
             of another box
    lines    its text
    tooltip  its exact numbers
    mark     "broken" where nan or inf begins, "off" for a neuron that passes nothing on, or ""
    step     the step at which it is computed
    lit      "forward" or "back" if the current step is about it, else ""
    """

    id: str
    kind: str
    lines: Sequence[TextLine]
    tooltip: str
    mark: str = ""
    step: int = 0
    lit: str = ""


@dataclass(frozen=True, slots=True)
class Wire:
    """An arrow.

    above, below   what the forward pass computed, and what flows back, behind an arrow to the left
    look           "plain", "zero", "positive" or "negative"; "omitted" from what is not drawn
    width          of the line, in points
    forward, back  the steps at which it is used
    lit            "forward" or "back" if the current step is about it, else ""
    ranks          how many ranks of boxes it goes on, at least
    """

    id: str
    tail: str
    head: str
    above: TextLine
    below: TextLine
    tooltip: str
    look: str = "plain"
    width: float = 1.0
    forward: int = 0
    back: int = 0
    lit: str = ""
    ranks: int = 1


def below_line(wire: Wire, direction: str) -> list[Piece]:
    """What flows back, behind an arrow in the direction in which it flows."""
    if not wire.below:
        return []
    arrow, *numbers = wire.below
    return [replace(arrow, text=f"{BACKWARDS[direction]} "), *numbers]


class Shape(NamedTuple):
    """How a picture is laid out.

    direction  "LR", "TB", "RL" or "BT"
    ranksep    inches between one rank of boxes and the next, where arrows have numbers
    """

    direction: str
    ranksep: float


@dataclass(frozen=True, slots=True)
class Scene:
    """A whole picture.

    notes        lines below it
    legend       what its lines mean
    title        what it is a picture of, in a few words
    forward      how many steps the forward pass takes; the next step is the output's own gradient
    beside       whether the numbers stand beside the arrows, and not on both sides of them
    hasty        whether the layout should hurry, because there is much to do
    """

    nodes: Sequence[Node]
    wires: Sequence[Wire]
    notes: Sequence[str] = ()
    legend: Sequence[str] = ()
    title: str = ""
    forward: int = 0
    beside: bool = False
    hasty: bool = False

    def has_numbers(self) -> bool:
        """Whether there are numbers on its arrows."""
        return any(wire.above or wire.below for wire in self.wires)

    def times(self) -> list[int]:
        """The steps at which something happens, in order."""
        backward = {wire.back for wire in self.wires if wire.back}
        return [*range(1, self.forward + 2), *sorted(backward)]

    def with_note(self, note: str) -> Scene:
        return replace(self, notes=[*self.notes, note])

    def facts(self) -> list[str]:
        """What the boxes say, for people who do not see the picture."""
        return ["; ".join(filter(None, map(in_words, node.lines))) for node in self.nodes]

    def at(self, step: int) -> Scene:
        """As it is at this step: what comes later keeps its room and is not visible."""
        scene = self.changed(lambda piece, _: piece.at(step))
        lit = {id: pass_ for when, id, pass_ in self.lit_nodes() if when == step}
        nodes = [replace(node, lit=lit.get(node.id, "")) for node in scene.nodes]
        wires = []
        for wire in scene.wires:
            pass_ = {wire.forward: "forward", wire.back: "back"}.get(step, "") if step else ""
            wires.append(replace(wire, lit=pass_))
        return replace(scene, nodes=nodes, wires=wires)

    def still(self) -> Scene:
        """As it is at the end, with nothing lit."""
        return self.at(sys.maxsize)

    def lit_nodes(self) -> Iterator[tuple[int, str, str]]:
        """Which box each step is about: the step, the box's id, "forward" or "back"."""
        for node in self.nodes:
            if node.step:
                yield node.step, node.id, "forward"
            if node.kind == "output":
                yield self.forward + 1, node.id, "back"
        for wire in self.wires:
            if wire.back:
                yield wire.back, wire.tail, "back"

    def without(self, blank: str) -> Scene:
        """A worksheet: the numbers to be found are left out, and their room is kept.

        blank  "grads", or "data" for every number that is computed
        """
        left_out = {GRAD} if blank == "grads" else {GRAD, DATA}

        def without_numbers(piece: Piece, leaf: bool) -> Piece:
            out = piece.what in ({GRAD} if leaf else left_out)
            return replace(piece, shown=piece.shown and not out)

        scene = self.changed(without_numbers)
        nodes = [replace(node, tooltip="", mark="") for node in scene.nodes]
        wires = []
        for wire in scene.wires:
            look = "omitted" if wire.look == "omitted" else "plain"
            wires.append(replace(wire, tooltip="", look=look, width=1.0))
        return replace(scene, nodes=nodes, wires=wires, legend=())

    def changed(self, change: Callable[[Piece, bool], Piece]) -> Scene:
        """With other pieces, each from a piece and whether it is in the box of a leaf.

        What is not visible has no tooltip either.
        """
        nodes, wires = [], []
        for node in self.nodes:
            lines = [[change(piece, not node.step) for piece in line] for line in node.lines]
            visible = all(piece.shown for line in lines for piece in line)
            nodes.append(replace(node, lines=lines, tooltip=node.tooltip if visible else ""))
        for wire in self.wires:
            above, below = ([change(p, False) for p in line] for line in (wire.above, wire.below))
            visible = all(piece.shown for piece in (*above, *below))
            tooltip = wire.tooltip if visible else ""
            wires.append(replace(wire, above=above, below=below, tooltip=tooltip))
        return replace(self, nodes=nodes, wires=wires)
