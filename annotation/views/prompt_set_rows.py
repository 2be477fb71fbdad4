"""The pages of a prompt set's models, prompts and answers: lists of them, and forms that add and change single ones."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from annotation.editing import corpus, previews, references
from annotation.forms.editing import AnswerForm, AnswerSearchForm, ModelForm, PromptForm, RowForm, SearchForm
from annotation.forms.fields import saved
from annotation.interchange.llmfao import BIGGEST
from annotation.models import LanguageModel, Prompt, PromptSet, Result
from annotation.studies import prompt_sets
from annotation.studies.lifecycle import NotPossible
from annotation.views.access import AdministratorRequest, posted, set_change_page, set_texts_page
from annotation.views.paging import paged
from annotation.views.pair_display import Sheet, sheet_of

type Row = LanguageModel | Prompt | Result


@dataclass(frozen=True, slots=True)
class Kind:
    """What the pages say and do for one kind of rows."""

    title: Any
    add: Any
    copy: Any
    """What the button says that saves a copy of a row that is in use."""
    edit: Callable[[Any], str]
    rows: Callable[[PromptSet], QuerySet[Any]]
    form: Callable[..., Any]
    initial: Callable[[Any], dict[str, Any]]


def _edit_model(model: LanguageModel) -> str:
    return _("Model “%(name)s”") % {"name": model.name}


def _edit_prompt(prompt: Prompt) -> str:
    return _("Prompt %(number)s") % {"number": prompt.number}


def _edit_answer(result: Result) -> str:
    told = _("Answer by %(model)s to prompt %(prompt)s")
    return told % {"model": result.model.name, "prompt": result.prompt.number}


KINDS: Final = {
    "models": Kind(
        gettext_lazy("Models"),
        gettext_lazy("Add model"),
        gettext_lazy("Save as a new model"),
        _edit_model,
        lambda prompt_set: prompt_set.models.annotate(answers=Count("results")).order_by("pk"),
        lambda data, _prompt_set, _row, initial: ModelForm(data, initial=initial),
        ModelForm.initial_of,
    ),
    "prompts": Kind(
        gettext_lazy("Prompts"),
        gettext_lazy("Add prompt"),
        gettext_lazy("Save as a new prompt"),
        _edit_prompt,
        lambda prompt_set: prompt_set.prompts.annotate(answers=Count("results")).order_by("pk"),
        lambda data, _prompt_set, _row, initial: PromptForm(data, initial=initial),
        PromptForm.initial_of,
    ),
    "answers": Kind(
        gettext_lazy("Answers"),
        gettext_lazy("Add answer"),
        gettext_lazy("Save as the next sample"),
        _edit_answer,
        lambda prompt_set: prompt_set.results.select_related("prompt", "model").order_by("pk"),
        lambda data, prompt_set, row, initial: AnswerForm(data, prompt_set=prompt_set, result=row, initial=initial),
        AnswerForm.initial_of,
    ),
}


@set_texts_page
@require_safe
def index(request: AdministratorRequest, prompt_set: PromptSet, kind: str) -> HttpResponse:
    """Lists the rows of one kind, as far as they match the search."""
    _refuse_without_texts(prompt_set, kind)
    rows = KINDS[kind].rows(prompt_set)
    form: Any = AnswerSearchForm(request.GET, prompt_set=prompt_set) if kind == "answers" else SearchForm(request.GET)
    if form.is_valid():
        rows = _matching(kind, rows, form.cleaned_data)
    context = {"page": paged(request, rows), "search": form, "edits": _edits(request, prompt_set)}
    return _shown(request, prompt_set, kind, "rows.html", **context)


def _matching(kind: str, rows: QuerySet[Any], asked: dict[str, Any]) -> QuerySet[Any]:
    """Returns the rows with the words that were asked for, of the model and the prompt that were."""
    if words := asked["q"]:
        names = ("name", "org") if kind == "models" else ("text", "slug", "type") if kind == "prompts" else ("text",)
        found = Q()
        for name in names:
            found |= Q(**{f"{name}__icontains": words})
        if words.isascii() and words.isdigit() and int(words) <= BIGGEST:
            found |= Q(number=int(words))
        rows = rows.filter(found)
    if asked.get("model"):
        rows = rows.filter(model=asked["model"])
    if asked.get("prompt") is not None:
        rows = rows.filter(prompt__number=asked["prompt"])
    return rows


@set_change_page
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: AdministratorRequest, prompt_set: PromptSet, kind: str) -> HttpResponse:
    """Adds a row: GET shows the form, POST a preview or, once it is saved, the list."""
    _refuse_without_texts(prompt_set, kind)
    initial = {name: request.GET[name] for name in ("prompt", "model") if name in request.GET}
    form = KINDS[kind].form(posted(request), prompt_set, None, initial)
    preview = None
    if form.is_valid():
        if "preview" in request.POST:
            preview = _preview(prompt_set, kind, form, None)
        elif (added := _saved(form, partial(_add, request, prompt_set, kind, form, None))) is not None:
            return _back(request, prompt_set, kind, added)
    return _shown(request, prompt_set, kind, "row.html", form=form, preview=preview, edits=True)


@set_texts_page
@require_http_methods(["GET", "HEAD", "POST"])
def row(request: AdministratorRequest, prompt_set: PromptSet, kind: str, number: int) -> HttpResponse:
    """Shows a row with a form that changes it, or saves a copy of it where other data depends on it."""
    _refuse_without_texts(prompt_set, kind)
    found = get_object_or_404(KINDS[kind].rows(prompt_set), number=number)
    edits = _edits(request, prompt_set)
    if request.method == "POST":
        if not edits:
            raise PermissionDenied(prompt_sets.no_editor(prompt_set))
        if "delete" in request.POST:
            return _delete(request, prompt_set, kind, found)
    initial = KINDS[kind].initial(found) | {"seen": references.seen(found)}
    form = KINDS[kind].form(posted(request), prompt_set, found, initial)
    if not edits:
        for field in form.fields.values():
            field.disabled = True
    preview = _preview_of(prompt_set, kind, found) if kind != "models" else None
    if form.is_valid():
        if "preview" in request.POST:
            preview = _preview(prompt_set, kind, form, found)
        else:
            act = _add if "copy" in request.POST else _change
            if (changed := _saved(form, partial(act, request, prompt_set, kind, form, found))) is not None:
                return _back(request, prompt_set, kind, changed)
    context = {"form": form, "row": found, "used": references.referring(found), "preview": preview, "edits": edits}
    return _shown(request, prompt_set, kind, "row.html", heading=KINDS[kind].edit(found), **context)


def _refuse_without_texts(prompt_set: PromptSet, kind: str) -> None:
    """Raises Http404 for pages of prompts and answers that have no texts."""
    if prompt_set.textless and kind != "models":
        raise Http404


def _edits(request: AdministratorRequest, prompt_set: PromptSet) -> bool:
    return prompt_sets.edited_by(request.user).filter(pk=prompt_set.pk).exists()


def _shown(
    request: AdministratorRequest, prompt_set: PromptSet, kind: str, template: str, **context: Any
) -> HttpResponse:
    known = {
        "section": "studies",
        "prompt_set": prompt_set,
        "kind": kind,
        "texts": KINDS[kind],
        "list_url": f"prompt-set-{kind}",
        "new_url": f"prompt-set-{kind}-new",
        "row_url": f"prompt-set-{kind}-row",
    }
    return render(request, f"annotation/prompt_set/{template}", known | context)


def _saved(form: RowForm, save: Callable[[], Row]) -> Row | None:
    """Returns the saved row; what speaks against saving becomes an error of the form, and the result None."""
    try:
        return saved(form, save)
    except NotPossible as refusal:
        form.add_error(None, str(refusal))
        return None


def _add(request: AdministratorRequest, prompt_set: PromptSet, kind: str, form: Any, found: Any) -> Row:
    """Adds a row; of an answer, `found` is the one that it is a changed copy of."""
    values = form.values()
    if kind == "models":
        return corpus.add_model(prompt_set, request.user, values)
    if kind == "prompts":
        return corpus.add_prompt(prompt_set, request.user, values)
    told = {"prompt": found.prompt, "model": found.model} if found else form.cleaned_data
    return corpus.add_answer(told["prompt"], told["model"], request.user, values)


def _change(request: AdministratorRequest, prompt_set: PromptSet, kind: str, form: Any, found: Any) -> Row:
    change: Any = {"models": corpus.change_model, "prompts": corpus.change_prompt, "answers": corpus.change_answer}[
        kind
    ]
    changed: Row = change(found, request.user, form.values(), form.cleaned_data["seen"])
    return changed


def _delete(request: AdministratorRequest, prompt_set: PromptSet, kind: str, found: Row) -> HttpResponse:
    try:
        corpus.delete(found, request.user, request.POST.get("seen", ""))
    except NotPossible as refusal:
        messages.error(request, str(refusal))
        return redirect(f"prompt-set-{kind}-row", prompt_set.slug, found.number)
    messages.success(request, _("Deleted."))
    return redirect(f"prompt-set-{kind}", prompt_set.slug)


def _back(request: AdministratorRequest, prompt_set: PromptSet, kind: str, changed: Row) -> HttpResponse:
    messages.success(request, _("Saved."))
    return redirect(f"prompt-set-{kind}-row", prompt_set.slug, changed.number)


def _preview(prompt_set: PromptSet, kind: str, form: Any, found: Any) -> Sheet | None:
    """Returns what workers would see of what the form says."""
    if kind == "models":
        return None
    values = form.values()
    if kind == "prompts":
        number = found.number if found else 0
        return _prompt_sheet(prompt_set, Prompt(prompt_set=prompt_set, number=number, **values), ())
    told = {"prompt": found.prompt, "model": found.model} if found else form.cleaned_data
    result = Result(
        prompt_set=prompt_set, prompt=told["prompt"], model=told["model"], text=values["text"], turns=values["turns"]
    )
    return _answer_sheet(prompt_set, result)


def _preview_of(prompt_set: PromptSet, kind: str, found: Any) -> Sheet:
    """Returns what workers see of a stored row."""
    if kind == "prompts":
        return _prompt_sheet(prompt_set, found, tuple(found.results.order_by("sample", "pk")[:2]))
    return _answer_sheet(prompt_set, found)


def _prompt_sheet(prompt_set: PromptSet, prompt: Prompt, results: tuple[Result, ...]) -> Sheet:
    """Returns the prompt with its first two answers, or as many as there are."""
    texts = [[result.text, *result.turns] for result in results] + [[], []]
    pair = previews.pair_of(prompt, texts[0], texts[1])
    return _only(sheet_of(previews.study_for(prompt_set), pair, "x", as_plain=False), len(results))


def _answer_sheet(prompt_set: PromptSet, result: Result) -> Sheet:
    """Returns the answer beside another model's answer to the same prompt, if there is one."""
    other = previews.beside(result)
    right = [other.text, *other.turns] if other else []
    pair = previews.pair_of(result.prompt, [result.text, *result.turns], right)
    return _only(sheet_of(previews.study_for(prompt_set), pair, "x", as_plain=False), 2 if other else 1)


def _only(sheet: Sheet, panes: int) -> Sheet:
    """Returns `sheet` with its first `panes` answers, where there are no others yet."""
    del sheet.panes[panes:]
    return sheet
