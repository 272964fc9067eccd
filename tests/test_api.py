"""What may be imported from tinygrad_neuron, and that it says what it does."""

import inspect
import re
from pathlib import Path

import pytest

import tinygrad_neuron

# Classes that nobody calls by name, and what makes one.
RESULT_OF = {"Explanation": "explain(", "Page": "play(", "Picture": "draw("}
RESULT_OF |= {"Program": "unroll(", "Step": "steps("}


@pytest.mark.parametrize("name", tinygrad_neuron.__all__)
def test_a_public_name_has_an_example_that_is_run(name):
    """In its own docstring or in the package's; pytest runs those of both."""
    public = getattr(tinygrad_neuron, name)
    docs = f"{inspect.getdoc(public)}\n{tinygrad_neuron.__doc__}"
    examples = "\n".join(re.findall(r"^(?:>>>|\.\.\.) (.*)$", docs, flags=re.MULTILINE))
    assert re.search(rf"\b{re.escape(RESULT_OF.get(name, name))}", examples)


@pytest.mark.parametrize("name", tinygrad_neuron.__all__)
def test_a_public_name_says_what_it_is(name):
    public = getattr(tinygrad_neuron, name)
    assert public.__doc__
    assert len(public.__doc__.split()) >= 5


def described(name, thing):
    """The lines of a name: how it is called, and what a class has besides."""
    public = [name if name in RESULT_OF else f"{name}{parameters(thing)}"]
    if inspect.isclass(thing):
        for member, found in sorted(vars(thing).items()):
            if not member.startswith("_"):
                called = parameters(found) if callable(found) else ""
                public.append(f"    .{member}{called}")
    return public


def parameters(thing):
    """Their names, kinds and defaults; the types are in the code, where type checkers read them."""
    signature = inspect.signature(thing)
    plain = [
        parameter.replace(annotation=parameter.empty, default=default(parameter))
        for parameter in signature.parameters.values()
    ]
    return str(inspect.Signature(plain))


def default(parameter):
    found = parameter.default
    return Named(found.__qualname__) if inspect.isfunction(found) else found


class Named(str):
    __repr__ = str.__str__


def test_the_public_names_change_on_purpose_only():
    """api.txt is all of them: a change there is one for the Changes of the README."""
    lines = [f"tinygrad_neuron {tinygrad_neuron.__version__}"]
    for name in tinygrad_neuron.__all__:
        lines += described(name, getattr(tinygrad_neuron, name))
    expected = Path(__file__).with_name("api.txt").read_text(encoding="utf-8")
    assert "\n".join(lines) + "\n" == expected


def test_all_public_names_are_in_all():
    """And nothing else can be had by `from tinygrad_neuron import …` but its modules."""
    found = {n for n, thing in vars(tinygrad_neuron).items() if not inspect.ismodule(thing)}
    assert {n for n in found if not n.startswith("_")} == {*tinygrad_neuron.__all__}


def test_the_version_is_that_of_the_newest_change_and_is_semantic():
    readme = Path(__file__).parent.parent / "README.md"
    newest = re.search(r"^- (\S+), ", readme.read_text("utf-8").partition("### Changes")[2], re.M)
    assert newest[1] == tinygrad_neuron.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+", tinygrad_neuron.__version__)
