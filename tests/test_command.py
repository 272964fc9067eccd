"""`tinygrad-neuron learn`."""

import math
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import run, run_as_process

IRIS = Path(__file__).parent.parent / "notebooks" / "iris.csv"

LINE = """\
Step 0: w=0.93, b=0.14, loss=60.3750
Step 20: w=2.99, b=0.86, loss=0.0431
Step 40: w=3.04, b=0.88, loss=0.0024
Step 60: w=3.04, b=0.89, loss=0.0021
Step 80: w=3.04, b=0.89, loss=0.0019
Learned: y = 3.03x + 0.90
"""


def learn(*arguments):
    done = run("learn", *arguments)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def number_after(name, output):
    (line,) = [line for line in output.splitlines() if line.startswith(name)]
    return float(line.removesuffix("%").split()[-1])


# What it does.


def test_without_a_table_it_learns_the_textbook_line():
    assert learn() == LINE


def test_a_process_ends_with_the_status_and_the_line_that_main_ends_with(table):
    """Most tests here run main() and start no process."""
    for words, status in [
        (["learn"], 0),
        (["learn", "--lr", "10"], 1),
        (["learn", table("x,y\n1,two\n")], 2),
    ]:
        done = run(*words)
        assert done.returncode == status
        assert done == run_as_process(*words)


def test_the_console_script_is_the_same_command():
    script = Path(sys.executable).with_name("tinygrad-neuron")
    done = subprocess.run([script, "learn"], capture_output=True, encoding="utf-8")
    assert (done.returncode, done.stdout) == (0, LINE)
    version = subprocess.run([script, "--version"], capture_output=True, encoding="utf-8")
    assert version.stdout.startswith("tinygrad-neuron 0.")


def test_a_column_of_numbers_is_learned_by_a_linear_neuron(table):
    rows = [(x, z, 2 * x - 30 * z + 5) for x in (1, 2, 4, 7) for z in (0.1, 0.2, 0.5)]
    text = "\n".join(",".join(map(str, row)) for row in [("x", "z", "y"), *rows])
    output = learn(table(text))
    assert "\ny = 2*x - 30*z + 5\n" in output
    assert number_after("loss", output) < 1e-9
    assert "accuracy" not in output
    lines = {line.split()[0]: line.split()[1:] for line in output.splitlines() if line}
    deviation = math.sqrt(sum((x - 3.5) ** 2 for x in (1, 2, 4, 7)) / 4)
    assert float(lines["x"][0]) == pytest.approx(2 * deviation, rel=1e-3)
    assert lines["x"][1:] == ["2"]
    assert lines["bias"][1:] == ["5"]


def test_two_words_are_two_classes_in_alphabetical_order(table):
    output = learn(table("x,who\n1,cat\n2,cat\n8,ant\n9,ant\n"))
    assert output.startswith("ant = 0, cat = 1\nEpoch 0, Loss: ")
    assert "probability of cat = sigmoid(-" in output
    assert output.endswith("accuracy                100.0 %\n")


def test_zero_and_one_are_two_classes(table):
    output = learn(table("x,y\n1,0\n2,0.0\n8,1\n9,1\n"))
    assert output.startswith("0 = 0, 1 = 1\n")
    assert number_after("accuracy", output) == 100.0


def test_classes_picks_two_in_the_order_given():
    output = learn(IRIS, "--classes", "setosa,versicolor")
    assert output.startswith("setosa = 0, versicolor = 1\n")
    assert number_after("accuracy", output) == 100.0
    assert learn(IRIS, "--classes", "versicolor,setosa").startswith("versicolor = 0, setosa = 1\n")


def test_class_tells_one_from_the_rest():
    output = learn(IRIS, "--class", "setosa")
    assert output.startswith("not setosa = 0, setosa = 1\n")
    assert number_after("accuracy", output) == 100.0


def test_the_class_that_is_told_from_the_rest_is_one(table):
    output = learn(table("x,who\n1,a\n2,b\n8,c\n9,c\n"), "--class", "c")
    assert "probability of c = sigmoid(0." in output or "probability of c = sigmoid(1." in output
    assert number_after("accuracy", output) == 100.0


def test_rows_held_out_are_reported_apart():
    output = learn(IRIS, "--classes", "versicolor,virginica", "--holdout", "0.3")
    assert number_after("accuracy (training)", output) >= 90.0
    assert number_after("accuracy (held out)", output) >= 88.0
    assert number_after("loss (held out)", output) > number_after("loss (training)", output)


def test_the_seed_decides_which_rows_and_weights():
    options = [IRIS, "--class", "setosa", "--holdout", "0.3", "--epochs", "3"]
    assert learn(*options) == learn(*options, "--seed", "0")
    assert learn(*options) != learn(*options, "--seed", "1")


def test_the_loss_is_printed_about_ten_times(table):
    for epochs, lines in [(200, 11), (5, 5), (1, 1), (19, 10), (37, 10)]:
        output = learn(table(GOOD), "--epochs", epochs)
        epochs_printed = [line for line in output.splitlines() if line.startswith("Epoch ")]
        assert len(epochs_printed) == lines
        assert epochs_printed[-1].startswith(f"Epoch {epochs - 1}, Loss: ")


def test_target_names_the_column_to_learn(table):
    output = learn(table("y,x\n2,1\n4,2\n6,3\n"), "--target", "y")
    assert "\ny = 2*x" in output


def test_the_equation_has_digits_enough_for_a_column_far_from_zero(table):
    seconds = [1_700_000_000 + 3600 * hour for hour in range(50)]
    text = "t,y\n" + "".join(f"{t},{20 + 0.001 * (t - seconds[0])}\n" for t in seconds)
    (line,) = [line for line in learn(table(text)).splitlines() if line.startswith("y = ")]
    for t in seconds:
        assert eval(line.removeprefix("y = "), {"t": t}) == pytest.approx(
            20 + 0.001 * (t - seconds[0]), abs=0.02
        )


def test_the_equation_has_its_signs_and_its_classes(table):
    rng = random.Random(0)
    rows = [(rng.gauss(0, 1), rng.gauss(0, 1)) for _ in range(30)]
    text = "a,b,c\n" + "".join(f"{a},{b},{-a - 2 * b - 3}\n" for a, b in rows)
    assert "\nc = - 1*a - 2*b - 3\n" in learn(table(text))


def test_a_column_that_never_changes_is_left_out_with_a_warning(table):
    done = run("learn", table("k,x,y\n7,1,2\n7,2,4\n7,3,6\n"))
    assert done.returncode == 0
    assert done.stderr == "warning: column 'k' is left out, for it never changes\n"
    assert "y = 2*x" in done.stdout


def test_blank_lines_spaces_and_quotes_do_no_harm(table):
    output = learn(table('\ufeff x , "a, b" ,y\r\n 1 ,5, 2\r\n\r\n2,9,4\r\n3,1,6\r\n\r\n'))
    assert "*a, b" in output


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        (",x,y\n0,1,2\n1,2,4\n2,3,6\n", "warning: column 1 is left out, for it has no name\n"),
        ("x,y,\n1,2,\n2,4,\n3,6,\n", ""),
        ("x,y\n1,2,\n2,4,\n3,6,\n", ""),
        ("x;y;\n1;2\n2;4;\n3;6;;\n", ""),
        ("x,y,,\n1,2,,\n2,4,,\n3,6,,\n,,,\n,,,\n", ""),
    ],
    ids=[
        "an index",
        "a last separator",
        "it in the rows only",
        "now and then",
        "empty rows",
    ],
)
def test_columns_without_a_name_and_last_separators_do_no_harm(table, text, warning):
    done = run("learn", table(text))
    assert done.stderr == warning
    assert "y = 2*x" in done.stdout


def test_columns_that_are_not_used_may_have_one_name(table):
    path = table("k,x,k,y\na,1,b,2\na,2,c,4\na,3,d,6\n")
    assert "y = 2*x" in learn(path, "--inputs", "x")


def test_a_header_of_numbers_that_are_chosen_holds_names(table):
    path = table("1,2\n1,2\n2,4\n3,6\n")
    assert "2 = 2*1" in learn(path, "--inputs", "1", "--target", "2")


def test_a_number_sign_may_begin_a_name(table):
    assert "y = 2*x" in learn(table("#,x,y\n5,1,2\n3,2,4\n4,3,6\n"), "--inputs", "x")


def test_tabs_may_separate_decimal_commas(table):
    assert "y = 2*x + 1" in learn(table("x\ty\n0,5\t2\n1,5\t4\n2,5\t6\n"))


def test_a_point_before_three_digits_is_told_to_be_a_decimal_one(table):
    done = run("learn", table("x;y\n1.200;1\n950;2\n1.800;3\n"))
    assert "table.csv: the point in 1.200 is read as a decimal point" in done.stderr
    assert run("learn", table("x,y\n1.200,1\n950,2\n1.800,3\n")).stderr == ""


def test_a_column_that_may_change_by_rounding_is_told(table):
    done = run("learn", table("x,z,y\n1,99.9999999999986,1\n2,100.0,2\n3,100.0,3\n"))
    assert (
        done.stderr
        == "warning: column 'z' changes by less than 1e-12 of its size: is that rounding?\n"
    )


def test_a_comma_before_three_digits_is_told_to_be_a_decimal_one(table):
    done = run("learn", table("x;y\n1,250;2\n2,500;4\n3,750;6\n"))
    assert "table.csv: the comma in 1,250 is read as a decimal point" in done.stderr
    assert run("learn", table("x;y\n1,25;2\n2,500;4\n3,750;6\n")).stderr == ""


def test_two_numbers_can_be_learned_as_classes_and_one_is_told_so(table):
    path = table("x,y\n" + "".join(f"{x},{1 if x > 2 else -1}\n" for x in range(6)))
    done = run("learn", path)
    assert "--classes=-1,1 learns them as classes" in done.stderr
    ten = table("x,y\n" + "".join(f"{x},{10 if x > 2 else 9}\n" for x in range(6)))
    assert "9 and 10; --classes=9,10 learns" in run("learn", ten).stderr
    path = table("x,y\n" + "".join(f"{x},{1 if x > 2 else -1}\n" for x in range(6)))
    for classes in (["--classes", "-1,1"], ["--classes=-1,1"]):
        assert "-1 = 0, 1 = 1" in learn(path, *classes)


@pytest.mark.parametrize("seed", range(5))
def test_a_holdout_has_rows_of_both_classes(table, seed):
    path = table("x,y\n" + "".join(f"{x},{'yes' if x > 17 else 'no'}\n" for x in range(20)))
    output = learn(path, "--holdout", "0.2", "--seed", seed)
    assert "rows (training)         14 no, 1 yes" in output
    assert "rows (held out)         4 no, 1 yes" in output


# What it refuses: one line, and exit status 2.

GOOD = "x,y\n1,2\n2,4\n3,6\n"
BAD_TABLES = {
    "empty": ("", "the file is empty"),
    "only blank lines": ("\n\n", "the file is empty"),
    "only a header": ("x,y\n", "a header and no row"),
    "too few cells": ("x,y\n1,2\n2\n", "line 3: 1 cell under a header of 2"),
    "too many cells": ("x,y\n1,2,3\n", "line 2: 3 cells under a header of 2"),
    "missing cell": ("x,y\n1,2\n,4\n", "line 3, column 'x': the cell is empty"),
    "missing target": ("x,y\n1,\n2,4\n", "line 2, column 'y': the cell is empty"),
    "missing word": ("x,y\n1,a\n2,\n3,b\n", "line 3, column 'y': the cell is empty"),
    "a word among numbers": (
        "x,y\n1,2\ntwo,4\n",
        "line 3, column 'x': an input must be a finite number, not 'two'",
    ),
    "a word in the target": (
        "x,y\n1,2\n2,n/a\n3,6\n",
        "line 3, column 'y': a target must be a finite number, not 'n/a'",
    ),
    "nan": ("x,y\n1,2\nnan,4\n", "line 3, column 'x': an input must be a finite number, not 'nan'"),
    "infinite": (
        "x,y\n1,2\n2,-inf\n",
        "line 3, column 'y': a target must be a finite number, not '-inf'",
    ),
    "too large to be finite": ("x,y\n1,2\n1e999,4\n", "must be a finite number, not '1e999'"),
    "underscore": ("x,y\n1,2\n1_000,4\n", "must be a finite number, not '1_000'"),
    "column twice": ("x,x,y\n1,2,3\n", "2 columns are called 'x'; rename them, or leave them out"),
    "no input": ("y\n1\n2\n", "one column only, 'y'; cells are separated by commas, semicolons or"),
    "bars": ("x|y\n1|2\n2|3\n", "one column only, 'x|y'; cells are separated by commas, semicolon"),
    "a decimal comma among commas": ("x,y\n1,5,2\n", "line 2: 3 cells under a header of 2"),
    "a header of numbers": (
        "1,2\n2,4\n3,6\n",
        "line 1: 2 is a number, where names of columns belong; write a line of names above it, or",
    ),
    "an input without a name": ("5.1,y\n1,2\n2,4\n", "line 1: 5.1 is a number, where names of"),
    "a comment": ("# of 2020\nx,y\n1,2\n", "line 1: it looks like a comment, and the names of"),
    "a comment with names": ("# x,y\n1,2\n2,3\n", "line 1: it looks like a comment"),
    "a title in a cell": ("Sales,,\na,b,y\n1,2,3\n", "line 1: 'Sales' is the only name for 3 co"),
    "a title of two cells": (
        "Run,A\nx,y\n1,2\n2,3\n",
        "not 'y'; if this line has names or units, delete it, or what stands above it",
    ),
    "a title above tabs": ("Run A\nx\ty\n1\t2\n2\t3\n", "'Run A' is the only name for 2 columns"),
    "no name": (",\n1,2\n2,3\n", "line 2: 2 is a number, where names"),
    "numbers as people write them": ("x,y\n1,10 %\n2,20 %\n", "not '10 %'; write digits and a"),
    "a decimal comma in quotes": ('x,y\n1,"0,5"\n2,"1,5"\n', "not '0,5'; write digits and a dec"),
    "a header of decimal commas": ("1,5;2,5\n2;4\n3;6\n", "line 1: 2,5 is a number, where names"),
    "a header of nan": ("nan,inf\n1,2\n2,3\n", "line 1: inf is a number, where names of co"),
    "a cell behind its quote": ('x,y\n1,"2"3\n2,4\n', "line 2: a quoted cell is followed by '3'"),
    "a cell behind its lines": (
        'x,y\n"a\n""b""",1\n2,"4"0\n',
        "line 4: a quoted cell is followed by",
    ),
    "HTML": ("<table><tr><td>x</td></tr></table>", "it is HTML or XML; save the table as CSV"),
    "a title": (
        "Sales of 2020\nx,y\n1,2\n",
        "line 1: 'Sales of 2020' is the only name for 2 columns; delete what stands above",
    ),
    "sep=": ("sep=;\nx;y\n1;2\n2;3\n", "line 1: sep= is for a spreadsheet program; delete this"),
    "UTF-16": ("x,y\n1,2\n2,3\n".encode("utf-16"), "it is text in UTF-16; save it in UTF-8"),
    "UTF-16 without a mark": (
        "x,y\n1,2\n".encode("utf-16-le"),
        "zero bytes: it is no text, or text in UTF-16",
    ),
    "Latin-1": (
        "größe,y\n1,2\n".encode("latin-1"),
        "line 1: byte 0xf6 is not UTF-8; save the table in UTF-8, which spreadsheet programs call",
    ),
    "compressed": (b"\x1f\x8b\x08\0", "it is compressed; unpack it with gunzip"),
    "a spreadsheet": (b"PK\x03\x04", "it is a spreadsheet or a zip file; save the sheet as CSV"),
    "thousands marks beside decimal commas": (
        "x;y\n999,50;1\n1.234;2\n",
        "line 3, column 'x': '1.234' has a point, and other numbers have a decimal comma; write "
        "numbers without thousands marks",
    ),
    "thousands in another column": ("x;y\n1.234;0,5\n2.345;1\n", "'1.234' has a point, and other"),
    "English thousands": (
        'x,y\n"1,234",1\n"2,345",2\n',
        "an input must be a finite number, not '1,234'; write numbers without thousands marks",
    ),
    "words and infinities": ("x,y\n1,yes\n2,3\n", "not 'yes'; --classes and --class learn words"),
    "words and nan": (
        "x,y\n1,yes\n2,no\n3,nan\n",
        "3 classes, nan, no, yes; keep two with --classes",
    ),
    "rounding noise": ("x,y\n0.3,1\n0.30000000000000004,2\n", "no input column changes"),
    "two decimal commas": ("x;y\n1,2,3;2\n2;3\n", "must be a finite number, not '1,2,3'"),
    "thousands": ("x;y\n1.234,5;2\n2;3\n", "must be a finite number, not '1.234,5'"),
    "a short row among semicolons": ("a;b;y\n1;2;3\n1;2\n", "line 3: 2 cells under a header of 3"),
    "an open quote": ('x,y\n5,6\n"1,2\n3,4\n', "line 3: a quote is not closed"),
    "an open quote in the header": ('w,"x\n1,2\n3,4\n', "line 1: a quote is not closed"),
    "a quote closed late": ('a,y\n"1,2\n3,4\n5,"b"\n', "line 4: a quoted cell is followed by 'b"),
    "an open quote at the end": ('x,y\n1,2\n3,"', "line 3: a quote is not closed"),
    "an open quote in the last column": ('x,y\n1,2\n3,"4 inch\n5,6\n', "line 3: a quote is not"),
    "target too large": ("x,y\n1,1e200\n2,3\n", "the numbers are too large to be squared"),
    "no input that changes": ("x,z,y\n1,7,2\n1,7,3\n", "no input column changes in the 2 rows"),
    "one row": ("x,z,y\n1,2,3\n", "no input column changes in the 1 rows to learn from"),
    "numbers whose sum is too large": (
        "x,y\n1e308,1\n1.2e308,2\n1.4e308,3\n",
        "column 'x': the numbers are too large or too close to standardise",
    ),
    "numbers too close": ("x,y\n0,1\n1e-310,2\n", "too large or too close to standardise"),
    "targets that are not finite": ("x,y\n1,nan\n2,inf\n", "line 2, column 'y': a target must be"),
    "a long cell": (f"x,y\n{'a' * 1000},2\n", f"not '{'a' * 40}…'"),
    "one class": ("x,y\n1,a\n2,a\n", "one class only, 'a'"),
    "only zeros": ("x,y\n1,0\n2,0\n", "one class only, '0'"),
    "three classes": (
        "x,y\n1,a\n2,b\n3,c\n",
        "3 classes, a, b, c; keep two with --classes A,B, or tell one from the rest with --class A",
    ),
    "no text": (b"x,y\n\xff\xfe,1\n", "line 2: byte 0xff is not UTF-8"),
    "numbers too large": ("x,y\n1e308,2\n-1e308,3\n1.7e308,1\n", "the numbers are too large"),
    "a field too large": (f"x,y\n{'1' * 200_000},2\n", "line 2: field larger than field limit"),
    "a cell of lines": ('x,y\n"one\ntwo",2\n', "must be a finite number, not 'one two'"),
}


def refused(*arguments):
    done = run(*arguments)
    assert done.returncode == 2, done
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("tinygrad-neuron")
    return line


@pytest.mark.parametrize("kind", BAD_TABLES)
def test_a_bad_table_is_one_line_that_names_the_place_and_no_file_is_touched(table, kind):
    text, message = BAD_TABLES[kind]
    path = table(text)
    content, model = path.read_bytes(), path.with_name("model.json")
    model.write_text("mine")
    line = refused("learn", path, "--save", model)
    assert (path.read_bytes(), model.read_text()) == (content, "mine")
    assert sorted(path.parent.iterdir()) == [model, path]
    assert str(path) in line
    assert message in line


def test_a_file_that_cannot_be_read_is_one_line(tmp_path):
    assert "no such file" in refused("learn", tmp_path / "none.csv")
    assert "is a directory" in refused("learn", tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--target", "z"], "no column 'z', only x, y"),
        (["--classes", "2,9"], "no row has '9' in column 'y', only 2, 4, 6"),
        (["--class", "9"], "no row has '9' in column 'y'"),
        (["--class", ""], "no row has '' in column 'y'"),
        (["--target", ""], "no column '', only x, y"),
        (["--nonsense\nof two lines"], "unrecognized arguments: --nonsense of two lines"),
        (["--classes", "2"], "must be two different classes A,B, not '2'"),
        (["--classes", "2,2"], "must be two different classes A,B, not '2,2'"),
        (["--classes", "2,4,6"], "must be two different classes A,B"),
        (["--classes", "2,4", "--class", "2"], "not allowed with argument"),
        (["--epochs", "0"], "must be a whole number above 0, not '0'"),
        (["--epochs", "2.5"], "must be a whole number above 0, not '2.5'"),
        (["--holdout", "1.5"], "must be at least 0 and below 1, not '1.5'"),
        (["--holdout", "-0.1"], "must be at least 0 and below 1"),
        (["--holdout", "nan"], "must be at least 0 and below 1"),
        (
            ["--holdout", "0.9"],
            "a holdout of 0.9 leaves 0 of 3 rows to learn from and 3 to test on",
        ),
        (
            ["--holdout", "0.1"],
            "a holdout of 0.1 leaves 3 of 3 rows to learn from and 0 to test on",
        ),
        (["--lr", "-1"], "must be a number above 0, not '-1'"),
        (["--lr", "0"], "must be a number above 0"),
        (["--lr", "inf"], "must be a number above 0"),
        (["--lr", "fast"], "must be a number above 0, not 'fast'"),
        (["--seed", "x"], "--seed: must be a whole number, not 'x'"),
        (["--nonsense"], "unrecognized arguments"),
    ],
)
def test_a_bad_option_is_one_line(table, options, message):
    assert message in refused("learn", table(GOOD), *options)


@pytest.mark.parametrize("option", ["--target", "--classes", "--class", "--holdout", "--seed"])
def test_an_option_about_a_table_needs_one(option):
    value = {"--classes": "a,b", "--holdout": "0.1", "--seed": "5"}.get(option, "x")
    assert f"{option} needs a table" in refused("learn", option, value)


def test_a_class_of_one_row_cannot_be_held_out(table):
    path = table("x,y\n" + "".join(f"{i},{'a' if i else 'b'}\n" for i in range(3)))
    for seed in range(9):
        line = refused("learn", path, "--holdout", "0.34", "--seed", seed)
        assert "only one row has 'b', and it cannot be learned from and held out" in line


def test_no_command_is_one_line():
    assert "required: COMMAND" in refused()


# Divergence: its sentence, and exit status 1.


def test_divergence_says_when_at_which_rate_and_what_to_try(table):
    for options in [["--lr", "1.0"], [table(GOOD), "--lr", "1.5"], ["--lr", "10"]]:
        done = run("learn", *options)
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        rate = float(options[-1])
        assert f"at the learning rate {rate:g}: the loss grew from " in line
        assert line.endswith(f"; try --lr {rate / 10:g}")
        assert "diverged at epoch " in line


@pytest.mark.parametrize(
    ("options", "how"),
    [
        (["--lr", "1e200"], "at epoch 1 at the learning rate 1e+200: the loss overflows a float"),
        (["--lr", "1e308"], "at epoch 0 at the learning rate 1e+308: the loss or a weight is not"),
        (
            ["--lr", "1e100", "--epochs", "1"],
            "at epoch 0 at the learning rate 1e+100: the loss grew",
        ),
        (
            ["--lr", "1e200", "--epochs", "1"],
            "at epoch 0 at the learning rate 1e+200: the loss or a",
        ),
    ],
)
def test_an_overflow_and_a_number_that_is_not_finite_are_divergence_too(options, how):
    done = run("learn", *options)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert f"diverged {how}" in line


def test_rows_held_out_that_are_far_away_have_a_loss_of_inf(table):
    rows = "".join(f"{x},{2 * x}\n" for x in range(9))
    output = ""
    for seed in range(20):  # until the last row is the one that is held out
        options = ["--holdout", "0.1", "--epochs", "9", "--seed", seed]
        done = run("learn", table(f"x,y\n{rows}1e160,0\n"), *options)
        assert (done.returncode, done.stderr) == (0, "")
        output += done.stdout
    assert "\nloss (held out)         inf\n" in output


# A closed pipe, and Ctrl-C.


def test_a_closed_pipe_is_silent():
    command = [sys.executable, "-u", "-m", "tinygrad_neuron", "learn"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_ctrl_c_is_silent():
    command = [sys.executable, "-u", "-m", "tinygrad_neuron", "learn", "--epochs", "10000000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert (process.returncode, errors) == (130, b"")
