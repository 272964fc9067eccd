"""What values are called in pictures and trees."""

import gc
import sys
from collections import deque
from types import SimpleNamespace

import numpy as np
import pytest
from graphs import nodes_alive

from tinygrad_neuron import (
    MLP,
    Layer,
    Module,
    Neuron,
    Value,
    dot,
    draw,
    mean,
    tree,
)
from tinygrad_neuron.view.graph import Graph, variables_of


def names(output, variables=None, model=None):
    """The names of the graph, in topological order."""
    graph = Graph(output, variables or {}, None, model)
    return [graph.names.of[node] for node in graph.order]


def test_a_label_that_is_unique_in_the_graph_is_the_name():
    w, x = Value(2.0, label="weight"), Value(3.0)
    assert names(w * x, {"w": w, "x": x}) == ["weight", "x", "v1"]


def test_a_label_that_two_values_have_names_neither():
    a, b = Value(1.0, label="w"), Value(2.0, label="w")
    assert names(a * b, {"a": a, "b": b}) == ["a", "b", "v1"]
    assert names(a * b) == ["x1", "x2", "v1"]


def test_a_label_of_blanks_is_none():
    assert names(Value(1.0, label=" ")) == ["x1"]


def test_a_constant_without_a_name_is_its_number():
    assert names(Value(2.0, label="x") * -0.5) == ["x", "−0.5", "v1"]
    one = Value(1.0, op="const")
    assert names(one + 1, {"one": one}) == ["one", "1", "v1"]


def test_other_values_are_numbered_in_evaluation_order_and_leaves_apart():
    a, b = Value(1.0), Value(2.0)
    assert names((a + a) * (a - b)) == ["x1", "v1", "x2", "v2", "v3"]


def test_a_number_that_a_label_has_taken_is_left_out():
    x, v1 = Value(1.0), Value(2.0, label="v1")
    assert names((x * v1) * Value(3.0, label="x2") * Value(4.0)) == [
        *("x1", "v1", "v2", "x2", "v3", "x3", "v4")
    ]
    x1 = Value(5.0, label="x1")
    assert names(x1 * Value(1.0)) == ["x1", "x2", "v1"]


def test_no_two_values_have_the_same_name():
    x, y = Value(1.0, label="y"), Value(2.0)
    assert names(x * y, {"y": y}) == ["y", "x1", "v1"]


def test_numbers_given_to_a_neuron_are_inputs_named_after_the_places_of_their_weights():
    neuron = Neuron(3, Value.tanh)
    y = neuron([5.0, 6.0, 7.0])
    named = names(y, {"neuron": neuron})
    assert named == ["w1", "w2", "w3", "x1", "x2", "x3", "v1", "b", "v2", "v3"]
    found = Graph(y, {"neuron": neuron}).names
    given = y.operands[0].operands[0].operands[3:]
    assert [(found.of[x], found.kind_of_leaf(x)) for x in given] == [
        *(("x1", "input"), ("x2", "input"), ("x3", "input"))
    ]
    assert [x.data for x in given] == [5.0, 6.0, 7.0]


def test_of_several_samples_the_number_of_the_sample_is_part_of_the_name():
    neuron, plain = Neuron(2), Value(3.0, op="const")
    y = mean([neuron([1.0, 2.0]), neuron([3.0, 4.0]), plain])
    assert [name for name in names(y, {"neuron": neuron}) if name[0] == "x"] == [
        *("x1 (sample 1)", "x2 (sample 1)", "x1 (sample 2)", "x2 (sample 2)")
    ]
    assert names(y, {"neuron": neuron})[-2:] == ["3", "v5"]  # what no weight has met is a number


def test_weights_times_numbers_written_out_name_them_too():
    neuron = Neuron(2)
    (w1, w2), b = neuron.w, neuron.b
    y = w1 * 3.0 + 4.0 * w2 + b
    assert {"x1", "x2"} <= set(names(y, {"neuron": neuron}))


def test_inputs_that_have_names_keep_them_and_a_name_that_is_taken_is_given_once():
    neuron, height, x2 = Neuron(2), Value(1.0, op="const"), Value(2.0, label="x2")
    y = neuron([height, 5.0]) * x2
    found = names(y, {"neuron": neuron, "height": height})
    assert [name for name in found if name[0] in "xh"] == ["height", "x1", "x2"]


def test_lists_tuples_and_dicts_give_paths():
    a, b, c, d = (Value(float(i)) for i in range(4))
    variables = {"xs": [a, (b,)], "by": {"name": c, 7: d}}
    assert names(mean([a, b, c, d]), variables) == [
        "xs[0]",
        "xs[1][0]",
        "by['name']",
        "by[7]",
        "v1",
    ]


def test_a_key_whose_repr_could_hold_an_address_gives_no_path():
    x = Value(1.0)
    assert names(x, {"by": {object(): x}}) == ["x1"]


@pytest.mark.parametrize("key", [("a", 1), "k" * 50, 10**50])
def test_a_parameter_is_one_whatever_its_key(key):
    class Table(Module):
        def __init__(self):
            self.w = {key: Value(2.0), "other": Value(3.0)}

    table = Table()
    y = mean(table.parameters())
    found = Graph(y, {"table": table}).names
    assert list(found.of.values()) == ["table.w[…0]", "table.w['other']", "v1"]
    assert found.parameters == set(table.parameters())


def test_neurons_under_any_keys_have_paths_of_their_own():
    class Table(Module):
        def __init__(self):
            self.d = {(0, 0): Neuron(2), (0, 1): Neuron(2)}

    table = Table()
    y = mean([neuron([1.0, 2.0]) for neuron in table.d.values()])
    paths = [neuron.path for neuron in Graph(y, {"table": table}).names.neurons]
    assert paths == ["table.d[…0]", "table.d[…1]"]


@pytest.mark.parametrize("label", [None, "", "  "])
def test_a_value_without_a_label_is_called_by_its_number(label):
    assert names(Value(1.0, label=label) + 1, {}) == ["x1", "1", "v1"]


def test_variables_are_searched_in_the_order_of_their_definition():
    xs = [Value(1.0), Value(2.0)]
    left_over = {"x": xs[1]}  # by `for x in xs`
    assert names(xs[0] * xs[1], {"xs": xs} | left_over) == ["xs[0]", "xs[1]", "v1"]
    assert names(xs[0] * xs[1], left_over | {"xs": xs}) == ["xs[0]", "x", "v1"]


def test_a_models_path_comes_before_a_variable_left_over_from_a_loop():
    net = MLP(1, [2, 1])
    last = net.layers[0].neurons[1]
    found = names(net([1.0])[0], {"neuron": last, "w": last.w[0], "net": net})
    assert {"net.layers[0].neurons[1].b", "net.layers[0].neurons[1].w[0]"} <= set(found)
    assert names(net([1.0])[0], {"a": last, "w": last.w[0], "net": net}) == found


def test_a_given_model_needs_no_variable():
    net = MLP(1, [2, 1])
    assert "layers[0].neurons[1].w[0]" in names(net([1.0])[0], model=net)
    assert "net.layers[0].neurons[1].w[0]" in names(net([1.0])[0], {"net": net}, net)


def test_a_lone_neurons_labels_are_its_names():
    neuron = Neuron(2)
    assert names(neuron([1.0, 2.0]), {"neuron": neuron})[:2] == ["w1", "w2"]


def test_parameters_have_labels_all_or_none():
    net = MLP(1, [2, 1])  # only the last neuron has a w2
    parameters = [name for name in names(net([1.0])[0], {"net": net}) if name[0] != "v"]
    assert [name for name in parameters if not name.startswith("net.")] == ["x1"]


def test_two_parameters_of_one_label_are_enough():
    one, other = Neuron(1), Neuron(2)  # two have a w1, and one a w2
    found = names(one(1.0) + other([1.0, 2.0]), {"one": one, "other": other})
    assert {"one.w[0]", "other.w[0]", "other.w[1]", "one.b", "other.b"} <= set(found)


def test_models_in_lists_and_in_models_are_found():
    class Pair(Module):
        def __init__(self):
            self.first, self.rest = Neuron(1), {"second": Neuron(1)}

        def __call__(self, x):
            return self.first(x) + self.rest["second"](x)

    pair = Pair()
    found = names(pair(1.0), {"models": [pair]})
    assert {"models[0].first.w[0]", "models[0].rest['second'].b"} <= set(found)


def test_names_that_begin_with_an_underscore_and_a_notebooks_own_are_skipped():
    x = Value(1.0)
    assert names(x, {"_": x, "__": x, "In": [x], "Out": {1: x}}) == ["x1"]


def test_parameters_are_the_leaves_of_models():
    layer, loose = Layer(1, 2), Value(3.0)
    y = mean([*layer([1.0]), loose])
    found = Graph(y, {"layer": layer, "loose": loose}).names
    assert found.parameters == set(layer.parameters())
    assert Graph(y, {"loose": loose}).names.parameters == set()


def test_parameters_are_shown_as_such_wherever_a_model_keeps_them():
    class Line(Module):
        __slots__ = ("b",)

        def __init__(self):
            self.w = deque([Value(2.0)])
            self.more = SimpleNamespace(c=np.array([Value(3.0)]))
            self.b = Value(1.0)

    line = Line()
    y = line.w[0] * 3.0 + line.b * line.more.c[0]
    rows = tree(y, model=line)
    for name in line.named_parameters():
        assert f"line.{name}  parameter" in rows


def test_what_a_model_computes_and_its_constants_are_no_parameters():
    net = Module()
    net.w, net.scale = Value(1.0), Value(2.0, op="const")
    net.product = net.w * net.scale
    assert Graph(net.product, {"net": net}).names.parameters == {net.w}


def test_a_variable_is_searched_for_ten_thousand_things_and_a_model_for_all():
    x = Value(1.0)  # the list is the first thing
    assert names(x, {"table": [0] * 9_998 + [x]}) == ["table[9998]"]
    assert names(x, {"table": [0] * 9_999 + [x]}) == ["x1"]
    neuron = Neuron(10_005)
    last = neuron.w[-1]
    last.label = ""
    assert names(last * 1, {"neuron": neuron})[0] == "neuron.w[10004]"


def test_a_path_of_more_than_80_letters_is_cut():
    x = Value(1.0)
    assert names(x, {"x" * 77: [x]}) == ["x" * 77 + "[0]"]
    assert names(x, {"x" * 78: [x]}) == ["x" * 78 + "[…"]


def test_a_model_that_holds_itself_ends():
    neuron = Neuron(1)
    neuron.me = neuron
    assert names(neuron([1.0]), {"neuron": neuron})[0] == "w1"


def test_a_list_that_holds_itself_ends():
    x = Value(1.0)
    loop = [x]
    loop.append(loop)
    assert names(x, {"loop": loop}) == ["loop[0]"]


def test_a_proxy_that_cannot_be_asked_for_its_class_is_skipped():
    class Proxy:
        @property
        def __class__(self):
            raise RuntimeError

    x = Value(1.0)
    assert names(x, {"proxy": Proxy(), "x": x}) == ["x"]


def test_a_model_need_not_be_hashable():
    class Net(Module):
        __hash__ = None

        def __init__(self):
            self.w = Value(1.0)

    net = Net()
    assert names(net.w * 2, {"net": net}) == ["net.w", "2", "v1"]


def test_a_path_of_any_letters_is_one_line():
    x, y = Value(1.0), Value(2.0)
    assert names(x * y, {"a\nb": x, "by": {"\ud800": y}}) == [r"a\nb", r"by['\ud800']", "v1"]


def test_keys_that_are_long_give_no_path():
    x = Value(1.0)
    assert names(x, {"by": {"k" * 41: x}}) == names(x, {"by": {10**5000: x}}) == ["x1"]
    assert names(x, {"by": {"k" * 40: x}}) == [f"by['{'k' * 40}']"]
    assert names(x, {"by": {10**40: x}}) == ["x1"]
    assert names(x, {"by": {10**40 - 1: x}}) == [f"by[{10**40 - 1}]"]


def test_long_paths_that_look_alike_name_one_value():
    x, y = Value(1.0), Value(2.0)
    first, second, product = names(x * y, {"k" * 100: {"x": x, "y": y}})
    assert first.startswith("kkk")
    assert (second, product) == ("x1", "v1")


# The caller's variables.


def test_names_come_from_the_variables_of_the_caller():
    x = Value(1.0)
    total = x + x
    assert tree(total).split()[0] == "total"
    assert ">total<" in draw(total).source


def test_names_come_from_the_module_too_and_the_functions_own_go_first():
    program = "x = Value(1.0)\ny = x * x\ndef f():\n    z = x\n    return tree(x), tree(y)\nr = f()"
    scope = {"Value": Value, "tree": tree}
    exec(program, scope)
    assert [text.split()[0] for text in scope["r"]] == ["z", "y"]


def test_given_names_are_the_only_ones():
    x = Value(1.0)
    assert tree(x, variables={"u": x}).split()[0] == "u"
    assert tree(x, variables={}).split()[0] == "x1"


@pytest.mark.parametrize("look", [draw, tree])
def test_looking_keeps_no_graph_alive(collector_off, look):
    before = nodes_alive()
    loss = Value(1.0) * 2.0
    look(loss)
    assert nodes_alive() == before + 3
    del loss
    assert nodes_alive() == before
    assert gc.collect() == 0


def test_looking_leaves_the_callers_own_locals_alone():
    x = Value(1.0)
    mine = locals()
    tree(x)
    assert mine["x"] is x


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="exec puts nothing there any more")
def test_looking_leaves_what_exec_has_put_among_the_locals():
    exec("z = 5")
    x = Value(1.0)
    tree(x)
    assert locals()["z"] == 5


def test_looking_needs_no_caller_and_no_names_but_strings():
    assert variables_of(None) == {}
    scope = {5: 6, "tree": tree, "not a name": (x := Value(1.0)), "same": [x]}
    exec("text = tree(same[0])", scope)
    assert scope["text"].startswith("same[0]  input")


def test_what_is_not_one_value_is_an_error_that_says_so():
    for look in draw, tree:
        with pytest.raises(TypeError, match=r"one Value, such as the first of these, not of \["):
            look(MLP(1, [1])([1.0]))
        with pytest.raises(TypeError, match="one Value, not of 3"):
            look(3)
        with pytest.raises(TypeError, match=r"one Value, not of \[\]"):
            look([])
        with pytest.raises(
            TypeError, match=r"^variables are objects by name, such as locals\(\), not "
        ):
            look(Value(1.0), variables=[1])
        with pytest.raises(
            TypeError, match=r"^variables are objects by name, such as locals\(\), not "
        ):
            look(Value(1.0), variables={1: 2})
        with pytest.raises(TypeError, match="a model must be a Module, such as an MLP, not 7"):
            look(Value(1.0), model=7)


def test_an_n_ary_node_and_its_operands_have_names():
    w, x = [Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)]
    assert names(dot(w, x), {"w": w, "x": x}) == ["w[0]", "w[1]", "x[0]", "x[1]", "v1"]
