"""Looking at a graph changes nothing in it, however it is looked at."""

import pytest
from graphs import Program

from tinygrad_neuron import (
    Value,
    draw,
    explain,
    no_grad,
    play,
    steps,
    topological_order,
    tree,
    unroll,
    walk,
)

LOOKS = {
    "draw": lambda y, x: draw(y, expand=True).svg(),
    "tree": lambda y, x: tree(y),
    "steps": lambda y, x: str(steps(y)),
    "explain": lambda y, x: str(explain(y, x)),
    "play": lambda y, x: play(y).html(),
    "walk": lambda y, x: walk(y),
    "unroll": lambda y, x: unroll(y).source,
}


@pytest.mark.parametrize("look", LOOKS)
def test_looking_changes_nothing_and_shows_the_same_again(look, capsys):
    for seed in range(10):
        program = Program(seed, size=40)
        y = program.run([Value(x) for x in program.leaves])
        order = topological_order(y)
        for i, node in enumerate(order):
            node.grad = float(i)  # as no backward pass would leave it
        before = [(v.data, v.grad, v.label, v.op, v.operands, v.partials) for v in order]
        seen = [LOOKS[look](y, order[0]), capsys.readouterr()]
        assert [LOOKS[look](y, order[0]), capsys.readouterr()] == seen
        with no_grad():
            assert [LOOKS[look](y, order[0]), capsys.readouterr()] == seen
        assert [(v.data, v.grad, v.label, v.op, v.operands, v.partials) for v in order] == before
        assert topological_order(y) == order


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("name", ["data", "grad"])
@pytest.mark.parametrize("thing", ["3", None, Value(1.0)])
def test_what_was_assigned_and_is_no_number_is_named_before_anything_is_shown(look, name, thing):
    w, x = Value(2.0, label="w"), Value(3.0, label="x")
    y = w * x
    setattr(w, name, thing)
    with pytest.raises(TypeError, match=rf"the {name} of .*label='w'.* must be a real number, not"):
        LOOKS[look](y, x)
