"""Neurons, layers, networks, and models of one's own."""

import math
import random
from collections import OrderedDict, UserDict, UserList, deque, namedtuple
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

from tinygrad_neuron import MLP, Layer, Module, Neuron, Value


def test_a_neuron_is_an_activation_of_weights_times_inputs_plus_bias():
    neuron = Neuron(2, activation=Value.tanh)
    neuron.load_state_dict({"w1": 0.5, "w2": -1.0, "b": 0.25})
    y = neuron([3.0, 1.0])
    assert y.data == math.tanh(0.5 * 3.0 - 1.0 * 1.0 + 0.25)
    y.backward()
    slope = 1 - y.data**2
    assert [p.grad for p in neuron.parameters()] == [slope * 3.0, slope * 1.0, slope]


def test_a_neuron_is_a_dot_a_plus_and_an_activation():
    neuron = Neuron(2, activation=Value.sigmoid)
    x = [Value(1.0), Value(2.0)]
    y = neuron(x)
    assert y.op == "sigmoid"
    (z,) = y.operands
    assert z.op == "+"
    assert z.operands[0].op == "dot"
    assert z.operands[0].operands == (*neuron.w, *x)
    assert z.operands[1] is neuron.b


def test_without_an_activation_a_neuron_is_linear():
    neuron = Neuron(1)
    neuron.load_state_dict({"w1": 3.0, "b": 1.0})
    assert neuron([2.0]).data == 7.0
    assert neuron(2.0).data == 7.0
    assert neuron(Value(2.0)).data == 7.0
    assert neuron(np.array([2.0])).data == 7.0
    assert neuron(np.float32(2.0)).data == 7.0
    with pytest.raises(TypeError, match=r"not array\(2.0*\): use its item\(\)$"):
        neuron(np.array(2.0))


def test_any_function_of_a_value_is_an_activation():
    neuron = Neuron(1, activation=lambda z: z * z.sigmoid())
    neuron.load_state_dict({"w1": 1.0, "b": 0.0})
    assert neuron(math.log(3)).data == pytest.approx(math.log(3) * 0.75, rel=1e-12)


def test_weights_start_uniform_within_the_root_of_6_over_n_and_a_lone_bias_at_zero():
    """Whose variance is 2/n, as He et al. ask for."""
    neuron = Neuron(600, rng=random.Random(0))
    weights = [w.data for w in neuron.w]
    assert all(abs(w) <= 0.1 for w in weights)
    assert max(weights) > 0.099
    assert min(weights) < -0.099
    assert abs(sum(weights) / 600) < 3 * math.sqrt(2 / 600 / 600)  # three standard errors
    assert sum(w * w for w in weights) / 600 == pytest.approx(2 / 600, rel=0.1)
    assert neuron.b.data == 0.0


def test_the_biases_of_a_layer_start_uniform_within_one_over_the_root_of_n():
    for model in Layer(4, 300, rng=random.Random(0)), MLP(4, [300], rng=random.Random(0)):
        biases = [p.data for name, p in model.named_parameters().items() if name.endswith(".b")]
        assert len(biases) == 300
        assert all(abs(b) <= 0.5 for b in biases)
        assert max(biases) > 0.48
        assert min(biases) < -0.48
        assert abs(sum(biases) / 300) < 3 * 0.5 / math.sqrt(3 * 300)  # three standard errors


def test_chance_is_handed_in():
    make = [lambda rng: Neuron(3, rng=rng), lambda rng: MLP(2, [3, 1], rng=rng)]
    for model in make:
        assert model(random.Random(1)).state_dict() == model(random.Random(1)).state_dict()
        assert model(random.Random(1)).state_dict() != model(random.Random(2)).state_dict()
        random.seed(5)
        first = model(None).state_dict()
        random.seed(5)
        assert model(None).state_dict() == first


def test_parameters_are_labelled():
    neuron = Neuron(3)
    assert [p.label for p in neuron.parameters()] == ["w1", "w2", "w3", "b"]
    assert neuron.parameters() == [*neuron.w, neuron.b]


@pytest.mark.parametrize("x", [[1.0], [1.0, 2.0, 3.0], [], 1.0])
def test_a_wrong_number_of_inputs_is_an_error_that_states_both_numbers(x):
    given = len(x) if isinstance(x, list) else 1
    for model in Neuron(2), Layer(2, 3), MLP(2, [3, 1]):
        with pytest.raises(ValueError, match=f"a neuron with 2 inputs was given {given}"):
            model(x)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Neuron(0), ValueError, "inputs is at least 1, not 0"),
        (
            lambda: Neuron(2, activation="relu"),
            TypeError,
            "a function such as Value.tanh, not 'relu'",
        ),
        (
            lambda: Neuron(2, rng=0),
            TypeError,
            r"a random.Random, such as random.Random\(0\), not 0",
        ),
        (lambda: Neuron(2, rng=random), TypeError, "a random.Random, such as .*, not <module"),
        (lambda: Layer(2, 0), ValueError, "layer's neurons is at least 1, not 0"),
        (lambda: Layer(2, -1), ValueError, "layer's neurons is at least 1, not -1"),
        (lambda: MLP(2, 4, 1), TypeError, r"sizes of an MLP are a list, such as \[4, 1\], not 4"),
        (lambda: Neuron("2"), TypeError, "number of a neuron's inputs is a whole number, not '2'"),
        (lambda: Neuron(2.5), TypeError, "number of a neuron's inputs is a whole number, not 2.5"),
        (lambda: Layer(2, "3"), TypeError, "number of a layer's neurons is a whole number, not '3"),
        (lambda: MLP(2, "41"), TypeError, "sizes of an MLP are a list, such as .* not '41'"),
        (lambda: MLP(2, [4.0, 1]), TypeError, "a size of an MLP is a whole number, not 4.0"),
        (lambda: MLP(2, []), ValueError, "at least one layer, such as in MLP"),
        (lambda: MLP(2, [3, 0]), ValueError, "a size of an MLP is at least 1, not 0"),
    ],
)
def test_a_model_that_cannot_be_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("number", [3.0, 3, np.float64(3.0)])
def test_a_plain_number_among_the_weights_is_a_constant(number):
    neuron = Neuron(2)
    neuron.load_state_dict({"w1": 2.0, "w2": 0.0, "b": 1.0})
    neuron.w[1] = number
    y = neuron([5.0, 7.0])
    assert (y.data, y.operands[0].operands[1].op) == (32.0, "const")


def test_a_layer_turns_its_inputs_into_nodes_once():
    layer = Layer(2, 3, activation=Value.tanh)
    outputs = layer([1.0, 2.0])
    assert len(outputs) == 3
    inputs = {y.operands[0].operands[0].operands[2:] for y in outputs}
    assert len(inputs) == 1


def test_layers_and_networks_always_return_a_list():
    assert [type(y) for y in Layer(2, 1)([1.0, 2.0])] == [Value]
    assert [type(y) for y in MLP(2, [3, 1])([1.0, 2.0])] == [Value]
    assert len(MLP(1, [3, 2])(1.0)) == 2
    assert len(MLP(2, [1])([1.0, 2.0])) == 1


def test_a_network_is_relu_inside_and_linear_at_the_end():
    net = MLP(2, [4, 3, 1])
    assert [(len(layer.neurons), len(layer.neurons[0].w)) for layer in net.layers] == [
        (4, 2),
        (3, 4),
        (1, 3),
    ]
    activations = [n.activation for layer in net.layers for n in layer.neurons]
    assert activations == [Value.relu] * 7 + [None]
    assert MLP(2, [3, 1], activation=Value.tanh).layers[0].neurons[0].activation is Value.tanh
    assert len(MLP(2, [16, 16, 1]).parameters()) == 337


def test_zero_grad_zeroes_every_parameter():
    net = MLP(2, [3, 1])
    net([1.0, 2.0])[0].backward()
    assert any(p.grad for p in net.parameters())
    net.zero_grad()
    assert {p.grad for p in net.parameters()} == {0.0}


def test_repr_counts_the_parameters():
    assert repr(Neuron(2)) == "Neuron(3 parameters)"
    assert repr(MLP(2, [16, 16, 1])) == "MLP(337 parameters)"


# A model of one's own.


class Wave(Module):
    def __init__(self):
        self.hidden = Layer(1, 2, activation=Value.sin)
        self.scale = Value(2.0)
        self.taps = [Value(0.5), Value(-1.0), Value(4.0)]
        self.more = {"phase": (Value(7.0),)}
        self.again = self.scale
        self.name = "wave"
        self.last = self.scale * 3
        self.holder = self


NAMES = [
    "hidden.neurons[0].w1",
    "hidden.neurons[0].b",
    "hidden.neurons[1].w1",
    "hidden.neurons[1].b",
    "scale",
    "taps[0]",
    "taps[1]",
    "taps[2]",
    "more['phase'][0]",
]


def test_the_leaves_among_the_attributes_are_parameters_named_by_their_paths():
    wave = Wave()
    assert list(wave.state_dict()) == NAMES
    assert wave.named_parameters()["taps[2]"] is wave.taps[2]
    assert wave.parameters() == list(wave.named_parameters().values())
    assert len(wave.parameters()) == 9


def test_a_state_is_plain_numbers_and_can_be_loaded_into_another_model():
    assert Neuron(1).state_dict().keys() == {"w1", "b"}
    assert "layers[0].neurons[3].w1" in MLP(2, [4, 1]).state_dict()
    wave, other = Wave(), Wave()
    other.load_state_dict(wave.state_dict())
    assert other.state_dict() == wave.state_dict()
    assert all(type(number) is float for number in wave.state_dict().values())
    neuron = Neuron(1)
    neuron.load_state_dict({"b": 1, "w1": np.float32(0.5)})
    assert neuron.state_dict() == {"w1": 0.5, "b": 1.0}


def holders():
    """Containers in which a model may keep a weight, each with the name of that weight."""

    @dataclass(slots=True)
    class Slotted:
        w: object
        size: int = 1

    @dataclass
    class Open:
        w: list

    class Slots(Module):
        __slots__ = ("unset", "w")

    pair = namedtuple("Pair", "left right")
    w, slots = Value(1.0), Slots()
    slots.w = w
    return [
        (w, "held"),
        ([w], "held[0]"),
        (deque([w]), "held[0]"),
        (UserList([w]), "held[0]"),
        (pair(w, 2), "held[0]"),
        ({"a": w}, "held['a']"),
        (OrderedDict(a=w), "held['a']"),
        (UserDict(a=w), "held['a']"),
        (SimpleNamespace(w=w), "held.w"),
        (Slotted(w), "held.w"),
        (Open([w]), "held.w[0]"),
        (slots, "held.w"),
        (np.array([w, w]), "held[0]"),
        (np.array([[w], [w]]), "held[0][0]"),
        (np.array(w), "held[0]"),
        ([{3: (deque([w]),)}], "held[0][3][0][0]"),
    ]


@pytest.mark.parametrize(("held", "name"), holders())
def test_a_model_finds_its_weights_wherever_they_are_kept(held, name):
    model = Module()
    model.held = held
    assert list(model.named_parameters()) == [name]
    assert repr(model) == "Module(1 parameters)"


@pytest.mark.parametrize("kind", [set, frozenset])
@pytest.mark.parametrize("part", [Value(1.0), (Value(1.0),), Neuron(1)])
def test_a_set_of_weights_is_refused_because_it_has_no_order(kind, part):
    model = Module()
    model.layers = [kind([part])]
    with pytest.raises(TypeError, match=r"^layers\[0\] is a set, which has no order: use a list$"):
        model.parameters()
    model.layers = kind(["relu", "tanh"])
    assert model.parameters() == []


def test_an_array_of_very_many_objects_is_refused():
    model = Module()
    model.names = np.array(["a"] * 10_000, dtype=object)
    model.table = np.zeros(20_000)
    assert model.parameters() == []
    model.names = np.array(["a"] * 10_001, dtype=object)
    with pytest.raises(ValueError, match="^names is an array of 10,001 objects"):
        model.parameters()


def test_looking_for_parameters_consumes_no_iterator_and_runs_no_code_of_the_user():
    class Lazy(list):
        def __getattribute__(self, name):
            raise AssertionError(name)

        def __iter__(self):
            raise AssertionError

        @property
        def __class__(self):
            raise AssertionError

    @dataclass
    class Computed:
        w: object

        def __getattribute__(self, name):
            raise AssertionError(name)

    model = Module()
    model.numbers, model.lazy, model.computed = (
        iter([1, 2]),
        Lazy([Value(1.0)]),
        Computed(Value(2.0)),
    )
    model.more = (Value(i) for i in range(2))
    assert list(model.named_parameters()) == ["lazy[0]", "computed.w"]
    assert [*model.numbers, len(list(model.more))] == [1, 2, 2]


def test_a_weight_that_is_computed_is_an_error_because_it_would_never_learn():
    model = Module()
    model.w = [Value(0.5) * 0.1 for _ in range(2)]
    model.b = Value(0.0)
    for use in model.parameters, model.state_dict, model.zero_grad:
        with pytest.raises(ValueError, match=r"^w\[0\] would never learn, .* leaf, Value\(0.05\)$"):
            use()
    assert repr(model) == "Module(?)"
    model.w = [Value(w.data) for w in model.w]
    assert len(model.parameters()) == 3


def test_a_model_that_is_a_list_has_the_parameters_in_it():
    class Stack(Module, list):
        pass

    assert list(Stack([Neuron(1), Value(2.0)]).named_parameters()) == ["[0].w1", "[0].b", "[1]"]


def test_a_neuron_never_takes_weights_from_a_set_or_an_iterator():
    neuron = Neuron(2)
    neuron.w = {Value(1.0), Value(2.0)}
    with pytest.raises(TypeError, match="^w is a set, which has no order: use a list$"):
        neuron.parameters()
    neuron.w = (Value(i) for i in range(2))
    assert neuron.parameters() == [neuron.b]
    assert len(list(neuron.w)) == 2


def test_thousands_of_kept_states_of_one_chain_are_walked_once():
    """Each new one reaches a parameter, or a state that does, in a step or two."""
    neuron, state = Neuron(1), Value(0.0, op="const")
    neuron.states = []
    for _ in range(20_000):
        state = neuron(state)
        neuron.states.append(state)
    assert len(neuron.parameters()) == 2


def test_a_hidden_layer_or_a_loss_may_be_kept_in_a_model():
    net = MLP(2, [3, 1], rng=random.Random(0))
    names = list(net.named_parameters())
    net.hidden = net.layers[0]([Value(1.0), 2.0])
    net.loss = (net([1.0, 2.0])[0] - 3) ** 2
    net.target = Value(3.0, op="const") * 2
    assert list(net.named_parameters()) == names


def test_a_neuron_with_more_attributes_keeps_its_names():
    class Gated(Neuron):
        def __init__(self):
            super().__init__(2)
            self.gate = Value(1.0)

    assert list(Gated().state_dict()) == ["w1", "w2", "b", "gate"]


def test_two_parameters_of_one_name_are_an_error():
    neuron = Neuron(2)
    neuron.w1 = Value(9.0)
    with pytest.raises(ValueError, match="two parameters have the name 'w1'"):
        neuron.parameters()


def test_a_constant_is_no_parameter():
    model = Module()
    model.kept = (Value(2.0) * 3).operands
    assert model.state_dict() == {"kept[0]": 2.0}


@pytest.mark.parametrize(
    ("state", "error", "message"),
    [
        ({"w1": 9.0}, ValueError, r"missing or unknown: \['b'\]"),
        ({"w1": 9.0, "b": 9.0, "w2": 9.0}, ValueError, r"missing or unknown: \['w2'\]"),
        ({"w1": 9.0, "B": 9.0}, ValueError, r"missing or unknown: \['B', 'b'\]"),
        ({"w1": 9.0, "b": 9.0, 7: 9.0}, ValueError, r"missing or unknown: \[7\]"),
        ({"w1": 9.0, 7: 9.0}, ValueError, r"missing or unknown: \[7, 'b'\]"),
        ({"w1": 9.0, "b": "9"}, TypeError, "the state's 'b' must be a real number, not '9'"),
        ({"w1": 9.0, "b": None}, TypeError, "the state's 'b' must be a real number, not None"),
    ],
)
def test_a_wrong_state_is_an_error_and_nothing_is_loaded(state, error, message):
    neuron = Neuron(1)
    before = neuron.state_dict()
    with pytest.raises(error, match=message):
        neuron.load_state_dict(state)
    assert neuron.state_dict() == before
