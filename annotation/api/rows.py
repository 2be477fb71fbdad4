"""Serializers that describe the API's rows in its schema.

`exporting.export` makes the rows, with the columns of the exchange files; the codebook in docs/ explains each.
"""

from typing import Any

from rest_framework import serializers

from annotation.models import Offering, Outcome, Purpose, RaterKind, Status, Study
from annotation.models.voting import Stage

SIDES = ("left", "right", "tie")


class Row(serializers.Serializer[Any]):
    """A read-only row."""


class StudyRow(Row):
    """A study with its main settings, as anyone who can see it may read them."""

    slug = serializers.SlugField(help_text="The study’s address.")
    name = serializers.CharField()
    status = serializers.ChoiceField(Status.choices)
    public = serializers.BooleanField(help_text="Whether anyone may read the results.")
    yours = serializers.BooleanField(
        help_text="Whether you can manage the study, as its owner, a colleague or a superuser."
    )
    language = serializers.CharField(help_text="Language of the instruction and the question, as a BCP 47 tag.")
    scale = serializers.ChoiceField(Study.ScaleName.choices)
    offering = serializers.ChoiceField(Offering.choices, help_text="How the pairs that people are offered come about.")
    overlap = serializers.IntegerField(
        help_text="Votes per pair that people are asked for; in an adaptive study, the maximum."
    )
    prompt_set = serializers.SlugField(source="prompt_set.slug")
    created_at = serializers.DateTimeField()


class CountsRow(Row):
    """The numbers of rows of each kind in a study and its prompt set."""

    models = serializers.IntegerField()
    prompts = serializers.IntegerField()
    results = serializers.IntegerField()
    pairs = serializers.IntegerField(help_text="Pairs to vote on, without training and check pairs.")
    workers = serializers.IntegerField()
    comparisons = serializers.IntegerField(help_text="Counted comparisons, including simulated ones.")
    simulated = serializers.IntegerField(help_text="How many of them are simulated.")


class StudyDetail(StudyRow):
    """A study and, for people who manage it, its counts."""

    counts = CountsRow(required=False, help_text="Only for people who manage the study.")


class ModelRow(Row):
    """A language model, as in models.jsonl."""

    id = serializers.IntegerField(help_text="Unique in the prompt set.")
    api_id = serializers.CharField(allow_null=True)
    name = serializers.CharField()
    api = serializers.CharField(allow_null=True)
    type = serializers.CharField(allow_null=True)
    org = serializers.CharField(allow_null=True)
    licence = serializers.CharField(required=False)
    price = serializers.FloatField(required=False, help_text="US dollars per million output tokens.")
    released = serializers.DateField(required=False)


class PromptRow(Row):
    """A prompt, as in prompts.jsonl."""

    id = serializers.IntegerField(help_text="Unique in the prompt set.")
    text = serializers.CharField()
    type = serializers.CharField(allow_null=True, help_text="The prompt’s category.")
    slug = serializers.CharField(allow_null=True)
    stop = serializers.CharField(allow_null=True)
    note = serializers.CharField(allow_null=True)
    turns = serializers.ListField(child=serializers.CharField(), required=False)
    references = serializers.ListField(child=serializers.CharField(), required=False)
    lang = serializers.CharField(required=False)


class ResultRow(Row):
    """A model's answer to a prompt, as in results.jsonl."""

    id = serializers.IntegerField(help_text="Unique in the prompt set.")
    model = serializers.IntegerField(help_text="The model’s id.")
    result = serializers.CharField(help_text="The text of the answer.")
    duration = serializers.FloatField(allow_null=True, help_text="Milliseconds.")
    rate = serializers.FloatField(allow_null=True, help_text="Characters per second.")
    prompt = serializers.IntegerField(help_text="The prompt’s id.")
    api_id = serializers.CharField(allow_null=True)
    name = serializers.CharField()
    api = serializers.CharField(allow_null=True)
    type = serializers.CharField(allow_null=True)
    org = serializers.CharField(allow_null=True)
    slug = serializers.CharField(allow_null=True)
    turns = serializers.ListField(child=serializers.CharField(), required=False)


class PairRow(Row):
    """Two answers to a prompt to be compared, as in pairs.jsonl."""

    id = serializers.IntegerField(help_text="Unique in the study.")
    prompt = serializers.IntegerField(help_text="The prompt’s id.")
    text = serializers.CharField(help_text="The prompt’s text.")
    type = serializers.CharField(allow_null=True, required=False)
    slug = serializers.CharField(allow_null=True, required=False)
    note = serializers.CharField(allow_null=True, required=False)
    model_x = serializers.IntegerField(help_text="The id of model x.")
    result_x = serializers.CharField(help_text="The answer of model x.")
    model_y = serializers.IntegerField()
    result_y = serializers.CharField()
    golden = serializers.ChoiceField(
        SIDES, required=False, help_text="Training and check pairs only. The golden answer with x on the left."
    )
    reason = serializers.CharField(required=False, allow_null=True, help_text="Training pairs only.")


class ComparisonRow(Row):
    """A comparison; the columns after `repetition` are only present with `full`."""

    id = serializers.IntegerField(help_text="The pair’s id.")
    prompt = serializers.IntegerField(help_text="The prompt’s id.")
    model_x = serializers.IntegerField(help_text="The id of the model on the left, as in the files.")
    model_y = serializers.IntegerField(help_text="The id of the model on the right.")
    worker = serializers.IntegerField(allow_null=True, help_text="The worker’s number; null for a judge.")
    winner = serializers.ChoiceField(SIDES, allow_null=True, help_text="The winner by side, as shown.")
    left = serializers.CharField(help_text="The name of the model on the left.")
    right = serializers.CharField()
    rater = serializers.CharField(help_text="“people”, or the name of a judge or a crowd.")
    simulated = serializers.BooleanField(help_text="Whether the comparison is simulated.")
    turn = serializers.IntegerField(required=False)
    repetition = serializers.IntegerField(
        required=False, help_text="Order and sample of a judge; number within a crowd; 0 for people."
    )
    weight = serializers.FloatField(
        required=False, allow_null=True, help_text="How many times as much the comparison counts; null: once."
    )
    share = serializers.FloatField(
        required=False, allow_null=True, help_text="The left model’s share of a soft verdict; null: as the winner says."
    )
    tie_kind = serializers.CharField(
        required=False, allow_null=True, help_text="“good” or “bad” if a tie says that both answers were."
    )
    row = serializers.CharField(required=False, help_text="Permanent identifier of the row.")
    rater_kind = serializers.ChoiceField(RaterKind.choices, required=False)
    purpose = serializers.ChoiceField(Purpose.choices, required=False)
    golden = serializers.ChoiceField(SIDES, required=False, allow_null=True)
    as_golden = serializers.BooleanField(required=False, allow_null=True)
    attempt = serializers.IntegerField(required=False, allow_null=True)
    shown_left = serializers.ChoiceField(("x", "y"), required=False)
    result_left = serializers.IntegerField(required=False, allow_null=True, help_text="The result’s id.")
    result_right = serializers.IntegerField(required=False, allow_null=True)
    sha256_prompt = serializers.CharField(required=False)
    sha256_left = serializers.CharField(required=False)
    sha256_right = serializers.CharField(required=False)
    scale = serializers.ChoiceField(Study.ScaleName.choices, required=False)
    value = serializers.IntegerField(required=False, allow_null=True)
    trial = serializers.IntegerField(required=False, allow_null=True, help_text="The worker’s first pair is 1.")
    offer_probability = serializers.FloatField(required=False, allow_null=True)
    draw_probability = serializers.FloatField(
        required=False,
        allow_null=True,
        help_text="The probability with which an adaptive study drew this pair for this place.",
    )
    draw_strategy = serializers.CharField(
        required=False, allow_null=True, help_text="The strategy that drew it and its version."
    )
    shown_at = serializers.DateTimeField(required=False, allow_null=True)
    answered_at = serializers.DateTimeField(required=False, allow_null=True)
    seconds = serializers.FloatField(required=False, allow_null=True)
    visible_seconds = serializers.FloatField(required=False, allow_null=True)
    device = serializers.CharField(required=False, allow_null=True)
    input_method = serializers.CharField(required=False, allow_null=True)
    instruction_version = serializers.IntegerField(required=False, allow_null=True)
    question_version = serializers.IntegerField(required=False, allow_null=True)
    question = serializers.CharField(
        required=False, allow_null=True, help_text="If empty: “Which answer is better?” in the worker’s language."
    )
    scale_version = serializers.IntegerField(required=False, allow_null=True)
    reasoning_version = serializers.IntegerField(required=False, allow_null=True)
    reasoning = serializers.CharField(
        required=False, allow_null=True, help_text="What was shown of reasoning in answers: shown, folded or cut."
    )
    reasons = serializers.CharField(required=False, allow_null=True, help_text="A JSON list, as in the file.")
    withdrawn = serializers.BooleanField(required=False, allow_null=True)
    supersedes = serializers.CharField(required=False, allow_null=True, help_text="The `row` that this one replaces.")
    superseded_by = serializers.CharField(required=False, allow_null=True)
    excluded_at = serializers.DateTimeField(required=False, allow_null=True)
    exclusion_reason = serializers.CharField(required=False, allow_null=True)


class WorkerRow(Row):
    """A worker with their progress, checks and time spent."""

    number = serializers.IntegerField(help_text="Unique in the study; the `worker` of comparisons.")
    external_id = serializers.CharField(allow_null=True, help_text="Participant ID from the recruiting platform.")
    stage = serializers.ChoiceField(Stage.choices)
    outcome = serializers.ChoiceField([*Outcome.choices, ("", "")])
    simulated = serializers.BooleanField()
    excluded_at = serializers.DateTimeField(allow_null=True)
    joined_at = serializers.DateTimeField(allow_null=True)
    left_at = serializers.DateTimeField(allow_null=True)
    training_score = serializers.FloatField(allow_null=True)
    checks = serializers.IntegerField()
    checks_right = serializers.IntegerField()
    votes = serializers.IntegerField(help_text="Includes check pairs, but not undone votes.")
    seconds = serializers.FloatField(help_text="Time spent on votes, in seconds.")
