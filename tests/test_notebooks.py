"""The notebooks run, and print and draw what is committed."""

import json
import re

import pytest

from notebooks import NOTEBOOKS, ROOT, executed, is_pinned

IDS = [path.stem for path in NOTEBOOKS]


def cells(path):
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_a_notebook_runs_to_the_bytes_that_are_committed(path):
    """Elsewhere than in the pinned environment, another version draws otherwise; but it runs."""
    pytest.importorskip("nbclient")
    pytest.importorskip("matplotlib")
    if "import torch" in path.read_text(encoding="utf-8"):
        pytest.importorskip("torch")
    text = executed(path)
    if is_pinned():
        assert text == path.read_text(encoding="utf-8")


def prose(path):
    return ["".join(cell["source"]) for cell in cells(path) if cell["cell_type"] == "markdown"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_what_a_notebook_links_to_exists_and_a_line_is_the_one_that_it_quotes(path):
    for text in prose(path):
        for target in re.findall(r"\]\((?!https:)([^)]+)\)", text):
            file, _, line = target.partition("#L")
            assert (path.parent / file).is_file(), target
            if line:
                source = (path.parent / file).read_text(encoding="utf-8").splitlines()
                code = source[int(line) - 1].partition("  #")[0].strip()
                assert code, target
                assert code in text, target


@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_every_file_that_a_notebook_names_exists(path):
    """In the course's folder or in the package; but for my_engine.py, which the reader writes."""
    text = " ".join(prose(path))
    for name in re.findall(r"(?<![\w/.])[\w/]+\.(?:py|csv|ipynb|mplstyle)\b", text):
        places = (path.parent, ROOT, ROOT / "tinygrad_neuron")
        assert name == "my_engine.py" or any((place / name).is_file() for place in places), name


@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_a_notebook_holds_no_error_and_no_address(path):
    for cell in cells(path):
        for output in cell.get("outputs", []):
            assert output["output_type"] != "error"
            shown = json.dumps({k: v for k, v in output.get("data", {}).items() if "png" not in k})
            assert not re.search(r" at 0x[0-9a-f]{6}", shown + json.dumps(output.get("text", "")))


def test_the_notebooks_are_numbered_without_a_gap():
    assert [int(path.stem.split("_")[0]) for path in NOTEBOOKS] == [
        i for i, _ in enumerate(NOTEBOOKS, 1)
    ]
    assert all(path.parent == ROOT / "notebooks" for path in NOTEBOOKS)
