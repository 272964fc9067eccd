"""Bad input gets an answer or one line. For more of it: python tests/fuzz.py 10000."""

import pytest

pytest.importorskip("resource", reason="needs Linux or macOS")

from fuzz import expressions, labels, models, tables


@pytest.mark.parametrize(
    ("kind", "count"), [(expressions, 3000), (tables, 500), (models, 500), (labels, 300)]
)
def test_random_input_gets_an_answer_or_one_line_and_harms_no_file(kind, count):
    tally = kind(count)
    assert tally.tried == count
    assert tally.answers > count / 20
    assert tally.errors > count / 20 or kind is labels
