"""What may be imported from tinygrad_neuron, and that it says what it does."""

import inspect
import re

import pytest

import tinygrad_neuron


@pytest.mark.parametrize("name", tinygrad_neuron.__all__)
def test_a_public_name_has_an_example_that_is_run(name):
    """In its own docstring or in the package's; pytest runs those of both."""
    public = getattr(tinygrad_neuron, name)
    docs = f"{inspect.getdoc(public)}\n{tinygrad_neuron.__doc__}"
    examples = "\n".join(re.findall(r"^(?:>>>|\.\.\.) (.*)$", docs, flags=re.MULTILINE))
    result_of = {"Explanation": "explain(", "Page": "play(", "Picture": "draw("}
    result_of |= {"Program": "unroll(", "Step": "steps("}
    assert re.search(rf"\b{re.escape(result_of.get(name, name))}", examples)


@pytest.mark.parametrize("name", tinygrad_neuron.__all__)
def test_a_public_name_says_what_it_is(name):
    public = getattr(tinygrad_neuron, name)
    assert public.__doc__
    assert len(public.__doc__.split()) >= 5
