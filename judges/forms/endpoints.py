"""What the forms of judges and of models that answer have in common: the endpoint, its key, and how they are folded."""

import json
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from judges.judging import stored_keys
from judges.llm.extras import LONGEST
from judges.llm.providers import PROVIDERS

ENDPOINT_HELP: Final = gettext_lazy(
    "Choose a known provider from the list, or enter the base URL of any OpenAI-compatible endpoint."
)


class KeyField(forms.CharField):
    """A pasted API key, which is never shown again."""

    def __init__(self) -> None:
        super().__init__(
            label=gettext_lazy("API key"),
            required=False,
            max_length=stored_keys.LONGEST,
            widget=forms.PasswordInput(
                render_value=False, attrs={"autocomplete": "new-password", "spellcheck": "false"}
            ),
            help_text=gettext_lazy(
                "Stored encrypted, sent only to this endpoint’s host, and never shown again. Leave blank to keep the "
                "current key, or if none is needed."
            ),
        )

    def clean(self, value: Any) -> str:
        try:
            return stored_keys.check(super().clean(value))
        except ValidationError as error:
            raise ValidationError(error.messages) from None


class JSONObjectField(forms.CharField):
    """A small JSON object, written as text; blank means an empty one."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs |= {"required": False, "max_length": LONGEST}
        widget = forms.Textarea(attrs={"rows": 2, "class": "code", "spellcheck": "false"})
        super().__init__(widget=widget, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, dict):
            return json.dumps(value, ensure_ascii=False) if value else ""
        return value

    def clean(self, value: Any) -> dict[str, Any]:
        text = super().clean(value)
        try:
            found = json.loads(text) if text else {}
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise ValidationError(_('Enter a JSON object, such as {"top_k": 20}.'))
        return found

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)


class EndpointInput(forms.TextInput):
    """An address, with the addresses of known providers to choose from."""

    LIST: Final = "known-endpoints"

    def __init__(self) -> None:
        super().__init__(attrs={"list": self.LIST, "autocomplete": "off", "inputmode": "url", "spellcheck": "false"})

    def render(self, *args: Any, **kwargs: Any) -> Any:
        options = format_html_join("", '<option value="{}">{}</option>', ((url, name) for name, url in PROVIDERS))
        return super().render(*args, **kwargs) + format_html_join(
            "", '<datalist id="{}">{}</datalist>', [(self.LIST, options)]
        )


class Folded:
    """A form whose first group is shown, and whose other groups are folded unless they have errors."""

    groups: tuple[tuple[Any, tuple[str, ...]], ...]
    errors: Any

    def grouped(self) -> list[tuple[Any, list[forms.BoundField]]]:
        """Returns the fields grouped by heading."""
        return [(title, [self[name] for name in names]) for title, names in self.groups]  # type: ignore[index]

    def first(self) -> tuple[Any, list[forms.BoundField]]:
        """Returns the group that everybody fills in."""
        return self.grouped()[0]

    def rest(self) -> list[tuple[Any, list[forms.BoundField]]]:
        """Returns the other groups."""
        return self.grouped()[1:]

    @property
    def open(self) -> bool:
        """Whether a folded field has an error."""
        return any(field.errors for _title, fields in self.rest() for field in fields)
