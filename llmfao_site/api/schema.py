"""Generation of the schema from the views."""

from drf_spectacular.openapi import AutoSchema


class Schema(AutoSchema):
    """The schema of a view, described only by what `extend_schema` says about it."""

    def get_description(self) -> str:  # type: ignore[override]  # as drf-spectacular calls it; the stubs know its base only
        """Returns no description by default: docstrings of classes are for readers of the code."""
        return ""
