"""`mcp`: the methods as tools of the Model Context Protocol."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from mitoshi.core.errors import InputError
from mitoshi.interfaces.cli.terminal import store_option, store_path

__all__ = ["mcp"]

FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)


@click.command()
@store_option
@click.option("--bundles", type=FOLDER, multiple=True, help="Folder with evidence bundles to show; repeatable.")
@click.option(
    "--data", type=FOLDER, multiple=True, help="Folder whose catalogued files may be read for values; repeatable."
)
@click.option("--workers", type=click.IntRange(0, 64), default=1, show_default=True, help="Processes that run jobs.")
@click.option("--http", is_flag=True, help="Streamable HTTP at /mcp instead of standard input and output.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on, with --http.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8001, show_default=True, help="With --http; 0 takes a free one."
)
@click.option("--name", "names", multiple=True, help="With --http: host name under which it is called; repeatable.")
def mcp(
    *,
    store: Path | None,
    bundles: tuple[Path, ...],
    data: tuple[Path, ...],
    workers: int,
    http: bool,
    host: str,
    port: int,
    names: tuple[str, ...],
) -> None:
    """Give the methods, the catalogue and verify to an MCP client as tools.

    A client starts this command and talks to it over standard input and output. `mitoshi serve` has the same tools at /mcp.
    """
    try:
        if http:
            from mitoshi.interfaces.api.settings import Settings
            from mitoshi.interfaces.api.tools import run_alone

            settings = Settings(
                store_path(store), bundles=bundles, data=data, host=host, port=port, names=names, workers=workers
            )
            run_alone(settings, say=click.echo)
            return
        import anyio

        from mitoshi.interfaces.mcp.stdio import serve
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("mitoshi"):
            raise
        extras = "mcp,serve" if http else "mcp"
        raise InputError(f"mitoshi mcp needs {error.name}; install it with pip install 'mitoshi[{extras}]'") from None
    anyio.run(partial(serve, store_path(store), bundles, data, workers))
