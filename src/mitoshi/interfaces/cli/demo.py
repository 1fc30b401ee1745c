"""`demo`: the whole path once, on a simulated region with known truth."""

from __future__ import annotations

from pathlib import Path

import click

from mitoshi.interfaces.cli.terminal import json_option, print_json, progress_bar

__all__ = ["demo"]


@click.command()
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("demo"), show_default=True, help="Folder for everything."
)
@click.option(
    "--seed", type=click.IntRange(0), default=20261123, show_default=True, help="Seed of the simulated region."
)
@click.option("--size", type=click.IntRange(256, 20000), default=1024, show_default=True, help="Pixels along one side.")
@click.option("--time", help="One time written everywhere.  [default: the simulated clock of the drill]")
@click.option("--serve", "served", is_flag=True, help="Open the page with the globe on the result.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="Of the page.")
@json_option
def demo(*, out: Path, seed: int, size: int, time: str | None, served: bool, port: int, as_json: bool) -> None:
    """Simulate a region, ingest it, map its flood, verify the evidence, and compare with the known truth."""
    from mitoshi.core.requirement import instant
    from mitoshi.workflows.demo import run_demo

    with progress_bar("demo", quiet=as_json, lines=True) as progress:
        result = run_demo(out, seed=seed, size=size, time=instant(time) if time else None, progress=progress)
    if as_json:
        print_json(result.as_dict())
    else:
        click.echo("\n".join(result.lines()))
    if served:
        _serve(out, f"region-{seed}-{size}", port)


def _serve(out: Path, region: str, port: int) -> None:
    """Serve the region's catalogue, its observations and the bundles of the response."""
    from mitoshi.interfaces.api import Settings
    from mitoshi.interfaces.api.running import run

    settings = Settings(
        store=out / region / "catalogue", bundles=(out / "response",), data=(out / region / "archive",), port=port
    )
    run(settings, say=click.echo)
