"""Long runs and large graphs; they take two minutes and two gigabytes: pytest tests/long_runs.py"""

import threading

import pytest
from graphs import peak_megabytes
from test_gradcheck import FACTORS, GRID, check_on_the_grid

from tinygrad_neuron import SGD, Neuron, Value, dot, draw, mse_loss, steps, topological_order

pytest.importorskip("resource", reason="needs Linux or macOS")

XS, YS = [1.0, 2.0, 3.0], [2.0, 4.0, 6.0]
LARGE = 4_000_000


def train(neuron, count):
    optimizer = SGD(neuron.parameters(), lr=0.01, momentum=0.5)
    for _ in range(count):
        loss = mse_loss([neuron(x) for x in XS], YS)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def test_memory_is_flat_over_100_000_steps_of_learning(collector_off):
    neuron = Neuron(1)
    train(neuron, 1_000)
    before = peak_megabytes()
    train(neuron, 100_000)
    assert peak_megabytes() - before < 1
    assert neuron(10.0).item() == pytest.approx(20.0)


def test_two_threads_learn_what_each_learns_alone_while_a_third_draws():
    alone, together = [], []
    for models in alone, together:
        for start in 0.5, -0.5:
            models.append(Neuron(1))
            models[-1].load_state_dict({"w1": start, "b": 0.0})
    for neuron in alone:
        train(neuron, 20_000)

    threads = [threading.Thread(target=train, args=(neuron, 20_000)) for neuron in together]
    pictures = []
    for thread in threads:
        thread.start()
    while len(pictures) < 20 or any(thread.is_alive() for thread in threads):
        loss = mse_loss([together[0](x) for x in XS], YS)
        pictures.append(draw(loss, variables={}).source)
        assert len(steps(loss, variables={})) == 24
    for thread in threads:
        thread.join()
    assert [neuron.state_dict() for neuron in together] == [n.state_dict() for n in alone]
    assert all(picture.startswith("digraph") for picture in pictures)


def test_a_chain_of_4_million_operations(collector_off):
    y = x = Value(1.0)
    for _ in range(LARGE):
        y = y + x
    y.backward()
    assert (y.data, x.grad) == (LARGE + 1, LARGE + 1)
    assert len(topological_order(y)) == LARGE + 1


def test_a_dot_of_4_million_terms(collector_off):
    w = Value(3.0)
    y = dot([w] * LARGE, [2.0] * LARGE)
    y.backward()
    assert (y.data, w.grad) == (6 * LARGE, 2 * LARGE)


@pytest.mark.parametrize("name", GRID)
def test_no_operation_is_judged_wrongly_anywhere_on_the_grid(name):
    verdicts, mistakes = check_on_the_grid(name)
    assert not mistakes
    assert verdicts["right"] >= verdicts.total() / len(FACTORS) * 0.75
    assert verdicts["too rough to tell"] <= verdicts.total() * 0.05, verdicts
