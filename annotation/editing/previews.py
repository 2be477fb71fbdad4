"""Pairs that are not stored, to show what workers would see of texts before they are saved."""

from collections.abc import Sequence

from annotation.models import Pair, Prompt, PromptSet, Purpose, Result, Study


def pair_of(prompt: Prompt, left: Sequence[str], right: Sequence[str]) -> Pair:
    """Returns a pair of two answers to `prompt`, x with the texts `left` and y with `right`, by turn."""
    results = [Result(text=texts[0] if texts else "", turns=list(texts[1:])) for texts in (left, right)]
    return Pair(purpose=Purpose.VOTE, prompt=prompt, result_x=results[0], result_y=results[1])


def pair_of_texts(prompt: Sequence[str], left: Sequence[str], right: Sequence[str], lang: str = "") -> Pair:
    """Returns a pair of two answers to a prompt, all as texts by turn."""
    text, *turns = prompt or [""]
    return pair_of(Prompt(text=text, turns=turns, lang=lang), left, right)


def beside(result: Result) -> Result | None:
    """Returns another model's answer to the same prompt, the first one; None if there is none."""
    others = Result.objects.filter(prompt=result.prompt_id).exclude(model=result.model_id)
    return others.order_by("sample", "pk").first()


def study_for(prompt_set: PromptSet) -> Study:
    """Returns the study whose settings say how a pair of the set is shown: its first one, else one by default."""
    return prompt_set.studies.order_by("pk").first() or Study(prompt_set=prompt_set)
