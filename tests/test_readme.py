"""Every example of the README is run, and prints what stands there."""

import contextlib
import io
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def test_every_python_example_prints_what_stands_below_it():
    namespace = {}
    for (language, code), following in zip(BLOCKS, [*BLOCKS[1:], ("", "")]):
        if language == "python":
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(code, namespace)
            assert printed.getvalue() == (following[1] if following[0] == "text" else "")


@pytest.mark.parametrize("example", [text for language, text in BLOCKS if language == "console"])
def test_every_command_prints_what_stands_below_it(example):
    command, _, expected = example.partition("\n")
    arguments = command.removeprefix("$ tinygrad-neuron ").split()
    run = [sys.executable, "-m", "tinygrad_neuron", *arguments]
    done = subprocess.run(run, capture_output=True, text=True, encoding="utf-8", cwd=ROOT)
    assert done.stdout == expected


def test_the_opening_example_has_eight_lines():
    assert len(BLOCKS[0][1].splitlines()) == 8


def test_the_reading_order_states_the_line_counts():
    rows = re.findall(r"^\| \[(\w+\.py)\]\((\S+)\) \| (\d+) \|", README, flags=re.MULTILINE)
    assert [name for name, *_ in rows] == ["engine.py", "nn.py", "losses.py", "optim.py"]
    for _, path, lines in rows:
        assert len((ROOT / path).read_text(encoding="utf-8").splitlines()) == int(lines), path


def test_every_link_leads_to_a_file():
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_loop_has_its_four_parts_in_order():
    parts = re.findall(r"^    # (.*)$", README, flags=re.MULTILINE)
    assert parts == ["forward pass", "loss", "backward pass", "update"]
