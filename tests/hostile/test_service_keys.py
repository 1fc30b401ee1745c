"""Attacks on a running service: forged tokens, guessed keys, no key."""

from __future__ import annotations

import base64
import json
import time

from attacked_service import (
    AUDIENCE,
    EXECUTION,
    ISSUER,
    METHOD,
    attacked_service,
    good_values,
    refused,
)


def claims(**changed):
    now = int(time.time())
    given = {"iss": ISSUER, "aud": AUDIENCE, "sub": "eve", "exp": now + 300, "scope": "execute write"} | changed
    return {k: v for k, v in given.items() if v is not None}


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def signed(header, given, key):
    from joserfc import jwt

    return jwt.encode(header, given, key, algorithms=[header["alg"]])


def hostile_tokens(signing):
    """Return tokens that must not be believed; the first one is good and shows that the rest fail for their fault alone."""
    from joserfc import jwk

    other = jwk.RSAKey.generate_key(2048, {"kid": "one"})
    rs = {"alg": "RS256", "kid": "one"}
    public = signing.as_pem(private=False)
    secret = jwk.OctKey.import_key(base64.urlsafe_b64encode(public).decode())
    good = signed(rs, claims(), signing)
    head, body, signature = good.split(".")
    now = int(time.time())
    return good, {
        "none": f"{part({'alg': 'none'})}.{body}.",
        "None": f"{part({'alg': 'None', 'kid': 'one'})}.{body}.{signature}",
        "no algorithm": f"{part({'kid': 'one'})}.{body}.{signature}",
        "HS256 with the public key": _hs256({"alg": "HS256", "kid": "one"}, claims(), public),
        "HS256 with the public key, other form": signed({"alg": "HS256", "kid": "one"}, claims(), secret),
        "no signature": f"{head}.{body}.",
        "another's signature": f"{head}.{body}.{'A' * len(signature)}",
        "another subject": f"{head}.{part(claims(sub='root'))}.{signature}",
        "another key of the same name": signed(rs, claims(), other),
        "its own key within": signed({**rs, "jwk": other.as_dict(private=False)}, claims(), other),
        "the address of its own keys": signed({**rs, "jku": "http://127.0.0.1:1/jwks"}, claims(), other),
        "the address of its own certificate": signed({**rs, "x5u": "http://127.0.0.1:1/x"}, claims(), other),
        "an unknown key": signed({"alg": "RS256", "kid": "../../keys.json"}, claims(), other),
        "expired": signed(rs, claims(exp=now - 3600), signing),
        "not yet": signed(rs, claims(nbf=now + 3600), signing),
        "for ever": signed(rs, claims(exp=None), signing),
        "another audience": signed(rs, claims(aud="other"), signing),
        "another issuer": signed(rs, claims(iss="https://evil.example"), signing),
        "oversize": signed(rs, claims(more="x" * 20000), signing),
        "parts": "a.b.c",
        "depth": f"{part({'alg': 'RS256'})[:-2]}.{'W' * 4000}.x",
    }


def _hs256(header, given, secret):
    import hashlib
    import hmac

    text = f"{part(header)}.{part(given)}"
    made = hmac.new(secret, text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(made).decode().rstrip('=')}"


def test_no_forged_token_is_believed(tmp_path, monkeypatch):
    from mitoshi.interfaces.api.security import credentials

    monkeypatch.setattr(credentials, "FAILURES_PER_MINUTE", 1000)
    with attacked_service(None, tmp_path / "service") as service:
        good, forged = hostile_tokens(service.signing)

        def told(token):
            headers = {"authorization": f"Bearer {token}"}
            return service.ask("POST", EXECUTION, {"inputs": {"rogue": 1}}, headers, key=False)

        assert "rogue" in refused(told(good), 400)
        for name, token in forged.items():
            assert told(token)[0] in (401, 431), name
            assert service.ask("GET", "/layers", headers={"authorization": f"Bearer {token}"}, key=False)[0] in (
                401,
                431,
            ), name
        audit = (service.store / "service" / "audit.jsonl").read_text()
        assert good not in audit
        assert all(token not in audit for token in forged.values())


def test_writing_and_executing_need_a_key(attacked):
    values = good_values(attacked)
    for method, target in (
        ("POST", EXECUTION),
        ("POST", f"/bundles/{values['id']}/verify"),
        ("DELETE", f"/ogc/jobs/{'0' * 32}"),
        ("POST", "/stac/collections/uploads/items"),
        ("PUT", f"/stac/collections/{METHOD}/items/{values['item']}"),
        ("DELETE", f"/stac/collections/{METHOD}/items/{values['item']}"),
        ("POST", "/mcp"),
        ("GET", "/mcp"),
        ("PATCH", "/layers"),
        ("REPLACE", "/layers"),
    ):
        refused(attacked.ask(method, target, {}, key=False), 401)
    for sneaky in (f"//ogc/processes/{METHOD}/execution", f"{EXECUTION}/", f"/ogc/../stac/search/..{EXECUTION}"):
        assert attacked.ask("POST", sneaky, {}, key=False)[0] in (400, 401)
    refused(attacked.ask("POST", EXECUTION, {}, {"x-http-method-override": "GET"}, key=False), 401)


def test_guessing_keys_is_stopped_after_a_few(tmp_path):
    with attacked_service(None, tmp_path / "service") as service:
        seen = [service.ask("GET", "/layers", headers={"x-api-key": f"mitoshi_{n}"}, key=False)[0] for n in range(40)]
        assert seen[:20] == [401] * 20
        assert seen[21:] == [429] * 19
        status, headers, _ = service.ask("GET", "/layers", headers={"x-api-key": "mitoshi_x"}, key=False)
        assert status == 429
        assert int(headers["retry-after"]) >= 1
        assert service.ask("GET", "/layers", key=False)[0] == 200
