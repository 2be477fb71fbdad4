"""How the schema is made of the views."""

from drf_spectacular.openapi import AutoSchema


class Schema(AutoSchema):
    def get_description(self) -> str:  # type: ignore[override]  # as drf-spectacular calls it; the stubs know its base only
        """Nothing, unless an operation says something of itself: what a class says is for who reads the code."""
        return ""
