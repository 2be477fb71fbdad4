"""`manage.py study`: the settings of the page, from a shell."""

import io
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from annotation.models import Comparison, Pair, Rater, Study
from annotation.studies.settings import SETTINGS
from tests.builders import build_study

pytestmark = pytest.mark.django_db


def run(study: Study, *options: str) -> str:
    out = io.StringIO()
    call_command("study", study.slug, *options, stdout=out)
    study.refresh_from_db()
    return out.getvalue()


def test_it_shows_the_state_the_votes_and_every_setting() -> None:
    study = build_study(models=3, prompts=4, overlap=2)
    judge = Rater.objects.create(study=study, kind="judge", name="A judge")
    Comparison.objects.create(study=study, pair=Pair.objects.all()[0], rater=judge, left="x", winner="x")
    shown = run(study)
    assert "The haiku study (haiku)\n" in shown
    assert "  state         open\n" in shown
    assert "  pairs         12 within the filters of 12\n" in shown
    assert "  votes         0 of 24 planned (0.0%)\n" in shown
    assert "  judges        1 comparisons\n" in shown
    assert "  join link     /s/haiku/\n" in shown
    for key in SETTINGS:
        assert f"\n  {key} " in shown or f"\n  {key}\n" in shown


def test_filters_overlap_and_scale_are_set_and_the_pairs_follow() -> None:
    study = build_study(models=3, prompts=4)
    sets = ["exclude_types=code", "exclude_slugs=prompt-0, nothing", "overlap=5", "scale=eight"]
    shown = run(study, *(part for words in sets for part in ("--set", words)))
    assert (study.exclude_types, study.exclude_slugs) == (["code"], ["prompt-0", "nothing"])
    assert (study.overlap, study.scale_name) == (5, "eight")
    assert "3 within the filters of 12" in shown
    assert set(Pair.objects.filter(wanted=5).values_list("prompt__slug", flat=True)) == {"prompt-2"}


@pytest.mark.parametrize(
    ("words", "field", "value"),
    [
        ("public=yes", "public", True),
        ("public=False", "public", False),
        ("show_note=1", "show_note", True),
        ("check_rate=25%", "check_rate", 0.25),
        ("training_pass=0.8", "training_pass", 0.8),
        ("training_size=half", "training_size", None),
        ("training_size=0", "training_size", 0),
        ("devices=no-phones", "devices", "no-phones"),
        ("question=Which is kinder = better?", "question", "Which is kinder = better?"),
        ('reasons=right,"short, clear", kind', "reasons", ["right", "short, clear", "kind"]),
        ("only_types=", "only_types", []),
        ("id_parameter=worker", "id_parameter", "worker"),
        ("id_required=yes", "id_required", True),
    ],
)
def test_a_value_is_read_as_what_its_setting_holds(words: str, field: str, value: object) -> None:
    study = build_study()
    run(study, "--set", words)
    assert getattr(study, field) == value


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("overlp=3", "No setting is named “overlp”. Available settings:\n  name\n"),
        ("overlap=three", "overlap: expected a whole number, not “three”."),
        ("overlap=0", "overlap: Ensure this value is greater than or equal to 1."),
        ("overlap=" + "9" * 30, "overlap: "),
        ("check_rate=often", "check_rate: expected a share such as 0.6 or 60%, not “often”."),
        ("check_rate=nan", "check_rate: "),
        ("training_pass=150%", "training_pass: "),
        ("public=perhaps", "public: expected yes or no"),
        ("language=x y", "language: Enter a language tag such as en, ja or pt-BR."),
        ("language=", "language: "),
        ("scale=six", "scale: expected one of three, two, five, eight"),
        ("language_models=Nobody", "Nobody"),
        ("owner=nobody", "owner: no account is named “nobody”."),
        ("code.completed=", "code"),
        ("link.completed=nowhere", "link"),
        ("overlap", "expected KEY=VALUE"),
        ("consent=@/nowhere/consent.md", "Cannot read /nowhere/consent.md"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_was_expected(words: str, said: str) -> None:
    study = build_study(overlap=2)
    before = Study.objects.filter(pk=study.pk).values().get()
    with pytest.raises(CommandError) as refusal:
        run(study, "--set", "name=Changed", "--set", words)
    assert said in str(refusal.value)
    assert Study.objects.filter(pk=study.pk).values().get() == before


def test_a_setting_is_not_given_twice() -> None:
    with pytest.raises(CommandError, match="--set overlap is given twice"):
        run(build_study(), "--set", "overlap=2", "--set", "overlap=3")


def test_models_are_chosen_by_name_and_let_go_again() -> None:
    study = build_study(models=3, prompts=2)
    assert "2 within the filters of 6" in run(study, "--set", "language_models=Quillfinch-0,Quillfinch-2")
    assert {model.name for model in study.language_models.all()} == {"Quillfinch-0", "Quillfinch-2"}
    assert "6 within the filters of 6" in run(study, "--set", "language_models=")


def test_a_text_can_come_from_a_file_and_is_a_new_version(tmp_path: Path) -> None:
    study = build_study()
    file = tmp_path / "instruction.md"
    file.write_text("Choose the *kinder* one.\n\nAlways.\n", encoding="utf-8")
    shown = run(study, "--set", f"instruction=@{file}")
    assert study.instruction == "Choose the *kinder* one.\n\nAlways.\n"
    assert study.instruction_version == 2
    assert "Choose the *kinder* one. … (34 characters)" in shown


def test_codes_and_links_of_an_outcome_are_set_one_by_one() -> None:
    study = build_study()
    run(study, "--set", "code.completed=DONE-1", "--set", "link.completed=https://example.org/back?cc=1")
    run(study, "--set", "code.completed=DONE-2")
    exit_ = study.exits.get(outcome="completed")
    assert (exit_.code, exit_.url) == ("DONE-2", "https://example.org/back?cc=1")


def test_owner_and_colleagues_are_accounts() -> None:
    study = build_study()
    for name in ("olga", "carl", "cora"):
        User.objects.create_user(name)
    run(study, "--set", "owner=olga", "--set", "colleagues=carl,cora")
    assert study.owner is not None
    assert study.owner.username == "olga"
    assert {user.username for user in study.colleagues.all()} == {"carl", "cora"}
    run(study, "--set", "owner=")
    assert study.owner is None


def test_a_study_is_started_paused_and_closed() -> None:
    study = build_study(opened=False)
    for option, status in (("--start", "open"), ("--pause", "paused"), ("--start", "open"), ("--close", "closed")):
        assert f"state         {status}" in run(study, option)
        assert study.status == status
    with pytest.raises(CommandError, match="already closed"):
        run(study, "--close")


def test_knownand_start_go_together_knownfirst() -> None:
    study = build_study(opened=False)
    run(study, "--set", "overlap=6", "--start")
    assert set(Pair.objects.values_list("wanted", flat=True)) == {6}


def test_every_setting_of_the_study_can_be_set() -> None:
    """A new field of the model is either a setting or listed here."""
    apart = {"id", "slug", "prompt_set", "status", "created_at", "consent_version", "instruction_version"}
    apart |= {"question_version", "scale_version", "reasoning_version", "id_secret"}
    apart |= {"hidden_at", "detached_at", "closed_at", "drawing_at"}
    fields = {field.name for field in [*Study._meta.fields, *Study._meta.many_to_many]}
    assert fields - apart == {
        setting.stored_as for setting in SETTINGS.values() if not setting.key.startswith(("code.", "link."))
    }


def test_the_documentation_lists_every_setting_as_it_is() -> None:
    text = (Path(settings.BASE_DIR) / "docs" / "reference" / "study-settings.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert rows == [f"| `{setting.key}` | {setting.expects} | {setting.help} |" for setting in SETTINGS.values()]
