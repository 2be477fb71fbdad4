"""Who owns, reads and edits a prompt set."""

from django import forms
from django.contrib.auth.models import User
from django.http import QueryDict
from django.utils.translation import gettext_lazy

from annotation.forms.fields import LinesField, accounts_named
from annotation.models import PromptSet
from annotation.studies.prompt_sets import change_access


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
