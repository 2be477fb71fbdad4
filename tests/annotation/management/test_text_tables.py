"""The tables of commands line up on a terminal, in any script."""

import pytest

from annotation.management.text_tables import text_table

pytestmark = pytest.mark.once


def test_columns_are_as_wide_as_they_need_to_be() -> None:
    table = text_table([("rank", "model", "rating"), ("1", "gpt", "1,012"), ("12", "command", "5")], {2})
    assert table.splitlines() == [
        "rank  model    rating",
        "1     gpt       1,012",
        "12    command       5",
    ]


def test_a_japanese_character_takes_two_columns() -> None:
    assert text_table([("日本語", "a"), ("model", "b")]).splitlines() == ["日本語  a", "model   b"]


def test_cells_stay_as_they_are_written() -> None:
    assert text_table([("1e5", "007", "+1.50", ""), ("x", "", "None", "y")], {0}).splitlines() == [
        "1e5  007  +1.50",
        "  x       None   y",
    ]
