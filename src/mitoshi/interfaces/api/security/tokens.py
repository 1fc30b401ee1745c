"""Tokens of an OpenID Connect issuer: signed by one of its public keys, for us, and still good.

The header of a token chooses among the keys that the operator named and nothing else: what it says about where keys lie (``jku``,
``x5u``, ``jwk``, ``x5c``) is not looked at, and an algorithm with a shared secret, or none, is not accepted.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mitoshi.core.errors import InputError
from mitoshi.sensors import guard

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitoshi.interfaces.api.settings import Settings

__all__ = ["Issuer", "Subject", "issuer_of"]

# Algorithm of a token -> type of the key that may have signed it.
ALGORITHMS = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "EdDSA": "OKP", "Ed25519": "OKP"}
LONGEST_TOKEN = 8192
SHORTEST_RSA = 2048
LEEWAY_SECONDS = 60
LONGEST_SUBJECT = 256
OUR_SCOPE = re.compile(r"(?:mitoshi[:.])?(read|execute|write)")


class Subject(NamedTuple):
    """Whom a token is about, and what he may do."""

    name: str
    scopes: tuple[str, ...]


class Issuer:
    """One issuer whose tokens are accepted.

    Parameters
    ----------
    name
        As in the claim ``iss``.
    audience
        As in the claim ``aud``.
    keys
        Its JSON Web Key Set.
    now
        Seconds since 1970; the machine's clock by default.

    Raises
    ------
    InputError
        If the key set holds no usable key, or a secret.
    """

    def __init__(self, name: str, audience: str, keys: dict[str, Any], now: Callable[[], int] | None = None) -> None:
        from joserfc import jwt

        self.name = name
        self._keys = _usable(keys)
        self._registry = _registry()
        wanted = {claim: {"essential": True} for claim in ("exp", "sub")}
        self._claims = jwt.JWTClaimsRegistry(
            now=now,
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": name},
            aud={"essential": True, "value": audience},
            **wanted,  # type: ignore[arg-type]
        )

    def subject(self, token: str) -> Subject | None:
        """Return whom a token is about, or None where it is not good for us."""
        from joserfc import jws, jwt
        from joserfc.errors import JoseError

        if len(token) > LONGEST_TOKEN:
            return None
        try:
            key = self._key(jws.extract_compact(token.encode("ascii")).headers())
            if key is None:
                return None
            read = jwt.decode(token, key, registry=self._registry)
            self._claims.validate(read.claims)
        except (JoseError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
            return None
        who = str(read.claims["sub"])
        if not who or len(who) > LONGEST_SUBJECT or not who.isprintable():
            return None
        return Subject(f"oidc:{self.name}#{who}", _scopes(read.claims))

    def _key(self, header: Any) -> Any:
        kind = ALGORITHMS.get(header.get("alg"))
        kid = header.get("kid")
        fitting = [k for k in self._keys if k.key_type == kind and k.get("alg") in (None, header.get("alg"))]
        if kid is not None:
            fitting = [k for k in fitting if k.get("kid") == kid]
        return fitting[0] if len(fitting) == 1 else None


def _registry() -> Any:
    """Return joserfc's rules with our list of algorithms; "EdDSA" is an old name of a good one and not worth a warning."""
    from joserfc.errors import UnsupportedAlgorithmError
    from joserfc.jws import JWSRegistry

    class Allowed(JWSRegistry):
        def get_alg(self, name: str) -> Any:
            if name not in ALGORITHMS:
                raise UnsupportedAlgorithmError("this algorithm is not accepted")
            return self.algorithms[name]

    return Allowed()


def _usable(keys: dict[str, Any]) -> list[Any]:
    from joserfc.errors import JoseError
    from joserfc.jwk import JWKRegistry

    listed = keys.get("keys") if isinstance(keys, dict) else None
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise InputError("the issuer's keys are no JSON Web Key Set; give its jwks_uri or that file")
    usable = []
    for entry in listed:
        if entry.get("kty") == "oct" or "d" in entry:
            raise InputError("the issuer's key set holds a secret; give its public keys alone")
        if entry.get("kty") not in ALGORITHMS.values() or entry.get("use", "sig") != "sig":
            continue
        shown = repr(str(entry.get("kid"))[:40])
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # short keys are refused below
                key = JWKRegistry.import_key(entry)
        except (JoseError, ValueError, TypeError, KeyError):
            raise InputError(f"key {shown} of the issuer cannot be read; check the key set") from None
        if key.key_type == "RSA" and key.public_key.key_size < SHORTEST_RSA:  # type: ignore[union-attr]
            raise InputError(f"key {shown} of the issuer is shorter than {SHORTEST_RSA} bits; have it replaced")
        usable.append(key)
    if not usable:
        raise InputError("the issuer's key set holds no public key for signatures; give its jwks_uri or that file")
    return usable


def _scopes(claims: dict[str, Any]) -> tuple[str, ...]:
    """Return what the token's ``scope`` (or ``scp``) grants; without one, reading."""
    told = claims.get("scope", claims.get("scp", ""))
    words = (
        told.split()
        if isinstance(told, str)
        else [w for w in told if isinstance(w, str)]
        if isinstance(told, list)
        else []
    )
    granted = {found[1] for word in words if (found := OUR_SCOPE.fullmatch(word))}
    return tuple(sorted(granted | {"read"}))


def issuer_of(settings: Settings) -> Issuer | None:
    """Return the issuer that the settings name, or None where they name none.

    Raises
    ------
    InputError
        If its keys cannot be read, or are asked for over an unprotected connection.
    """
    if not settings.issuer:
        return None
    where = settings.jwks
    if "://" in where:
        if not where.lower().startswith("https://"):
            raise InputError(f"the issuer's keys must come over https, got {where[:120]!r}; or give them as a file")
        from mitoshi.sensors.fetch import fetch

        path = fetch(where)
    else:
        path = guard.regular_file(Path(where))
    return Issuer(settings.issuer, settings.audience, guard.parse_json(path.read_bytes(), path.name))
