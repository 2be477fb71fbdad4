"""Participant IDs that are signed, so that only the study's people can make a join link for one."""

import hashlib
import hmac
import secrets
from typing import Final

from annotation.models import Study

PARAMETER: Final = "signature"
"""The join link's parameter with the signature."""


def new_secret() -> str:
    """Returns a random key of 256 bits as hexadecimal digits."""
    return secrets.token_hex(32)


def sign(study: Study, external_id: str) -> str:
    """Returns the HMAC-SHA256 of the ID under the study's key, as lower-case hexadecimal digits.

    Key and ID are used as UTF-8 text.
    """
    return hmac.new(study.id_secret.encode(), external_id.encode(), hashlib.sha256).hexdigest()


def is_signed(study: Study, external_id: str, signature: str) -> bool:
    """Returns whether `signature` is that of the ID; without a key, none is."""
    expected = sign(study, external_id).encode()
    return bool(study.id_secret) and hmac.compare_digest(expected, signature.lower().encode())
