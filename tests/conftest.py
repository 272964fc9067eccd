import gc
import os
import shutil
import signal

import pytest

# What the commands print is read as UTF-8, which on Windows a pipe has in this mode only.
os.environ["PYTHONUTF8"] = "1"

# A shell's background job ignores Ctrl-C, which the commands that are tested would inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)

BROWSERS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


@pytest.fixture
def collector_off():
    """Without Python's cycle collector, so that what is in a cycle stays."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(scope="module")
def browser():
    """The system's Chromium, driven by playwright; where one is missing, the test is skipped."""
    api = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"needs one of {', '.join(BROWSERS)}")
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture
def table(tmp_path):
    """table(text) is the path of a file with this text."""

    def write(text, encoding="utf-8"):
        path = tmp_path / "table.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return path

    return write
