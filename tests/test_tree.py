"""The graph as text."""

import pytest

from tinygrad_neuron import Neuron, Value, mean, topological_order, tree


def test_a_line_has_name_operation_data_grad_and_local_derivative():
    w, x, b = Value(0.5, label="w"), Value(2.0, label="x"), Value(-0.25, label="b")
    y = w * x + b
    y.backward()
    assert tree(y).splitlines() == [
        "y  +            data 0.75   grad 1",
        "├─ v1  *        data 1      grad 1    ∂ 1",
        "│  ├─ w  input  data 0.5    grad 2    ∂ 2",
        "│  └─ x  input  data 2      grad 0.5  ∂ 0.5",
        "└─ b  input     data −0.25  grad 1    ∂ 1",
    ]


def test_names_in_any_script_line_up_in_a_terminal():
    """A name with 日 takes more cells than letters, and one with an accent or a joiner fewer."""
    family = "👩\u200d👩\u200d👧"
    w, x, b = Value(0.5, label="日本語"), Value(2.0, label=family), Value(-0.25, label="e\u0301")
    y = w * x + b
    y.backward()
    assert tree(y).splitlines() == [
        "y  +                 data 0.75   grad 1",
        "├─ v1  *             data 1      grad 1    ∂ 1",
        "│  ├─ 日本語  input  data 0.5    grad 2    ∂ 2",
        f"│  └─ {family}  input      data 2      grad 0.5  ∂ 0.5",
        "└─ e\u0301  input          data −0.25  grad 1    ∂ 1",
    ]


def test_a_shared_value_is_written_once_and_then_referred_to():
    x = Value(3.0, label="x")
    h = x * x
    y = h + h
    assert tree(y).splitlines() == [
        "y  +              data 18",
        "├─ h  *           data 9     ∂₁ 1",
        "│  ├─ x  input    data 3     ∂₁ 3",
        "│  └─ x  (above)             ∂₂ 3",
        "└─ h  (above)                ∂₂ 1",
    ]


def test_parameters_and_constants_are_called_so():
    neuron = Neuron(1)
    neuron.load_state_dict({"w1": 0.5, "b": 1.0})
    y = neuron([2.0])
    kinds = [line.partition("  data")[0].split()[-1] for line in tree(y).splitlines()]
    assert kinds == ["+", "dot", "parameter", "input", "parameter"]
    assert "constant" in tree(y * 2.0)
    assert "parameter" in tree(y, variables={}, model=neuron)
    assert "parameter" not in tree(y, variables={})


def test_grads_are_shown_when_the_output_has_one():
    y = Value(2.0, label="x") * 3.0
    assert "grad" not in tree(y)
    y.backward()
    assert tree(y).count("grad") == 3


def test_what_is_beyond_max_lines_is_counted():
    y = mean([Value(float(i)) for i in range(10)])
    assert len(tree(y).splitlines()) == 11
    assert len(tree(y, max_lines=11).splitlines()) == 11
    assert tree(y, max_lines=10).splitlines()[-1] == "… and 1 more line"
    assert tree(y, max_lines=4).splitlines()[-1] == "… and 7 more lines"
    assert tree(y, max_lines=1).splitlines()[1:] == ["… and 10 more lines"]
    assert len(tree(mean([Value(1.0)] * 500)).splitlines()) == 101
    for wrong in 0, 1.5, None:
        with pytest.raises(ValueError, match=f"a whole number above 0, not {wrong}"):
            tree(y, max_lines=wrong)


@pytest.mark.parametrize("n", [10_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_a_long_chain_is_no_deeper_than_a_page(n):
    y = Value(1.0)
    for _ in range(n):
        y = -y
    lines = tree(y, max_lines=2 * n).splitlines()
    assert len(lines) == len(topological_order(y)) == n + 1
    assert max(map(len, lines)) < 120
    assert lines[20].startswith(" " * 57 + f"└─ v{n - 20}  neg")
    assert lines[21].startswith(f"⋯ 21 └─ v{n - 21}  neg")
    assert tree(y).splitlines()[-1] == f"… and {n - 99:,} more lines"


def test_a_leaf_is_one_line():
    assert tree(Value(-0.0, label="x")) == "x  input  data 0"


def test_an_operation_with_more_operands_than_partials_has_a_line_for_each_pair():
    x = Value(1.0, label="x")
    odd = Value(2.0, (x, x), (1.0, 1.0), "odd")
    odd.partials = (1.0,)
    assert len(tree(odd).splitlines()) == 2
