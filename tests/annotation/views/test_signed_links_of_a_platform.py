"""Links that a recruiting platform signs, as Prolific does for secured study URLs, are the only ones that join."""

import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from django.core.exceptions import ValidationError
from django.test import Client

from annotation.models import Worker
from annotation.studies import lifecycle, signed_ids
from tests.annotation.study_pages import study_of, text_of
from tests.annotation.worker_pages import join
from tests.builders import build_study

pytestmark = pytest.mark.django_db

HERE = "http://testserver/s/haiku/?PROLIFIC_PID=5f3a&STUDY_ID=study-1&SESSION_ID=s-1"
CLAIM = {"PROLIFIC_PID": "5f3a", "STUDY_ID": "study-1", "SESSION_ID": "s-1", "workspace_id": "w-1"}


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def another_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def jwks(*named) -> str:
    """The answer of the platform's address for its keys, each with its ID."""
    rows = [
        json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(private.public_key()))
        | {"kid": kid, "alg": "RS256", "use": "sig", "key_ops": ["verify"]}
        for kid, private in named
    ]
    return json.dumps({"keys": rows})


def pem(private) -> str:
    return private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def token(private, *, kid="one", seconds=300, claim=CLAIM, algorithm="RS256", **claims) -> str:
    told = {"iss": "https://www.prolific.com", "sub": "s-1", "aud": HERE, "exp": time.time() + seconds} | claims
    return jwt.encode(told | {"prolific": claim}, private, algorithm=algorithm, headers={"kid": kid} if kid else None)


@pytest.fixture
def study(key, another_key):
    study = build_study()
    keys = jwks(("zero", another_key), ("one", key))
    return lifecycle.change_settings(study, {"id_signed": True, "id_keys": keys, "platform_study": "study-1"})


def visit(signed: str, query: str = "PROLIFIC_PID=5f3a&STUDY_ID=study-1&SESSION_ID=s-1"):
    return Client().get(f"/s/haiku/?{query}&prolific_token={signed}")


def test_a_link_that_the_platform_signed_joins_and_its_token_is_not_kept(study, key):
    query = f"?PROLIFIC_PID=5f3a&STUDY_ID=study-1&SESSION_ID=s-1&prolific_token={token(key)}"
    assert join(Client(), study, query).status_code == 200
    worker = Worker.objects.get()
    assert (worker.external_id, worker.platform) == ("5f3a", {"STUDY_ID": "study-1", "SESSION_ID": "s-1"})


def test_the_id_may_stand_in_the_token_alone(study, key):
    assert join(Client(), study, f"?prolific_token={token(key)}").status_code == 200
    assert Worker.objects.get().external_id == "5f3a"


@pytest.mark.parametrize("aud", ["testserver", "http://testserver", HERE, ["elsewhere", HERE]])
def test_the_audience_is_the_sites_domain_or_the_studys_address(study, key, aud):
    assert visit(token(key, aud=aud)).status_code == 200


def refused(response, words: str) -> bool:
    return response.status_code == 403 and words in text_of(response)


def test_an_expired_link_says_so(study, key):
    assert visit(token(key, seconds=-30)).status_code == 200, "clocks differ"
    assert refused(visit(token(key, seconds=-120)), "This link has expired")


def test_the_consent_may_be_read_for_a_while_after_the_link_expired(study, key):
    assert join(Client(), study, f"?prolific_token={token(key, seconds=-600)}").status_code == 200
    assert refused(join(Client(), study, f"?prolific_token={token(key, seconds=-4000)}"), "This link has expired")
    assert Worker.objects.count() == 1


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://elsewhere.example/s/haiku/"},
        {"aud": "http://testserver/s/limerick/?PROLIFIC_PID=5f3a"},
        {"aud": "testserver.elsewhere.example"},
        {"aud": "http://testserver:99999999/"},
        {"claim": CLAIM | {"STUDY_ID": "study-2"}},
        {"claim": {"PROLIFIC_PID": "5f3a"}},
    ],
)
def test_a_link_for_another_study_says_so(study, key, claims):
    assert refused(visit(token(key, **claims), "PROLIFIC_PID=5f3a"), "This link is for another study")


def test_what_the_platform_did_not_sign_is_refused(study, key, another_key):
    unknown = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    head, body, signature = token(key).split(".")
    other_body = token(key, claim=CLAIM | {"PROLIFIC_PID": "evil"}).split(".")[1]
    forgeries = {
        "a key that the study does not have": token(unknown),
        "the key of another name": token(another_key),
        "another body": f"{head}.{other_body}.{signature}",
        "no signature": f"{head}.{body}.",
        "no algorithm": jwt.encode({"aud": HERE, "exp": time.time() + 300, "prolific": CLAIM}, None, algorithm="none"),
        "the public key as a secret": _hmac_under(pem(key)),
        "no expiry": jwt.encode({"aud": HERE, "prolific": CLAIM}, key, algorithm="RS256", headers={"kid": "one"}),
        "no claim of the platform": token(key, claim=None),
        "no token": "nonsense",
        "another algorithm": token(key, algorithm="RS512"),
    }
    for what, forged in forgeries.items():
        assert refused(visit(forged), "confirmed"), what
    assert not Worker.objects.exists()


def _hmac_under(public: str) -> str:
    """A token whose secret is the public key, which the library refuses to make itself."""
    import base64
    import hashlib
    import hmac

    def part(value) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    claims = {"aud": HERE, "exp": time.time() + 300, "prolific": CLAIM}
    signed = f"{part({'alg': 'HS256', 'kid': 'one'})}.{part(claims)}"
    digest = hmac.new(public.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def test_a_link_that_says_another_id_than_the_token_is_refused(study, key):
    assert refused(visit(token(key), "PROLIFIC_PID=evil"), "confirmed")
    assert refused(visit(token(key), "PROLIFIC_PID=5f3a&SESSION_ID=other"), "confirmed")


def test_a_link_without_a_token_needs_the_studys_own_signature(study, key):
    assert refused(Client().get("/s/haiku/?PROLIFIC_PID=5f3a"), "confirmed")
    own = f"?PROLIFIC_PID=worker-1&signature={signed_ids.sign(study, 'worker-1')}"
    assert join(Client(), study, own).status_code == 200


def test_pem_keys_work_without_a_name(study, key, another_key):
    lifecycle.change_settings(study, {"id_keys": pem(another_key) + pem(key)})
    assert visit(token(key, kid=None)).status_code == 200
    assert visit(token(key)).status_code == 200


def test_a_study_without_signatures_ignores_the_token_and_keeps_none(key):
    study = build_study()
    assert join(Client(), study, f"?PROLIFIC_PID=5f3a&prolific_token={token(key)}").status_code == 200
    assert Worker.objects.get().platform == {}


class TestKeys:
    @pytest.fixture
    def open_study(self):
        return build_study()

    def test_what_is_no_public_key_is_refused_with_words(self, open_study, key):
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        short = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505  it is to be refused
        curve = ec.generate_private_key(ec.SECP256R1())
        for text, words in {
            private: "This is a private key",
            pem(curve): "no RSA public key",
            pem(short): "fewer than 2048 bits",
            "nonsense": "not a JSON Web Key Set",
            "{}": "not a JSON Web Key Set",
            "[1]": "not a JSON Web Key Set",
            "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----": "not a public key",
        }.items():
            with pytest.raises(ValidationError, match=words):
                lifecycle.change_settings(open_study, {"id_keys": text})

    def test_they_are_pasted_on_the_settings_page(self, owner, as_user, key):
        study, client = study_of(owner), as_user(owner)
        sent = {f"code_{exit_.outcome}": exit_.code for exit_ in study.exits.all()} | {"id_parameter": "PROLIFIC_PID"}
        wrong = text_of(client.post("/studies/haiku/settings/platform/", sent | {"id_keys": "nonsense"}))
        assert "not a JSON Web Key Set" in wrong
        client.post("/studies/haiku/settings/platform/", sent | {"id_signed": "on", "id_keys": jwks(("one", key))})
        study.refresh_from_db()
        assert study.id_signed
        assert visit(token(key)).status_code == 200
