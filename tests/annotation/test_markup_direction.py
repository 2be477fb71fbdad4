"""The letters of a text say which way it runs, and its language where there are none."""

import pytest

from annotation.markup import direction

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
