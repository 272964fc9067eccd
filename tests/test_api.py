"""What may be imported from tinygrad_neuron, and that it says what it does."""

import inspect
import re
from pathlib import Path

import pytest

import tinygrad_neuron

# Classes that nobody calls by name, and the function whose result they are.
RESULT_OF = {"Explanation": "explain", "GradCheck": "gradcheck", "Outcome": "checkup"}
RESULT_OF |= {"Page": "play", "Picture": "draw", "Program": "unroll", "Step": "steps"}


@pytest.mark.parametrize("name", tinygrad_neuron.__all__)
def test_a_public_name_has_an_example_that_is_run(name):
    """In its own docstring or in the package's; pytest runs those of both."""
    name = RESULT_OF.get(name, name)
    docs = f"{inspect.getdoc(getattr(tinygrad_neuron, name))}\n{tinygrad_neuron.__doc__}"
    examples = "\n".join(re.findall(r"^(?:>>>|\.\.\.) (.*)$", docs, flags=re.MULTILINE))
    assert re.search(rf"\b{name}\b", examples)


@pytest.mark.parametrize("name", tinygrad_neuron.__all__)
def test_a_public_name_says_what_it_is(name):
    public = getattr(tinygrad_neuron, name)
    assert public.__doc__
    assert len(public.__doc__.split()) >= 5


def described(name, thing):
    """The lines of a name: how it is called, and what a class and an instance of it have."""
    public = [name if name in RESULT_OF else f"{name}{parameters(thing)}"]
    if inspect.isclass(thing):
        members = {**dict.fromkeys(getattr(thing, "_fields", ())), **vars(thing)}
        members |= {n: None for one in INSTANCES if type(one) is thing for n in attributes(one)}
        for member, found in sorted(members.items()):
            called = parameters(found) if inspect.isfunction(found) else ""
            if not member.startswith("_"):
                public.append(f"    .{member}{called}")
            elif called and member.startswith("__") and member not in OWN:
                public.append(f"    {member}")
    return public


# What no user writes, or its line is above.
OWN = ("__init__", "__repr__", "__getnewargs__", "__annotate_func__")


x = tinygrad_neuron.Value(1.0)
mlp = tinygrad_neuron.MLP(1, [1])
INSTANCES = [x, mlp, *mlp.layers, *mlp.layers[0].neurons, tinygrad_neuron.SGD([x], lr=0.1)]
INSTANCES += [getattr(tinygrad_neuron, look)(x * x) for look in ("draw", "play", "unroll")]
INSTANCES += [tinygrad_neuron.explain(x * x, x), tinygrad_neuron.gradcheck(abs, 1.0)]


def attributes(instance):
    return vars(instance) if hasattr(instance, "__dict__") else type(instance).__slots__


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
    """api.txt is all of them: a change there belongs in .github/CHANGELOG.md."""
    lines = [f"tinygrad_neuron {tinygrad_neuron.__version__}"]
    for name in tinygrad_neuron.__all__:
        lines += described(name, getattr(tinygrad_neuron, name))
    expected = Path(__file__).with_name("api.txt").read_text(encoding="utf-8")
    assert "\n".join(lines) + "\n" == expected


def test_a_debugger_can_show_an_object_that_is_being_made():
    """Such as `self` in a constructor, or in a traceback that shows local variables."""
    for name in tinygrad_neuron.__all__:
        kind = getattr(tinygrad_neuron, name)
        if inspect.isclass(kind) and not issubclass(kind, tuple):
            assert "\n" not in repr(kind.__new__(kind))
    neuron = tinygrad_neuron.Neuron.__new__(tinygrad_neuron.Neuron)
    assert repr(neuron) == "Neuron(?)"


def test_all_public_names_are_in_all():
    """And nothing else can be had by `from tinygrad_neuron import …` but its modules."""
    found = {n for n, thing in vars(tinygrad_neuron).items() if not inspect.ismodule(thing)}
    assert {n for n in found if not n.startswith("_")} == {*tinygrad_neuron.__all__}


def test_the_version_is_a_semantic_one():
    assert re.fullmatch(r"\d+\.\d+\.\d+", tinygrad_neuron.__version__)


def test_what_a_user_writes_runs(tmp_path, monkeypatch, capsys):
    """Every public name in its types: the file that the type checkers read."""
    import typical_use

    monkeypatch.chdir(tmp_path)
    x = tinygrad_neuron.Value(2.0, label="x")
    assert typical_use.check(x)
    assert len(typical_use.classify([1.0, 2.0])) == 1
    typical_use.look(typical_use.cube(x), x)
    assert {path.name for path in tmp_path.iterdir()} == {"graph.svg", "graph.html"}
