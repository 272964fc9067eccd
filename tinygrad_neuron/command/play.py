"""The playground in the browser."""

from __future__ import annotations

import os
import webbrowser
from pathlib import Path

from tinygrad_neuron.command.errors import InputError, about_file
from tinygrad_neuron.command.expression import ExpressionError
from tinygrad_neuron.view.files import write_whole
from tinygrad_neuron.view.grammar import GrammarError, parse
from tinygrad_neuron.view.page.playground import playground


def play_expression(
    text: str, numbers: list[tuple[str, float]], page: Path | None, no_browser: bool
) -> None:
    """Write the playground, with an expression or with examples, and open it."""
    text = text.strip()
    try:
        operations = parse(text) if text else []
    except GrammarError as error:
        raise ExpressionError(str(error), text, error.place) from None
    names = {operation.name for operation in operations if operation.op == ""}
    if unused := sorted({name for name, _ in numbers} - names):
        raise InputError(f"the expression has no {', '.join(unused)}: leave that number out")
    path = page or own_folder() / "playground.html"
    with about_file(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, playground(text, dict(numbers)).encode())
    print(f"The playground is in {path}")
    if not (no_browser or page) and not webbrowser.open(path.resolve().as_uri()):
        raise InputError(
            f"there is no browser here: open {path} in one, or copy it to where one is"
        )


def own_folder() -> Path:
    """Where a page may lie that the next one replaces."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "tinygrad_neuron"
