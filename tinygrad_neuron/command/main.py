"""The arguments of `tinygrad-neuron`, and its exit status.

0 done, 1 diverged or found wrong, 2 bad input, 130 ended by Ctrl-C. Each command imports what it
needs when it runs, so that all start quickly.
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import sys
import traceback
import unicodedata
from collections.abc import Callable
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from tinygrad_neuron import __version__
from tinygrad_neuron.checks.stages import STAGES
from tinygrad_neuron.command.errors import Diverged, InputError, Interrupted
from tinygrad_neuron.command.output import failures, forget_output
from tinygrad_neuron.command.table import as_number
from tinygrad_neuron.view.grammar import FUNCTIONS

LEARN = """\
Without a table, learn y = 3x + 1 from four points. With one, learn its last column from all the
others: a column of two words, or of 0 and 1, with a sigmoid neuron and binary cross-entropy, a
column of other numbers with a linear neuron and the mean squared error. The table is a text file
whose first row names the columns, with commas, semicolons or tabs between the cells. Inputs are
standardised. Ctrl-C ends the learning after the current epoch, and what was learned until then is
reported and saved.
"""
PREDICT = """\
Write a table with one more column, the prediction of a model that learn --save has written; for
classes with another one, the probability of the second class. Columns are found by their names.
"""
EXPRESSION = f"""\
An expression is made of names, numbers, + - * / ** ( ) and the functions {", ".join(FUNCTIONS)}.
Steps may come before it: "h = w*x; tanh(h + b)".
"""
DRAW = f"""\
Print the computation graph of an expression as a tree. For each value there is its data, its
gradient, which is the derivative of the whole by it, and the local derivative of the value that it
is indented under.
{EXPRESSION}"""
WALK = f"""\
Walk through backpropagation in the terminal, an arrow of the computation graph at each step, with
single keys: forwards, back, and with a key that asks for the next gradient before it is shown. In
a pipe, print all steps.
{EXPRESSION}"""
PLAY = f"""\
Open a page in your browser on which you type an expression, move its numbers, step through both
passes and let it learn. It works offline. Without an expression it begins with examples. The
expression and its numbers stand in the page's address, which you can share.
{EXPRESSION}"""
CHECK = """\
Run short programs on an engine like this one: one for each stage in which an engine is built, and
one for each of many mistakes that engines make. Print the answers and the right ones, and explain
the first mistake. The engine is a file or an installed package. Each program runs in a process of
its own with a time limit, and on Linux a memory limit, but with your rights. The exit status is 0
only if everything that the engine can express is right.
"""
Commands: TypeAlias = "argparse._SubParsersAction[Parser]"


class Parser(argparse.ArgumentParser):
    """Bad arguments get one line, without the usage; the help keeps its lines as written."""

    def __init__(self, **options: Any) -> None:
        options["formatter_class"] = argparse.RawDescriptionHelpFormatter
        super().__init__(allow_abbrev=False, **options)
        self.mixed = self.takes_expression = False

    def parse_known_args(self, *words: Any) -> Any:  # type: ignore[override]
        """Options may stand anywhere: draw "w*x" -o graph.svg w=1 x=2."""
        if self._subparsers or self.mixed or "--" in words[0]:  # which that would forget
            return super().parse_known_args(*words)
        self.mixed = True  # what is called now may call back
        return self.parse_known_intermixed_args(self.with_values(words[0]), *words[1:])

    def with_values(self, words: list[str]) -> list[str]:
        """Keeps argparse from taking for an option: -1,1 after --classes, the expression -x*2."""
        options, kept = self._option_string_actions, [""]
        for word in words:
            is_option = word.startswith("--") or word in options
            is_option |= word[:2] in options and word[2:3] not in (
                "*",
                "+",
                "-",
            )  # such as -ograph.svg
            before = options.get(kept[-1])
            if is_option or word == "-" or not word.startswith("-"):
                kept.append(word)
            elif before is not None and before.nargs != 0:
                kept[-1] += f"={word}"
            else:
                kept.append(f" {word}" if self.takes_expression else word)
        return kept[1:]

    def error(self, message: str, excerpt: str = "") -> NoReturn:
        line = " ".join(message.split())  # a file's name may hold a new line
        self.exit(2, f"{self.prog}: error: {line}\n{excerpt}")


def main() -> None:
    for stream in sys.stdout, sys.stderr:
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a table may hold any letter
    parser = make_parser()
    arguments = vars(parser.parse_args())
    run = arguments.pop("run")
    try:
        run(**arguments)
        if sys.stdout:  # there is none if the shell has closed it
            sys.stdout.flush()
        if failures:
            raise failures[0]
    except (KeyboardInterrupt, Interrupted):
        sys.exit(130)
    except Exception as error:
        if os.environ.get("TINYGRAD_NEURON_DEBUG") == "1":
            traceback.print_exc()
        tell(error, parser)


def tell(error: Exception, parser: Parser) -> None:
    """One line for each error, and the exit status."""
    match error:
        case Diverged():
            sys.exit(f"{parser.prog}: {error}")
        case InputError():
            parser.error(str(error), error.excerpt)
        case BrokenPipeError():  # whoever was reading has seen enough
            forget_output()
        case OSError():
            forget_output()
            parser.error(f"standard output: {error.strerror or error}")
        case _:
            shown = f"{type(error).__name__}: {error}"
            parser.error(f"unexpected {shown:.200}; TINYGRAD_NEURON_DEBUG=1 shows where")


def make_parser() -> Parser:
    parser = Parser(
        prog="tinygrad-neuron",
        description="Watch one neuron learn, and see how a gradient comes about.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add_learn(commands)
    add_predict(commands)
    add_draw(commands)
    add_walk(commands)
    add_play(commands)
    add_check(commands)
    return parser


def examples(*commands: str) -> str:
    return "\n".join(["to try:", *(f"  tinygrad-neuron {command}" for command in commands)])


def add_learn(commands: Commands) -> None:
    learn = commands.add_parser(
        "learn",
        help="learn the textbook line, or a column of a table",
        description=LEARN,
        epilog=examples("learn notebooks/iris.csv --class setosa --holdout 0.3"),
    )
    learn.set_defaults(run=partial(run_learn, learn))
    add = learn.add_argument
    add("path", metavar="TABLE.csv", nargs="?", type=Path, help="- is the standard input")
    add("--target", metavar="NAME", type=one_spaced, help="the column to learn (default: the last)")
    add(
        "--inputs",
        metavar="A,B",
        type=column_names,
        help="the columns to learn from (default: all others)",
    )
    which = learn.add_mutually_exclusive_group()
    which.add_argument(
        "--classes", metavar="A,B", type=two_classes, help="keep only these two; A is 0 and B is 1"
    )
    which.add_argument(
        "--class",
        metavar="A",
        dest="one_class",
        type=one_spaced,
        help="tell A, which is 1, from the rest, 0",
    )
    add(
        "--holdout",
        metavar="SHARE",
        type=share,
        help="the share of rows to keep aside and test on (default: 0)",
    )
    add(
        "--lr",
        metavar="RATE",
        type=positive,
        help="the learning rate (default: 0.5 for classes, 0.1 for numbers, 0.01 without a table)",
    )
    add(
        "--epochs",
        metavar="N",
        type=count,
        help="how often to go through all rows (default: 200, without a table 100)",
    )
    add("--seed", metavar="N", type=whole, help="for all that is random (default: 0)")
    add(
        "--graph",
        dest="picture",
        metavar="FILE",
        type=picture_path,
        help="draw what the trained neuron makes of the first row (.svg, .png, .pdf, …)",
    )
    add(
        "--plot",
        metavar="FILE",
        type=plot_path,
        help="draw the loss, and what was learned from one or two inputs (.png, .svg or .pdf)",
    )
    add("--save", dest="model", metavar="MODEL.json", type=Path, help="save what was learned")


def run_learn(learn: Parser, path: Path | None, **options: Any) -> None:
    from tinygrad_neuron.command.learn import Files, learn_line, learn_table

    files = Files(*(options.pop(name) for name in Files._fields))
    if path:
        learn_table(path, files=files, **options)
        return
    for name in "target", "inputs", "classes", "one_class", "holdout", "seed":
        if options[name] is not None:
            learn.error(f"--{name.removeprefix('one_')} needs a table")
    learn_line(options["lr"], options["epochs"], files)


def add_predict(commands: Commands) -> None:
    predict = commands.add_parser(
        "predict",
        help="a table with the predictions of a saved model",
        description=PREDICT,
        epilog=examples(
            "learn notebooks/iris.csv --class setosa --save model.json",
            "predict model.json notebooks/iris.csv",
        ),
    )
    predict.set_defaults(run=run_predict)
    add = predict.add_argument
    add("model_path", metavar="MODEL.json", type=Path)
    add("path", metavar="TABLE.csv", type=Path, help="- is the standard input")
    add("-o", "--output", metavar="FILE", type=Path, help="where to (default: standard output)")


def run_predict(**options: Any) -> None:
    from tinygrad_neuron.command.predict import predict_table

    predict_table(**options)


def add_draw(commands: Commands) -> None:
    draw = commands.add_parser(
        "draw",
        help="an expression's computation graph, with its gradients",
        description=DRAW,
        epilog=examples('draw "tanh(w*x + b)" w=0.5 x=2 b=0.1 -o graph.svg'),
    )
    draw.set_defaults(run=run_draw)
    add_expression(draw)
    draw.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        dest="picture",
        type=picture_path,
        help="a picture: .svg, .png, .pdf, .dot or .mmd",
    )


def run_draw(**options: Any) -> None:
    from tinygrad_neuron.command.draw import draw_expression

    draw_expression(**options)


def add_walk(commands: Commands) -> None:
    walk = commands.add_parser(
        "walk",
        help="backpropagation step by step, in the terminal or in a page",
        description=WALK,
        epilog=examples('walk "tanh(w*x + b)" w=0.5 x=2 b=0.1'),
    )
    walk.set_defaults(run=run_walk)
    add_expression(walk)
    walk.add_argument(
        "--html",
        metavar="FILE",
        dest="page",
        type=page_path,
        help="a page that plays it in a browser, and lets one move the numbers (.html)",
    )


def run_walk(**options: Any) -> None:
    from tinygrad_neuron.command.draw import walk_expression

    walk_expression(**options)


def add_play(commands: Commands) -> None:
    play = commands.add_parser(
        "play",
        help="a playground in the browser: type an expression, move its numbers, let it learn",
        description=PLAY,
        epilog=examples("play", 'play "tanh(w*x + b)" w=0.5 x=2 b=0.1 -o playground.html'),
    )
    play.set_defaults(run=run_play)
    add_expression(play, nargs="?", default="")
    play.add_argument(
        "-o", "--output", metavar="FILE", dest="page", type=page_path, help="save the page (.html)"
    )
    play.add_argument(
        "--no-browser", action="store_true", help="print where the page lies, and do not open it"
    )


def run_play(**options: Any) -> None:
    from tinygrad_neuron.command.play import play_expression

    play_expression(**options)


def add_check(commands: Commands) -> None:
    check = commands.add_parser(
        "check",
        help="what is wrong in an autograd engine, or what to build next",
        description=CHECK,
        epilog=examples(
            "check --package tinygrad_neuron",
            "check --package tinygrad_neuron --until order --csv",
        ),
    )
    check.set_defaults(run=partial(run_check, check))
    add = check.add_argument
    add("paths", metavar="ENGINE.py", nargs="*", type=Path)
    add("--package", metavar="NAME", help="an installed package, by the name it is imported by")
    add("--name", metavar="CLASS", default="Value", help="the class of its values (default: Value)")
    add(
        "--neuron",
        metavar="CLASS",
        default="Neuron",
        help="the class of its neurons (default: Neuron)",
    )
    stages = list(dict.fromkeys(stage.stage for stage in STAGES))
    add("--until", metavar="STAGE", choices=stages, help=f"stop after {', '.join(stages)}")
    form = check.add_mutually_exclusive_group()
    for name, what in [
        ("json", "as JSON, for a program"),
        ("markdown", "as a table in Markdown"),
        ("csv", "a line for each engine: its last stage, its first mistake and the seconds"),
    ]:
        form.add_argument(f"--{name}", dest="form", action="store_const", const=name, help=what)


def run_check(check: Parser, paths: list[Path], package: str | None, **options: Any) -> None:
    if bool(paths) == (package is not None):
        check.error("give either a file or --package NAME")
    if len(paths) > 1 and options["form"] != "csv":
        check.error("several engines need --csv")
    from tinygrad_neuron.command.check import check_engine

    check_engine(paths, package, **options)


def add_expression(parser: Parser, **options: Any) -> None:
    parser.takes_expression = True
    parser.add_argument("text", metavar="EXPRESSION", **options)
    parser.add_argument(
        "numbers", metavar="NAME=NUMBER", nargs="*", default=[], type=name_and_number
    )


def positive(text: str) -> float:
    rate = as_number(text)
    if not 0 < rate < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number above 0, not {text!r}")
    return rate


def share(text: str) -> float:
    part = as_number(text)
    if not 0 <= part < 1:
        raise argparse.ArgumentTypeError(f"must be at least 0 and below 1, not {text!r}")
    return part


def count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number above 0, not {text!r}")
    return int(text)


def whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a whole number, not {text!r}") from None


def two_classes(text: str) -> tuple[str, str]:
    try:
        first, second = column_names(text)
    except (argparse.ArgumentTypeError, ValueError):
        message = f"must be two different classes A,B, not {text!r}"
        raise argparse.ArgumentTypeError(message) from None
    return first, second


def one_spaced(text: str) -> str:
    """A name or a cell as a table has it."""
    return " ".join(text.split())


def column_names(text: str) -> list[str]:
    try:
        (names,) = csv.reader([text], skipinitialspace=True, strict=True)  # a name may be quoted
    except (csv.Error, ValueError):
        names = []
    names = list(map(one_spaced, names))
    if not all(names) or not names or len(set(names)) < len(names):
        raise argparse.ArgumentTypeError(f"must be different columns A,B, not {text!r}")
    return names


def name_and_number(text: str) -> tuple[str, float]:
    name, _, cell = text.partition("=")
    name = unicodedata.normalize("NFKC", name.strip())  # as the parser of expressions does
    number = as_number(cell)
    if not name.isidentifier() or not math.isfinite(number):
        rule = "must be a name and its finite number, such as w=0.5"
        raise argparse.ArgumentTypeError(f"{rule}, not {text.strip()!r}")
    return name, number


def picture_path(text: str) -> Path:
    from tinygrad_neuron.view.picture.draw import picture_suffix

    return checked_path(picture_suffix, text)


def plot_path(text: str) -> Path:
    from tinygrad_neuron.command.plot import check_plot

    return checked_path(check_plot, text)


def page_path(text: str) -> Path:
    from tinygrad_neuron.view.page.play import check_suffix

    return checked_path(check_suffix, text)


def checked_path(check: Callable[[str], object], text: str) -> Path:
    try:
        check(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return Path(text)
