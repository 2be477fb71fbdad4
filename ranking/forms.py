"""The form of a plan."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.contrib.auth.models import User
from django.http import QueryDict
from django.utils.formats import number_format
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.forms.fields import PercentField
from annotation.models import Study
from ranking.design.planner.assumptions import (
    MOST_MODELS,
    MOST_PROMPTS,
    MOST_SPREAD,
    MOST_VOTES,
    VOTES_PER_WORKER,
    Unplannable,
)
from ranking.methods.ratings import ELO
from ranking.models import Leaderboard
from ranking.pages.text import raters
from ranking.plans.pilots import boards_for
from ranking.plans.sheet import DEFAULTS, Request

if TYPE_CHECKING:
    _BoardField = forms.ModelChoiceField[Leaderboard]
else:
    # Only the stubs are generic.
    _BoardField = forms.ModelChoiceField

POINTS: Final = int(ELO * MOST_SPREAD)

MOST_PAY: Final = 1_000_000


class PilotField(_BoardField):
    """A choice of the leaderboards that can be a pilot."""

    def label_from_instance(self, board: Leaderboard) -> str:
        words = {
            "study": board.study.name,
            "raters": raters(board.raters),
            "votes": number_format(board.comparisons, force_grouping=True),
        }
        return _("%(study)s (%(raters)s, %(votes)s votes)") % words


def _points(name: str, label: Any, help_text: Any) -> forms.FloatField:
    return forms.FloatField(
        label=label,
        help_text=help_text,
        required=False,
        min_value=1 if name == "spread" else 0,
        max_value=POINTS,
        widget=forms.NumberInput(attrs={"step": "any", "placeholder": f"{ELO * DEFAULTS[name]:.0f}"}),
    )


class PlanForm(forms.Form):
    """A study that may run, and what to assume of it. What is left blank comes from the pilot, or is a default."""

    MAIN: Final = ("models", "prompts", "votes", "overlap", "pilot", "pay")
    GOALS: Final = ("tau", "first", "top", "found", "separated")

    models = forms.IntegerField(label=gettext_lazy("Models"), min_value=2, max_value=MOST_MODELS, initial=10)
    prompts = forms.IntegerField(label=gettext_lazy("Prompts"), min_value=1, max_value=MOST_PROMPTS, initial=50)
    votes = forms.IntegerField(label=gettext_lazy("Votes"), required=False, min_value=2, max_value=MOST_VOTES)
    overlap = forms.IntegerField(
        label=gettext_lazy("Votes per pair"),
        required=False,
        min_value=1,
        max_value=1000,
        help_text=gettext_lazy("Enter either the number of votes or the votes per pair of answers."),
    )
    pilot = PilotField(
        label=gettext_lazy("Pilot leaderboard"),
        queryset=Leaderboard.objects.none(),
        required=False,
        empty_label=gettext_lazy("none: use the defaults"),
        help_text=gettext_lazy("How far apart the models are, ties, effects and the time of a vote are taken from it."),
    )
    pay = forms.FloatField(
        label=gettext_lazy("Pay per hour"),
        required=False,
        min_value=0,
        max_value=MOST_PAY,
        help_text=gettext_lazy("In any currency. Leave blank to plan hours only."),
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    tau = forms.FloatField(
        label=gettext_lazy("Kendall’s tau of at least"),
        required=False,
        min_value=0.01,
        max_value=0.99,
        initial=0.9,
        help_text=gettext_lazy("1 is the true order, 0 is chance."),
        widget=forms.NumberInput(attrs={"step": "0.01"}),
    )
    first = PercentField(
        label=gettext_lazy("Studies in which the best model ranks first (%)"), required=False, initial=0.8
    )
    top = forms.IntegerField(
        label=gettext_lazy("Number of top models"),
        required=False,
        min_value=1,
        max_value=MOST_MODELS,
        help_text=gettext_lazy("For the two goals below."),
    )
    found = PercentField(label=gettext_lazy("Studies in which the top models are found (%)"), required=False)
    separated = PercentField(
        label=gettext_lazy("Studies in which the top models are told apart from all below (%)"), required=False
    )
    workers = forms.IntegerField(
        label=gettext_lazy("Workers"),
        required=False,
        min_value=1,
        max_value=MOST_VOTES,
        help_text=format_lazy(
            gettext_lazy("Leave blank for one worker for every {votes} votes."), votes=VOTES_PER_WORKER
        ),
    )
    pairs_per_prompt = forms.IntegerField(
        label=gettext_lazy("Pairs per prompt"),
        required=False,
        min_value=1,
        help_text=gettext_lazy("Leave blank to compare every pair of models on each prompt."),
    )
    ties = PercentField(label=gettext_lazy("Votes that are ties (%)"), required=False, most=90)
    spread = _points(
        "spread",
        gettext_lazy("Spread of ratings (points)"),
        gettext_lazy("Standard deviation of the ratings on a leaderboard of many votes."),
    )
    prompt_effect = _points(
        "prompt_effect",
        gettext_lazy("Prompt effect (points)"),
        gettext_lazy("By how much a model’s rating differs from prompt to prompt. 0 for exactly these prompts."),
    )
    worker_effect = _points(
        "worker_effect",
        gettext_lazy("Worker effect (points)"),
        gettext_lazy("By how much a model’s rating differs from worker to worker."),
    )
    seconds = forms.FloatField(
        label=gettext_lazy("Seconds per vote"),
        required=False,
        min_value=0.1,
        max_value=86_400,
        widget=forms.NumberInput(attrs={"step": "any", "placeholder": f"{DEFAULTS['seconds']:g}"}),
    )
    same_models = forms.BooleanField(
        label=gettext_lazy("The study compares the pilot’s models"),
        required=False,
        help_text=gettext_lazy("Uses what the pilot shows of each model, not only how far apart they are."),
    )
    seed = forms.IntegerField(
        label=gettext_lazy("Seed"),
        min_value=0,
        max_value=2**31 - 1,
        initial=0,
        help_text=gettext_lazy("The same seed and numbers give the same plan."),
    )

    def __init__(self, user: User, data: QueryDict | None = None, initial: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, initial=dict(initial or {}))
        pilot = self.fields["pilot"]
        assert isinstance(pilot, PilotField)  # noqa: S101
        pilot.queryset = boards_for(user)
        self.fields["ties"].widget.attrs["placeholder"] = f"{100 * DEFAULTS['ties']:g}"

    def groups(self) -> dict[str, list[forms.BoundField]]:
        """Returns the fields that everybody sets, those of goals, and the rest."""
        rest = [name for name in self.fields if name not in {*self.MAIN, *self.GOALS}]
        groups = (("main", self.MAIN), ("goals", self.GOALS), ("rest", rest))
        return {group: [self[name] for name in names] for group, names in groups}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        if (cleaned["votes"] is None) == (cleaned["overlap"] is None):
            self.add_error("votes", _("Enter either the number of votes or the votes per pair of answers."))
            return cleaned
        # A field with an error is no longer among the cleaned ones.
        asked, models, top = self.request(), cleaned["models"], cleaned["top"]
        if cleaned["same_models"] and cleaned["pilot"] is None:
            self.add_error("pilot", _("Choose the pilot whose models the study compares."))
        elif cleaned["same_models"] and (ranked := _ranked(cleaned["pilot"])) != models:
            told = _(
                "The pilot ranks %(ranked)s models. Enter as many, or untick “The study compares the pilot’s models”."
            )
            self.add_error("models", told % {"ranked": ranked})
        self._check_goals(models, top)
        self._check_votes(models, asked.all_votes)
        # What a pilot says of ties and effects is only known once its leaderboard is read.
        if not self.errors and cleaned["pilot"] is None:
            try:
                asked.assumed()
            except Unplannable:
                # Each number by itself is in its range.
                told = _("Models, prompts and workers that differ so much cannot tie so often. Enter fewer ties.")
                self.add_error("ties", told)
        return cleaned

    def _check_goals(self, models: int, top: int | None) -> None:
        shares = {name: self.cleaned_data[name] for name in ("first", "found", "separated")}
        for name, share in shares.items():
            if share is not None and not 0 < share < 1:
                self.add_error(name, _("Enter a percentage above 0 and below 100."))
        if top is not None and top >= models:
            self.add_error("top", _("Enter fewer than the number of models."))
        elif top is None and (shares["found"], shares["separated"]) != (None, None):
            self.add_error("top", _("Enter the number of top models that the goal is about."))

    def _check_votes(self, models: int, votes: int) -> None:
        cleaned = self.cleaned_data
        if not models <= votes <= MOST_VOTES:
            numbers = {"votes": votes, "least": models, "most": MOST_VOTES}
            told = _("That is %(votes)s votes. A plan needs %(least)s to %(most)s.")
            words = {name: number_format(value, force_grouping=True) for name, value in numbers.items()}
            self.add_error("votes" if cleaned["overlap"] is None else "overlap", told % words)
        elif cleaned["workers"] is not None and cleaned["workers"] > votes:
            self.add_error("workers", _("There cannot be more workers than votes."))

    def request(self) -> Request:
        """Returns what the form asks for."""
        given = self.cleaned_data
        goals = [f"{name}={given[name]:g}" for name in ("tau", "first") if given.get(name) is not None]
        goals += [
            f"{name}:{given['top']}={given[name]:g}"
            for name in ("found", "separated")
            if given.get(name) is not None and given.get("top") is not None
        ]
        names = (
            "models",
            "prompts",
            "votes",
            "overlap",
            "workers",
            "pairs_per_prompt",
            "spread",
            "ties",
            "prompt_effect",
            "worker_effect",
            "same_models",
            "seconds",
            "pay",
            "seed",
        )
        return Request(**{name: given[name] for name in names}, goals=tuple(goals))


def _ranked(board: Leaderboard) -> int:
    """Returns how many models the largest group of `board` has, which is the one that a plan learns from."""
    return max((len(group["rows"]) for group in board.sheet["groups"]), default=0)


def of_study(study: Study) -> dict[str, Any]:
    """Returns what the form starts with for a draft."""
    return {
        "models": study.models_compared().count() or None,
        "prompts": study.prompts().count() or None,
        "overlap": study.overlap,
    }
