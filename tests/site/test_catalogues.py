"""The Japanese catalogue is compiled and complete."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import polib
import pytest
from django.template.base import Lexer, TokenType
from django.utils import translation
from django.utils.translation.template import templatize

from annotation.models import Report
from llmfao_site.checks import check_catalogues
from tests.places import ROOT

pytestmark = pytest.mark.once

CATALOGUE = ROOT / "locale" / "ja" / "LC_MESSAGES" / "django.po"

TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
MODULES = sorted(
    path
    for app in ("annotation", "ranking", "judges", "llmfao_site")
    for path in (ROOT / app).rglob("*.py")
    if "migrations" not in path.parts
)

MARKERS = {
    "gettext": 1,
    "gettext_lazy": 1,
    "gettext_noop": 1,
    "ngettext": 2,
    "ngettext_lazy": 2,
    "pgettext": 2,
    "pgettext_lazy": 2,
}
"""The functions that mark a message in a module, with their number of text arguments."""

STRING = r"""u?('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
MARKED = re.compile(rf"\b(_|gettext|ngettext|pgettext|npgettext)\(\s*{STRING}(?:\s*,\s*{STRING})?")
PLACE = re.compile(r"%\(\w+\)[-+ #0-9.]*[a-z]|%%")
LETTERS = re.compile(r"[^\W\d_]{2,}")

NAMES = {"LLMFAO", "CSV", "HTTP", "JSONL", "JSON", "LaTeX", "Markdown", "OpenAPI", "PNG", "SHA", "SVG", "YAML", "UTC"}
"""Words that are the same in every language."""

READ_ALOUD = {"alt", "aria-description", "aria-label", "label", "placeholder", "title"}

type Message = tuple[str, str]
"""(context or "", text)."""


def messages_of(path: Path) -> Iterator[Message]:
    """Returns the messages of a template or a module."""
    source = path.read_text()
    yield from messages_of_template(source) if path.suffix == ".html" else messages_of_module(source)


def messages_of_template(source: str) -> Iterator[Message]:
    for marker, first, second in MARKED.findall(templatize(source)):
        texts = [ast.literal_eval(text) for text in (first, second) if text]
        yield (texts[0], texts[1]) if "pgettext" in marker else ("", texts[0])


def messages_of_module(source: str) -> Iterator[Message]:
    tree = ast.parse(source)
    # Pure modules, which do not import Django, define a marker with this name.
    markers = {"gettext_noop": "gettext_noop"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation":
            markers |= {name.asname or name.name: name.name for name in node.names if name.name in MARKERS}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in markers:
            marker = markers[node.func.id]
            arguments = node.args[: MARKERS[marker]]
            if isinstance(arguments[0], ast.Name | ast.Attribute | ast.Subscript | ast.Call):
                continue  # it translates messages that are marked elsewhere
            texts = [ast.literal_eval(argument) for argument in arguments]
            yield (texts[0], texts[1]) if marker.startswith("pgettext") else ("", texts[0])


class Page(HTMLParser):
    """Collects the words that people read or hear on a page, except what they type."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.typed = 0

    def handle_data(self, data: str) -> None:
        if not self.typed:
            self.read(data)

    def read(self, data: str) -> None:
        self.words += [word for word in LETTERS.findall(data) if word not in NAMES]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.typed += tag == "code"
        for name, value in attrs:
            if name in READ_ALOUD:
                self.read(value or "")

    def handle_endtag(self, tag: str) -> None:
        self.typed -= tag == "code"


def unmarked_words(source: str) -> list[str]:
    """Returns the words of a template outside its tags and translated messages."""
    page, marked, named = Page(), False, ""
    for token in Lexer(source).tokenize():
        tag, *words = token.split_contents() if token.token_type == TokenType.BLOCK else [""]
        if tag in {"blocktranslate", "endblocktranslate"}:
            marked = tag == "blocktranslate"
        elif tag in {"block", "endblock"}:
            named = words[0] if tag == "block" else ""
        elif token.token_type == TokenType.TEXT and not marked and not named.endswith("_class"):
            page.feed(token.contents)
    page.close()
    return page.words


def translations() -> dict[Message, str]:
    """Returns the messages of the compiled catalogue."""
    entries = polib.mofile(str(CATALOGUE.with_suffix(".mo")))
    return {(entry.msgctxt or "", entry.msgid): entry.msgstr or entry.msgstr_plural.get(0, "") for entry in entries}


def entries() -> list[tuple[polib.POEntry, str]]:
    """Returns the entries of the catalogue with their translation; Japanese has one plural form."""
    written = polib.pofile(str(CATALOGUE)).translated_entries()
    return [(entry, entry.msgstr or entry.msgstr_plural[0]) for entry in written]


class Whatever(defaultdict[str, float]):
    """Provides a value for every placeholder of a message."""

    def __init__(self) -> None:
        super().__init__(lambda: 1.0)


def test_the_compiled_catalogue_is_the_written_one():
    assert translations() == {(entry.msgctxt or "", entry.msgid): text for entry, text in entries()}, (
        "run make messages"
    )


def test_a_catalogue_that_is_not_compiled_is_warned_of(settings, tmp_path):
    written = tmp_path / "ja" / "LC_MESSAGES" / "django.po"
    written.parent.mkdir(parents=True)
    written.touch()
    settings.LOCALE_PATHS = [tmp_path]
    (warning,) = check_catalogues(None)
    assert warning.id == "site.W002"
    assert str(written) in warning.msg
    written.with_suffix(".mo").touch()
    assert check_catalogues(None) == []


def test_every_message_of_templates_and_modules_is_translated():
    known = translations()
    missing = {
        path.relative_to(ROOT).as_posix(): lacking
        for path in [*TEMPLATES, *MODULES]
        if (lacking := [message for message in messages_of(path) if not known.get(message)])
    }
    assert missing == {}, "run make messages, and translate what it finds"


def test_everything_the_catalogue_lists_is_translated():
    catalogue = polib.pofile(str(CATALOGUE))
    assert [entry.msgid for entry in catalogue.untranslated_entries()] == []


def test_no_translation_is_a_guess():
    assert [entry.msgid for entry in polib.pofile(str(CATALOGUE)).fuzzy_entries()] == []


def test_templates_hold_no_words_that_are_not_marked():
    bare = {
        path.relative_to(ROOT).as_posix(): words for path in TEMPLATES if (words := unmarked_words(path.read_text()))
    }
    assert bare == {}


def test_a_translation_names_what_its_message_names():
    """A missing or misspelt `%(name)s` would lose a value or break the page."""
    for entry, text in entries():
        wanted = sorted(PLACE.findall(entry.msgid_plural or entry.msgid))
        assert sorted(PLACE.findall(text)) == wanted, entry.msgid
        if wanted:
            text % Whatever()


def test_the_messages_are_found_at_all():
    found = {message for path in [*TEMPLATES, *MODULES] for message in messages_of(path)}
    assert ("", "Instructions") in found
    assert ("neither is better", "Tie") in found
    assert ("", "You will compare one pair of answers.") in found
    assert ("", "The file is empty.") in found
    assert len(found) > 1000


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('from django.utils.translation import gettext_lazy as _\nlabel = _("a " "name")', ("", "a name")),
        ('from django.utils.translation import ngettext\nngettext("one", "%(n)s", n)', ("", "one")),
        ('from django.utils.translation import pgettext\npgettext("door", "open")', ("door", "open")),
        ('reason = gettext_noop("It is gone.")', ("", "It is gone.")),
    ],
)
def test_messages_of_a_module_are_found_however_they_are_marked(source, found):
    assert list(messages_of_module(source)) == [found]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("<p>Hello {{ name }}</p>", ["Hello"]),
        ('<a title="Close">×</a>', ["Close"]),
        ('<p class="quiet">{% translate "Hello" %} · LLMFAO</p>', []),
        ('<svg aria-label="{% translate "Chart" %}"></svg>', []),
        ("{% blocktranslate %}Hello {{ name }}{% endblocktranslate %}<p>there</p>", ["there"]),
        ("<p>Type <code>manage.py help</code> here</p>", ["Type", "here"]),
    ],
)
def test_words_of_a_template_that_are_not_marked_are_found(source, words):
    assert unmarked_words(source) == words


def test_the_kinds_of_a_report_are_translated():
    with translation.override("en"):
        english = [str(label) for label in Report.Kind.labels]
    with translation.override("ja"):
        japanese = [str(label) for label in Report.Kind.labels]
    assert not set(english) & set(japanese)
