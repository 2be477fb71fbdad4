"""The Japanese catalogue: compiled as it is written, and complete for everything a worker sees."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import polib
import pytest
from django.utils import translation
from django.utils.translation.template import templatize

from annotation.models import Report

ROOT = Path(__file__).resolve().parent.parent.parent
CATALOGUE = ROOT / "locale" / "ja" / "LC_MESSAGES" / "django.po"

SEEN_BY_WORKERS = [
    *sorted((ROOT / "templates" / "annotation" / "worker").glob("*.html")),
    *sorted((ROOT / "templates").glob("*.html")),
    *(ROOT / "templates" / "site" / f"{name}.html" for name in ("skeleton", "bare", "languages", "way_home")),
    *(ROOT / "annotation" / "views" / f"{name}.py" for name in ("worker", "joining", "way", "sheet")),
    ROOT / "annotation" / "services" / "wording.py",
]

MARKERS = {"_", "gettext", "gettext_lazy", "ngettext", "pgettext", "pgettext_lazy"}
STRING = r"""u?('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
MARKED = re.compile(rf"\b(_|gettext|ngettext|pgettext)\(\s*{STRING}(?:\s*,\s*{STRING})?")

type Message = tuple[str, str]
"""Context, empty where there is none, and text."""


def messages_of(path: Path) -> Iterator[Message]:
    """The messages of a template or a module, as they are looked up."""
    source = path.read_text()
    if path.suffix == ".html":
        for marker, first, second in MARKED.findall(templatize(source)):
            texts = [ast.literal_eval(text) for text in (first, second) if text]
            yield (texts[0], texts[1]) if marker == "pgettext" else ("", texts[0])
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKERS:
            texts = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
            yield (texts[0], texts[1]) if node.func.id.startswith("pgettext") else ("", texts[0])


def translations() -> dict[Message, str]:
    """What the compiled catalogue, which is what runs, holds."""
    entries = polib.mofile(str(CATALOGUE.with_suffix(".mo")))
    return {(entry.msgctxt or "", entry.msgid): entry.msgstr or entry.msgstr_plural.get(0, "") for entry in entries}


def test_the_compiled_catalogue_is_the_written_one():
    written = {(entry.msgctxt or "", entry.msgid): entry for entry in polib.pofile(str(CATALOGUE)).translated_entries()}
    assert translations() == {key: entry.msgstr or entry.msgstr_plural.get(0, "") for key, entry in written.items()}, (
        "run make messages"
    )


@pytest.mark.parametrize("path", SEEN_BY_WORKERS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_everything_a_worker_sees_is_translated(path):
    known = translations()
    assert [text for context, text in messages_of(path) if not known.get((context, text))] == []


def test_the_messages_are_found_at_all():
    found = {message for path in SEEN_BY_WORKERS for message in messages_of(path)}
    assert ("", "What to do") in found
    assert ("neither is better", "Tie") in found
    assert ("", "You will be shown one pair of answers.") in found
    assert len(found) > 100


def test_the_kinds_of_a_report_are_translated():
    with translation.override("en"):
        english = [str(label) for label in Report.Kind.labels]
    with translation.override("ja"):
        japanese = [str(label) for label in Report.Kind.labels]
    assert not set(english) & set(japanese)


def test_no_translation_is_a_guess():
    assert [entry.msgid for entry in polib.pofile(str(CATALOGUE)).fuzzy_entries()] == []


def test_a_translation_names_what_its_message_names():
    """A `%(name)s` that is lost or misspelt would be lost on the page, or break it."""
    for entry in polib.pofile(str(CATALOGUE)).translated_entries():
        texts = [entry.msgstr] if entry.msgstr else list(entry.msgstr_plural.values())
        wanted = set(re.findall(r"%\(\w+\)[sd]", entry.msgid_plural or entry.msgid))
        for text in texts:
            assert set(re.findall(r"%\(\w+\)[sd]", text)) == wanted, entry.msgid
