"""The sdist and the wheel, built, checked, and installed and tested where no checkout is.

The wheel is built from the sdist, so the tests run once.

pip install -e '.[dev]' && python tests/distributions.py
"""

import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent
# These read the checkout: its manual, its notebooks, the text of the package.
OF_THE_CHECKOUT = ["house", "manual", "notebooks", "debugger"]
BARE = """
import tinygrad_neuron as t
y = (t.Value(0.5, label="w") * 2.0).tanh()
y.backward()
print(t.tree(y), t.unroll(y).source, t.steps(y), t.explain(y, y))
try:
    t.draw(y).svg()
except Exception as error:
    print(error)
"""


UTF8 = {"PYTHONUTF8": "1"}  # which on Windows a pipe has in this mode only


def run(*command, **options):
    options.setdefault("env", os.environ | UTF8)
    return subprocess.run(list(map(str, command)), check=True, encoding="utf-8", **options)


def output(*command, **options):
    return run(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options).stdout


def try_alone(distribution, folder):
    """Installed alone it works, and says what an extra would bring."""
    environment = folder / "venv"
    venv.create(environment, with_pip=True)
    programs = environment / ("Scripts" if os.name == "nt" else "bin")
    python = programs / "python"
    run(python, "-m", "pip", "install", "--quiet", distribution)
    learned = output(programs / "tinygrad-neuron", "learn", cwd=folder)
    assert learned.endswith("Learned: y = 3.03x + 0.90\n"), learned
    bare = output(python, "-c", BARE, cwd=folder, env=os.environ | UTF8 | {"PATH": str(programs)})
    assert "pip install '.[dot]'" in bare, bare
    (folder / "table.csv").write_text("x,y\n1,3\n2,5\n3,7\n")
    plot = [str(programs / "tinygrad-neuron"), "learn", "table.csv", "--plot", "loss.png"]
    done = subprocess.run(plot, capture_output=True, text=True, cwd=folder)
    assert (done.returncode, "[plots]" in done.stderr) == (2, True), done.stderr
    return python


def test(python, wheel, folder):
    """With the extra, the tests pass."""
    run(python, "-m", "pip", "install", "--quiet", f"{wheel}[test]")
    for name in "tests", "notebooks":
        shutil.copytree(ROOT / name, folder / name)
    for name in "pyproject.toml", "README.md":
        shutil.copy(ROOT / name, folder)
    where = output(python, "-c", "import tinygrad_neuron as t; print(t.__file__)", cwd=folder)
    assert "site-packages" in where, where
    everything = ["-n", "auto", "-m", "slow or not slow"]
    left_out = [f"--ignore=tests/test_{name}.py" for name in OF_THE_CHECKOUT]
    options = ["--quiet", "-p", "no:cacheprovider", *everything, *left_out]
    run(python, "-m", "pytest", *options, "tests", cwd=folder)


def main():
    with tempfile.TemporaryDirectory() as folder:
        dist = Path(folder, "dist")
        run(sys.executable, "-m", "build", "--outdir", dist, ROOT)
        wheel, sdist = sorted(dist.iterdir(), key=lambda path: path.suffix, reverse=True)
        run(sys.executable, "-m", "twine", "check", "--strict", sdist, wheel)
        for distribution in sdist, wheel:
            place = Path(folder, distribution.suffix.strip("."))
            place.mkdir()
            python = try_alone(distribution, place)
            print(f"{distribution.name}, {kilobytes(distribution)}: works alone", flush=True)
        test(python, wheel, place)
        print("the tests pass")


def kilobytes(path):
    return f"{path.stat().st_size / 1000:.0f} kB"


if __name__ == "__main__":
    main()
