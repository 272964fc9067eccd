"""The graph of another engine, as Values of ours."""

from __future__ import annotations

from typing import Any

from tinygrad_neuron.engine import Value


class ForeignGraph:
    """A graph of another engine, as twins that are our Values.

    order      the twins in topological order: operands before their users, the output last
    originals  for each twin the object it stands for
    twins      for the id of each of their objects its twin
    unordered  the twins whose operands came from a set
    merged     the twins that may have lost an operand, because it is the same object as another
    of_now     whether local derivatives were probed, so they belong to the data of now
    """

    __slots__ = ("merged", "of_now", "order", "originals", "twins", "unordered")

    def __init__(self) -> None:
        self.merged: set[Value] = set()
        self.order: list[Value] = []
        self.originals: dict[Value, Any] = {}
        self.twins: dict[int, Value] = {}
        self.unordered: set[Value] = set()
        self.of_now = False
