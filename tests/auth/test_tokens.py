"""Access tokens: ours, character for character, or none (C01)."""

import base64
import hmac
import json
import time
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest

from cms.auth.tokens import AUDIENCE, Claims, Tokens
from cms.crud.fields import utc_now
from tests.auth.people import SECRET, Person
from tests.problems import assert_problem


def encode(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def key_of(secret: str) -> bytes:
    return Tokens(secret)._key  # noqa: SLF001 - a forger who knew the key would still be refused


def by_hand(algorithm: str, claims: dict[str, Any], key: bytes) -> str:
    content = f"{encode({'alg': algorithm, 'typ': 'JWT'})}.{encode(claims)}"
    return f"{content}.{encode(hmac.digest(key, content.encode(), algorithm.replace('HS', 'sha')))}"


def forgeries(token: str) -> dict[str, str]:
    header, payload, signature = token.split(".")
    claims = jwt.decode(token, options={"verify_signature": False})
    key = key_of(SECRET)
    tampered = encode({**claims, "sub": str(uuid4())})

    def signed(changes: dict[str, Any], **headers: Any) -> str:
        kept = {name: value for name, value in {**claims, **changes}.items() if value is not None}
        return jwt.encode(kept, key, "HS256", headers=headers or None)

    last = signature[-1]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    same_bytes = signature[:-1] + alphabet[alphabet.index(last) ^ 1]
    return {
        "alg none": f"{encode({'alg': 'none', 'typ': 'JWT'})}.{payload}.",
        "alg None": f"{encode({'alg': 'None', 'typ': 'JWT'})}.{payload}.{signature}",
        "alg nOnE": f"{encode({'alg': 'nOnE', 'typ': 'JWT'})}.{payload}.",
        "no alg": f"{encode({'typ': 'JWT'})}.{payload}.{signature}",
        "alg HS384 with our key": by_hand("HS384", claims, key),
        "alg HS512 with our key": by_hand("HS512", claims, key),
        "alg RS256": f"{encode({'alg': 'RS256', 'typ': 'JWT'})}.{payload}.{signature}",
        "no signature": f"{header}.{payload}.",
        "swapped payload": f"{header}.{tampered}.{signature}",
        "another key": jwt.encode(claims, key_of("another secret"), "HS256"),
        "an empty key": jwt.encode(claims, b"\x00" * 32, "HS256"),
        "the secret itself as key": jwt.encode(claims, SECRET, "HS256"),
        "kid": signed({}, kid="../../dev/null"),
        "jku": signed({}, jku="https://evil.example/keys"),
        "jwk": signed({}, jwk={"kty": "oct", "k": encode(key)}),
        "x5u": signed({}, x5u="https://evil.example/cert"),
        "crit": signed({}, crit=["x"]),
        "crit b64": signed({}, crit=["b64"], b64=True),
        "another typ": signed({}, typ="at+jwt"),
        "another audience": signed({"aud": "masthead:reset"}),
        "a list of audiences": signed({"aud": [AUDIENCE, "x"]}),
        "no audience": signed({"aud": None}),
        "no session": signed({"sid": None}),
        "no user": signed({"sub": None}),
        "no expiry is not ours": signed({"exp": None, "sid": str(uuid4())}),
        "expired": signed({"exp": int(time.time()) - 60}),
        "issued in the future": signed({"iat": int(time.time()) + 3600}),
        "a session that never was": signed({"sid": str(uuid4())}),
        "somebody else's session": signed({"sub": str(uuid4())}),
        "a session that is no id": signed({"sid": "1 OR 1=1"}),
        "two dots more": f"{token}.{payload}.{signature}",
        "one part": header,
        "another spelling of the signature": f"{header}.{payload}.{same_bytes}",
        "a padded signature": f"{token}=",
        "white space": f"{header}.{payload}. {signature}",
        "64 KB": f"{header}.{encode(b'x' * 48_000)}.{signature}",
        "a payload that is no object": jwt.api_jws.encode(b"[]", key, "HS256"),
        "not base64": "!!!.???.***",
    }


async def test_no_forgery_is_taken(reader: Person, client: httpx.AsyncClient) -> None:
    """C01: 401 for each, in no time."""
    headers = await reader.bearer()
    token = headers["Authorization"].removeprefix("Bearer ")
    assert (await client.get("/users/me", headers=headers)).status_code == 200
    cases = forgeries(token)
    assert len(cases) >= 15
    taken = []
    for name, forged in cases.items():
        response = await client.get("/users/me", headers={"Authorization": f"Bearer {forged}"})
        if response.status_code != 401:
            taken.append(name)
        else:
            assert response.headers["www-authenticate"] == "Bearer"
    assert taken == []


def test_refusing_a_forgery_is_cheap() -> None:
    """C01: at most 5 ms each."""
    tokens = Tokens(SECRET)
    token = tokens.write(Claims(uuid4(), uuid4()), utc_now() + timedelta(hours=1))
    for forged in forgeries(token).values():
        costs = []
        for _ in range(5):
            started = time.process_time()
            tokens.read(forged)
            costs.append(time.process_time() - started)
        assert min(costs) < 0.005


@pytest.mark.parametrize("header", ["Basic cmVhZGVyOnNlY3JldA==", "Bearer", "Bearer ", "Token x", "x", ""])
async def test_a_header_that_holds_no_token_is_refused_and_not_ignored(client: httpx.AsyncClient, header: str) -> None:
    """C01: who sends credentials is never taken for anonymous."""
    response = await client.get("/users/me", headers={"Authorization": header})
    assert_problem(response, 401)


async def test_two_tokens_are_refused(reader: Person, client: httpx.AsyncClient) -> None:
    """C01: no guess which of them counts."""
    token = (await reader.bearer())["Authorization"]
    response = await client.get("/users/me", headers=[("Authorization", token), ("Authorization", token)])
    assert_problem(response, 401)


def test_a_token_says_what_was_written() -> None:
    claims = Claims(uuid4(), uuid4())
    token = Tokens(SECRET).write(claims, utc_now() + timedelta(hours=1))
    assert Tokens(SECRET).read(token) == claims
    assert Tokens("another secret").read(token) is None
    said = jwt.decode(token, options={"verify_signature": False})
    assert set(said) == {"sub", "sid", "aud", "iat", "exp"}
