"""docs/reference/codebook.md lists exactly the columns there are."""

import re

import pytest

from annotation.interchange import llmfao
from tests.places import ROOT

CODEBOOK = (ROOT / "docs" / "reference" / "codebook.md").read_text()


def columns(section: str) -> list[tuple[str, bool]]:
    """Returns the columns of a section, and whether they are in italics."""
    text = CODEBOOK.split(f"\n## {section}\n", 1)[1].split("\n## ", 1)[0]
    return [(name, bool(star)) for star, name in re.findall(r"^\| (\*?)`(\w+)`\*? \| \S", text, re.MULTILINE)]


@pytest.mark.parametrize(
    ("section", "kind"),
    [
        ("models.jsonl", "models"),
        ("prompts.jsonl", "prompts"),
        ("results.jsonl", "results"),
        ("pairs.jsonl", "pairs"),
        ("training and check pairs", "training"),
        ("training and check pairs", "check"),
        ("comparisons.csv", "comparisons"),
    ],
)
def test_every_column_of_a_file_is_in_the_codebook_and_no_other(section: str, kind: str) -> None:
    assert columns(section) == [(column.name, column.extra) for column in llmfao.KINDS[kind].columns]


def test_every_column_of_the_full_export_is_in_the_codebook_and_no_other() -> None:
    added = llmfao.FULL_COLUMNS[len(llmfao.ALL_COLUMNS) :]
    assert llmfao.FULL_COLUMNS[: len(llmfao.ALL_COLUMNS)] == llmfao.ALL_COLUMNS
    assert [name for name, _extra in columns("comparisons.csv, full")] == list(added)


def test_every_column_of_the_payments_is_in_the_codebook_and_no_other() -> None:
    assert [name for name, _extra in columns("payments.csv")] == list(llmfao.PAYMENT_COLUMNS)
