"""`serve`: the API, the tiles, the viewer and the MCP endpoint on one port."""

from __future__ import annotations

from pathlib import Path

import click

from mitoshi.core.errors import InputError
from mitoshi.interfaces.cli.terminal import store_option, store_path

__all__ = ["serve"]

FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)


@click.command()
@store_option
@click.option("--bundles", type=FOLDER, multiple=True, help="Folder with evidence bundles to show; repeatable.")
@click.option(
    "--data", type=FOLDER, multiple=True, help="Folder whose catalogued files may be read over HTTP; repeatable."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes a free one.")
@click.option("--name", "names", multiple=True, help="Host name under which the service is called; repeatable.")
@click.option("--workers", type=click.IntRange(0, 64), default=1, show_default=True, help="Processes that run jobs.")
@click.option("--require-key", is_flag=True, help="Ask for a key to write and run also on the loopback.")
@click.option("--transactions", is_flag=True, help="Allow items to be added and removed through the STAC API.")
@click.option("--oidc-issuer", default="", help="Accept tokens of this OpenID Connect issuer.")
@click.option("--oidc-audience", default="", help="The audience that its tokens must name.")
@click.option("--oidc-keys", default="", metavar="FILE|URL", help="Its public keys (JWKS).")
def serve(
    *,
    store: Path | None,
    bundles: tuple[Path, ...],
    data: tuple[Path, ...],
    host: str,
    port: int,
    names: tuple[str, ...],
    workers: int,
    require_key: bool,
    transactions: bool,
    oidc_issuer: str,
    oidc_audience: str,
    oidc_keys: str,
) -> None:
    """Open the page with the globe, and the API that it and other clients use.

    Only this machine can reach it unless --host says otherwise; then writing and running need a key (`mitoshi key add NAME`).
    """
    given = [bool(v) for v in (oidc_issuer, oidc_audience, oidc_keys)]
    if any(given) and not all(given):
        raise InputError("give --oidc-issuer, --oidc-audience and --oidc-keys together, or none of them")
    from mitoshi.interfaces.api import Settings
    from mitoshi.interfaces.api.running import run

    run(
        Settings(
            store=store_path(store),
            bundles=bundles,
            data=data,
            host=host,
            port=port,
            names=names,
            workers=workers,
            require_key=require_key,
            transactions=transactions,
            issuer=oidc_issuer,
            audience=oidc_audience,
            jwks=oidc_keys,
        ),
        say=lambda line: click.echo(line, err=False),
    )
