"""What the forms of judges and of models that answer have in common: the endpoint, its key, and folded groups."""

import json
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import JSONField
from django.utils.html import format_html_join
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from judges.judging import stored_keys
from judges.llm.extras import LONGEST
from judges.llm.providers import PROVIDERS
from judges.models.work import Access

if TYPE_CHECKING:
    _ModelForm = forms.ModelForm[Any]
else:
    # Generic only in the type stubs.
    _ModelForm = forms.ModelForm

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
    """The setting `name` of an endpoint, a small JSON object, written as text; blank means an empty one."""

    def __init__(self, name: str) -> None:
        setting = cast("JSONField", Access._meta.get_field(name))
        super().__init__(
            label=capfirst(setting.verbose_name),
            required=False,
            max_length=LONGEST,
            widget=forms.Textarea(attrs={"rows": 2, "class": "code", "spellcheck": "false"}),
            help_text=setting.help_text,
        )

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


class EndpointForm(_ModelForm):
    """Settings of an endpoint. The first group is shown; the other groups are folded unless they have errors."""

    key = KeyField()
    extra_body = JSONObjectField("extra_body")
    extra_headers = JSONObjectField("extra_headers")

    class Meta:
        widgets: ClassVar = {"endpoint": EndpointInput()}
        help_texts: ClassVar = {"endpoint": ENDPOINT_HELP}

    groups: tuple[tuple[Any, tuple[str, ...]], ...]

    def _post_clean(self) -> None:
        """Does nothing: the service creates and validates the rows."""

    def add_errors(self, error: ValidationError) -> None:
        """Adds the errors of the service to their fields, or to the form if it does not have them all."""
        known = hasattr(error, "error_dict") and error.error_dict.keys() <= self.fields.keys()
        self.add_error(None, error if known else ValidationError(error.messages))

    def grouped(self) -> list[tuple[Any, list[forms.BoundField]]]:
        """Returns the fields grouped by heading."""
        return [(title, [self[name] for name in names]) for title, names in self.groups]

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
