"""New studies, and the deletion of one."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.models import User
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.forms.fields import LanguageField, model_choice, saved
from annotation.models import PromptSet, Study
from annotation.studies.drafts import draft_study, free_slug


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
        # With the words of the settings page, where it can be changed.
        self.fields["offering"] = forms.fields_for_model(Study, ["offering"], widgets={"offering": forms.RadioSelect})[
            "offering"
        ]

    def clean_slug(self) -> str:
        slug: str = self.cleaned_data["slug"]
        if not slug:
            return free_slug(slugify(self.cleaned_data.get("name", "")) or "study", Study.objects.all())
        if Study.objects.filter(slug=slug).exists():
            raise forms.ValidationError(_("Another study already uses this address. Choose a different one."))
        return slug

    def save(self) -> Study | None:
        """Returns the draft, or None with an error on the form if the address has just been taken."""
        return saved(self, lambda: draft_study(self.user, **self.cleaned_data))


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
