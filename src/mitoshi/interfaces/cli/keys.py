"""`key`: who may write and execute on a service that others can reach."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mitoshi.interfaces.cli.terminal import clock, json_option, print_json, store_option, store_path

if TYPE_CHECKING:
    from mitoshi.interfaces.api.security.keys import KeyFile

__all__ = ["key"]


@click.group()
def key() -> None:
    """Make, list and revoke the keys of a service (`mitoshi serve`)."""


def _file(store: Path | None) -> KeyFile:
    from mitoshi.interfaces.api.security.keys import KeyFile
    from mitoshi.interfaces.api.settings import Settings

    return KeyFile(Settings(store=store_path(store)).folder / "keys.json")


@key.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(["read", "execute", "write"]),
    multiple=True,
    default=("read", "execute"),
    show_default=True,
    help="What the key may do; repeatable.",
)
@store_option
def add(name: str, *, scopes: tuple[str, ...], store: Path | None) -> None:
    """Make a key and print it once; only its SHA-256 is kept."""
    scopes = tuple(s for s in ("read", "execute", "write") if s == "read" or s in scopes)
    click.echo(_file(store).add(name, scopes, clock(None)))
    click.echo(f"key {name} may {', '.join(scopes)}; it is not shown again", err=True)


@key.command("list")
@store_option
@json_option
def list_keys(*, store: Path | None, as_json: bool) -> None:
    """List the keys, revoked ones too."""
    keys = _file(store).keys()
    if as_json:
        print_json([{k: v for k, v in asdict(one).items() if k != "sha256"} for one in keys])
        return
    for one in keys:
        state = f"revoked {one.revoked}" if one.revoked else ", ".join(one.scopes)
        click.echo(f"{one.name:<24} {one.created}  {state}")
    click.echo(f"{len(keys)} keys", err=True)


@key.command()
@click.argument("name")
@store_option
def revoke(name: str, *, store: Path | None) -> None:
    """Make a key worthless, at once, also for a running service."""
    _file(store).revoke(name, clock(None))
    click.echo(f"key {name} is revoked", err=True)
