"""The checks, tried on somebody else's engine, each in a process of its own.

The engine is never imported here. Its processes have a limit of time, and on Linux one of memory,
so that a crash or a loop that never ends is an answer like others. That is no sandbox: an engine
has the rights of whoever checks it.
"""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent, fill, indent
from threading import Lock
from typing import Any, NamedTuple

from tinygrad_neuron.checks.checkup import CHECKS
from tinygrad_neuron.checks.stages import STAGES, Check
from tinygrad_neuron.command.errors import InputError, about_file
from tinygrad_neuron.view.notation import printable

SECONDS = 5.0  # for one program; loading the engine may take twice, and all together ten times that
MEMORY = 1 << 30  # bytes, for each process on Linux; importing PyTorch takes 600 MB of addresses
AT_ONCE = 4
LONGEST_ANSWER = 100  # letters of an answer in a table
WIDTH = 79  # of the reasons
LARGEST_ANSWER = 20_000  # bytes of an answer's file
MISTAKEN = ("slow", "wrong", "crashed")  # verdicts
CHILD = """\
import json, sys
sys.path[:] = json.loads(sys.argv[1])["path"]
from tinygrad_neuron.command.check_child import main
main()
"""


class Finding(NamedTuple):
    """What an engine made of a check's program.

    verdict  "right", "slow", "wrong", "crashed", "cannot be expressed" or "not run"
    text     the answer, or what went wrong
    note     what is known about this answer
    """

    check: Check
    verdict: str
    text: str
    note: str

    def __str__(self) -> str:
        match self.verdict:
            case "right":
                return f"right, {self.note}" if self.note else "right"
            case "slow":
                return "right, but it takes 2ⁿ steps"
            case "wrong":
                return f"wrong: got {self.text}, right is {right_answer(self.check)}"
            case _:
                return f"{self.verdict}: {self.text}"

    @property
    def why(self) -> str:
        """Which mistake was made, or why the right answer is right, where another was given."""
        return (self.note or self.check.why) if self.verdict in MISTAKEN else ""


class Report(NamedTuple):
    engine: str
    findings: list[Finding]

    def count(self, verdict: str) -> int:
        return sum(finding.verdict == verdict for finding in self.findings)

    @property
    def expressed(self) -> int:
        return len(self.findings) - self.count("cannot be expressed") - self.count("not run")

    @property
    def score(self) -> str:
        score = f"{self.count('right')} of {self.expressed} right"
        for verdict in "cannot be expressed", "not run":
            if others := self.count(verdict):
                score += f", {others} {verdict}"
        return score

    @property
    def missing(self) -> Finding | None:
        """The first stage that the engine has not reached.

        How a single value passes its gradient on may not be seen where the whole pass is right.
        """
        works = any(f.check.name == "backward" and f.verdict == "right" for f in self.findings)
        for finding in self.findings:
            is_hidden = works and finding.verdict == "cannot be expressed"
            if finding.check.stage in ("operation", "reuse") and is_hidden:
                continue
            if finding.check.stage and finding.verdict != "right":
                return finding
        return None

    @property
    def mistakes(self) -> list[Finding]:
        """A stage counts only if no earlier one is missing, because it builds on that."""
        is_built = not self.missing or self.missing.verdict in MISTAKEN
        return [f for f in self.findings if f.why and (is_built or not f.check.stage)]

    @property
    def reached(self) -> str:
        """The last stage up to which all is right, or ""."""
        stages = [finding.check.stage for finding in self.findings if finding.check.stage]
        done = stages[: stages.index(self.missing.check.stage)] if self.missing else stages
        return done[-1] if done else ""


def check_engine(
    paths: Sequence[Path],
    package: str | None,
    name: str,
    neuron: str,
    until: str | None,
    form: str | None,
) -> None:
    """Print what engines make of the checks; exit status 1 if one of them makes a mistake.

    until  the last stage to check
    form   None for a terminal, or "json", "markdown" or "csv"
    """
    if form == "csv":
        sys.exit(write_rows(paths, package, name, neuron, until))
    report = examine(paths[0] if paths else None, package, name, neuron, until)
    forms: dict[str | None, Callable[[Report], str]] = {
        "json": report_as_json,
        "markdown": as_markdown,
    }
    print(forms.get(form, as_text)(report), flush=True)
    if any(finding.why for finding in report.findings) or (until and report.missing):
        sys.exit(1)


def write_rows(
    paths: Sequence[Path], package: str | None, name: str, neuron: str, until: str | None
) -> int:
    """A line for each engine, as soon as it is known, and the exit status."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["engine", "last stage", "first mistake", "seconds"])
    status = 0
    engines: Sequence[Path | None] = paths or [None]
    for path in engines:
        start = time.monotonic()
        try:
            report = examine(path, package, name, neuron, until)
            found = next(iter(report.mistakes), report.missing)
            mistake = f"{found.check.name}: {found}; {found.check.why}" if found else ""
            if found and found.note:
                mistake = f"{found.check.name}: {found.note}"
            row = [report.engine, report.reached, mistake]
        except InputError as error:
            engine = printable(str(path or package), 5 * LONGEST_ANSWER)
            row = [engine, "", str(error).removeprefix(f"{engine}: ")]
        status |= bool(row[2])
        writer.writerow([*row, f"{time.monotonic() - start:.1f}"])
        sys.stdout.flush()
    return status


def examine(
    path: Path | None, package: str | None, name: str, neuron: str, until: str | None
) -> Report:
    """Run the programs. InputError if there is no such engine or it cannot be loaded."""
    engine = printable(str(path or package), 5 * LONGEST_ANSWER)
    job: dict[str, Any] = {
        "path": [os.path.abspath(folder) for folder in sys.path],
        "file": checked_file(path),
        "package": checked_package(package),
        "name": name,
        "neuron": neuron,
        "bytes": MEMORY,
    }
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # not before the children are ended
    start = time.monotonic()
    # The first only loads the engine: one that cannot be loaded is not tried many times.
    (loaded,) = run_all([{**job, "check": None}], 2 * SECONDS, start + 2 * SECONDS)
    if loaded.verdict != "loaded":
        problem = "" if loaded.verdict == "not found" else "importing it "
        is_script = loaded.text.startswith(("raised EOFError", "ended with", "ran longer"))
        cure = '; put what it runs under `if __name__ == "__main__":`' if is_script else ""
        raise InputError(f"{engine}: {problem}{printable(loaded.text, 5 * LONGEST_ANSWER)}{cure}")
    limit = SECONDS + 2 * (time.monotonic() - start)  # with others beside it, it loads more slowly
    checks = [check for check in CHECKS if not until or is_until(check, until)]
    jobs = [{**job, "check": check.name} for check in checks]
    findings: list[Finding] = []
    for check, answer in zip(checks, run_all(jobs, limit, start + 10 * SECONDS)):
        verdict = answer.verdict
        before = findings[-1].verdict if findings else ""
        if verdict == "slow" and not (check.name == "doubling" and before == "right"):
            verdict = "crashed"  # because doubling alone is about time
        text = printable(answer.text, LONGEST_ANSWER)
        findings.append(Finding(check, verdict, text, answer.note))
    report = Report(engine, findings)
    if not report.expressed and not until:
        problem = f"none of the programs can be expressed with {name}: {findings[0].text}"
        raise InputError(f"{engine}: {problem}")
    return report


def is_until(check: Check, until: str) -> bool:
    stages = list(dict.fromkeys(each.stage for each in STAGES))
    return bool(check.stage) and stages.index(check.stage) <= stages.index(until)


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
    """verdict  what the child wrote, or "crashed", or "slow" if it ran out of time"""

    verdict: str
    text: str
    note: str = ""


class Children:
    """Processes that each do a job; `stop` ends them with all that they have started.

    They are started in threads, which Ctrl-C does not interrupt, so none is forgotten.
    """

    def __init__(self, folder: Path, limit: float, until: float) -> None:
        self.folder, self.limit, self.until = folder, limit, until
        self.lock, self.is_over = Lock(), False
        self.running: set[subprocess.Popen[bytes]] = set()

    def answer(self, number: int, job: dict[str, Any]) -> Answer:
        """What came of a job, which has the limit of time, and none after the last moment."""
        limit = min(self.limit, self.until - time.monotonic())
        path = self.folder / str(number) / "answer.json"
        scratch = path.with_name("scratch")  # for what the engine may write
        scratch.mkdir(parents=True)
        with self.lock:
            if limit < self.limit / 2 or self.is_over:
                return Answer("not run", "the others took too long")
            process = start({**job, "answer": str(path)}, scratch)
            self.running.add(process)
        try:
            process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            return Answer("slow", f"ran longer than {limit:.2g} s")
        finally:
            kill(process)
            self.running.discard(process)
        return read_answer(path) or Answer("crashed", ending(process.returncode))

    def stop(self) -> None:
        with self.lock:
            self.is_over = True
            for process in list(self.running):
                kill(process)


def start(job: dict[str, Any], scratch: Path) -> subprocess.Popen[bytes]:
    # -P: nothing is imported from the scratch folder; -B: nothing written beside the engine.
    # NumPy's threads would each take some of the memory.
    threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-P", "-B", "-c", CHILD, json.dumps(job)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=scratch,
        env={**os.environ, "TMPDIR": str(scratch), **threads},
        start_new_session=True,  # so that it can be killed with all that it starts
    )


def kill(process: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":
        process.kill()
    else:
        with suppress(ProcessLookupError, PermissionError):  # nothing of it is left
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def read_answer(path: Path) -> Answer | None:
    try:
        with path.open("rb") as file:
            answer = json.loads(file.read(LARGEST_ANSWER))
        text = re.sub(r" at 0x[0-9a-fA-F]+", "", answer["text"])  # another each time
        return Answer(str(answer["verdict"]), text, str(answer["note"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def ending(status: int) -> str:
    if status >= 0:
        return f"ended with exit status {status}"
    name = f" ({signal.Signals(-status).name})" if -status in list(signal.Signals) else ""
    return f"was killed by signal {-status}{name}"


def run_all(jobs: list[dict[str, Any]], limit: float, until: float) -> list[Answer]:
    """Their answers, in order; a few run at once, each for `limit` seconds, none after `until`."""
    with (
        TemporaryDirectory(prefix="tinygrad-neuron-", ignore_cleanup_errors=True) as folder,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        children = Children(Path(folder), limit, until)
        try:
            return list(pool.map(children.answer, range(len(jobs)), jobs))
        finally:  # after Ctrl-C too
            children.stop()


def right_answer(check: Check) -> str:
    if check.right is None:
        return "an error"
    return f"{check.right!r} or an error" if check.or_refused else repr(check.right)


def as_text(report: Report) -> str:
    """A line for each check, the first mistake with its program, the other reasons, the score."""
    width = max(len(finding.check.name) for finding in report.findings) + 2
    table = "\n".join(f"{finding.check.name:{width}}{finding}" for finding in report.findings)
    parts = [table]
    if mistakes := report.mistakes:
        parts.append(explained(mistakes[0]))
    # A later stage stands on the earlier ones, and says nothing new when one of them is wrong.
    others = [finding for finding in mistakes[1:] if not finding.check.stage]
    reasons = [
        fill(f.why, WIDTH, initial_indent=f"{f.check.name:{width}}", subsequent_indent=" " * width)
        for f in others
    ]
    if reasons:
        parts.append("\n".join(reasons))
    if (missing := report.missing) and missing.verdict == "cannot be expressed":
        parts.append(fill(f"Build next: {missing.check.name}. {missing.check.why}", WIDTH))
    return "\n\n".join([*parts, report.score])


def explained(finding: Finding) -> str:
    """The program, what came out, what should have, and which mistake that is."""
    program = indent(dedent(finding.check.program).strip(), "    ")
    name, right = finding.check.name, right_answer(finding.check)
    if finding.verdict == "slow":
        head, sentence = f"One check is too slow, {name}:", finding.why
    else:
        head = f"The first mistake is in {name}:"
        got = f"gives {finding.text}" if finding.verdict == "wrong" else f"raises {finding.text}"
        got = got.replace("raises ran", "ran").replace("raises ended", "ended")
        needed = "" if finding.verdict == "wrong" else "What is needed: "
        sentence = f"{got}; right is {right}. {needed}{finding.why}"
    return f"{head}\n\n{program}\n\n{fill(sentence, WIDTH)}"


def as_markdown(report: Report) -> str:
    rows = [(f.check.name, str(f), f.why) for f in report.findings]
    lines = ["| check | " + escaped_cell(report.engine) + " | why |", "|---|---|---|"]
    lines += [f"| {' | '.join(map(escaped_cell, row))} |" for row in rows]
    return "\n".join([*lines, "", report.score])


def escaped_cell(text: str) -> str:
    """Without what Markdown would take for a sign of its own."""
    return re.sub(r"([\\`*_<>\[\]|&~])", r"\\\1", text)


def report_as_json(report: Report) -> str:
    findings = [
        {
            "check": finding.check.name,
            "stage": finding.check.stage or None,
            "verdict": finding.verdict,
            "text": finding.text,
            "note": finding.note,
            "right": right_answer(finding.check),
            "why": finding.check.why,
        }
        for finding in report.findings
    ]
    score = {
        "right": report.count("right"),
        "expressed": report.expressed,
        "checks": len(findings),
    }
    whole = {"engine": report.engine, "score": score, "findings": findings}
    return json.dumps(whole, indent=2, ensure_ascii=False)
