"""The forms of the administrator's pages; subject packages carry out the changes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.conf import settings
from django.contrib.auth.models import User
from django.http import QueryDict
from django.utils.functional import lazy
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation import draw_strategies
from annotation.importing.load import Whose
from annotation.interchange.llmfao import LANGUAGE_TAG, RATER_LENGTH, is_reserved, judge_in_name
from annotation.interchange.registry import FORMATS
from annotation.models import Outcome, PromptSet, Study
from annotation.studies.completion_codes import Way, change_platform
from annotation.studies.drafts import draft_study, free_slug
from annotation.studies.lifecycle import change_settings, warning_of
from annotation.studies.prompt_sets import change_access
from annotation.studies.sharing import share

if TYPE_CHECKING:
    _StudyForm = forms.ModelForm[Study]
else:
    # Only the stubs are generic.
    _StudyForm = forms.ModelForm


class LinesField(forms.CharField):
    """A list of texts, one per line."""

    def __init__(self, *, rows: int = 5, **kwargs: Any) -> None:
        super().__init__(widget=forms.Textarea(attrs={"rows": rows}), **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return [line for line in map(str.strip, (super().to_python(value) or "").splitlines()) if line]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.to_python(data) != (initial or []))


class MarkdownField(forms.CharField):
    """A text that keeps its line ends: the browser's conversion must not create a new version."""

    def __init__(self, *, rows: int, **kwargs: Any) -> None:
        super().__init__(strip=False, widget=forms.Textarea(attrs={"rows": rows}), **kwargs)

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value) or ""
        return text.replace("\r\n", "\n")

    def validate(self, value: Any) -> None:
        super().validate(value.strip())


class PercentField(forms.FloatField):
    """A share in [0, 1], entered as a percentage."""

    def __init__(self, *, most: float = 100, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.most = most
        self.widget.attrs.update({"min": 0, "max": f"{most:g}", "step": "any"})

    def prepare_value(self, value: Any) -> Any:
        return f"{round(100 * value, 6):g}" if isinstance(value, float | int) else value

    def to_python(self, value: Any) -> Any:
        percent = super().to_python(value)
        return None if percent is None else percent / 100

    def validate(self, value: Any) -> None:
        super().validate(value)
        if value is not None and not 0 <= 100 * value <= self.most:
            raise forms.ValidationError(_("Enter a percentage from 0 to %(most)g.") % {"most": self.most})


class LanguageField(forms.CharField):
    """A BCP 47 tag; suggests the interface's languages and accepts any other."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=35, **kwargs)
        self.widget.attrs.update({"list": "languages", "autocapitalize": "none", "spellcheck": "false"})

    def validate(self, value: Any) -> None:
        super().validate(value)
        if not LANGUAGE_TAG.fullmatch(value):
            raise forms.ValidationError(_("Enter a language tag such as en, ja or pt-BR."))


class _SeveralFiles(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """One or more files."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=_SeveralFiles(), **kwargs)

    def clean(self, data: Any, initial: Any = None) -> Any:
        files = data if isinstance(data, list) else [data]
        return [super(FilesField, self).clean(file, initial) for file in files or [None]]


def _saved[T](form: forms.BaseForm, save: Callable[[], T]) -> T | None:
    """Returns the result of `save`; a ValidationError becomes an error of the form, and the result None."""
    try:
        return save()
    except forms.ValidationError as error:
        known = not hasattr(error, "error_dict") or error.error_dict.keys() <= form.fields.keys()
        form.add_error(None, error if known else forms.ValidationError(error.messages))
        return None


def model_choice(form: forms.BaseForm, name: str) -> "forms.ModelChoiceField[Any]":
    """Returns the field `name` of `form` with the type of a choice of rows, so that its queryset can be set."""
    field = form.fields[name]
    assert isinstance(field, forms.ModelChoiceField)  # noqa: S101
    return field


class NewStudyForm(forms.Form):
    """A new draft; offers the prompt sets that the user owns or is a reader of."""

    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=200, help_text=gettext_lazy("Shown to workers at the top of every page.")
    )
    slug = forms.SlugField(
        label=gettext_lazy("Address"),
        max_length=100,
        required=False,
        help_text=gettext_lazy(
            "Used in links: letters, digits, hyphens and underscores. Leave blank to generate it from the name."
        ),
    )
    language = LanguageField(
        label=gettext_lazy("Language"),
        initial=settings.LANGUAGE_CODE,
        help_text=gettext_lazy("Language of the instruction and the question, such as en, ja or pt-BR."),
    )
    prompt_set = forms.ModelChoiceField(
        PromptSet.objects.none(),
        label=gettext_lazy("Prompt set"),
        required=False,
        empty_label=gettext_lazy("New empty prompt set"),
        help_text=gettext_lazy("Choose an existing set to compare the same answers again."),
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        model_choice(self, "prompt_set").queryset = PromptSet.objects.readable_by(user)

    def clean_slug(self) -> str:
        slug: str = self.cleaned_data["slug"]
        if not slug:
            return free_slug(slugify(self.cleaned_data.get("name", "")) or "study", Study.objects.all())
        if Study.objects.filter(slug=slug).exists():
            raise forms.ValidationError(_("Another study already uses this address. Choose a different one."))
        return slug

    def save(self) -> Study | None:
        """Returns the draft, or None with an error on the form if the address has just been taken."""
        return _saved(self, lambda: draft_study(self.user, **self.cleaned_data))


def _what_can_be_loaded() -> str:
    return " ".join(f"{_(known.label)}: {_(known.help)}" for known in FORMATS.values())


COLUMNS_OFFERED: Final = 20
"""Maximum columns of a file that `WhoseForm` offers."""


class UploadForm(forms.Form):
    """Files to load, and the judge of comparisons that name no rater."""

    exchange_files = FilesField(
        label=gettext_lazy("Files"),
        # An empty file is reported by name with the other errors.
        allow_empty_file=True,
        help_text=lazy(_what_can_be_loaded, str)(),
    )
    rater = forms.CharField(
        label=gettext_lazy("Judge"),
        max_length=200,
        required=False,
        help_text=gettext_lazy(
            "The judge whose comparisons are in a file without a worker or rater column. Leave blank to use the part "
            "of the file name before “-comparisons”."
        ),
    )


class WhoseForm(forms.Form):
    """Asks whose comparisons files contain that have columns with unknown names.

    For each file, they are those of one judge, or of the workers or raters in one of the columns.
    """

    def __init__(self, data: QueryDict | None, unclear: Mapping[str, Sequence[str]]) -> None:
        super().__init__(data)
        self.unclear = unclear
        for place, (file, columns) in enumerate(unclear.items()):
            self.fields[f"whose_{place}"] = forms.ChoiceField(
                label=_("Whose comparisons are in %(file)s?") % {"file": file},
                widget=forms.RadioSelect,
                choices=[
                    *(
                        choice
                        for number, column in enumerate(columns[:COLUMNS_OFFERED])
                        for choice in (
                            (f"worker-{number}", _("People, numbered in column “%(column)s”") % {"column": column}),
                            (f"rater-{number}", _("Several raters, named in column “%(column)s”") % {"column": column}),
                        )
                    ),
                    ("judge", _("One judge, named below")),
                ],
            )
            self.fields[f"judge_{place}"] = forms.CharField(
                label=_("Judge"), max_length=RATER_LENGTH, required=False, initial=judge_in_name(file)
            )

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        for place in range(len(self.unclear)):
            judge = found.get(f"judge_{place}", "")
            if found.get(f"whose_{place}") == "judge" and (not judge or is_reserved(judge)):
                self.add_error(
                    f"judge_{place}", _("Enter the judge’s name. The names “people” and “all” are reserved.")
                )
        return found

    def whose(self) -> dict[str, Whose]:
        """Returns the answer for each file."""
        return {
            file: self._answer(self.cleaned_data[f"whose_{place}"], self.cleaned_data[f"judge_{place}"], columns)
            for place, (file, columns) in enumerate(self.unclear.items())
        }

    @staticmethod
    def _answer(chosen: str, judge: str, columns: Sequence[str]) -> Whose:
        known, _dash, number = chosen.partition("-")
        if known == "judge":
            return Whose(judge=judge)
        return Whose(column=columns[int(number)], known="worker" if known == "worker" else "rater")


class PairsForm(forms.Form):
    """The strategy that makes a study's pairs, with its options."""

    strategy = forms.ChoiceField(
        label=gettext_lazy("Strategy"),
        initial="neighbours",
        widget=forms.RadioSelect,
        choices=[
            (
                "neighbours",
                gettext_lazy("Most different: pair each answer with those furthest from it by edit distance"),
            ),
            ("random", gettext_lazy("Random: pair answers at random")),
            ("all", gettext_lazy("All: pair every two answers to a prompt")),
        ],
    )
    neighbours = forms.IntegerField(
        label=gettext_lazy("Neighbours"),
        initial=3,
        min_value=1,
        max_value=1000,
        help_text=gettext_lazy("Number of pairs to make from each answer. Applies to “Most different” and “Random”."),
    )
    per_prompt = forms.IntegerField(
        label=gettext_lazy("Pairs per prompt"),
        required=False,
        min_value=1,
        help_text=gettext_lazy("Applies to “Random” only. Leave blank to set it from the number of neighbours."),
    )
    seed = forms.IntegerField(
        label=gettext_lazy("Seed"),
        initial=0,
        min_value=0,
        max_value=2**63 - 1,
        help_text=gettext_lazy("Sets the sides and the random pairs. The same seed gives the same result."),
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("per_prompt") and data.get("strategy") != "random":
            self.add_error(
                "per_prompt", _("“Pairs per prompt” applies to “Random” only. Leave it blank for other strategies.")
            )
        return data


class SettingsForm(_StudyForm):
    """One group of a study's settings; saves only changed fields, so that colleagues do not overwrite each other."""

    def warning(self) -> str:
        """Returns what saving means for votes that the study has; empty if nothing. Call it on a valid form."""
        # The instance holds what was sent, since it was validated.
        before = Study.objects.get(pk=self.instance.pk)
        return warning_of(before, {name: self.cleaned_data[name] for name in self.changed_data})

    def save(self, commit: bool = True) -> Study | None:  # type: ignore[override]
        changes = {name: self.cleaned_data[name] for name in self.changed_data}
        return _saved(self, lambda: change_settings(self.instance, changes))


class WordingForm(SettingsForm):
    """The study's name, language and the texts that workers read."""

    language = LanguageField(label=gettext_lazy("Language"), help_text=gettext_lazy("Language of the texts below."))
    consent = MarkdownField(label=gettext_lazy("Consent"), rows=8, help_text=gettext_lazy("You can use Markdown."))
    instruction = MarkdownField(
        label=gettext_lazy("Instruction"), rows=12, help_text=gettext_lazy("You can use Markdown.")
    )
    worked_example = MarkdownField(
        label=gettext_lazy("Worked example"),
        rows=8,
        required=False,
        help_text=gettext_lazy("You can use Markdown. Leave blank to show a general example in the worker’s language."),
    )

    class Meta:
        model = Study
        fields = [
            *("name", "language", "organiser", "contact", "expected_minutes"),
            *("consent", "instruction", "worked_example", "question"),
        ]


class ScreenForm(SettingsForm):
    """What workers see and answer with each pair, and the devices they may use."""

    reasons = LinesField(
        label=gettext_lazy("Reasons"),
        required=False,
        help_text=gettext_lazy("One per line. Workers see them after choosing. Leave blank to skip this question."),
    )

    class Meta:
        model = Study
        fields = ["scale_name", "reasons", "show_note", "show_reference", "reasoning", "devices"]


class VotesForm(SettingsForm):
    """Votes per pair and per worker, and how long a pair stays reserved."""

    class Meta:
        model = Study
        fields = ["overlap", "least_votes", "most_votes", "reservation_minutes", "pair_identical", "fast_seconds"]


class GoalForm(SettingsForm):
    """What the study is to find out, and what happens then."""

    class Meta:
        model = Study
        fields = ["goal", "goal_number", "goal_pauses"]
        widgets = {"goal": forms.RadioSelect}


class OfferForm(SettingsForm):
    """The filters for the pairs that people are offered."""

    labels: Final = {
        "only_types": gettext_lazy("Only prompts in these categories"),
        "exclude_types": gettext_lazy("Exclude prompts in these categories"),
        "only_slugs": gettext_lazy("Only prompts with these slugs"),
        "exclude_slugs": gettext_lazy("Exclude prompts with these slugs"),
    }

    class Meta:
        model = Study
        fields = ["only_types", "exclude_types", "only_slugs", "exclude_slugs", "language_models"]
        widgets = {"language_models": forms.CheckboxSelectMultiple}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        prompts = self.instance.prompt_set.prompts
        types = list(prompts.exclude(type=None).order_by("type").values_list("type", flat=True).distinct())
        slugs = list(prompts.exclude(slug=None).order_by("slug").values_list("slug", flat=True).distinct())
        for name, label in self.labels.items():
            known = types if name.endswith("types") else slugs
            # A filter may name a type or slug of a later upload, or of one that was undone.
            words = [*known, *(word for word in getattr(self.instance, name) if word not in known)]
            self.fields[name] = forms.MultipleChoiceField(
                label=label,
                required=False,
                choices=[(word, word) for word in words],
                widget=forms.CheckboxSelectMultiple,
            )
        model_choice(self, "language_models").queryset = self.instance.prompt_set.models.order_by("name")


class ChoiceForm(SettingsForm):
    """Whether pairs are fixed or drawn while votes come in, and the shares of the strategies that draw them."""

    class Meta:
        model = Study
        fields = ["offering", "floor", "draw_seed"]
        widgets = {"offering": forms.RadioSelect}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.drawer = draw_strategies.registered()
        self.strategies = [each for each in self.drawer.strategies if each.mixed] if self.drawer else []
        mix = self.drawer.mix_of(self.instance) if self.drawer else {}
        for strategy in self.strategies:
            self.fields[f"share_{strategy.name}"] = PercentField(
                label=_("%(strategy)s (%% of draws)") % {"strategy": _(strategy.label)},
                help_text=_(strategy.help),
                initial=mix.get(strategy.name, 0.0),
            )

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or self.cleaned_data
        shares = {each.name: found.get(f"share_{each.name}") for each in self.strategies}
        if None in shares.values():
            return found
        given = {name: float(share) for name, share in shares.items() if share}
        if abs(sum(given.values()) - 1) > 1e-6:
            text = _("The shares add up to %(sum)g%%. Change them so that they add up to 100%%.")
            raise forms.ValidationError(text % {"sum": round(100 * sum(given.values()), 4)})
        found["mix"] = {} if self.drawer and given == dict(self.drawer.default) else given
        return found

    def save(self, commit: bool = True) -> Study | None:  # type: ignore[override]
        changes = {name: self.cleaned_data[name] for name in self.changed_data if not name.startswith("share_")}
        if any(name.startswith("share_") for name in self.changed_data):
            changes["mix"] = self.cleaned_data["mix"]
        return _saved(self, lambda: change_settings(self.instance, changes))

    def warning(self) -> str:
        return ""


class TrainingForm(SettingsForm):
    """The size, pass mark and number of attempts of the training."""

    training_pass = PercentField(label=gettext_lazy("Pass mark for training (%)"))

    class Meta:
        model = Study
        fields = ["training_size", "training_pass", "training_attempts"]


class ChecksForm(SettingsForm):
    """How often check pairs come up, and how workers pass them."""

    check_rate = PercentField(label=gettext_lazy("Share of check pairs (%)"), most=50)
    check_pass = PercentField(label=gettext_lazy("Pass mark for checks (%)"))

    class Meta:
        model = Study
        fields = ["check_rate", "check_least", "check_pass"]


class ErasureForm(forms.Form):
    """Whether a worker whose data is erased withdraws their votes as well."""

    withdraw = forms.BooleanField(
        label=gettext_lazy("Withdraw their votes as well"),
        required=False,
        help_text=gettext_lazy("Select this if they ask for it. Leaderboards no longer count their votes."),
    )


class PlatformForm(SettingsForm):
    """The recruiting platform, the completion codes and the return links."""

    class Meta:
        model = Study
        fields = ["id_parameter", "id_required", "id_signed", "id_keys", "platform_study", "erase_after_days"]
        widgets = {"id_keys": forms.Textarea(attrs={"rows": 4, "spellcheck": "false"})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        exits = {exit_.outcome: exit_ for exit_ in self.instance.exits.all()}
        for outcome in Outcome:
            way = exits.get(outcome)
            self.fields[f"code_{outcome}"] = forms.CharField(
                label=_("Code: %(outcome)s") % {"outcome": outcome.label}, max_length=100, initial=way and way.code
            )
            self.fields[f"url_{outcome}"] = forms.URLField(
                label=_("Return link: %(outcome)s") % {"outcome": outcome.label},
                required=False,
                assume_scheme="https",
                initial=way and way.url,
            )

    def ways(self) -> Iterator[tuple[str, forms.BoundField, forms.BoundField]]:
        """Returns (label, code field, link field) for each outcome, for a table."""
        for outcome in Outcome:
            yield str(outcome.label), self[f"code_{outcome}"], self[f"url_{outcome}"]

    def save(self, commit: bool = True) -> Study | None:  # type: ignore[override]
        changed, data = set(self.changed_data), self.cleaned_data
        ways = {
            outcome: Way(data[f"code_{outcome}"], data[f"url_{outcome}"])
            for outcome in Outcome
            if {f"code_{outcome}", f"url_{outcome}"} & changed
        }
        changes = {name: data[name] for name in self._meta.fields or () if name in changed}
        return _saved(self, lambda: change_platform(self.instance, changes, ways))


def accounts_named(names: Sequence[str]) -> list[User]:
    """Returns the active accounts with these `names`.

    Raises:
        ValidationError: a name is unknown.
    """
    users = {user.get_username(): user for user in User.objects.filter(username__in=names, is_active=True)}
    unknown = [name for name in names if name not in users]
    if unknown:
        raise forms.ValidationError(_("No account is named “%(name)s”.") % {"name": ", ".join(unknown)})
    return [users[name] for name in names]


class AccessForm(forms.Form):
    """The colleagues who share a study, by account name."""

    colleagues = LinesField(
        label=gettext_lazy("Colleagues"),
        required=False,
        help_text=gettext_lazy(
            "One account name per line. Colleagues can view and change everything in this study, but cannot edit "
            "this list or delete the study. If you own its prompt set, they can view and change that too, and start "
            "runs that spend its budgets, until you remove them here."
        ),
    )

    def __init__(self, data: QueryDict | None = None, *, instance: Study) -> None:
        names = list(instance.colleagues.order_by("username").values_list("username", flat=True))
        super().__init__(data, initial={"colleagues": names})
        self.instance = instance

    def clean_colleagues(self) -> list[User]:
        return accounts_named(self.cleaned_data["colleagues"])

    def save(self) -> Study:
        share(self.instance, self.cleaned_data["colleagues"])
        return self.instance


class ReadersForm(forms.Form):
    """The people who may read or edit a prompt set, by account name."""

    readers = LinesField(
        rows=3,
        label=gettext_lazy("Readers"),
        required=False,
        help_text=gettext_lazy(
            "One account name per line. Readers can view the prompts and answers, and use them in studies of their own."
        ),
    )
    editors = LinesField(
        rows=3,
        label=gettext_lazy("Editors"),
        required=False,
        help_text=gettext_lazy(
            "One account name per line. Editors can do the same. They can also upload prompts and answers, change "
            "endpoints and the system message, and start runs that spend the budgets of this set’s models."
        ),
    )

    def __init__(self, data: QueryDict | None = None, *, prompt_set: PromptSet) -> None:
        direct = prompt_set.readers.filter(study=None).order_by("user__username").select_related("user")
        there = [(reader.edits, reader.user.get_username()) for reader in direct]
        names = {
            field: [name for can_edit, name in there if can_edit is edits]
            for field, edits in (("readers", False), ("editors", True))
        }
        super().__init__(data, initial=names)
        self.prompt_set = prompt_set

    def clean_readers(self) -> list[User]:
        return accounts_named(self.cleaned_data["readers"])

    def clean_editors(self) -> list[User]:
        return accounts_named(self.cleaned_data["editors"])

    def save(self) -> None:
        """Stores the lists."""
        change_access(self.prompt_set, **self.cleaned_data)


class OwnerForm(forms.Form):
    """The new owner of a prompt set, by account name."""

    owner = forms.CharField(label=gettext_lazy("New owner"), max_length=150, help_text=gettext_lazy("An account name."))

    def clean_owner(self) -> User:
        (owner,) = accounts_named([self.cleaned_data["owner"]])
        return owner


class PublicForm(SettingsForm):
    """Whether anyone may view the study's leaderboards."""

    class Meta:
        model = Study
        fields = ["public"]
        help_texts = {
            "public": gettext_lazy(
                "Anyone can view the leaderboards without signing in. Prompts, answers and pairs are shown only "
                "while no study that uses the prompt set is open or paused."
            )
        }


class ExclusionForm(forms.Form):
    """The reason for excluding a worker."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=200,
        help_text=gettext_lazy("Stored with the worker and included in full exports."),
    )


class DeletionForm(forms.Form):
    """Confirms the deletion of a draft, on request with its prompt set; of a started study by its name."""

    name = forms.CharField(
        label=gettext_lazy("Name of the study"),
        max_length=200,
        help_text=gettext_lazy("Type the name to confirm."),
    )
    with_prompt_set = forms.BooleanField(label=gettext_lazy("Also delete the prompt set"), required=False)

    def __init__(self, *args: Any, needs_name: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not needs_name:
            del self.fields["name"]
