"""Which program lays a picture out, and what is said when none does.

Every situation is made in a process of its own, which sees only the packages and programs laid out
for it: a `dot` on this machine cannot make a test pass.
"""

import ast
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import graphviz
import pytest

import tinygrad_neuron

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the programs are shell scripts")

PRINT = 'print(picture.svg().partition("<text>")[2].partition("</text>")[0])'
LOOK = f"""
from tinygrad_neuron import Value, draw, tree
from tinygrad_neuron.view.picture import layout
layout.TIMEOUT = 60
picture = draw(Value(3.0, label="x") * 2.0, variables={{}})
try:
    {PRINT}
except layout.LayoutError as error:
    print("LayoutError:", error)
"""


class Place:
    """An environment with the package, the package graphviz, and programs of the test's own."""

    def __init__(self, folder):
        self.packages, self.bin = folder / "packages", folder / "bin"
        self.packages.mkdir()
        self.bin.mkdir()
        for module in tinygrad_neuron, graphviz:
            source = Path(module.__file__).parent
            (self.packages / source.name).symlink_to(source)
        self.env = {"PYTHONPATH": str(self.packages), "PATH": str(self.bin), "PYTHONUTF8": "1"}

    def program(self, name, script):
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    def embedded(self, script):
        """The package graphviz-pure, as pip would install it."""
        info = self.packages / "graphviz_pure-0.2.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: graphviz-pure\nVersion: 0.2.2")
        (info / "RECORD").write_text("../bin/graphviz-pure,,\ngraphviz_pure/__init__.py,,\n")
        self.program("graphviz-pure", script)

    def look(self, program=LOOK):
        run = [sys.executable, "-S", "-c", program]  # -S: without this environment's packages
        done = subprocess.run(run, env=self.env, capture_output=True, encoding="utf-8")
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.rstrip("\n")


def svg(text, then="exit 0", size="width='9pt' height='9pt'"):
    """A program that writes a picture with this text to each file that it is given."""
    picture = f"<?xml version='1.0'?><svg {size}><text>{text}</text></svg>"
    png = "case $2 in *png) printf '\\211PNG' > \"$2\";; esac"
    write = f'if [ "$1" = -o ]; then echo "{picture}" > "$2"; {png}; fi; shift'
    return f"/bin/cat > /dev/null; while [ $# -gt 0 ]; do {write}; done; {then}"


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


REMEDIES = ("pip install '.[dot]'", "install Graphviz", "TINYGRAD_NEURON_DOT")


def test_the_embedded_program_is_enough(place):
    place.embedded(svg("embedded"))
    assert place.look() == "embedded"


def test_the_systems_dot_is_enough(place):
    place.program("dot", svg("system"))
    assert place.look() == "system"


def test_the_embedded_one_comes_before_the_systems(place):
    place.embedded(svg("embedded"))
    place.program("dot", svg("system"))
    assert place.look() == "embedded"


def test_the_one_that_the_environment_names_comes_first_and_alone(place):
    place.embedded(svg("embedded"))
    place.env["TINYGRAD_NEURON_DOT"] = str(place.program("mine", svg("mine")))
    assert place.look() == "mine"
    place.env["TINYGRAD_NEURON_DOT"] = "no-such-program"
    said = place.look()
    assert said.startswith(
        "LayoutError: no layout program could draw this (no-such-program: No such file"
    )
    assert "embedded" not in said


def test_without_a_program_the_error_names_the_remedies_and_the_rest_works(place):
    said = place.look()
    assert said.startswith("LayoutError: a picture needs a program that lays it out: ")
    assert all(remedy in said for remedy in REMEDIES)
    assert "\n" not in said
    rest = "print(picture.source)\nprint(tree(Value(3.0)))\npicture.save('picture.dot')\n"
    rest += "picture.save('picture.mmd')"
    place.env["HOME"] = str(place.bin)
    assert "digraph {" in place.look(f"import os\nos.chdir(os.environ['HOME'])\n{LOOK}{rest}")
    assert (place.bin / "picture.dot").read_text(encoding="utf-8").startswith("digraph {")
    assert (place.bin / "picture.mmd").read_text(encoding="utf-8").startswith("%%{init")


def test_a_notebook_without_a_program_shows_mermaid_the_remedies_and_the_facts(place):
    shown = "from tinygrad_neuron import Value, draw; "
    shown += "print(draw(Value(1.0, label='x'))._repr_mimebundle_())"
    bundle = ast.literal_eval(place.look(shown))
    assert 'flowchart LR\n    n1{{"x = 1<br>input"}}\n' in bundle["text/vnd.mermaid"]
    remedies, facts = bundle["text/plain"].split("\n\n")
    assert all(remedy in remedies for remedy in REMEDIES)
    assert facts == "input; x = 1"


def test_a_notebooks_two_pictures_come_from_one_run(place):
    place.program("dot", f"echo $* >> $HOME/runs; {svg('system')}")
    place.env["HOME"] = str(place.bin)
    picture = "from tinygrad_neuron import Value, draw\npicture = draw(Value(1.0, label='x'))\n"
    start = f"{picture}open('{place.bin}/runs', 'w').close()\n"
    assert ast.literal_eval(place.look(f"{start}print([*picture._repr_mimebundle_()])")) == [
        *("image/svg+xml", "image/png", "text/plain")
    ]
    (run,) = (place.bin / "runs").read_text(encoding="utf-8").splitlines()
    assert re.search("-Tsvg -o .* -Tpng -o ", run)


def test_an_unusable_program_gives_way_to_the_next(place):
    place.embedded("exit 3")
    place.program("dot", svg("system"))
    assert place.look() == "system"


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo broken library >&2; exit 127", "exit status 127, broken library"),
        ("exit 0", "exit status 0, no picture came out"),
        ("echo hello", "exit status 0, no picture came out"),
        ("echo hello > $3; exit 0", "exit status 0, no picture came out"),
        ("kill -9 $$", "exit status -9, no picture came out"),
    ],
)
def test_a_program_that_fails_is_named_with_its_reason_and_the_remedies(place, script, why):
    dot = place.program("dot", script)
    said = place.look()
    assert said.startswith(f"LayoutError: no layout program could draw this ({dot}: {why}): ")
    assert all(remedy in said for remedy in REMEDIES)


def test_a_file_that_is_no_program_is_named_too(place):
    dot = place.program("dot", "")
    dot.write_bytes(b"\0\0\0\0")
    assert f"({dot}: Exec format error): " in place.look()


def test_a_program_that_hangs_is_ended(place):
    place.program("dot", "exec /bin/sleep 1000")
    start = time.monotonic()
    said = place.look(LOOK.replace("TIMEOUT = 60", "TIMEOUT = 2"))
    assert "after 2 s: draw less of the graph, or name another program" in said
    assert time.monotonic() - start < 60


def test_a_warning_of_a_program_that_succeeds_is_not_shown(place):
    place.program("dot", svg("system", "echo Warning: non-ASCII >&2"))
    assert place.look() == "system"


def test_a_picture_without_a_size_is_a_failure(place):
    place.program("dot", svg("version", size=""))
    program = LOOK.replace(PRINT, "picture.save('a.png')")
    assert "exit status" not in place.look(program)
    assert "the SVG states no size" in place.look(program)


def test_a_failure_writes_no_file(place):
    place.program("dot", "exit 3")
    program = LOOK.replace(PRINT, "picture.save(os.environ['OUT'] + '/a.svg')")
    place.env["OUT"] = str(place.bin)
    assert place.look(f"import os\n{program}").startswith("LayoutError: ")
    assert [path.name for path in place.bin.iterdir()] == ["dot"]
