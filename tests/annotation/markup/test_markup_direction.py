"""The letters of a text decide its direction; without letters, its language does."""

import pytest

from annotation.markup import direction, render

pytestmark = pytest.mark.once

ARABIC = "مرحبا بالعالم، هذا نص باللغة العربية"


@pytest.mark.parametrize(
    ("lang", "text", "expected"),
    [
        ("", "Hello", "ltr"),
        ("", ARABIC, "rtl"),
        ("", "שלום עולם", "rtl"),
        ("", f"Python: {ARABIC}", "rtl"),
        ("ar", f"{ARABIC} `import os; print(os.environ['PATH'])`", "rtl"),
        ("", f"The word {ARABIC[:5]} means hello in Arabic, which is written from the right.", "ltr"),
        ("ar", "I am sorry, I only speak English.", "ltr"),
        ("en", ARABIC, "rtl"),
        ("ja", "こんにちは", "ltr"),
        ("", "12 + 30 = 42", "auto"),
        ("", "", "auto"),
        ("ar", "42", "rtl"),
        ("ar-EG", "42", "rtl"),
        ("fa_IR", "42", "rtl"),
        ("he", "42", "rtl"),
        ("az-Arab", "42", "rtl"),
        ("ar-Latn", "42", "ltr"),
        ("en", "42", "ltr"),
    ],
)
def test_direction(lang: str, text: str, expected: str) -> None:
    assert direction(lang, text) == expected


def test_a_long_text_is_judged_by_its_beginning() -> None:
    assert direction("", "a" * 1000 + ARABIC * 1000) == "ltr"


def test_blocks_say_their_direction_where_letters_run_from_the_right() -> None:
    html = render(f"In Arabic that is:\n\n{ARABIC}\n\n- one\n- {ARABIC}\n\n| a | b |\n|---|---|\n| x | {ARABIC} |")
    assert '<p dir="ltr">In Arabic' in html
    assert '<p dir="rtl">مرحبا' in html
    assert '<li dir="ltr">one' in html
    assert '<li dir="rtl">مرحبا' in html
    assert '<td dir="rtl">مرحبا' in html


def test_in_an_arabic_text_an_item_that_begins_with_a_latin_word_is_still_arabic() -> None:
    html = render(f"{ARABIC}\n\n- Python `import os` اثنان\n- An item in English.\n- 42")
    assert '<li dir="rtl">Python' in html
    assert '<li dir="ltr">An item' in html
    assert '<li dir="rtl">42' in html


def test_a_text_of_one_direction_says_nothing() -> None:
    assert "dir=" not in render("# Hello\n\n- one\n\n日本語 κόσμος")
