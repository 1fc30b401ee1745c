"""`run`: one subcommand per method, its options made from the method's signature."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mitoshi.core.errors import InputError
from mitoshi.core.requirement import instant
from mitoshi.interfaces.cli.terminal import clock, json_option, print_json, progress_bar, store_option, store_path

if TYPE_CHECKING:
    from datetime import datetime

    from mitoshi.core.method import DataArgument, Method, Parameter

__all__ = ["run"]


class MethodCommands(click.Group):
    """A group whose commands are the declared methods; only the one that is asked for is imported."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all methods."""
        del ctx
        from mitoshi.core.discovery import methods

        return list(methods())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of one method."""
        del ctx
        from mitoshi.core.discovery import find

        return method_command(find(cmd_name))


@click.group(cls=MethodCommands, subcommand_metavar="NAME [OPTIONS]")
def run() -> None:
    """Run a method on observations and write an evidence bundle.

    `mitoshi run NAME --help` shows the data and the parameters of one method.
    """


def method_command(method: Method[..., Any]) -> click.Command:
    """Return the click command of a method: data arguments, parameters, and the options every run has."""
    names = {"data": {d.name for d in method.data}, "parameters": {p.name for p in method.parameters}}

    def call(**given: Any) -> None:
        data = {k: _sources(given.pop(k)) for k in names["data"]}
        parameters = {k: given.pop(k) for k in names["parameters"]}
        _run(method, {k: v for k, v in data.items() if v}, parameters, **given)

    command = click.command(method.name, help=_help(method), context_settings={"help_option_names": ["-h", "--help"]})(
        _run_options(call)
    )
    options = [_data_option(d) for d in method.data] + [_parameter_option(p) for p in method.parameters]
    command.params = options + command.params
    return command


def _sources(given: tuple[str, ...]) -> str | list[str]:
    """Return what an option was given: one source, or several that were each given with it."""
    return given[0] if len(given) == 1 else list(given)


def _help(method: Method[..., Any]) -> str:
    return f"{method.title.en} / {method.title.ja}\n\n\b\n{inspect.cleandoc(method.doc).split('Parameters')[0]}"


def _data_option(d: DataArgument) -> click.Option:
    need = "" if d.need.when == "any" else f"; {d.need.when} the event"
    need += f"; at least {d.need.dates} dates, each with an option of its own" if d.need.is_stack else ""
    text = f"{d.quantity.title.en}{need}{'' if d.required else '; optional'}. {d.doc}"
    return click.Option([f"--{d.name.replace('_', '-')}", d.name], metavar="FILE|URL", help=text, multiple=True)


def _parameter_option(p: Parameter) -> click.Option:
    kind: Any = click.Choice(p.choices) if p.choices else p.type
    text = p.doc if p.choices else f"{p.doc}  {p.interval}"
    return click.Option(
        [f"--{p.name.replace('_', '-')}", p.name], type=kind, default=p.default, show_default=True, help=text
    )


def _run_options(call: Any) -> Any:
    for option in reversed(
        (
            click.option("--area", help="West,south,east,north in degrees: look the data up in the catalogue."),
            click.option("--event", help="Time of the event, ISO 8601, for data needed before or after it."),
            click.option(
                "--out", required=True, type=click.Path(path_type=Path), help="Folder of the evidence bundle."
            ),
            click.option("--replace", is_flag=True, help="Replace a bundle that is already there."),
            click.option("--workers", type=click.IntRange(1, 64), default=2, show_default=True, help="Threads."),
            click.option("--cluster", metavar="URL", help="Address of a dask scheduler that does the tiles."),
            click.option(
                "--tile-size", type=click.IntRange(256, 16384), default=2048, show_default=True, help="Pixels."
            ),
            click.option("--time", help="Time written into the bundle, for byte-identical reruns.  [default: now]"),
            store_option,
            json_option,
        )
    ):
        call = option(call)
    return call


def _run(
    method: Method[..., Any],
    data: dict[str, str | list[str]],
    parameters: dict[str, Any],
    *,
    area: str | None,
    event: str | None,
    out: Path,
    replace: bool,
    workers: int,
    cluster: str | None,
    tile_size: int,
    time: str | None,
    store: Path | None,
    as_json: bool,
) -> None:
    from mitoshi.core.grid import BBox
    from mitoshi.workflows.task import run_method

    if not data and area is None:
        wanted = " ".join(f"--{d.name} FILE" for d in method.data if d.required)
        raise InputError(f"{method.name} needs data; give {wanted}, or --area W,S,E,N to search the catalogue")
    there = (out / "run.json").is_file()
    with progress_bar(method.name, quiet=as_json) as progress:
        bundle = run_method(
            method,
            data,
            parameters,
            out,
            time=clock(time),
            area=BBox.parse(area) if area else None,
            event=instant(event) if event else None,
            store=store_path(store),
            workers=workers,
            cluster=cluster,
            tile_size=tile_size,
            progress=progress,
            existing="replaced" if replace else "kept",
        )
    kept = there and not replace
    if kept and time is not None and made_at(out) != clock(time):
        raise InputError(
            f"{out} holds this run, made at another time ({made_at(out).isoformat()}); give a new folder with --out, or --replace"
        )
    _show(bundle, out, as_json=as_json, kept=kept)


def made_at(bundle: Path) -> datetime:
    """Return the time that a bundle's record states."""
    from mitoshi.evidence.bundle import read_json

    return instant(str(read_json(bundle, "run.json")["time"]))


def _show(bundle: Any, out: Path, *, as_json: bool, kept: bool) -> None:
    from mitoshi.evidence.wording import said

    if as_json:
        print_json(
            {
                "bundle": str(out),
                "id": bundle.id,
                "kept": kept,
                "products": list(bundle.products),
                "figures": [
                    {**f._asdict(), "title": f.title._asdict(), "reason": f.reason and f.reason.en}
                    for f in bundle.figures
                ],
                "assumptions": [a.en for a in bundle.assumptions],
                "choice": [c.en for c in bundle.choice],
            }
        )
        return
    for line in bundle.choice:
        click.echo(line.en)
    for assumption in bundle.assumptions:
        click.echo(f"assumed: {assumption.en}", err=True)
    for f in bundle.figures:
        click.echo(f"{f.title.en}: {said(f, 'en')}")
    if kept:
        made = made_at(out).isoformat().replace("+00:00", "Z")
        click.echo(f"{out} held this very run already, made {made}; nothing was computed (--replace makes it again)")
    click.echo(f"bundle {out} (id {bundle.id[:12]}); check it with: mitoshi verify {out}")
