"""The layers around the routes, each on an application of a few routes that is nobody's but this test's."""

from __future__ import annotations

import base64
import json
import stat
import time
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import FastAPI, Request
from joserfc import jwk, jwt
from pydantic import BaseModel
from starlette.testclient import TestClient

from mitoshi.core.errors import InputError
from mitoshi.interfaces.api import Settings, problems, security
from mitoshi.interfaces.api.security import audit
from mitoshi.interfaces.api.security.audit import AuditLog
from mitoshi.interfaces.api.security.keys import KeyFile
from mitoshi.interfaces.api.security.rates import KEPT, Buckets
from mitoshi.interfaces.api.security.tokens import Issuer, issuer_of
from mitoshi.interfaces.api.settings import Limits
from mitoshi.interfaces.cli.keys import key as key_command

NOW = datetime(2026, 11, 25, tzinfo=UTC)
ISSUER, AUDIENCE = "https://id.example.org", "mitoshi"
SIGNING = jwk.ECKey.generate_key("P-256", {"kid": "one"})


class Asked(BaseModel):
    """A body."""

    inputs: dict = {}


def application(settings):
    """Return an application of one page, one datum, an execution, a write, and a failure."""
    app = FastAPI()
    problems.install(app)

    @app.get("/")
    def page():
        return "page"

    @app.get("/layers")
    def layers(request: Request):
        return {"owner": request.state.owner}

    @app.post("/ogc/processes/x/execution")
    def execute(asked: Asked, request: Request):
        return {"owner": request.state.owner, "inputs": asked.inputs}

    @app.post("/stac/search")
    def search(asked: Asked):
        return {}

    @app.delete("/stac/collections/c/items/i")
    def remove(request: Request):
        return {"owner": request.state.owner}

    @app.get("/ogc/broken")
    def broken():
        raise ZeroDivisionError("of /etc/passwd")

    security.install(app, SimpleNamespace(settings=settings))
    return app


def client_of(tmp_path, **changed):
    settings = Settings(store=tmp_path, names=("testserver",), **changed)
    return TestClient(application(settings), raise_server_exceptions=False)


def token(claims=None, header=None, key=SIGNING, **changed):
    now = int(time.time())
    given = {"iss": ISSUER, "aud": AUDIENCE, "sub": "hanako", "exp": now + 300, "scope": "openid execute"} | (
        claims or {}
    )
    given = {k: v for k, v in (given | changed).items() if v is not None}
    head = {"alg": "ES256", "kid": "one"} | (header or {})
    return jwt.encode(head, given, key, algorithms=[head["alg"]])


@pytest.fixture
def issued(tmp_path):
    """Return a client of a service beyond the loopback that accepts the issuer's tokens."""
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [SIGNING.as_dict(private=False)]}))
    return client_of(tmp_path, host="0.0.0.0", issuer=ISSUER, audience=AUDIENCE, jwks=str(tmp_path / "jwks.json"))


def execute(client, **headers):
    return client.post(
        "/ogc/processes/x/execution", json={}, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


def bearer(value):
    return {"authorization": f"Bearer {value}"}


# Headers


def test_a_page_may_run_its_own_scripts_and_data_may_run_nothing(tmp_path):
    client = client_of(tmp_path)
    page, data = client.get("/").headers, client.get("/layers").headers
    assert "script-src 'self' 'wasm-unsafe-eval'" in page["content-security-policy"]
    assert "unsafe-inline" not in page["content-security-policy"]
    assert "'unsafe-eval'" not in page["content-security-policy"]
    assert data["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'; sandbox"
    for headers in (page, data, client.get("/nowhere").headers, client.get("/ogc/broken").headers):
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]


def test_a_failure_tells_neither_its_text_nor_a_traceback(tmp_path, caplog):
    answer = client_of(tmp_path).get("/ogc/broken")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "passwd" not in answer.text
    assert "ZeroDivisionError" in answer.text
    assert "of /etc/passwd" in caplog.text


# Names and origins


@pytest.mark.parametrize("host", ["testserver", "TESTSERVER.", "localhost:8000", "127.0.0.1:80", "[::1]:8000"])
def test_our_own_names_are_answered(tmp_path, host):
    assert client_of(tmp_path).get("/layers", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "0"])
def test_a_name_that_is_not_ours_is_misdirected(tmp_path, host):
    answer = client_of(tmp_path).get("/layers", headers={"host": host})
    assert answer.status_code == 421
    assert "--name" in answer.json()["detail"]


@pytest.mark.parametrize("host", ["", "a b", "a/b", "user@localhost", "localhost:x", "[::1"])
def test_a_host_that_is_none_is_malformed(tmp_path, host):
    assert client_of(tmp_path).get("/layers", headers={"host": host}).status_code == 400


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"origin": "http://testserver"}, 200),
        ({"origin": "http://testserver", "sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "none"}, 200),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "http://testserver:3000"}, 403),
        ({"origin": "http://testserver.evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site", "origin": "http://testserver"}, 403),
    ],
)
def test_a_page_of_another_origin_cannot_execute(tmp_path, headers, status):
    assert execute(client_of(tmp_path), **headers).status_code == status


# Keys


def test_a_key_is_shown_once_and_only_its_digest_is_kept(tmp_path):
    keys = KeyFile(tmp_path / "service" / "keys.json")
    secret = keys.add("hanako", ("read", "execute"), NOW)
    assert len(secret) > 43
    assert secret not in keys.path.read_text()
    assert stat.S_IMODE(keys.path.stat().st_mode) == 0o600
    assert keys.holder(secret).name == "hanako"
    assert keys.holder(secret[:-1]) is None
    keys.revoke("hanako", NOW)
    assert keys.holder(secret) is None
    assert keys.keys()[0].revoked == NOW.isoformat()
    assert sorted(p.name for p in keys.path.parent.iterdir()) == ["keys.json", "keys.lock"]


def test_two_services_see_the_same_keys(tmp_path):
    path = tmp_path / "keys.json"
    one, other = KeyFile(path), KeyFile(path)
    assert other.holder("mitoshi_x") is None
    secret = one.add("a", ("read",), NOW)
    assert other.holder(secret).name == "a"
    other.revoke("a", NOW)
    assert one.holder(secret) is None


@pytest.mark.parametrize("name", ["", "a b", "../x", "a\nb", "x" * 65, "-x"])
def test_a_name_that_is_none_is_refused(tmp_path, name):
    with pytest.raises(InputError, match="no name of a key"):
        KeyFile(tmp_path / "keys.json").add(name, ("read",), NOW)


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"keys": [{"name": "x"}]}', '{"keys": [{"rogue": 1, "scopes": []}]}']
)
def test_a_damaged_key_file_lets_nobody_in(tmp_path, content, caplog):
    client = client_of(tmp_path, require_key=True)
    (tmp_path / "service").mkdir()
    (tmp_path / "service" / "keys.json").write_text(content)
    (tmp_path / "service" / "keys.json").chmod(0o600)
    assert client.get("/layers").status_code == 200
    assert client.get("/layers", headers=bearer("mitoshi_x")).status_code == 401
    assert "no key is accepted" in caplog.text


def test_a_key_file_that_others_may_write_is_not_believed(tmp_path):
    keys = KeyFile(tmp_path / "keys.json")
    secret = keys.add("a", ("read",), NOW)
    keys.path.chmod(0o666)
    with pytest.raises(InputError, match="chmod 600"):
        keys.holder(secret)


def test_the_command_makes_lists_and_revokes(tmp_path):
    def say(*arguments):
        return CliRunner().invoke(key_command, [*arguments, "--store", str(tmp_path)])

    made = say("add", "hanako", "--scope", "write")
    secret = made.stdout.strip()
    assert KeyFile(tmp_path / "service" / "keys.json").holder(secret).scopes == ("read", "write")
    assert json.loads(say("list", "--json").stdout)[0]["name"] == "hanako"
    assert secret not in say("list").output
    assert say("revoke", "hanako").exit_code == 0
    assert isinstance(say("revoke", "hanako").exception, InputError)


# Who may do what


def test_the_loopback_asks_for_no_key_and_beyond_it_does(tmp_path):
    assert execute(client_of(tmp_path)).status_code == 200
    for changed in ({"require_key": True}, {"host": "0.0.0.0"}, {"host": "::"}):
        client = client_of(tmp_path, **changed)
        refused = execute(client)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"].startswith("Bearer")
        assert client.get("/layers").json() == {"owner": ""}
        assert client.post("/stac/search", json={}).status_code == 200
        assert client.delete("/stac/collections/c/items/i").status_code == 401
        assert client.get("/mcp").status_code == client.post("/mcp").status_code == 401


def test_a_key_opens_what_its_scopes_say(tmp_path):
    keys = KeyFile(tmp_path / "service" / "keys.json")
    runs, writes = keys.add("runs", ("read", "execute"), NOW), keys.add("writes", ("read", "write"), NOW)
    client = client_of(tmp_path, require_key=True)
    assert execute(client, **bearer(runs)).json()["owner"] == "key:runs"
    assert execute(client, **{"x-api-key": runs}).json()["owner"] == "key:runs"
    assert execute(client, **bearer(writes)).status_code == 403
    assert client.delete("/stac/collections/c/items/i", headers=bearer(writes)).json()["owner"] == "key:writes"
    assert client.delete("/stac/collections/c/items/i", headers=bearer(runs)).status_code == 403
    keys.revoke("runs", NOW)
    assert execute(client, **bearer(runs)).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer mitoshi_wrong"},
        {"authorization": "Bearer"},
        {"authorization": "Basic aGFuYWtvOng="},
        {"x-api-key": "x"},
        {"x-api-key": ""},
        {"authorization": "Bearer " + "x" * 20000},
        {"authorization": "Bearer a.b.c"},
    ],
)
def test_a_wrong_credential_is_refused_even_for_reading(tmp_path, headers):
    answer = client_of(tmp_path).get("/layers", headers=headers)
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_two_credentials_are_none(tmp_path):
    secret = KeyFile(tmp_path / "service" / "keys.json").add("a", ("read",), NOW)
    assert client_of(tmp_path).get("/layers", headers=bearer(secret) | {"x-api-key": secret}).status_code == 401


def test_guessing_keys_is_slow_and_does_not_hinder_those_who_present_none(tmp_path):
    client = client_of(tmp_path)
    seen = [client.get("/layers", headers=bearer(f"mitoshi_{n}")).status_code for n in range(25)]
    assert seen == [401] * 20 + [429] * 5
    assert int(client.get("/layers", headers=bearer("x")).headers["retry-after"]) >= 1
    assert client.get("/layers").status_code == 200


# Tokens


def test_a_token_of_the_issuer_names_its_subject(issued):
    assert execute(issued, **bearer(token())).json()["owner"] == f"oidc:{ISSUER}#hanako"
    assert execute(issued, **bearer(token(aud=["other", AUDIENCE]))).status_code == 200
    assert execute(issued, **bearer(token(scope="mitoshi:execute"))).status_code == 200
    assert execute(issued, **bearer(token(scope=None, scp=["execute"]))).status_code == 200
    assert issued.get("/layers", headers=bearer(token(scope=None))).json()["owner"] == f"oidc:{ISSUER}#hanako"
    assert execute(issued, **bearer(token(scope=None))).status_code == 403


NEVER = {
    "expired": {"exp": 1_600_000_000},
    "without an end": {"exp": None},
    "an end that is no number": {"exp": "never"},
    "not yet good": {"nbf": 4_000_000_000},
    "another audience": {"aud": "other"},
    "no audience": {"aud": None},
    "another issuer": {"iss": "https://evil.example"},
    "no issuer": {"iss": None},
    "no subject": {"sub": None},
    "a subject that breaks lines": {"sub": "a\nb"},
}


@pytest.mark.parametrize("changed", NEVER.values(), ids=NEVER.keys())
def test_a_token_that_is_not_for_us_now_is_refused(issued, changed):
    assert issued.get("/layers", headers=bearer(token(changed))).status_code == 401


def test_a_clock_a_little_off_is_forgiven():
    issuer = Issuer(ISSUER, AUDIENCE, {"keys": [SIGNING.as_dict(private=False)]}, now=lambda: 1_000_000)
    assert issuer.subject(token(exp=1_000_000 - 30)) is not None
    assert issuer.subject(token(exp=1_000_000 - 90)) is None
    assert issuer.subject(token(exp=1_000_900, nbf=1_000_030)) is not None
    assert issuer.subject(token(exp=1_000_900, nbf=1_000_090)) is None


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # by our signing; checking must not warn
@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("RS256", jwk.RSAKey.generate_key(2048, {"kid": "k"})),
        ("PS256", jwk.RSAKey.generate_key(2048, {"kid": "k"})),
        ("ES256", jwk.ECKey.generate_key("P-256", {"kid": "k"})),
        ("EdDSA", jwk.OKPKey.generate_key("Ed25519", {"kid": "k"})),
        ("Ed25519", jwk.OKPKey.generate_key("Ed25519", {"kid": "k"})),
    ],
)
def test_the_four_families_of_signatures_are_accepted(algorithm, key):
    issuer = Issuer(ISSUER, AUDIENCE, {"keys": [SIGNING.as_dict(private=False), key.as_dict(private=False)]})
    good = token(header={"alg": algorithm, "kid": "k"}, key=key)
    assert issuer.subject(good).name.endswith("#hanako")
    head, claims, signature = good.split(".")
    assert issuer.subject(f"{head}.{claims[:-2]}AA.{signature}") is None


@pytest.mark.parametrize("algorithm", ["RS384", "PS512", "ES384", "HS256"])
def test_other_algorithms_are_not(algorithm):
    key = {"R": jwk.RSAKey, "P": jwk.RSAKey, "E": jwk.ECKey, "H": jwk.OctKey}[algorithm[0]]
    size = {"R": 2048, "P": 2048, "E": "P-384", "H": 256}[algorithm[0]]
    made = key.generate_key(size, {"kid": "k"})
    listed = [SIGNING.as_dict(private=False)] + ([] if algorithm == "HS256" else [made.as_dict(private=False)])
    issuer = Issuer(ISSUER, AUDIENCE, {"keys": listed})
    assert issuer.subject(token(header={"alg": algorithm, "kid": "k"}, key=made)) is None


def test_key_sets_with_secrets_or_weak_keys_are_refused_at_the_start(tmp_path):
    public = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key().public_numbers()
    number = base64.urlsafe_b64encode(public.n.to_bytes(128, "big")).decode().rstrip("=")
    weak = {"kty": "RSA", "e": "AQAB", "n": number}
    for keys, said in (
        ([jwk.OctKey.generate_key(256).as_dict(private=True)], "secret"),
        ([SIGNING.as_dict(private=True)], "secret"),
        ([weak], "shorter"),
        ([], "no public key"),
        ([{"kty": "RSA", "n": "x"}], "cannot be read"),
        ("x", "no JSON Web Key Set"),
    ):
        with pytest.raises(InputError, match=said):
            Issuer(ISSUER, AUDIENCE, {"keys": keys})
    with pytest.raises(InputError, match="https"):
        issuer_of(Settings(store=tmp_path, issuer=ISSUER, audience=AUDIENCE, jwks="http://id.example.org/jwks"))
    with pytest.raises(InputError, match="private network"):
        issuer_of(Settings(store=tmp_path, issuer=ISSUER, audience=AUDIENCE, jwks="https://127.0.0.1/jwks"))


# How often


def test_a_bucket_empties_refills_and_its_table_stays_small():
    now = [0.0]
    buckets = Buckets(60, clock=lambda: now[0])
    assert [buckets.take("a") for _ in range(61)] == [0.0] * 60 + [1.0]
    now[0] = 2.0
    assert [buckets.take("a") for _ in range(3)] == [0.0, 0.0, 1.0]
    for n in range(KEPT + 100):
        buckets.take(str(n))
    assert len(buckets._kept) == KEPT


def test_who_asks_too_often_is_told_when_to_come_back(tmp_path):
    keys = KeyFile(tmp_path / "service" / "keys.json")
    one, other = keys.add("one", ("read", "execute"), NOW), keys.add("other", ("read", "execute"), NOW)
    client = client_of(tmp_path, require_key=True, limits=Limits(requests_per_minute=10, writes_per_minute=3))
    assert [execute(client, **bearer(one)).status_code for _ in range(4)] == [200, 200, 200, 429]
    assert execute(client, **bearer(other)).status_code == 200
    assert [client.get("/layers", headers=bearer(one)).status_code for _ in range(7)] == [200] * 6 + [429]
    assert client.get("/layers").status_code == 200
    answer = execute(client, **bearer(one))
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 60


def test_reading_on_a_machine_of_ones_own_is_not_counted(tmp_path):
    client = client_of(tmp_path, limits=Limits(requests_per_minute=2, writes_per_minute=2))
    assert [client.get("/layers").status_code for _ in range(5)] == [200] * 5
    assert [execute(client).status_code for _ in range(3)] == [200, 200, 429]


# Bodies


def deep(levels):
    return '{"inputs":' + '{"a":' * levels + "1" + "}" * levels + "}"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (deep(10), 200),
        (deep(100), 400),
        (deep(50_000), 400),
        ('{"inputs": {"x": NaN}}', 400),
        ('{"inputs": {"x": 1e999}}', 400),
        ('{"inputs": {"x": -Infinity}}', 400),
        ("{", 400),
        ('{"inputs": {"x": "' + "a" * 2_000_000 + '"}}', 413),
        ('{"inputs": {"x": "\\ud800"}}', 400),
        ('{"inputs": {"x": 1, "x": 2}}', 400),
    ],
)
def test_json_is_strict_shallow_and_short(tmp_path, body, status):
    answer = client_of(tmp_path).post(
        "/ogc/processes/x/execution", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code == status
    assert len(answer.text) < 1000


def test_a_streamed_body_is_cut_off_and_a_compressed_one_is_not_read(tmp_path):
    client = client_of(tmp_path)

    def endless():
        for _ in range(100):
            yield b"[" * 65536

    headers = {"content-type": "application/json"}
    assert client.post("/ogc/processes/x/execution", content=endless(), headers=headers).status_code == 413
    answer = client.post("/ogc/processes/x/execution", content=b"{}", headers=headers | {"content-encoding": "gzip"})
    assert answer.status_code == 415


@pytest.mark.parametrize("path", ["/layers/%2e%2e/x", "/layers/..%2fx", "/a%00b", "/a%0d%0ab", "/a%5cb", "/a/%2e/b"])
def test_dot_segments_and_control_characters_are_no_path(tmp_path, path):
    answer = client_of(tmp_path).get(path)
    assert answer.status_code == 400
    assert "plain path" in answer.json()["detail"]


# The record


def test_writes_and_refusals_are_written_down_without_secrets(tmp_path):
    secret = KeyFile(tmp_path / "service" / "keys.json").add("hanako", ("read", "execute"), NOW)
    client = client_of(tmp_path, require_key=True)
    client.get("/layers")
    execute(client, **bearer(secret))
    execute(client, **bearer("mitoshi_guess"))
    client.get("/ogc/a%0a%1b%7f?key=hidden", headers={"host": "evil.example"})
    text = (tmp_path / "service" / "audit.jsonl").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert [(e["owner"], e["method"], e["status"]) for e in lines] == [
        ("key:hanako", "POST", 200),
        ("", "POST", 401),
        ("", "GET", 400),
    ]
    assert lines[2]["path"] == "/ogc/a\n\x1b\x7f"
    assert all(c == "\n" or 32 <= ord(c) < 127 for c in text)
    for hidden in (secret, "mitoshi_guess", "hidden"):
        assert hidden not in text
    assert stat.S_IMODE((tmp_path / "service" / "audit.jsonl").stat().st_mode) == 0o600


def test_the_record_turns_over_and_keeps_five(tmp_path):
    log = AuditLog(tmp_path / "audit.jsonl", largest=200)
    for n in range(40):
        log.append({"n": n, "text": "x" * 40})
    files = sorted(tmp_path.iterdir())
    assert [f.name for f in files] == ["audit.jsonl", *(f"audit.jsonl.{n}" for n in range(1, 6))]
    assert all(f.stat().st_size <= 200 for f in files)
    kept = sorted(json.loads(line)["n"] for f in files for line in f.read_text().splitlines())
    assert kept == list(range(40))[-len(kept) :]


def test_a_record_that_cannot_be_written_breaks_no_request(tmp_path, caplog):
    client = client_of(tmp_path)
    (tmp_path / "service").mkdir()
    (tmp_path / "elsewhere").write_text("")
    (tmp_path / "service" / "audit.jsonl").symlink_to(tmp_path / "elsewhere")
    assert execute(client).status_code == 200
    assert "the audit log cannot be written" in caplog.text
    assert (tmp_path / "elsewhere").read_text() == ""


def test_a_flood_of_refusals_is_counted_and_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(
        audit, "Buckets", lambda n: Buckets(n, clock=lambda: 0.0)
    )  # a slow machine is let more in meanwhile
    client = client_of(tmp_path)
    for _ in range(650):
        client.get("/layers", headers={"host": "evil.example"})
    execute(client)
    lines = [json.loads(line) for line in (tmp_path / "service" / "audit.jsonl").read_text().splitlines()]
    assert len(lines) == 600 + 1
    assert lines[-1]["status"] == 200
    assert len(lines) - 1 + sum(line.get("refusals_left_out", 0) for line in lines) == 650


# The document


def test_the_openapi_document_says_what_the_layers_answer(tmp_path):
    told = client_of(tmp_path).get("/openapi.json").json()
    execution = told["paths"]["/ogc/processes/x/execution"]["post"]
    assert {"400", "401", "403", "408", "413", "415", "421", "429"} <= set(execution["responses"])
    assert execution["security"][0] == {}
    assert "security" not in told["paths"]["/layers"]["get"]
