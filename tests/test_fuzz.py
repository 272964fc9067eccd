"""Bad input gets an answer or one line. For more of it: python tests/fuzz.py 10000."""

import pytest

pytest.importorskip("resource", reason="needs Linux or macOS")

from fuzz import expressions, labels, models, tables

KINDS = {expressions: 3000, tables: 500, models: 500, labels: 300}


@pytest.mark.parametrize(
    ("kind", "count"),
    [(kind, count // 5) for kind, count in KINDS.items()]
    + [pytest.param(kind, count, marks=pytest.mark.slow) for kind, count in KINDS.items()],
)
def test_random_input_gets_an_answer_or_one_line_and_harms_no_file(kind, count):
    tally = kind(count)
    assert tally.tried == count
    assert tally.answers > count / 20
    assert tally.errors > count / 20 or kind is labels
