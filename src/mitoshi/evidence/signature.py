"""Ed25519 over ``SHA256SUMS``: who vouches for a bundle. The bundle's own copy of the public key proves nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mitoshi.core.errors import BundleError, InputError
from mitoshi.evidence.bundle import PUBLIC_KEY, SIGNATURE, SUMS, read_sums

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

__all__ = ["check_signature", "new_key", "sign"]

MAX_KEY = 64 * 1024


def new_key(path: Path) -> Path:
    """Write a new Ed25519 key pair: `path` (private, PEM, readable by its owner alone) and `path`.pub.

    Returns
    -------
    The public key's path.

    Raises
    ------
    InputError
        If either file exists.
    """
    from cryptography.hazmat.primitives import serialization as to
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    secret = key.private_bytes(to.Encoding.PEM, to.PrivateFormat.PKCS8, to.NoEncryption())
    public = path.with_name(f"{path.name}.pub")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for file, content, mode in ((path, secret, 0o600), (public, _pem(key.public_key()), 0o644)):
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as out:
                out.write(content)
    except OSError as error:
        raise InputError(f"{error.filename} cannot be made ({error.strerror}); give another name") from None
    return public


def sign(directory: Path, key: Path) -> Path:
    """Sign a bundle's ``SHA256SUMS`` and put the signature and the public key beside it.

    Parameters
    ----------
    directory
        The bundle.
    key
        Ed25519 private key in PEM.

    Returns
    -------
    The signature's path.

    Raises
    ------
    BundleError
        If there is no bundle, or one of its files is not what ``SHA256SUMS`` says.
    InputError
        If the key is no Ed25519 private key.
    """
    from mitoshi.evidence.checking import first_mismatch

    secret = _private(key)
    wrong = first_mismatch(directory, read_sums(directory))
    if wrong is not None:
        raise BundleError(f"{wrong}; it is not signed")
    _replace(directory / PUBLIC_KEY, _pem(secret.public_key()))
    _replace(directory / SIGNATURE, secret.sign((directory / SUMS).read_bytes()))
    return directory / SIGNATURE


def check_signature(directory: Path, key: Path | None) -> tuple[bool, str]:
    """Return whether nothing speaks against a bundle's signature, and one line about it ("" where there is none to tell).

    Only `key` is trusted. Without it a signature counts for nothing, but it must at least be one.
    """
    from cryptography.exceptions import InvalidSignature

    signature = directory / SIGNATURE
    if not signature.is_file():
        return key is None, "" if key is None else f"{directory.name} carries no signature ({SIGNATURE})"
    if signature.stat().st_size != 64:
        return False, f"{SIGNATURE} is no Ed25519 signature (64 bytes)"
    own = directory / PUBLIC_KEY
    if key is None:
        if not own.is_file():
            return True, "signature present, not checked against a key"
        try:
            _public(own).verify(signature.read_bytes(), (directory / SUMS).read_bytes())
        except InvalidSignature:
            return False, f"{SIGNATURE} was not made over these checksums by the key that comes with it ({PUBLIC_KEY})"
        except InputError:
            return False, f"{PUBLIC_KEY} is no Ed25519 public key in PEM, so {SIGNATURE} is none of a run"
        return (
            True,
            "signature present, not checked against a key; it fits the key that comes with it, which proves nothing",
        )
    public = _public(key)
    try:
        public.verify(signature.read_bytes(), (directory / SUMS).read_bytes())
    except InvalidSignature:
        return False, f"{SIGNATURE} was not made by the key {key.name} over these checksums"
    return True, f"signature of {key.name} is valid"


def _replace(path: Path, content: bytes) -> None:
    from mitoshi.evidence.bundle import write_file

    beside = path.with_name(f"{path.name}.new")
    write_file(beside, content)
    beside.replace(path)


def _pem(public: Ed25519PublicKey) -> bytes:
    from cryptography.hazmat.primitives import serialization as to

    return public.public_bytes(to.Encoding.PEM, to.PublicFormat.SubjectPublicKeyInfo)


def _read(key: Path) -> bytes:
    try:
        content = key.read_bytes() if key.stat().st_size <= MAX_KEY else b""
    except OSError as error:
        raise InputError(f"the key {key} cannot be read ({error.strerror}); check the path") from None
    return content


def _private(key: Path) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        loaded: Any = load_pem_private_key(_read(key), None)
    except (ValueError, TypeError):
        loaded = None
    if not isinstance(loaded, Ed25519PrivateKey):
        raise InputError(
            f"{key.name} is no Ed25519 private key in PEM without a password; make one with 'mitoshi keygen'"
        )
    return loaded


def _public(key: Path) -> Ed25519PublicKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        loaded: Any = load_pem_public_key(_read(key))
    except ValueError:
        loaded = None
    if not isinstance(loaded, Ed25519PublicKey):
        raise InputError(f"{key.name} is no Ed25519 public key in PEM; give the file that ends in .pub")
    return loaded
