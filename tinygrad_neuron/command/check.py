"""The twenty mistakes, tried on somebody else's engine, each in a process of its own.

The engine is never imported here. Its processes have a limit of time, and on Linux one of memory,
so that a crash or a loop that never ends is an answer like others. That is no sandbox: an engine
has the rights of whoever checks it.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import fill
from typing import Any, NamedTuple

from tinygrad_neuron.checks.checkup import MISTAKES, Mistake
from tinygrad_neuron.command.errors import InputError, about_file
from tinygrad_neuron.view.notation import printable

SECONDS = 5.0  # for one program; loading the engine may take twice, and all together ten times that
MEMORY = 1 << 30  # bytes, for each process on Linux; importing PyTorch takes 600 MB of addresses
AT_ONCE = 4
LONGEST_ANSWER = 100  # letters of an answer in a table
WIDTH = 79  # of the reasons
LARGEST_ANSWER = 20_000  # bytes of an answer's file
CHILD = """\
import json, sys
sys.path[:] = json.loads(sys.argv[1])["path"]
from tinygrad_neuron.command.check_child import main
main()
"""


class Finding(NamedTuple):
    """What an engine made of a mistake's program.

    verdict  "right", "wrong", "crashed" or "cannot be expressed"
    text     the answer, or what went wrong
    """

    mistake: Mistake
    verdict: str
    text: str

    def __str__(self) -> str:
        match self.verdict:
            case "right":
                return "right"
            case "wrong":
                return f"wrong: got {self.text}, right is {right_answer(self.mistake)}"
            case _:
                return f"{self.verdict}: {self.text}"

    @property
    def why(self) -> str:
        """Why the right answer is right, where another was given."""
        return self.mistake.why if self.verdict in ("wrong", "crashed") else ""


class Report(NamedTuple):
    engine: str
    findings: list[Finding]

    def count(self, verdict: str) -> int:
        return sum(finding.verdict == verdict for finding in self.findings)

    @property
    def expressed(self) -> int:
        return len(self.findings) - self.count("cannot be expressed")

    @property
    def score(self) -> str:
        score = f"{self.count('right')} of {self.expressed} right"
        others = self.count("cannot be expressed")
        return f"{score}, {others} cannot be expressed" if others else score


def check_engine(
    path: Path | None, package: str | None, name: str, neuron: str, form: str | None
) -> None:
    """Print what an engine makes of the twenty mistakes; exit status 1 if it makes one of them.

    form  None for a terminal, or "json" or "markdown"
    """
    report = examine(path, package, name, neuron)
    forms: dict[str | None, Callable[[Report], str]] = {
        "json": report_as_json,
        "markdown": as_markdown,
    }
    print(forms.get(form, as_text)(report), flush=True)
    if report.count("right") < report.expressed:
        sys.exit(1)


def examine(path: Path | None, package: str | None, name: str, neuron: str) -> Report:
    """Run the twenty programs. InputError if there is no such engine or it cannot be loaded."""
    engine = printable(str(path or package), 5 * LONGEST_ANSWER)
    job: dict[str, Any] = {
        "path": [os.path.abspath(folder) for folder in sys.path],
        "file": checked_file(path),
        "package": checked_package(package),
        "name": name,
        "neuron": neuron,
        "bytes": MEMORY,
    }
    start = time.monotonic()
    # The first only loads the engine: one that cannot be loaded is not tried twenty times.
    (loaded,) = run_all([{**job, "mistake": None}], 2 * SECONDS, start + 2 * SECONDS)
    if loaded.verdict != "loaded":
        problem = "" if loaded.verdict == "not found" else "importing it "
        raise InputError(f"{engine}: {problem}{printable(loaded.text, 5 * LONGEST_ANSWER)}")
    limit = SECONDS + 2 * (time.monotonic() - start)  # with others beside it, it loads more slowly
    jobs = [{**job, "mistake": mistake.name} for mistake in MISTAKES]
    answers = run_all(jobs, limit, start + 10 * SECONDS)
    findings = [
        Finding(mistake, answer.verdict, printable(answer.text, LONGEST_ANSWER))
        for mistake, answer in zip(MISTAKES, answers)
    ]
    report = Report(engine, findings)
    if not report.expressed:
        problem = f"none of the programs can be expressed with {name}: {findings[0].text}"
        raise InputError(f"{engine}: {problem}")
    return report


def checked_file(path: Path | None) -> str | None:
    if path is None:
        return None
    with about_file(path):
        path.stat()
    if not path.is_file():
        raise InputError(f"{path}: not a file")
    return str(path.resolve())


def checked_package(package: str | None) -> str | None:
    if package is not None and not all(part.isidentifier() for part in package.split(".")):
        raise InputError(f"{package!r} is not the name by which a package is imported")
    return package


class Answer(NamedTuple):
    verdict: str
    text: str


class Child:
    """A process that does a job, and all that it starts."""

    def __init__(self, job: dict[str, Any], folder: Path, limit: float) -> None:
        self.answer = folder / "answer.json"
        self.limit, self.until = limit, time.monotonic() + limit
        scratch = folder / "scratch"  # for what the engine may write
        scratch.mkdir(parents=True)
        # -P: nothing is imported from the scratch folder; -B: nothing written beside the engine.
        # NumPy's threads would each take some of the memory.
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-P",
                "-B",
                "-c",
                CHILD,
                json.dumps({**job, "answer": str(self.answer)}),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=scratch,
            env={
                **os.environ,
                "TMPDIR": str(scratch),
                "OPENBLAS_NUM_THREADS": "1",
                "OMP_NUM_THREADS": "1",
            },
            start_new_session=True,  # so that it can be killed with all that it starts
        )

    def result(self) -> Answer | None:
        """None as long as it runs and may go on."""
        status = self.process.poll()
        if status is None and time.monotonic() < self.until:
            return None
        self.kill()
        if status is None:
            return Answer("crashed", f"ran longer than {self.limit:.2g} s")
        return self.read() or Answer("crashed", ending(status))

    def read(self) -> Answer | None:
        try:
            with self.answer.open("rb") as file:
                answer = json.loads(file.read(LARGEST_ANSWER))
            text = re.sub(r" at 0x[0-9a-fA-F]+", "", answer["text"])  # another each time
            return Answer(str(answer["verdict"]), text)
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def kill(self) -> None:
        if sys.platform == "win32":
            self.process.kill()
        else:
            with suppress(ProcessLookupError, PermissionError):  # nothing of it is left
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def ending(status: int) -> str:
    if status >= 0:
        return f"ended with exit status {status}"
    name = f" ({signal.Signals(-status).name})" if -status in list(signal.Signals) else ""
    return f"was killed by signal {-status}{name}"


def run_all(jobs: list[dict[str, Any]], limit: float, until: float) -> list[Answer]:
    """Their answers, in order; a few run at once, each for `limit` seconds, none after `until`."""
    waiting = deque(enumerate(jobs))
    running: dict[int, Child] = {}
    answers: dict[int, Answer] = {}
    with TemporaryDirectory(prefix="tinygrad-neuron-", ignore_cleanup_errors=True) as folder:
        try:
            while waiting or running:
                while waiting and len(running) < AT_ONCE:
                    i, job = waiting.popleft()
                    left = until - time.monotonic()
                    if left <= 0:
                        answers[i] = Answer("crashed", "was not run: the others took too long")
                        continue
                    running[i] = Child(job, Path(folder) / str(i), min(limit, left))
                time.sleep(0.005)
                for i, child in list(running.items()):
                    if answer := child.result():
                        answers[i] = answer
                        del running[i]
        finally:  # after Ctrl-C too
            for child in running.values():
                child.kill()
    return [answers[i] for i in range(len(jobs))]


def right_answer(mistake: Mistake) -> str:
    if mistake.right is None:
        return "an error"
    return f"{mistake.right!r} or an error" if mistake.or_refused else repr(mistake.right)


def as_text(report: Report) -> str:
    """A line for each mistake, then the reasons, then the score."""
    width = max(len(mistake.name) for mistake in MISTAKES) + 2
    lines = [f"{finding.mistake.name:{width}}{finding}" for finding in report.findings]
    reasons = [
        fill(
            finding.why,
            WIDTH,
            initial_indent=f"{finding.mistake.name:{width}}",
            subsequent_indent=" " * width,
        )
        for finding in report.findings
        if finding.why
    ]
    return "\n".join([*lines, "", *reasons, *([""] if reasons else []), report.score])


def as_markdown(report: Report) -> str:
    rows = [(f.mistake.name, str(f), f.why) for f in report.findings]
    lines = ["| mistake | " + escaped_cell(report.engine) + " | why |", "|---|---|---|"]
    lines += [f"| {' | '.join(map(escaped_cell, row))} |" for row in rows]
    return "\n".join([*lines, "", report.score])


def escaped_cell(text: str) -> str:
    """Without what Markdown would take for a sign of its own."""
    return re.sub(r"([\\`*_<>\[\]|&~])", r"\\\1", text)


def report_as_json(report: Report) -> str:
    findings = [
        {
            "mistake": finding.mistake.name,
            "verdict": finding.verdict,
            "text": finding.text,
            "right": right_answer(finding.mistake),
            "why": finding.mistake.why,
        }
        for finding in report.findings
    ]
    score = {
        "right": report.count("right"),
        "expressed": report.expressed,
        "mistakes": len(findings),
    }
    whole = {"engine": report.engine, "score": score, "findings": findings}
    return json.dumps(whole, indent=2, ensure_ascii=False)
