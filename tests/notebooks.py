"""Runs the notebooks from a clean kernel. As a program it rewrites them, with their outputs.

pip install -r tests/notebooks.txt && python tests/notebooks.py
"""

import os
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PINS = Path(__file__).with_name("notebooks.txt")
TIMEOUT = 60  # seconds for a cell
# Where a processor has AVX-512, NumPy's logarithms and powers round otherwise than elsewhere, and a
# pixel of a plot changes. Without it the kernels draw the same bytes on each machine.
os.environ["NPY_DISABLE_CPU_FEATURES"] = "X86_V4 AVX512_ICL AVX512_SPR"
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def executed(path):
    """The notebook's text after a run, in which a cell that raises is an error."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    where = {"metadata": {"path": str(path.parent)}}
    NotebookClient(notebook, timeout=TIMEOUT, record_timing=False, resources=where).execute()
    notebook.metadata = {"kernelspec": KERNEL}
    for number, cell in enumerate(notebook.cells, 1):
        cell.id = f"cell-{number}"
        cell.metadata = {}
        if cell.cell_type == "code":
            cell.outputs = joined(cell.outputs)
    return nbformat.writes(notebook) + "\n"


def joined(outputs):
    """What is printed in one piece, which comes in as many as the kernel found time for."""
    whole = []
    for output in outputs:
        last = whole[-1] if whole else None
        if last and output.output_type == last.output_type == "stream" and output.name == last.name:
            last.text += output.text
        else:
            whole.append(output)
    return whole


def is_pinned():
    """Whether this is the environment whose outputs are committed."""
    if sys.platform != "linux" or sys.version_info[:2] != (3, 11):
        return False
    try:
        pins = [line.split("==") for line in PINS.read_text().splitlines() if "==" in line]
        return all(version(package).split("+")[0] == pinned for package, pinned in pins)
    except PackageNotFoundError:
        return False


if __name__ == "__main__":
    for notebook in NOTEBOOKS:
        notebook.write_text(executed(notebook), encoding="utf-8")
        print(notebook.relative_to(ROOT))
