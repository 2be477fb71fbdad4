"""Fields that several pages use, and what forms do with the rules of subject packages."""

from collections.abc import Callable, Sequence
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from annotation.interchange.llmfao import LANGUAGE_TAG


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
        if value and not LANGUAGE_TAG.fullmatch(value):
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


def saved[T](form: forms.BaseForm, save: Callable[[], T]) -> T | None:
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
