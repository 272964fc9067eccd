"""Learning from tables of all sorts, saving what was learned, and predicting with it."""

import contextlib
import csv
import io
import json
import math
import os
import random
import re
import signal
import struct
import subprocess
import sys
import time

import pytest
from command_line import run, run_as_process
from test_command import IRIS, learn, number_after, refused

from tinygrad_neuron.command import plot, training
from tinygrad_neuron.command.dataset import Scale
from tinygrad_neuron.command.model_file import Model, load_model, save_model
from tinygrad_neuron.command.plot import draw_decision_line
from tinygrad_neuron.command.table import read_table

LINE = "x,y\n1,3\n2,5\n3,7\n4,9\n"


def rows(text, separator=","):
    return list(csv.reader(io.StringIO(text), delimiter=separator))


# Tables.


@pytest.mark.parametrize(
    "text",
    [
        "x;z;y\n1;5;2\n2;9;4\n3;1;6\n",
        "x\tz\ty\n1\t5\t2\n2\t9\t4\n3\t1\t6\n",
        "x;z;y\r\n1,0;5;2\r\n2,0;9;4,0\r\n3;1,0e0;6,0\r\n",
        "\ufeffx;z;y\n 1 ;5; 2\n\n2;9;4\n\n3;1;+6,00\n\n",
        '"x";"z";"y"\n"1,0";5;2\n"2";9;4\n"3";1;6\n',
        "x,z,y\r1,5,2\r2,9,4\r3,1,6\r",
    ],
)
def test_semicolons_tabs_and_decimal_commas_are_read(table, text):
    output = learn(table(text), "--inputs", "x")
    assert "\ny = 2*x" in output


def test_weights_line_up_below_names_in_any_script(table):
    output = learn(table("温度計,x,y\n1,5,2\n2,9,4\n3,1,6\n"))
    lines = [line for line in output.splitlines() if line.startswith(("温度計 ", "x "))]
    wide, narrow = map(len, lines)
    assert wide == narrow - 3  # three letters of it take two cells each


def test_among_commas_a_decimal_comma_is_a_separator(table):
    assert "3 cells under a header of 2" in refused("learn", table("x,y\n1,5,2\n2,5,3\n"))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("length (cm, mm);weight\n1,5;2\n2,5;2\n", ["length (cm, mm)", "weight"]),
        ('y,"dose; mg; oral"\n1,2\n2,3\n', ["y", "dose; mg; oral"]),
        ("a,b,c;y\n1,5;2\n2,5;3\n", ["a,b,c", "y"]),
        ("a;b\tc\n1\t2\n", ["a;b", "c"]),
        ("a,b;c\n1,2\n", ["a", "b;c"]),
        ("a;b\n1,5;2\n2,5;3\n", ["a", "b"]),
    ],
)
def test_cells_are_separated_by_what_gives_all_rows_as_many(table, text, names):
    assert read_table(table(text)).names == names


def test_a_header_may_be_longer_than_the_longest_cell(table):
    names = [f"name{i:05}" for i in range(20_000)]
    text = "\t".join(names) + "\n" + "\t".join(["1"] * 20_000)
    assert read_table(table(text)).names == names


def test_names_with_separators_in_quotes_are_whole_names(table):
    path = table('"a, b";y\n1;2\n2;4\n3;6\n')
    assert "y = 2*a, b" in learn(path)
    assert "y = 2*a, b" in learn(path, "--inputs", '"a, b"')


def test_a_table_is_read_from_the_standard_input(table):
    done = run("learn", "-", input=LINE)
    assert "\ny = 2*x + 1\n" in done.stdout
    done = run("learn", "-", input="x,y\n1,a\n")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "standard input: the rows have one class only" in done.stderr


def test_inputs_chooses_columns(table):
    path = table("a,b,y\n1,9,2\n2,1,4\n3,4,6\n")
    assert "b" not in re.search(r"^y = .*$", learn(path, "--inputs", "a"), re.MULTILINE)[0]
    for inputs, message in [
        ("z", "no column 'z', only a, b, y"),
        ("a,y", "'y' is the target, so it cannot be an input"),
        ("a,a", "must be different columns A,B, not 'a,a'"),
        ("a,", "must be different columns A,B, not 'a,'"),
        ('"a', "must be different columns A,B, not '\"a'"),
        ("", "must be different columns A,B, not ''"),
    ]:
        assert message in refused("learn", path, "--inputs", inputs)
    assert "--inputs needs a table" in refused("learn", "--inputs", "x")


def test_a_large_table_is_learned_in_batches_as_if_it_were_whole(table):
    rng = random.Random(0)
    pairs = [(rng.gauss(0, 1), rng.gauss(0, 1)) for _ in range(2500)]
    text = "a,b,y\n" + "".join(f"{a!r},{b!r},{3 * a - b + 0.5!r}\n" for a, b in pairs)
    output = learn(table(text), "--lr", "0.4", "--epochs", "12")  # a fifth of the error is left
    assert "\ny = 3*a - 1*b + 0.5\n" in output
    losses = [float(line.split()[-1]) for line in output.splitlines() if "Loss" in line]
    assert losses == sorted(losses, reverse=True)


def test_a_name_with_a_sign_that_cannot_be_printed_is_refused(table):
    for text in "x\7,y\n1,2\n", "\x1b[1mx,y\n1,2\n":
        assert "has a character that cannot be printed" in refused("learn", table(text))


def test_a_class_with_a_sign_that_cannot_be_printed_is_refused(table):
    path = table("x,kind\n1,yes\n2,no\ufeff\n3,no\ufeff\n")
    for option in [], ["--class", "no\ufeff"], ["--classes", "yes,no\ufeff"]:
        message = refused("learn", path, *option)
        assert r"line 3, column 'kind': 'no\ufeff' has a character that cannot be pr" in message


def test_names_are_asked_for_as_they_stand_or_with_single_blanks(table):
    path = table("x  a,kind  b\n1,no  way\n2,no way\n8,yes\n")
    assert "probability of no way" in learn(path, "--target", "kind  b", "--class", " no  way")
    assert "no way = 0, yes = 1" in learn(path, "--inputs", "x   a", "--classes", '"no way",yes')


# Models.


def saved(tmp_path, *arguments):
    path = tmp_path / "model.json"
    return path, learn(*arguments, "--save", path)


def test_a_model_has_names_scales_weights_and_classes(table, tmp_path):
    path, _ = saved(tmp_path, table("x,k,y\n1,7,3\n2,7,5\n3,7,7\n4,7,9\n"), "--inputs", "x")
    model = json.loads(path.read_text(encoding="utf-8"))
    (x,) = model.pop("inputs")
    deviation = math.sqrt(1.25)
    assert (x["name"], x["mean"]) == ("x", 2.5)
    assert x["deviation"] == pytest.approx(deviation)
    assert x["weight"] == pytest.approx(2 * deviation)
    assert x["weight_in_own_units"] == pytest.approx(2)
    assert (model["bias"], model["bias_in_own_units"]) == pytest.approx((6, 1))
    assert (model["target"], model["classes"]) == ("y", None)
    assert re.fullmatch(r"tinygrad_neuron \d\S*", model["made_by"])


def test_the_textbook_line_is_saved_too(tmp_path):
    path, output = saved(tmp_path)
    model = load_model(path)
    assert output.endswith(f"Learned: y = {model.weights[0]:.2f}x + {model.bias:.2f}\n")


def test_predictions_are_a_column_more(table, tmp_path):
    path, _ = saved(tmp_path, table(LINE))
    done = run("predict", path, table("note,x\nfirst,10\n,-1\n"))
    assert done.returncode == 0
    header, first, second = rows(done.stdout)
    assert header == ["note", "x", "prediction"]
    assert first[:2] + second[:2] == ["first", "10", "", "-1"]
    assert float(first[2]) == pytest.approx(21)
    assert float(second[2]) == pytest.approx(-1)


def test_columns_are_found_by_their_names(table, tmp_path):
    path, _ = saved(tmp_path, table("a,b,y\n1,9,2\n2,1,4\n3,4,6\n4,4,8\n"))
    one = rows(run("predict", path, table("a,b\n1,5\n7,2\n")).stdout)
    other = rows(run("predict", path, table("b,z,a\n5,?,1\n2,?,7\n")).stdout)
    assert [row[-1] for row in one] == [row[-1] for row in other]


def test_of_classes_there_is_the_probability_of_the_second(table, tmp_path):
    path, _ = saved(tmp_path, table("x,who\n1,ant\n2,ant\n8,cat\n9,cat\n"))
    header, *others = rows(run("predict", path, table("x\ty\n1\t0\n9\t0\n")).stdout, "\t")
    assert header == ["x", "y", "prediction", "probability"]
    assert [row[2] for row in others] == ["ant", "cat"]
    assert float(others[0][3]) < 0.1 < 0.9 < float(others[1][3])


def test_cells_stay_as_they_are_written_and_a_column_alone_is_enough(table, tmp_path):
    path, _ = saved(tmp_path, table(LINE))
    text = 'who  is,x\n"a   b", 1\n'
    assert run("predict", path, table(text)).stdout.startswith("who  is,x,prediction\na   b,1,")
    assert rows(run("predict", path, table("x\n10\n")).stdout)[1][0] == "10"


def test_where_there_are_decimal_commas_predictions_have_them_too(table, tmp_path):
    path, _ = saved(tmp_path, table("x,y\n1,0.25\n2,0.5\n"))
    done = run("predict", path, table("x;z\n1,5;0\n3;0\n"))
    assert [float(row[2].replace(",", ".")) for row in rows(done.stdout, ";")[1:]] == pytest.approx(
        [0.375, 0.75], abs=1e-6
    )
    assert "." not in done.stdout


def test_predictions_are_in_utf_8_wherever_they_go(table, tmp_path):
    path, _ = saved(tmp_path, table(LINE))
    where = os.environ | {"PYTHONIOENCODING": "ascii"}
    assert "日本" in run_as_process("predict", path, table("x,名\n1,日本\n"), env=where).stdout


def test_cells_that_need_quotes_get_them(table, tmp_path):
    path, _ = saved(tmp_path, table(LINE))
    cells = ["a\rb", "a\nb", 'say "so"', "a,b", " a", "a"]
    text = "x,note\n" + "".join(f'1,"{cell.replace(chr(34), chr(34) * 2)}"\n' for cell in cells)
    done = run("predict", path, table(text))
    assert [row[1] for row in rows(done.stdout)[1:]] == cells


def test_a_protected_file_is_left_alone(table, tmp_path):
    (model := tmp_path / "model.json").write_text("mine")
    model.chmod(0o444)
    assert f"{model}: the file is write-protected" in refused("learn", "--save", model)
    assert model.read_text() == "mine"


def test_predictions_are_written_to_a_file_too(table, tmp_path):
    path, _ = saved(tmp_path, table(LINE))
    out = tmp_path / "out.csv"
    done = run("predict", path, "-", "-o", out, input=LINE)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert out.read_text(encoding="utf-8") == run("predict", path, table(LINE)).stdout


def test_saving_again_gives_the_same_file(tmp_path):
    model = Model("y", ("a", "b"), {"x": Scale(1.5, 0.1), "é": Scale(-2.0, 3.0)}, [1.0, 1e-9], 0.1)
    one, other = tmp_path / "one.json", tmp_path / "other.json"
    save_model(model, one)
    assert load_model(one) == model
    save_model(load_model(one), other)
    assert other.read_bytes() == one.read_bytes()


GOOD_MODEL = {
    "format": "tinygrad_neuron model 1",
    "target": "y",
    "classes": None,
    "inputs": [{"name": "x", "mean": 0.0, "deviation": 1.0, "weight": 2.0}],
    "bias": 1.0,
}


def with_input(**changes):
    return {"inputs": [GOOD_MODEL["inputs"][0] | changes]}


BAD_MODELS = {
    "truncated": ('{"format": "tinygrad_neuron model 1", "targ', "is no whole JSON"),
    "empty": ("", "is no whole JSON"),
    "not text": (b"\xff\xfe\x00", "is no whole JSON"),
    "deep": ("[" * 100_000, "is no whole JSON"),
    "another kind": ('{"weights": [1, 2]}', "not a model, which has the format"),
    "a list": ("[1, 2]", "not a model, which has the format"),
    "a newer format": ({"format": "tinygrad_neuron model 2"}, "not a model, which has the format"),
    "no target": ({"target": ...}, "'target' is missing"),
    "no bias": ({"bias": ...}, "'bias' is missing"),
    "a bias of text": ({"bias": "1"}, "bias must be a finite number, not '1'"),
    "a bias of nan": ({"bias": math.nan}, "bias must be a finite number, not nan"),
    "a bias that is true": ({"bias": True}, "bias must be a finite number, not True"),
    "inputs of another kind": ({"inputs": "x"}, "the inputs must be a list of at least one"),
    "no inputs": ({"inputs": []}, "the inputs must be a list of at least one"),
    "an input that is a number": ({"inputs": [1]}, "the inputs must be a list of at least one"),
    "no weight": ({"inputs": [{"name": "x", "mean": 0, "deviation": 1}]}, "'weight' is missing"),
    "a deviation of 0": (with_input(deviation=0), "every deviation must be above 0"),
    "a deviation too near 0": (with_input(deviation=5e-324), "every deviation must be above 0"),
    "an infinite mean": (with_input(mean=math.inf), "mean must be a finite number, not inf"),
    "a name that is none": (with_input(name=None), "must have different names"),
    "one name twice": ({"inputs": GOOD_MODEL["inputs"] * 2}, "must have different names"),
    "the target as an input": ({"target": "x"}, "must have different names"),
    "one class": ({"classes": ["a"]}, "the classes must be two words"),
    "classes of numbers": ({"classes": [0, 1]}, "the classes must be two words"),
    "two classes that are one": ({"classes": ["a", "a"]}, "the classes must be two words"),
    "half a letter": ({"classes": ["a", "\ud800"]}, "the classes must be two words"),
    "a number too large": ({"bias": 10**400}, "too large to convert to float"),
}


@pytest.mark.parametrize("kind", BAD_MODELS)
def test_a_file_that_is_no_model_is_one_line(table, tmp_path, kind):
    contents, message = BAD_MODELS[kind]
    path = tmp_path / "model.json"
    if isinstance(contents, dict):
        whole = {k: v for k, v in (GOOD_MODEL | contents).items() if v is not ...}
        contents = json.dumps(whole)
    path.write_bytes(contents if isinstance(contents, bytes) else contents.encode())
    line = refused("predict", path, table(LINE))
    assert str(path) in line
    assert message in line


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("z,y\n1,2\n", "the model needs x; the table has z, y"),
        ("x,y\n1,2\ntwo,3\n", "line 3, column 'x': an input must be a finite number, not 'two'"),
        ("x,y\n,2\n", "line 2, column 'x': the cell is empty"),
        ("x,prediction\n1,2\n", "there is a column 'prediction' already; rename it"),
        ("", "the file is empty"),
    ],
)
def test_a_table_that_the_model_cannot_predict_is_one_line(table, tmp_path, text, message):
    path = tmp_path / "model.json"
    path.write_text(json.dumps(GOOD_MODEL))
    out = tmp_path / "out.csv"
    out.write_text("mine")
    assert message in refused("predict", path, table(text), "-o", out)
    assert out.read_text() == "mine"


@pytest.mark.parametrize(("target", "row"), [("no,yes,yes", "-1e305,1e305"), ("1,3,2", "1e305,1")])
def test_a_row_too_large_for_the_model_is_one_line(table, tmp_path, target, row):
    rows = zip(["1e-6,1e-6", "2e-6,3e-6", "3e-6,2e-6"], target.split(","))
    text = "\n".join(["a,b,y", *(f"{inputs},{y}" for inputs, y in rows)])
    model, _ = saved(tmp_path, table(text))
    assert "line 2: its numbers are too large for" in refused(
        "predict", model, table(f"a,b\n{row}\n")
    )


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="needs links")
def test_a_link_that_leads_nowhere_is_known_before_anything_is_learned(tmp_path):
    link = tmp_path / "model.json"
    link.symlink_to(tmp_path / "nowhere" / "model.json")
    assert "model.json: no such folder" in refused("learn", "--save", link)


def test_what_cannot_be_written_is_known_before_anything_is_learned(tmp_path):
    for option in "--save", "--plot", "--graph":
        path = tmp_path / "nowhere" / "file.svg"
        assert f"{path}: no such folder" in refused("learn", option, path)
    assert "a plot's file ends in .png, .svg, .pdf" in refused("learn", "--plot", "loss.gif")
    assert f"{tmp_path}: is a directory" in refused("learn", "--save", tmp_path)
    assert "- is no name for a file: give another" in refused("learn", "--save", "-")


def test_without_a_layout_program_a_graph_is_refused_before_anything_is_learned(tmp_path):
    without = os.environ | {"TINYGRAD_NEURON_DOT": "/nowhere/dot"}
    for command in ["learn", "--graph"], ["draw", "x * x", "x=3", "-o"]:
        done = run_as_process(*command, tmp_path / "graph.svg", env=without)
        assert done.returncode == 2
        (line,) = done.stderr.splitlines()
        assert "no layout program could draw this (/nowhere/dot: " in line
        assert "Step 0" not in done.stdout
        assert not (tmp_path / "graph.svg").exists()
        for suffix in "dot", "mmd":
            path = tmp_path / f"graph.{suffix}"
            assert run_as_process(*command, path, env=without).returncode == 0


def test_without_the_package_for_pdf_one_is_refused_before_anything_is_learned(
    tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "svglib", None)
    for command in ["learn", "--graph"], ["draw", "x * x", "x=3", "-o"]:
        done = run(*command, tmp_path / "graph.pdf")
        assert done.returncode == 2
        assert "Step 0" not in done.stdout
        (line,) = done.stderr.splitlines()
        assert line.endswith("a .pdf needs the package svglib: pip install '.[slides]'")
    assert not list(tmp_path.iterdir())


def test_no_file_is_written_over_another_that_is_needed(table, tmp_path):
    path = table(LINE)
    model, plot = tmp_path / "model.json", tmp_path / "one.svg"
    for arguments in [path, "--save", path], ["--plot", plot, "--graph", plot]:
        assert "must be different files" in refused("learn", *arguments)
    learn(path, "--save", model)
    for output in model, path:
        assert "must be different files" in refused("predict", model, path, "-o", output)
    long = tmp_path / f"{'n' * 300}.json"
    assert f"{long}: " in refused("learn", "--save", long)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert "loop: " in refused("learn", "--save", tmp_path / "loop")
    assert "none.json: no such file" in refused("predict", tmp_path / "none.json", path, "-o", plot)
    assert path.read_text() == LINE


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")
def test_a_pipe_is_written_to_and_stays_one(table, tmp_path):
    pipe, path = tmp_path / "pipe", table(LINE)
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE) as reader:
        learn(path, "--save", pipe)
        assert json.loads(reader.stdout.read())["target"] == "y"
    assert pipe.is_fifo()


@pytest.mark.skipif(sys.platform == "win32", reason="closes streams by their numbers")
def test_with_a_stream_closed_what_can_be_done_is_done(table, tmp_path):
    path, model = table("k,x,y\n7,1,3\n7,2,5\n7,4,9\n"), tmp_path / "model.json"
    here = f'"{sys.executable}" -m tinygrad_neuron'

    def shell(command):
        return subprocess.run(command, shell=True, capture_output=True, encoding="utf-8")

    done = shell(f'{here} learn "{path}" --save "{model}" 2>&-')
    assert (done.returncode, "warning" in done.stdout) == (0, False)
    assert load_model(model).target == "y"
    done = shell(f"{here} learn - <&-")
    assert (done.returncode, "standard input: it is closed" in done.stderr) == (2, True)
    done = shell(f'{here} predict "{model}" "{path}" >&-')
    assert (done.returncode, "standard output: it is closed" in done.stderr) == (2, True)
    for unbuffered in "", "-u":
        model.unlink()
        here = f'"{sys.executable}" {unbuffered} -m tinygrad_neuron'
        learning = f'learn "{IRIS}" --class setosa --save "{model}"'
        done = shell(f"{here} {learning} | head -1")
        assert (done.stdout, done.stderr) == ("not setosa = 0, setosa = 1\n", "")
        assert load_model(model).target == "species"


def test_a_saved_model_agrees_with_the_printed_accuracy(table, tmp_path):
    datasets = pytest.importorskip("sklearn.datasets")
    cancer = datasets.load_breast_cancer()
    names = [*cancer.feature_names, "diagnosis"]
    lines = [
        [*numbers, cancer.target_names[kind]] for numbers, kind in zip(cancer.data, cancer.target)
    ]
    text = "\n".join(",".join(map(str, line)) for line in [names, *lines])
    path, output = saved(tmp_path, table(text), "--holdout", "0.3", "--epochs", "40")
    assert number_after("accuracy (held out)", output) >= 95.0
    predicted = rows(run("predict", path, table(text)).stdout)[1:]
    right = sum(row[-2] == row[-3] for row in predicted)
    parts = [
        (number_after(f"accuracy ({part})", output), n)
        for part, n in [("training", 398), ("held out", 171)]
    ]
    assert right == sum(round(share * n / 100) for share, n in parts)


# Plots.


def test_the_loss_is_plotted_and_two_inputs_with_the_decision_line(tmp_path):
    pytest.importorskip("matplotlib.font_manager")  # which says so if it looks for fonts long
    path = tmp_path / "loss.svg"
    options = ["--class", "setosa", "--inputs", "petal_length,petal_width", "--epochs", "20"]
    learn(IRIS, *options, "--plot", path)
    plot = path.read_text(encoding="utf-8")
    for word in "epoch", "loss", "petal_length", "petal_width", "setosa", "undecided":
        assert f"<!-- {word} -->" in plot, word
    again = tmp_path / "again.svg"
    learn(IRIS, *options, "--plot", again)
    assert again.read_text(encoding="utf-8") == plot
    learn("--plot", path)
    assert "undecided" not in path.read_text(encoding="utf-8")
    learn(IRIS, *options, "--plot", tmp_path / "loss.PNG")
    assert (tmp_path / "loss.PNG").read_bytes().startswith(b"\x89PNG")


@pytest.fixture
def plotted(tmp_path, monkeypatch):
    """plotted(*arguments) is how `learn --plot` ends, and the figure that it writes."""
    pytest.importorskip("matplotlib.font_manager")
    figures, write_figure = [], plot.write_figure

    def keep_and_write(figure, path):
        figures.append(figure)
        write_figure(figure, path)

    monkeypatch.setattr(plot, "write_figure", keep_and_write)

    def learn_and_plot(*arguments):
        path = tmp_path / "plot.svg"
        done = run("learn", *arguments, "--plot", path)
        assert path.read_bytes().endswith(b"</svg>\n")
        return done, figures[-1]

    return learn_and_plot


def drawn(points):
    return sorted(map(tuple, points.get_offsets().tolist()))


def legend_of(figure):
    (legend,) = figure.legends
    return [text.get_text() for text in legend.get_texts()]


def test_one_input_is_plotted_with_its_rows_and_the_learned_line(table, plotted):
    _, figure = plotted(table(LINE))
    _, axes = figure.axes
    (points,), (line,) = axes.collections, axes.lines
    assert drawn(points) == [pytest.approx(row) for row in [(1, 3), (2, 5), (3, 7), (4, 9)]]
    xs, ys = line.get_data()
    assert (xs[0], xs[-1]) == axes.get_xlim()
    assert ys == pytest.approx([2 * x + 1 for x in xs])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x", "y")
    assert legend_of(figure) == ["rows", "learned"]


def test_the_textbook_line_is_plotted_with_its_four_points(plotted):
    done, figure = plotted()
    _, axes = figure.axes
    assert drawn(axes.collections[0]) == [(1, 4), (2, 7), (3, 10), (4, 13)]
    xs, ys = axes.lines[0].get_data()
    learned = f"{(ys[-1] - ys[0]) / (xs[-1] - xs[0]):.2f}x"
    assert f"Learned: y = {learned} + " in done.stdout


def test_rows_held_out_are_plotted_hollow(table, plotted):
    rows = [(float(x), x % 3 + 0.5) for x in range(10)]
    text = "x,y\n" + "".join(f"{x},{y}\n" for x, y in rows)
    _, figure = plotted(table(text), "--holdout", "0.3")
    training, held_out = figure.axes[1].collections
    assert (len(drawn(training)), len(drawn(held_out))) == (7, 3)
    assert sorted(drawn(training) + drawn(held_out)) == [pytest.approx(row) for row in rows]
    white = [1.0, 1.0, 1.0, 1.0]
    assert held_out.get_facecolor().tolist() == [white] != training.get_facecolor().tolist()
    assert held_out.get_edgecolor().tolist() == training.get_facecolor().tolist()
    assert legend_of(figure) == ["rows", "rows, held out", "learned"]


def test_two_classes_of_one_input_are_plotted_at_0_and_1_with_the_probability(
    table, tmp_path, plotted
):
    model = tmp_path / "model.json"
    _, figure = plotted(table("x,who\n1,ant\n2,ant\n3,cat\n9,cat\n"), "--save", model)
    _, axes = figure.axes
    assert [drawn(points) for points in axes.collections] == [
        [pytest.approx(row) for row in rows] for rows in ([(1, 0), (2, 0)], [(3, 1), (9, 1)])
    ]
    xs, ys = axes.lines[0].get_data()
    (weight,), bias = load_model(model).in_own_units()
    assert ys == pytest.approx([1 / (1 + math.exp(-weight * x - bias)) for x in xs])
    assert axes.get_ylabel() == "probability of cat"
    assert legend_of(figure) == ["ant", "cat", "learned"]


CORNERS = "x,y,who\n1,10,ant\n2,30,ant\n3,20,cat\n9,50,cat\n"


def test_classes_are_plotted_with_different_markers(table, plotted):
    for options in [], ["--inputs", "x"]:
        _, figure = plotted(table(CORNERS), *options)
        ant, cat = figure.axes[1].collections
        assert ant.get_paths()[0].vertices.tolist() != cat.get_paths()[0].vertices.tolist()


def test_for_two_inputs_the_probability_is_plotted_as_shading(table, tmp_path, plotted):
    path = tmp_path / "model.json"
    _, figure = plotted(table(CORNERS), "--save", path)
    _, axes, bar = figure.axes
    assert [drawn(points) for points in axes.collections] == [
        [pytest.approx(row) for row in rows] for rows in ([(1, 10), (2, 30)], [(3, 20), (9, 50)])
    ]
    (image,) = axes.images
    left, right, bottom, top = axes.axis()
    assert tuple(image.get_extent()) == (left, right, bottom, top)
    (w1, w2), bias = load_model(path).in_own_units()
    shades = image.get_array()
    rows, columns = shades.shape
    for i, j in (0, 0), (rows // 2, columns // 3), (rows - 1, 0), (0, columns - 1):
        x = left + (right - left) * (j + 0.5) / columns  # the middle of a pixel
        y = bottom + (top - bottom) * (i + 0.5) / rows
        assert shades[i, j] == pytest.approx(1 / (1 + math.exp(-w1 * x - w2 * y - bias)))
    assert image.get_clim() == (0, 1)
    assert (bar.get_ylabel(), bar.get_yticks().tolist()) == (
        "probability of cat", [0, 0.1, 0.5, 0.9, 1],
    )  # fmt: skip
    assert legend_of(figure) == ["ant", "cat", "undecided"]


def test_with_more_inputs_or_a_plane_of_numbers_only_the_loss_is_plotted(plotted):
    two = ["--target", "petal_width", "--inputs", "petal_length,sepal_length"]
    for options in ["--class", "setosa"], two:
        _, figure = plotted(IRIS, *options, "--epochs", "3")
        (axes,) = figure.axes
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "loss")
        assert len(axes.lines[0].get_ydata()) == 3


def test_losses_far_apart_are_plotted_on_a_logarithmic_axis(table, plotted):
    for epochs, scale in ("5", "linear"), ("50", "log"):
        _, figure = plotted(table(LINE), "--epochs", epochs)
        assert figure.axes[0].get_yscale() == scale


def test_rows_too_far_away_for_a_plot_are_left_out(table, plotted):
    done, figure = plotted(table("x,y\n1.2e308,1\n-1.2e308,2\n1e306,3\n"))
    assert (done.returncode, done.stderr) == (0, "")
    assert drawn(figure.axes[1].collections[0]) == [pytest.approx((1e306, 3))]


@pytest.mark.parametrize(
    ("options", "epoch", "finite"),
    [
        (["--lr", "1"], 3, 4),
        (["--lr", "1e200"], 1, 1),
        (["--lr", "1e308"], 0, 1),
        (["--lr", "1e100", "--epochs", "1"], 0, 1),
        ([IRIS, "--target", "petal_width", "--inputs", "petal_length", "--lr", "1.1"], 38, 39),
        (["--lr", "6e151"], 1, 1),  # the second loss is infinite
    ],
)
def test_after_divergence_the_losses_are_plotted_and_the_error_is_the_same(
    plotted, tmp_path, options, epoch, finite
):
    done, figure = plotted(*options)
    assert done == run("learn", *options)
    assert done.returncode == 1
    (axes,) = figure.axes
    assert axes.get_title() == f"diverged at epoch {epoch}: lower the learning rate"
    losses = axes.lines[0].get_ydata()
    assert len(losses) == finite
    assert all(map(math.isfinite, losses))
    if finite > 1:
        assert losses[-1] > 1e6 * losses[0]
        assert axes.get_yscale() == "log"
    first = (tmp_path / "plot.svg").read_bytes()
    plotted(*options)
    assert (tmp_path / "plot.svg").read_bytes() == first


def decision_line(weights):
    """A plot in which x is 0 or 4 and y is 0 or 2, with the line of a model; and the model."""
    axes = pytest.importorskip("matplotlib.figure").Figure().subplots()
    axes.scatter([0.0, 4.0], [0.0, 2.0], label="a")
    limits = axes.axis()
    model = Model("kind", ("a", "b"), {"x": Scale(2.0, 0.5), "y": Scale(1.0, 0.25)}, weights, 0.5)
    draw_decision_line(axes, model)
    assert axes.axis() == limits  # the points stay where they were
    return axes, model


@pytest.mark.parametrize("weights", [[3.0, 0.1], [-3.0, 0.0], [0.1, 3.0], [0.0, -3.0]])
def test_along_the_line_of_a_plot_the_neuron_is_undecided(weights):
    axes, model = decision_line(weights)
    (line,) = axes.lines
    points = axes.transData.inverted().transform(line.get_transform().transform(line.get_xydata()))
    assert len({tuple(point) for point in points}) == 2
    standardised = [[(x - 2.0) / 0.5, (y - 1.0) / 0.25] for x, y in points]
    assert model.predict(standardised) == pytest.approx([0.5, 0.5], abs=1e-9)


@pytest.mark.parametrize("weights", [[0.0, 0.0], [1e308, 1e308]])
def test_a_plot_has_no_line_where_there_is_none_or_a_float_cannot_hold_it(weights):
    axes, _ = decision_line(weights)
    assert len(axes.lines) == 0


def test_names_are_no_formulas_and_no_warnings_in_a_plot(table, tmp_path):
    pytest.importorskip("matplotlib.font_manager")  # which says so if it looks for fonts long
    path = table("$x_1^$,日本,kind\n1,2,_a\n2,1,_a\n5,9,$y^\n7,8,$y^\n")
    done = run("learn", path, "--plot", tmp_path / "loss.svg")
    assert (done.returncode, done.stderr) == (0, "")
    plot = (tmp_path / "loss.svg").read_text(encoding="utf-8")
    for name in "$x_1^$", "_a", "$y^":
        assert f"{name} -->" in plot


def test_without_matplotlib_a_plot_is_refused_before_anything_is_learned(tmp_path):
    program = (
        "import sys; sys.modules['matplotlib'] = None; sys.argv[0] = 'tinygrad-neuron'; "
        "from tinygrad_neuron.command.main import main; main()"
    )
    command = [sys.executable, "-c", program, "learn", "--plot", tmp_path / "loss.png"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8")
    assert (done.returncode, done.stdout) == (2, "")
    message = "tinygrad-neuron: error: a plot needs matplotlib: pip install '.[plots]'\n"
    assert done.stderr == message


# Manners.


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_ctrl_c_ends_after_the_epoch_with_a_report_and_a_model(tmp_path):
    model = tmp_path / "model.json"
    command = [sys.executable, "-u", "-m", "tinygrad_neuron", "learn", IRIS, "--class", "setosa"]
    command += ["--epochs", "10000000", "--save", model]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"not setosa = 0, setosa = 1\n"
        assert process.stdout.readline().startswith(b"Epoch 0")
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate()
    assert (process.returncode, errors) == (130, b"")
    assert re.match(rb"Interrupted after epoch \d+, Loss: ", output)
    assert b"probability of setosa = sigmoid(" in output
    assert load_model(model).classes == ("not setosa", "setosa")


def learn_with_ctrl_c_amid_the_report(*arguments, times=1, ignored=False):
    program = f"""
import signal
from tinygrad_neuron.command import learn, main
evaluate = learn.evaluate

def evaluate_amid_which_is_ctrl_c(*arguments):
    for _ in range({times}):
        signal.raise_signal(signal.SIGINT)
    return evaluate(*arguments)

learn.evaluate = evaluate_amid_which_is_ctrl_c
if {ignored}:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
main.main()
"""
    command = [sys.executable, "-c", program, "learn", *arguments]
    return subprocess.run(command, capture_output=True, encoding="utf-8")


def test_ctrl_c_after_the_last_epoch_loses_nothing(table, tmp_path):
    model = tmp_path / "model.json"
    done = learn_with_ctrl_c_amid_the_report(table("x,y\n1,0\n2,1\n"), "--save", model)
    assert (done.returncode, done.stderr) == (130, "")
    assert "accuracy" in done.stdout
    assert load_model(model).target == "y"


def test_a_second_ctrl_c_ends_at_once(table, tmp_path):
    model = tmp_path / "model.json"
    path = table("x,y\n1,0\n2,1\n")
    done = learn_with_ctrl_c_amid_the_report(path, "--save", model, times=2)
    assert (done.returncode, done.stderr) == (130, "")
    assert "accuracy" not in done.stdout
    assert not model.exists()


def test_a_job_that_a_shell_keeps_from_ctrl_c_goes_on(table):
    done = learn_with_ctrl_c_amid_the_report(table("x,y\n1,0\n2,1\n"), ignored=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "accuracy" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_the_progress_is_shown_on_a_terminal_only(table, monkeypatch):
    import fcntl
    import pty
    import termios

    rng = random.Random(0)
    text = "x,y\n" + "".join(f"{rng.random()},{i % 2}\n" for i in range(300))
    arguments = ["learn", table(text), "--epochs", "100"]
    patience = "from tinygrad_neuron.command import main, training; training.PATIENCE = 0"
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    command = [sys.executable, "-c", f"{patience}; main.main()", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=slave, encoding="utf-8"
    ) as process:
        os.close(slave)
        progress = b""
        with contextlib.suppress(OSError):  # the end, as Linux tells it
            while part := os.read(master, 10_000):
                progress += part
        output = process.stdout.read()
    os.close(master)
    assert "epoch/s, loss 0.69" in progress.decode()
    assert progress.endswith(b"\r")  # and it is wiped out
    assert "epoch/s" not in output
    assert output.count("Epoch ") == 11
    monkeypatch.setattr(training, "PATIENCE", 0)
    assert run(*arguments).stderr == ""


def test_a_traceback_is_shown_only_when_asked_for(table):
    path = table("x,y\n1,two\n")
    assert "Traceback" not in run("learn", path).stderr
    done = run_as_process("learn", path, env=os.environ | {"TINYGRAD_NEURON_DEBUG": "1"})
    assert "Traceback" in done.stderr
    assert done.returncode != 0


def test_a_mistake_of_our_own_is_one_line_too():
    program = (
        "import sys; from tinygrad_neuron.command import main, learn; sys.argv[1:] = ['learn']; "
        "learn.train = None; main.main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "unexpected TypeError: 'NoneType'" in line
    assert line.endswith("TINYGRAD_NEURON_DEBUG=1 shows where")


@pytest.mark.parametrize("command", ["learn", "predict", "draw", "walk", "check"])
def test_the_examples_of_each_help_work_as_pasted(command, tmp_path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "iris.csv").write_bytes(IRIS.read_bytes())
    help_text = run_as_process(command, "--help", env=os.environ | {"COLUMNS": "40"}).stdout
    examples = help_text.partition("\nto try:\n")[2].splitlines()
    assert f"tinygrad-neuron {command} " in examples[-1]
    for example in examples:
        shell = example.replace("tinygrad-neuron", f'"{sys.executable}" -m tinygrad_neuron')
        done = subprocess.run(
            shell, shell=True, cwd=tmp_path, capture_output=True, encoding="utf-8"
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGKILL")
@pytest.mark.parametrize("kills", [10, pytest.param(50, marks=pytest.mark.slow)])
def test_a_kill_at_any_moment_leaves_the_old_file_or_the_new_one(tmp_path, kills):
    path = tmp_path / "model.json"
    program = f"""
from pathlib import Path
from tinygrad_neuron.command.model_file import *
scales = {{f"column {{i}}": Scale(i, 1.0) for i in range(2000)}}
n = 0
while True:
    save_model(Model("y", None, scales, [float(n)] * 2000, float(n)), Path({str(path)!r}))
    n += 1
    if n == 1:
        print("saved", flush=True)
"""
    rng = random.Random(0)
    for _ in range(kills):
        process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
        process.stdout.readline()
        time.sleep(rng.uniform(0, 0.05))
        process.kill()
        process.communicate()
        model = load_model(path)
        assert len(model.weights) == 2000
        assert set(model.weights) == {model.bias}
