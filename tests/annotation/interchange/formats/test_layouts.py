"""Files in the layouts of other tools are recognised by their content, and every row becomes a record or an error."""

import json
import shutil
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.interchange.faults import Fault
from annotation.interchange.format import Named, Record
from annotation.interchange.formats import remainder
from annotation.interchange.reading import Head, Row, Source, look
from annotation.interchange.registry import FORMATS as REGISTERED
from tests.annotation.interchange.formats.layouts import FORMATS, HELD, LAYOUTS, REFUSED, read, source


def test_every_file_is_read_by_a_test():
    assert {path.relative_to(LAYOUTS).as_posix() for path in LAYOUTS.rglob("*.*")} == {*HELD, *REFUSED}


def test_every_format_is_registered_and_has_a_file():
    assert {name for name, _kind, _held in HELD.values()} == set(FORMATS)
    assert all(REGISTERED[name] is known for name, known in FORMATS.items())


@pytest.mark.parametrize("name", HELD)
def test_a_file_is_recognised_whatever_it_is_called(tmp_path, name):
    path = tmp_path / "My File (1)"
    shutil.copy(LAYOUTS / name, path)
    head = look(Source(path.name, path))
    assert isinstance(head, Head)
    found = {known.name: known.recognised(head) for known in FORMATS.values()}
    named = {known: named for known, named in found.items() if named is not None}
    assert [*named] == [HELD[name][0]]
    assert isinstance(named[HELD[name][0]], Named)
    assert named[HELD[name][0]].kind == HELD[name][1]


@pytest.mark.parametrize("name", HELD)
def test_every_row_becomes_a_record(name):
    assert Counter(record.kind for record in read(name, model="asked")) == Counter(HELD[name][2])


@pytest.mark.parametrize("known", FORMATS.values(), ids=FORMATS)
def test_a_format_says_what_it_loses(known):
    assert known.cannot_carry
    assert all(isinstance(each, str) and each and not each.endswith(".") for each in known.cannot_carry)
    assert len({*known.cannot_carry}) == len(known.cannot_carry)


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_loaded_says_what_to_do(name):
    head = look(source(name))
    assert isinstance(head, Head)
    found = [found for known in FORMATS.values() if (found := known.recognised(head)) is not None]
    faults = [each for each in found if isinstance(each, Fault)]
    for each in found:
        if isinstance(each, Named):
            known = FORMATS["lm-eval-harness"]
            faults += [row for row in known.read(source(name, "asked"), each.kind, None) if isinstance(row, Fault)]
    assert len(faults) == 1
    text = faults[0].reason % faults[0].values
    assert "inspect log convert --to json" in text or "a task that generates text" in text


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=4)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(
        [
            "",
            "model_a",
            "model_b",
            "tie",
            "both_bad",
            "a",
            "A>>B",
            "user",
            "assistant",
            "attachment://x",
            "[]",
            "[1",
            "C",
        ]
    )
    | TEXT
)
MESSAGES = st.lists(
    st.fixed_dictionaries({}, optional={"role": SCALARS, "content": SCALARS, "turns": SCALARS, "score": SCALARS}),
    max_size=4,
)
VALUES = st.recursive(
    SCALARS | MESSAGES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
KEYS = sorted(
    {
        key
        for name in HELD
        if name.endswith(".jsonl")
        for key in json.loads((LAYOUTS / name).read_text("utf-8").splitlines()[0])
    }
)


@pytest.mark.parametrize("name", [name for name in HELD if name.endswith((".jsonl", ".json"))])
@settings(max_examples=25)
@given(data=st.data())
def test_a_row_of_any_values_is_a_record_or_an_error(tmp_path_factory, name, data):
    """One value of a row, or a key, is replaced by anything: the reader neither fails nor loses the row."""
    known, kind, held = HELD[name]
    if not held:
        return
    head = look(source(name))
    assert isinstance(head, Head)
    row = dict(data.draw(st.sampled_from(head.rows)).values)
    for key in data.draw(st.lists(st.sampled_from(sorted(row)), max_size=3)):
        row[key] = data.draw(VALUES)
    for key in data.draw(st.lists(st.sampled_from(sorted(row)), max_size=1)):
        del row[key]
    folder = tmp_path_factory.mktemp("row")
    path = folder / "row.jsonl"
    path.write_text(json.dumps(row, ensure_ascii=False) + "\n", "utf-8")
    changed = Source(path.name, path, model="asked")
    head = look(changed)
    if isinstance(head, Fault):
        return
    FORMATS[known].recognised(head)
    found = list(FORMATS[known].read(changed, kind, None))
    assert found or kind in {"reactions", "answers"}
    assert all(isinstance(each, Record | Fault) for each in found)
    for each in found:
        if isinstance(each, Fault):
            assert each.reason % each.values


@given(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=12))
def test_no_content_makes_a_recogniser_fail(tmp_path_factory, row):
    path = tmp_path_factory.mktemp("any") / "x"
    path.write_text(json.dumps(row, ensure_ascii=False) + "\n", "utf-8")
    head = look(Source(path.name, path))
    if isinstance(head, Head):
        for known in FORMATS.values():
            assert isinstance(known.recognised(head), Named | Fault | None)


OBJECTS = st.dictionaries(st.sampled_from(["a", "b", "c", "x", "messages"]), VALUES, max_size=5)


@given(OBJECTS, OBJECTS, st.booleans(), st.booleans())
def test_the_remainder_of_any_row_gives_its_line_back(row, built, ascii_only, compact):
    text = json.dumps(row, ensure_ascii=ascii_only, separators=(",", ":") if compact else None)
    order = {"": ("c", "a", "messages")}
    extra = json.loads(json.dumps(remainder.of_row(Row(1, row, text), built, order), sort_keys=True))
    assert remainder.line(built, extra, order) == text
