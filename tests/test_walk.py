"""The walk in a terminal, through a pseudo-terminal."""

import codecs
import os
import re
import select
import subprocess
import sys
import time

import pytest

from tinygrad_neuron import Neuron, steps, walk
from tinygrad_neuron.view.stepping.walk import in_lines

termios = pytest.importorskip("termios", reason="single keys need a POSIX terminal")
fcntl = pytest.importorskip("fcntl")
pty = pytest.importorskip("pty")

EXPRESSION = ["tanh(w*x + b)", "w=0.5", "x=2", "b=-0.25"]
RIGHT, LEFT, HOME, END = "\x1b[C", "\x1b[D", "\x1b[H", "\x1b[F"
QUESTION = "\x1b[?25h> "


class Terminal:
    """A program in a terminal of so many columns and lines."""

    def __init__(self, arguments, columns=100, lines=30):
        self.master, self.slave = pty.openpty()
        self.resize(columns, lines)
        self.before = termios.tcgetattr(self.slave)
        self.shown = ""
        self.text = codecs.getincrementaldecoder("utf-8")()  # a read may end amid a character

        def own_terminal():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            preexec_fn=own_terminal,  # so that Ctrl-C reaches it
            env=environment | {"TERM": "xterm"},
        )

    def resize(self, columns, lines):
        size = lines.to_bytes(2, sys.byteorder) + columns.to_bytes(2, sys.byteorder) + bytes(4)
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, size)

    def read(self, seconds):
        while select.select([self.master], [], [], seconds)[0]:
            self.shown += self.text.decode(os.read(self.master, 10_000))

    def screen(self, until="q quit"):
        """The lines of the last screen, once it has been written whole."""
        deadline = time.monotonic() + 20
        while until not in self.shown.rpartition("\x1b[J")[2]:
            assert time.monotonic() < deadline, self.shown
            self.read(0.02)
        self.read(0.05)
        return re.sub(r"\x1b\[[\d?]*[a-zA-Z]", "", self.shown.rpartition("\x1b[J")[2]).split("\r\n")

    def press(self, keys, until="q quit"):
        self.shown = ""
        os.write(self.master, keys.encode())
        return self.screen(until)

    def ended(self):
        """The exit status; the terminal must be as it was."""
        status = self.process.wait(20)
        self.read(0.05)
        assert termios.tcgetattr(self.slave) == self.before
        assert self.shown.count("\x1b[?25h\x1b[?1049l") == 1
        return status

    def close(self):
        """End what still runs as a user would: the terminal must be left as it was then too."""
        try:
            if self.process.poll() is None:
                os.write(self.master, b"\x03")
                self.ended()
        finally:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def terminal():
    opened = []

    def open_terminal(*arguments, **size):
        opened.append(Terminal(arguments, **size))
        return opened[-1]

    yield open_terminal
    for each in opened:
        each.close()


@pytest.fixture
def walking(terminal):
    return terminal("-m", "tinygrad_neuron", "walk", *EXPRESSION)


def test_the_first_screen_is_before_the_first_step(walking):
    assert walking.screen() == [
        f"{'─' * 30}  Backward pass, step 0 of 5",
        "▶ tanh(w*x + b)  tanh  data 0.6351  grad 1",
        "  └─ v2  +             data 0.75    grad             ∂ 0.5966",
        "     ├─ v1  *          data 1       grad             ∂ 1",
        "     │  ├─ w  input    data 0.5     grad             ∂ 2",
        "     │  └─ x  input    data 2       grad             ∂ 0.5",
        "     └─ b  input       data −0.25   grad             ∂ 1",
        "",
        "(tanh(w*x + b)).grad = 1, its derivative with respect to itself",
        "",
        "",
        "→ forward   ← back   g first   G last   p predict   q quit",
    ]


def test_a_step_marks_its_arrow_and_fills_in_the_gradient(walking):
    walking.screen()
    screen = walking.press(RIGHT * 4)
    assert screen[0] == f"{'━' * 24}{'─' * 6}  Backward pass, step 4 of 5"
    assert [line for line in screen if "▶" in line] == [
        "▶    │  ├─ w  input    data 0.5     grad 1.193       ∂ 2       ← 1.193"
    ]
    assert "  └─ v2  +             data 0.75    grad 0.5966      ∂ 0.5966  ← 0.5966" in screen
    assert "     │  └─ x  input    data 2       grad             ∂ 0.5" in screen  # nothing yet
    assert "w.grad += ∂v1/∂w · v1.grad = 2 · 0.5966 = 1.193   (0 → 1.193)" in screen
    assert "\x1b[1m▶    │  ├─ w" in walking.shown  # in bold


def test_the_keys_lead_forward_back_to_the_first_and_the_last(walking):
    walking.screen()
    for keys, place in [
        (RIGHT, 1), (" ", 2), ("n", 3), ("\r", 4), (LEFT, 3), ("b", 2), ("\x7f", 1), (END, 5),
        (RIGHT, 5), (HOME, 0), (LEFT, 0), ("G", 5), ("g", 0), ("nnb", 1), ("xyz", 1),
        ("\x1bOC", 2), ("\x1bOD", 1),
    ]:  # fmt: skip
        assert walking.press(keys)[0].endswith(f"step {place} of 5")
    assert walking.press("g") == walking.press("G" + LEFT * 5)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("1.193", "Right: 1.193."),
        ("1.2", "Right: 1.193."),
        ("1,193", "Right: 1.193."),
        ("−2", "Not −2: it is 1.193."),
        ("no idea", "It is 1.193."),
        ("", "It is 1.193."),
    ],
)
def test_a_prediction_is_asked_for_before_the_number_is_shown(walking, answer, verdict):
    walking.screen()
    walking.press("nnn")
    screen = walking.press("p", until=QUESTION)
    assert screen[-2:] == ["w.grad += ∂v1/∂w · v1.grad, and so from 0 to?", "> "]
    assert "1.193" not in walking.shown
    screen = walking.press(f"{answer}\n")
    assert screen[0] == f"{'━' * 24}{'─' * 6}  Backward pass, step 4 of 5"
    assert verdict in screen
    assert verdict not in walking.press(LEFT)


def test_at_the_last_step_there_is_nothing_to_predict(walking):
    walking.screen()
    walking.press("G")
    assert walking.press("pg")[0].endswith("step 0 of 5")


@pytest.mark.parametrize("keys", ["q", "\x04", "nnq"])
def test_quitting_and_the_end_of_the_input_leave_the_terminal_as_it_was(walking, keys):
    walking.screen()
    os.write(walking.master, keys.encode())
    assert walking.ended() == 0


def test_ctrl_c_leaves_the_terminal_as_it_was(walking):
    walking.screen()
    os.write(walking.master, b"\x03")
    assert walking.ended() == 130


@pytest.mark.parametrize(("key", "status"), [(b"\x04", 0), (b"\x03", 130)])
def test_so_do_the_end_of_the_input_and_ctrl_c_at_a_question(walking, key, status):
    walking.screen()
    walking.press("p", until=QUESTION)
    os.write(walking.master, key)
    assert walking.ended() == status


def test_a_terminal_that_goes_away_ends_the_walk(terminal):
    program = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN); "
    program += "from tinygrad_neuron import *; walk(-Value(1.0))"
    walking = terminal("-c", program)
    walking.screen()
    os.close(walking.slave)
    os.close(walking.master)
    walking.master, walking.slave = pty.openpty()  # another one, for the fixture to close
    assert walking.process.wait(20) is not None


def test_ctrl_z_does_not_leave_a_shell_on_the_screen_of_the_walk(walking):
    walking.screen()
    assert walking.press("\x1an")[0].endswith("step 1 of 5")


def test_what_is_typed_ahead_of_a_question_is_no_command(walking):
    walking.screen()
    walking.press("pGG", until=QUESTION)
    assert walking.press("0.3\n")[0].endswith("step 1 of 5")


def test_a_terminal_of_another_size_is_drawn_again(walking):
    walking.screen()
    walking.shown = ""
    walking.resize(columns=70, lines=12)
    assert max(map(len, walking.screen())) <= 70


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (60, 16), (40, 12), (5, 3)])
def test_the_numbers_have_their_place_before_the_names(terminal, columns, lines):
    program = "from tinygrad_neuron import *; import random\n"
    program += "net = MLP(2, [3, 1], rng=random.Random(0)); walk(net([1.0, 2.0])[0], model=net)"
    walking = terminal("-c", program, columns=columns, lines=lines)
    until = "q quit" if columns >= 60 else "▶"
    assert len(walking.screen(until)) <= lines
    for keys in ("n", "nnnn", "G"):
        screen = walking.press(keys, until)
        assert max(map(len, screen)) <= columns
        assert len(screen) <= lines
        if columns >= 60:
            (marked,) = [line for line in screen if line.startswith("▶")]
            assert re.search(
                r"  data \S+ +grad \S+ +∂\S* \S+( +← \S+)?$|\(above\) +∂\S* \S+$", marked
            ), marked
            assert len(screen) <= lines


def by_cells(text):
    """The text with each letter as often as it takes cells."""
    return "".join(letter * (1 + (letter in "日本語")) for letter in text)


@pytest.mark.parametrize("columns", [40, 60, 100])
def test_wide_letters_leave_the_numbers_their_place_and_stay_on_the_screen(terminal, columns):
    long = "日本語" * 8
    expression, numbers = f"{long} * 日本 * x", [f"{long}=2", "日本=3", "x=0.5"]
    walking = terminal("-m", "tinygrad_neuron", "walk", expression, *numbers, columns=columns)
    for screen in (walking.screen(), walking.press("nn"), walking.press("nn")):
        lines = [by_cells(line) for line in screen]
        assert max(map(len, lines)) <= columns
        assert len(lines) <= 30
        places = [line.index("  data ") for line in lines if "  data " in line]
        assert len(places) == 5
        assert len(set(places)) == 1


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (20, ["日本.grad += 2 · 3 =", "6   (0 → 6)"]),
        (19, ["日本.grad += 2 · 3", "= 6   (0 → 6)"]),
        (9, ["日本.grad", "+= 2 · 3", "= 6   (0", "→ 6)"]),
        (3, ["日", "本.", "gra", "d", "+=", "2 ·", "3 =", "6", "(0", "→", "6)"]),
        (1, [*"日本.grad+=2·3=6(0→6)"]),
    ],
)
def test_a_sentence_is_broken_at_blanks_or_inside_a_word_that_is_too_long(width, lines):
    assert in_lines("日本.grad += 2 · 3 = 6   (0 → 6)", width) == lines


def test_a_tree_that_is_too_long_shows_where_the_step_is(terminal):
    expression = " + ".join(f"x{i}*{i}" for i in range(40))
    numbers = [f"x{i}=1" for i in range(40)]
    walking = terminal("-m", "tinygrad_neuron", "walk", expression, *numbers, columns=60, lines=20)
    assert len(walking.screen()) <= 20
    for keys in ("G", "b" * 40, "g"):
        screen = walking.press(keys)
        assert len(screen) <= 20
        assert max(map(len, screen)) <= 60
        assert len([line for line in screen if line.startswith("▶")]) == 1
        assert any("lines of the tree are out of sight" in line for line in screen)


def test_walk_is_a_function_too(terminal):
    program = "from tinygrad_neuron import *; x = Value(3.0); y = x * x; walk(y); print(y)"
    walking = terminal("-c", program)
    assert walking.screen()[0] == f"{'─' * 30}  Backward pass, step 0 of 2"
    assert "∂₂y/∂x · y.grad = 3 · 1 = 3   (3 → 6)" in str(walking.press("G"))
    os.write(walking.master, b"q")
    assert walking.ended() == 0
    assert walking.shown.endswith("Value(9.0, grad=0.0, op='*')\r\n")


# Where there is no terminal.


def test_in_a_pipe_all_steps_are_printed(capsys):
    neuron = Neuron(2)
    y = neuron([1.0, 2.0])
    walk(y)
    assert capsys.readouterr().out.splitlines() == [str(step) for step in steps(y)]
    command = [sys.executable, "-m", "tinygrad_neuron", "walk", "x*x", "x=3"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", stdin=subprocess.DEVNULL)
    assert done.stdout == (
        "x.grad += ∂₁(x*x)/∂x · (x*x).grad = 3 · 1 = 3   (0 → 3)\n"
        "x.grad += ∂₂(x*x)/∂x · (x*x).grad = 3 · 1 = 3   (3 → 6)\n"
    )


def test_without_an_input_all_steps_are_printed():
    program = "import sys; sys.stdin = None; from tinygrad_neuron import *; walk(-Value(1.0))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8")
    assert done.stdout.count(".grad += ") == 1, done.stderr


def test_a_terminal_that_knows_no_cursor_gets_all_steps(terminal):
    program = "import os; os.environ.update(TERM='dumb'); "
    program += "from tinygrad_neuron import *; walk(-Value(1.0))"
    plain = terminal("-c", program)
    plain.process.wait(20)
    plain.read(0.1)
    assert plain.shown.count(".grad += ") == 1
    assert "\x1b" not in plain.shown


def test_walking_through_what_is_no_value_is_an_error():
    with pytest.raises(TypeError, match="a graph is that of one Value"):
        walk(3.0)
