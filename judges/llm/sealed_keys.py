"""API keys encrypted for storage: Fernet, under a key that HKDF derives from the installation's secret.

A key is bound to its place: the judge or model it belongs to, and the scheme, host and port it is sent to. The place
goes into the derivation, so a sealed key that is moved elsewhere cannot be opened there.
"""

import base64
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

PURPOSE: Final = b"llmfao stored API key 1\0"
PORTS: Final = {"http": 80, "https": 443}


class Sealed(Exception):
    """The sealed key cannot be opened with any of the secrets at this place."""


def origin(url: str) -> str:
    """Returns the scheme, host and port of `url`, such as `https://api.example.com:443`; empty if it has none."""
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:
        return ""
    return f"{parts.scheme}://{(parts.hostname or '').lower().rstrip('.')}:{port}" if parts.hostname else ""


def _fernet(secret: str, place: str) -> Fernet:
    derived = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=PURPOSE + place.encode())
    return Fernet(base64.urlsafe_b64encode(derived.derive(secret.encode())))


def seal(key: str, secret: str, place: str) -> str:
    """Returns `key`, encrypted for `place`."""
    return _fernet(secret, place).encrypt(key.encode()).decode()


def opened(sealed: str, secrets: Sequence[str], place: str) -> tuple[str, bool]:
    """Returns the key, and whether it was sealed with the first of the `secrets`.

    Raises:
        Sealed: none of the secrets opens it, or it was sealed for another place.
    """
    for number, secret in enumerate(secrets):
        try:
            return _fernet(secret, place).decrypt(sealed.encode()).decode(), number == 0
        except InvalidToken:
            continue
    raise Sealed
