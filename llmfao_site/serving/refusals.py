"""Why the body of a request was not kept: told by the worker in the WSGI environment, and answered by the site."""

from enum import StrEnum
from typing import Final

KEY: Final = "llmfao.refused"
"""The key of a `Refusal` in the WSGI environment."""


class Refusal(StrEnum):
    """Why a body was not kept."""

    TOO_LARGE = "too-large"
    DISK_FULL = "disk-full"
    NO_LENGTH = "no-length"
