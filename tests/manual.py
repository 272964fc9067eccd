"""The pages of the manual, and the examples in them.

As a program it runs the examples of pages, and ends at the first that prints something else:

python tests/manual.py README.md tinygrad_neuron/README.md
"""

import contextlib
import io
import re
import sys
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
VIEWS = [f"tinygrad_neuron/view/{room}" for room in ("picture", "stepping", "page", "program")]
FOLDERS = ["tinygrad_neuron", "tinygrad_neuron/foreign", "tinygrad_neuron/view", *VIEWS]
FOLDERS += ["tinygrad_neuron/checks"]
FOLDERS += ["tinygrad_neuron/command", "notebooks", "tests"]
PAGES = ["README.md", *(f"{folder}/README.md" for folder in FOLDERS)]
PAGES += ["tinygrad_neuron/view/stepping/in_a_debugger.md"]
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


def the_block(page, language, start=""):
    """The text of the page's one block in this language that begins so."""
    found = [b.text for b in blocks(page) if b.language == language and b.text.startswith(start)]
    assert len(found) == 1, f"{page} has {len(found)} blocks of {language} that begin {start!r}"
    return found[0]


def examples(page):
    """The Python examples, each with what it should print; those with torch only where it is."""
    for block, following in pairwise([*blocks(page), Block("", "")]):
        possible = "import torch" not in block.text or find_spec("torch")
        if block.language == "python" and possible:
            yield block.text, following.text if following.language == "text" else ""


def run_examples(page):
    """Run them one after another, as a reader does, and return how many there are."""
    namespace, count = {}, 0
    for example, expected in examples(page):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(example, namespace)
        if printed.getvalue() != expected:
            raise AssertionError(f"{page}:\n{example}\nprinted\n{printed.getvalue()}")
        count += 1
    return count


if __name__ == "__main__":
    for name in sys.argv[1:]:
        count = run_examples(name)
        if not count:
            sys.exit(f"{name} has no examples")
        print(f"{name}: {count} examples print what stands below them")
