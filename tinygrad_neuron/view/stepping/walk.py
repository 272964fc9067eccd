"""Walking through a backward pass in a terminal, forwards and back."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

from tinygrad_neuron.engine import Value
from tinygrad_neuron.view.graph import Graph
from tinygrad_neuron.view.notation import beginning, cells, number, padded, word
from tinygrad_neuron.view.picture.tree import Line, lines_of
from tinygrad_neuron.view.stepping.steps import steps_of

KEYS = {
    **dict.fromkeys(["\x1b[C", "\x1bOC", "n", " ", "\r", "\n"], "forward"),
    **dict.fromkeys(["\x1b[D", "\x1bOD", "b", "\x7f"], "back"),
    **dict.fromkeys(["\x1b[H", "\x1bOH", "\x1b[1~", "g"], "first"),
    **dict.fromkeys(["\x1b[F", "\x1bOF", "\x1b[4~", "G"], "last"),
    "p": "predict",
    **dict.fromkeys(["q", "\x04", ""], "quit"),  # Ctrl-D, and the end of the input
}
HELP = "→ forward   ← back   g first   G last   p predict   q quit"
WholeLines = Callable[[], AbstractContextManager[None]]
GRADIENT = 10  # cells of the terminal that a gradient takes: −1.235e−05
FLOW = len("  ← ") + GRADIENT  # cells of what flows back along an arrow
BAR = 30  # cells of the line that shows how far the pass has come, where there is room
HEAD = 12  # cells of a tree's line that stay before its numbers
KEY_SECONDS = 0.2  # seconds between two looks at the terminal's size
CLOSE_ENOUGH = 0.01  # how far off a prediction may be, as a part of the number
CLEAR = "\x1b[H\x1b[J"
OTHER_SCREEN, OWN_SCREEN = "\x1b[?1049h", "\x1b[?1049l"
HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
BOLD, PLAIN = "\x1b[1m", "\x1b[m"
BACKWARD, DEFAULT = "\x1b[35m", "\x1b[39m"  # violet, as in pictures, for what the pass computes


def walk(
    output: object, *, variables: Mapping[str, object] | None = None, model: object = None
) -> None:
    """Walk through the steps of `output.backward()` in the terminal, forwards and back.

    The screen has the tree with the gradients as they are after a step, the arrow of the step
    marked, behind each arrow what has flowed back along it, and the step's sentence. The keys are
    written below; p asks for the next gradient before it is shown, and accepts an answer within
    1 %. As in `steps`, the pass is a fresh one, and your values keep their gradients. Without a
    terminal that sends single keys, as in a pipe or on Windows, all steps are printed.

    variables, model  as in `draw`; TypeError as there

    >>> walk(Value(0.0, label="w").tanh())  # doctest: +ELLIPSIS
    w.grad ... ∂v1/∂w · v1.grad = 1 · 1 = 1   (0 → 1)
    """
    walker = Walker(Graph(output, variables, sys._getframe().f_back, model))
    if is_terminal():
        with single_keys() as whole_lines:
            walker.run(whole_lines)
    else:
        for step in walker.steps:
            print(step)


class Walker:
    """A place in the backward pass of a graph.

    steps    its steps
    taken    how many of them are behind
    verdict  on the prediction of the last of them, if there was one
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.steps = steps_of(graph)
        self.taken = 0
        self.verdict = ""
        self.lines = list(lines_of(graph))
        self.line_of_edge = {(line.user, line.position): i for i, line in enumerate(self.lines)}
        self.head_width = max(cells(line.head) for line in self.lines)
        self.data_width = max(len(number(line.value.data)) for line in self.lines)
        self.partial_width = max(len(line.partial) for line in self.lines)

    def run(self, whole_lines: WholeLines) -> None:
        import shutil  # slow to import

        size = None
        while True:
            if size != (size := shutil.get_terminal_size()):
                write(CLEAR + coloured("\n".join(self.screen(*size))))
            for key in read_keys(KEY_SECONDS):
                action, size = KEYS.get(key), None
                if action == "quit":
                    return
                if action == "predict" and self.taken < len(self.steps):
                    columns, rows = shutil.get_terminal_size()
                    question = in_lines(self.question(), columns)
                    *above, _ = self.screen(columns, max(1, rows - len(question) + 1))
                    write(coloured("\n".join([CLEAR, *above, *question, ""])))
                    with whole_lines():
                        try:
                            self.predict(input("> "))
                        except EOFError:
                            return
                    break  # what was typed ahead was not meant for the question
                elif action:
                    self.move(action)

    def move(self, action: str) -> None:
        last = len(self.steps)
        places = {"forward": self.taken + 1, "back": self.taken - 1, "first": 0, "last": last}
        self.taken = min(max(places.get(action, self.taken), 0), last)
        self.verdict = ""

    def question(self) -> str:
        step = self.steps[self.taken]
        return f"{step.chain_rule}, and so from {number(step.grad_before)} to?"

    def predict(self, answer: str) -> None:
        self.move("forward")
        right = self.steps[self.taken - 1].grad_after
        try:
            guess = float(answer.replace("−", "-").replace(",", "."))
        except ValueError:
            self.verdict = f"It is {number(right)}."
            return
        near = abs(guess - right) <= CLOSE_ENOUGH * abs(right) or number(guess) == number(right)
        self.verdict = f"Right: {number(right)}."
        if not near:
            self.verdict = f"Not {number(guess)}: it is {number(right)}."

    def screen(self, width: int, height: int) -> list[str]:
        """The lines to be shown: part of the tree if there is no room for all of it."""
        output, value = self.graph.output, self.graph.value
        current, changed = 0, value(self.graph.original(output))
        sentence = (
            f"{word(self.graph.names.of[output])}.grad = 1, its derivative with respect to itself"
        )
        if self.taken:
            step = self.steps[self.taken - 1]
            changed = value(step.operand)
            current = self.line_of_edge[value(step.node), step.position]
            sentence = str(step)
        title = f"Backward pass, step {self.taken:,} of {len(self.steps):,}"
        done = BAR * self.taken // max(1, len(self.steps))
        if cells(title) + BAR + 2 <= width:
            title = f"{'━' * done}{'─' * (BAR - done)}  {title}"
        below = ["", *in_lines(sentence, width), self.verdict, "", *in_lines(HELP, width)]

        # Three lines stay free: the title, the line about hidden lines, and one for the question.
        room = max(1, height - len(below) - 3)
        start = min(max(0, current - room // 2), max(0, len(self.lines) - room))
        gradients, flows = self.numbers_after(self.taken)
        tree = []
        for i, line in enumerate(self.lines[start : start + room], start):
            flow = flows.get((line.user, line.position))
            text = self.tree_line(line, gradients, flow, width - 2)
            lit = i == current or (line.first and line.value is changed)
            text = beginning(f"{'▶' if i == current else ' '} {text}", width)
            tree.append(f"{BOLD}{text}{PLAIN}" if lit else text)
        if cut := len(self.lines) - len(tree):
            tree.append(beginning(f"… {cut:,} lines of the tree are out of sight", width))
        return [beginning(title, width), *tree, *below][:height]

    def numbers_after(
        self, taken: int
    ) -> tuple[dict[Value | None, float], dict[tuple[Value | None, int], float]]:
        """After so many steps the gradients, and for each arrow what has flowed back along it."""
        value, done = self.graph.value, self.steps[:taken]
        gradients: dict[Value | None, float] = {self.graph.output: 1.0}
        gradients |= {value(step.operand): step.grad_after for step in done}
        return gradients, {(value(s.node), s.position): s.contribution for s in done}

    def tree_line(
        self,
        line: Line,
        gradients: Mapping[Value | None, float],
        flow: float | None,
        width: int,
    ) -> str:
        """A line of the tree, in which the head gives way to the numbers."""
        numbers = ""
        if line.first:
            gradient = number(gradients[line.value]) if line.value in gradients else ""
            numbers = f"data {number(line.value.data):<{self.data_width}}  grad {gradient}"
        numbers_width = len("data   grad ") + self.data_width + GRADIENT
        numbers_room = numbers_width + self.partial_width + 4
        room = width - numbers_room - FLOW if width - numbers_room - FLOW >= HEAD else width
        head_width = max(HEAD, min(self.head_width, min(room, width - numbers_room)))
        head = line.head
        if cells(head) > head_width:
            head = f"{beginning(head, head_width - 1)}…"
        head = padded(head, head_width)
        text = f"{head}  {numbers:<{numbers_width}}  {line.partial:<{self.partial_width}}"
        arrow = "" if flow is None else f"  ← {number(flow)}"
        return f"{text}{arrow if cells(text + arrow) <= width else ''}".rstrip()


def in_lines(text: str, width: int) -> list[str]:
    """The text in lines of so many cells, broken at blanks, or inside a word that is too long."""
    lines = []
    while text:
        line = beginning(text, width) or text[0]  # in a terminal of one column
        if line != text and " " in f"{line}{text[len(line)]}":
            line = text[: text.rindex(" ", 0, len(line) + 1)]
        lines.append(line.rstrip())
        text = text[len(line) :].lstrip()
    return lines


# The terminal.


def coloured(screen: str) -> str:
    """The screen with gradients and what flows back in their colour, if colours are wanted."""
    import re

    if os.environ.get("NO_COLOR"):
        return screen
    numbers = r"(?<!\.)\bgrad [^ \n]+|← (?=[−\din])[^ \n]+"
    return re.sub(numbers, lambda found: f"{BACKWARD}{found[0]}{DEFAULT}", screen)


def is_terminal() -> bool:
    """Whether single keys can be read, and a screen be written to."""
    try:
        import termios  # noqa: F401
    except ImportError:
        return False
    both = all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))
    return both and os.environ.get("TERM") != "dumb"


@contextmanager
def single_keys() -> Iterator[WholeLines]:
    """Keys come one by one, on a screen of their own, until the terminal is as it was again.

    It gives a context in which whole lines are read as usual.
    """
    import termios
    import tty

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)

    @contextmanager
    def whole_lines() -> Iterator[None]:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
        write(SHOW_CURSOR)
        yield
        write(HIDE_CURSOR)
        keys_alone()

    def keys_alone() -> None:
        tty.setcbreak(terminal)
        mode = termios.tcgetattr(terminal)
        mode[6][termios.VSUSP] = os.fpathconf(terminal, "PC_VDISABLE").to_bytes(1, "little")
        termios.tcsetattr(terminal, termios.TCSADRAIN, mode)  # Ctrl-Z would leave this screen

    try:
        write(OTHER_SCREEN + HIDE_CURSOR)
        keys_alone()
        yield whole_lines
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
        write(SHOW_CURSOR + OWN_SCREEN)


def read_keys(patience: float) -> list[str]:
    """The keys that were pressed within so many seconds; an arrow's key comes as several letters.

    The end of the input is a key that is "".
    """
    import re
    from select import select

    if not select([sys.stdin], [], [], patience)[0]:
        return []
    try:
        text = os.read(sys.stdin.fileno(), 100).decode(errors="replace")
    except OSError:  # the terminal is gone
        text = ""
    return re.findall(r"\x1b\[[0-9;]*[A-Za-z~]|\x1bO[A-Z]|.", text, re.DOTALL) or [""]


def write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
