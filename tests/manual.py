"""The pages of the manual, and the examples in them.

As a program it runs the examples of pages, and says where one prints something else:

python tests/manual.py README.md tinygrad_neuron/README.md
"""

import contextlib
import io
import re
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
ROOMS = ["tinygrad_neuron", "tinygrad_neuron/view", "tinygrad_neuron/command", "notebooks", "tests"]
PAGES = ["README.md", *(f"{room}/README.md" for room in ROOMS)]
PAGES += [".github/CONTRIBUTING.md", ".github/CHANGELOG.md", "tests/mutants.md"]


class Block(NamedTuple):
    """A fenced block: its language and its text."""

    language: str
    text: str


def text_of(page):
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page):
    found = re.findall(r"^```(\w+)\n(.*?)^```", text_of(page), flags=re.MULTILINE | re.DOTALL)
    return [Block(*each) for each in found]


def prose(page):
    """The page without its blocks."""
    return re.sub(r"^```.*?^```\n", "", text_of(page), flags=re.MULTILINE | re.DOTALL)


def only(items):
    (item,) = items
    return item


def the_block(page, language, start=""):
    """The text of the page's one block that begins so."""
    return only(t for kind, t in blocks(page) if kind == language and t.startswith(start))


def examples(page):
    """The blocks of "python" that can be run here, each with what it should print."""
    all_blocks = blocks(page)
    for block, following in zip(all_blocks, [*all_blocks[1:], Block("", "")]):
        needs = [name for name in ("torch", "numpy") if f"import {name}" in block.text]
        if block.language == "python" and all(map(find_spec, needs)):
            yield block.text, following.text if following.language == "text" else ""


def run_examples(page):
    """Run them one after another, as a reader does; AssertionError where one prints otherwise."""
    namespace = {}
    for example, expected in examples(page):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(example, namespace)
        assert printed.getvalue() == expected, f"{page}:\n{example}\nprinted\n{printed.getvalue()}"


if __name__ == "__main__":
    for name in sys.argv[1:]:
        run_examples(name)
        print(f"{name}: {len(list(examples(name)))} examples print what stands below them")
