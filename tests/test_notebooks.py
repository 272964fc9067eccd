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
    text = executed(path)
    if is_pinned():
        assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_every_file_that_a_notebook_links_to_exists(path):
    prose = "".join("".join(c["source"]) for c in cells(path) if c["cell_type"] == "markdown")
    for target in re.findall(r"\]\((?!https:)([^)#]+)\)", prose):
        assert (path.parent / target).exists(), target


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
