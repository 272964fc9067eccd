"""What `tinygrad-neuron check` runs in a process of its own: somebody else's engine.

A job is a dict, handed over as JSON on the command line:

path      the parent's sys.path, so that both find the same packages
file      the engine's file, or
package   the name of its package
name      its class for a value
neuron    its class for a neuron
check     whose program is to be run; without one, the engine is only loaded
bytes     how much memory may be used, where that can be limited
answer    the file for the answer, a dict as JSON: verdict, text and note. The engine may print what
          it likes, and an answer in a file is not taken for it.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import random
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from tinygrad_neuron.checks.checkup import CHECKS, Lacking, Outcome, attempt, vocabulary

LONGEST_REPORT = 1_000  # letters of an answer
CPU_SECONDS = 60  # should the parent be killed and the engine not
FILE_BYTES = 100_000_000
NOT_THE_ENGINE = sys.stdlib_module_names | {"numpy"}


class NoSuchEngine(Exception):
    """There is no such package or class; the message is for the user."""


def main() -> None:
    job = json.loads(sys.argv[1])
    limit_resources(job["bytes"])
    verdict, text, *note = answer_to(job)
    answer = Path(job["answer"])
    draft = answer.with_name(f"{answer.name}.{os.getpid()}")  # an engine may have forked
    draft.write_text(
        json.dumps({"verdict": verdict, "text": text[:LONGEST_REPORT], "note": "".join(note)}),
        encoding="utf-8",
    )
    draft.replace(answer)
    os._exit(0)  # without waiting for the engine's threads


def limit_resources(memory: int) -> None:
    try:
        import resource
    except ImportError:  # on Windows
        return
    limits = {
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_CPU: CPU_SECONDS,
        resource.RLIMIT_FSIZE: FILE_BYTES,
        resource.RLIMIT_CORE: 0,
    }
    for what, limit in limits.items():
        with suppress(ValueError, OSError):  # lower already, or refused, as memory is by macOS
            resource.setrlimit(what, (limit, limit))


def answer_to(job: dict[str, Any]) -> tuple[str, ...]:
    """The verdict and its text, the answer or what went wrong, and perhaps a note about it.

    Without a check, the verdict is "loaded", "not found" or "crashed".
    """
    try:
        module = load(job)
        values, value_class = find(module, job["name"])
    except NoSuchEngine as error:
        return "not found", str(error)
    except MemoryError:
        return "crashed", too_large(job)
    except Exception as error:
        return "crashed", f"raised {described_error(error)}"
    if not job["check"]:
        return "loaded", ""
    (check,) = (each for each in CHECKS if each.name == job["check"])
    neuron_class = None
    if "Neuron(" in check.program:  # otherwise no submodule is imported for it
        with suppress(NoSuchEngine):
            _, neuron_class = find(module, job["neuron"])
    words = vocabulary(value_class, neuron_class, functions(values, module))
    random.seed(0)  # so that the same random weights are reported each time
    outcome = attempt(check, dict(words))
    if isinstance(outcome.answer, MemoryError):
        return "crashed", too_large(job)
    return outcome.verdict, text_of(outcome, words["data"]), outcome.note


def too_large(job: dict[str, Any]) -> str:
    return f"needed more than {job['bytes'] / 2**30:.2g} GiB of memory"


def load(job: dict[str, Any]) -> ModuleType:
    sys.path[:] = job["path"]
    if job["file"]:
        return load_file(Path(job["file"]))
    package = job["package"]
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        if f"{package}.".startswith(f"{error.name}."):
            raise NoSuchEngine(f"there is no module {error.name}; is it installed?") from None
        raise


def load_file(path: Path) -> ModuleType:
    sys.path.insert(0, str(path.parent))  # where its neighbours are
    taken = path.stem in sys.modules or path.stem in sys.stdlib_module_names
    name = f"_{path.stem}" if taken else path.stem
    loader = SourceFileLoader(name, str(path))  # whatever its suffix is
    spec = spec_from_file_location(name, path, loader=loader)
    assert spec
    sys.modules[name] = module = module_from_spec(spec)
    loader.exec_module(module)
    return module


def find(module: ModuleType, name: str) -> tuple[ModuleType, type[Any]]:
    """The class of this name in the module or a submodule, and where it is."""
    classes: set[str] = set()
    failures: list[str] = []
    for place in with_submodules(module, failures):
        found = getattr(place, name, None)
        if isinstance(found, type):
            return place, found
        classes |= {
            each
            for each, thing in vars(place).items()
            if isinstance(thing, type) and top(thing.__module__) == top(module.__name__)
        }
    there = f"only {', '.join(sorted(classes))}" if classes else "and no other class either"
    raise NoSuchEngine("; ".join([f"there is no class {name}, {there}", *failures]))


def with_submodules(module: ModuleType, failures: list[str]) -> Iterator[ModuleType]:
    """The module and those below it, each imported when it is asked for.

    failures  gets a sentence about each that cannot be imported: it needs what is not there, or
              is a program
    """
    yield module
    for info in pkgutil.iter_modules(getattr(module, "__path__", ())):
        if info.name != "__main__":
            name = f"{module.__name__}.{info.name}"
            try:
                submodule = importlib.import_module(name)
            except (Exception, SystemExit) as error:
                failures.append(f"{name} raised {described_error(error)}")
                continue
            yield from with_submodules(submodule, failures)


def belongs_to_engine(thing: object) -> bool:
    """Not what it has imported, such as tanh from math."""
    module = getattr(thing, "__module__", None)
    return isinstance(module, str) and top(module) not in NOT_THE_ENGINE


def top(module: str) -> str:
    return module.partition(".")[0]


def functions(*modules: ModuleType) -> Mapping[str, Callable[..., Any]]:
    """What the engine has as functions, those of the first module before those of the others."""
    found: dict[str, Callable[..., Any]] = {}
    for module in modules:
        for name, thing in vars(module).items():
            if callable(thing) and belongs_to_engine(thing):
                found.setdefault(name, thing)
    return found


def text_of(outcome: Outcome, data: Callable[[Any], Any]) -> str:
    if isinstance(outcome.answer, BaseException):
        return described_error(outcome.answer)
    answer = outcome.answer
    with suppress(Exception):
        answer = data(answer)  # of a value
    try:
        return repr(answer)
    except Exception:
        return f"a {type(answer).__name__}"


def described_error(error: BaseException) -> str:
    try:
        message = str(error)
    except Exception:
        message = ""
    if isinstance(error, Lacking):
        return message
    return f"{type(error).__name__}: {message}" if message else type(error).__name__
