"""Long arrows begin at a small box with the operand's name, so that a layout ends in time.

Graphviz lays an arrow out as a chain with a link for each rank of boxes that it crosses. A weight
that is used at a thousand steps has half a million links, which takes hours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tinygrad_neuron.view.picture.scene import Node, Piece, Scene, Wire

MOST_LINKS = 3_000  # that are laid out within a second or two
LONGEST, MOST_REPEATED = 10, 20_000  # ranks of one arrow, and of all arrows together


def with_short_arrows(scene: Scene) -> Scene:
    """The scene itself if its arrows are short enough, or else one with repeated names."""
    rank = ranks(scene)
    if links(scene.wires, rank) <= MOST_LINKS:
        return scene
    longest = min(LONGEST, max(2, MOST_REPEATED // len(scene.wires)))
    nodes, wires = {node.id: node for node in scene.nodes}, []
    nearest = {id: (rank[id], id) for id in nodes}  # of each box, its last repeated name
    for wire in sorted(scene.wires, key=lambda wire: rank[wire.head]):
        at, tail = nearest[wire.tail]
        if rank[wire.head] - at > longest:
            at, tail = rank[wire.head] - 1, f"{wire.tail}-again-{len(nodes)}"
            nodes[tail] = repeated(nodes[wire.tail], tail)
            nearest[wire.tail] = at, tail
        wires.append(replace(wire, tail=tail))
    shorter = replace(scene, nodes=list(nodes.values()), wires=wires)
    rank = ranks(shorter)
    if links(wires, rank) <= MOST_LINKS:
        return shorter
    told = [replace(wire, ranks=rank[wire.head] - rank[wire.tail]) for wire in wires]
    return replace(shorter, wires=told, hasty=True)


def ranks(scene: Scene) -> dict[str, int]:
    """The rank of each box: the output's is 0, and a box is one before the first that uses it."""
    rank = {node.id: 0 for node in scene.nodes}
    into: dict[str, list[str]] = {id: [] for id in rank}
    uses = dict.fromkeys(rank, 0)
    for wire in scene.wires:
        into[wire.head].append(wire.tail)
        uses[wire.tail] += 1
    ready = [id for id in rank if not uses[id]]
    for head in ready:  # grows while it is read: users before what they use
        for tail in into[head]:
            rank[tail] = min(rank[tail], rank[head] - 1)
            uses[tail] -= 1
            if not uses[tail]:
                ready.append(tail)
    return rank


def links(wires: Sequence[Wire], rank: dict[str, int]) -> int:
    return sum(rank[wire.head] - rank[wire.tail] for wire in wires)


def repeated(node: Node, id: str) -> Node:
    """A small box with only the name, or with the number of a constant."""
    name = node.lines[1][0].text if len(node.lines) > 1 else node.lines[0][0].text
    return Node(id, "again", [[Piece(name, "soft")]], node.tooltip)
