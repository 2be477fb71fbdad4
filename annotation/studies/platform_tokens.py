"""Signed links of a recruiting platform, as Prolific makes them for secured study URLs.

The platform adds a JSON Web Token to the join link, signed with its private key. Its claim `prolific` has the
parameters of the link, among them the participant ID. The study has the platform's public keys.

References:
    https://docs.prolific.com/api-reference/well-known-endpoints/get-study-jwks
    RFC 7519, JSON Web Token; RFC 7517, JSON Web Key
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from annotation.models import Study

PARAMETER: Final = "prolific_token"
"""The join link's parameter with the token."""

LONGEST: Final = 4096
"""Characters of a token. Prolific's have about a thousand."""

ALGORITHMS: Final = ["RS256"]
"""Never what the token asks for: it could name an algorithm for which the public key is the secret."""

SHORTEST_KEY: Final = 2048
"""Bits of an RSA key below which it protects nothing."""

CLOCKS: Final = timedelta(minutes=1)
"""How far the platform's clock may be from ours."""

READING: Final = timedelta(hours=1)
"""How long a token that was valid when the consent was shown still works, for people who read it."""

CLAIM: Final = "prolific"
STUDY: Final = "STUDY_ID"
_PEM: Final = re.compile(r"-----BEGIN ([A-Z ]+)-----.*?-----END \1-----", re.DOTALL)


class Refused(Exception):
    """Nothing shows that the platform sent this participant to this study."""


class Expired(Refused):
    """The token was valid, but no longer is."""


class OtherStudy(Refused):
    """The platform signed it for another study or another site."""


def keys(text: str) -> list[tuple[str | None, RSAPublicKey]]:
    """Returns the public keys in `text`, a JSON Web Key Set or PEM blocks, with their key IDs.

    Raises:
        ValidationError: there is no RSA public key of enough bits; the message says what to paste.
    """
    found = _of_pem(text) if "-----BEGIN" in text else _of_jwks(text)
    rsa = [(kid, key) for kid, key in found if isinstance(key, RSAPublicKey)]
    if not rsa:
        raise ValidationError(_("There is no RSA public key here. Paste the platform’s JWKS or PEM."))
    if any(key.key_size < SHORTEST_KEY for _kid, key in rsa):
        raise ValidationError(_("An RSA key here has fewer than %(bits)d bits.") % {"bits": SHORTEST_KEY})
    return rsa


def _of_pem(text: str) -> list[tuple[str | None, Any]]:
    if "PRIVATE KEY" in text:
        raise ValidationError(_("This is a private key. Paste the public key, and keep the private one secret."))
    try:
        return [(None, load_pem_public_key(block[0].encode())) for block in _PEM.finditer(text)]
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValidationError(_("A PEM block here is not a public key. Copy the whole key again.")) from error


def _of_jwks(text: str) -> list[tuple[str | None, Any]]:
    try:
        return [(key.key_id, key.key) for key in jwt.PyJWKSet.from_json(text).keys]
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError) as error:
        raise ValidationError(_("This is not a JSON Web Key Set. Paste the platform’s whole response.")) from error


def check(study: Study, token: str, host: str, path: str, leeway: timedelta = CLOCKS) -> dict[str, str]:
    """Returns the parameters that the platform signed, by name, once the token is found to be good.

    Args:
        study: with the platform's keys in `id_keys`.
        token: of the join link.
        host: of the site, with its port unless it is the scheme's own.
        path: of the study's join link.
        leeway: how long ago the token may have expired.

    Raises:
        Expired: the platform signed it, and it has expired.
        OtherStudy: the platform signed it for another address or another of its studies.
        Refused: the platform did not sign it, or it lacks what is needed.
    """
    claims = _signed(study, token, leeway)
    audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    if not any(_is_here(str(each), host, path) for each in audience):
        raise OtherStudy
    told = claims.get(CLAIM)
    if not isinstance(told, Mapping):
        raise Refused
    parameters = {name: value for name, value in told.items() if isinstance(name, str) and isinstance(value, str)}
    if study.platform_study and parameters.get(STUDY) != study.platform_study:
        raise OtherStudy
    return parameters


def _signed(study: Study, token: str, leeway: timedelta) -> dict[str, Any]:
    """Returns the claims of a token that one of the study's keys signed."""
    try:
        known, kid = keys(study.id_keys), jwt.get_unverified_header(token).get("kid")
    except (ValidationError, jwt.PyJWTError) as error:
        raise Refused from error
    for name, key in known:
        # A key set names its keys, a PEM block does not.
        if name is not None and kid is not None and name != kid:
            continue
        try:
            return jwt.decode(
                token,
                key,
                algorithms=ALGORITHMS,
                leeway=leeway,
                options={"require": ["exp", "aud"], "verify_aud": False},
            )
        except jwt.InvalidSignatureError:
            continue
        except jwt.ExpiredSignatureError as error:
            raise Expired from error
        except jwt.PyJWTError as error:
            raise Refused from error
    raise Refused


def _is_here(audience: str, host: str, path: str) -> bool:
    """Returns whether an `aud` claim, a domain or the address that the study has at the platform, means this study."""
    parts = urlsplit(audience if "//" in audience else f"//{audience}")
    try:
        port = parts.port
    except ValueError:
        return False
    usual = {"https": 443, "http": 80}.get(parts.scheme)
    named = parts.hostname if port in (None, usual) else f"{parts.hostname}:{port}"
    if named != host.lower():
        return False
    return parts.path in ("", "/") or unquote(parts.path).rstrip("/") == path.rstrip("/")
