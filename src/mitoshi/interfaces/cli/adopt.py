"""`adopt`: a person lets products of runs answer the needs of later runs."""

from __future__ import annotations

from pathlib import Path

import click

from mitoshi.interfaces.cli.terminal import clock, json_option, print_json, store_option, store_path

__all__ = ["adopt"]


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="ID...")
@click.option("--by", metavar="NAME", help="Who adopts; recorded with the time. Needed unless --withdraw is given.")
@click.option("--reason", default="", metavar="WORDS", help="Why, in your own words; recorded.")
@click.option("--withdraw", is_flag=True, help="Make them trial products again.")
@store_option
@json_option
def adopt(
    names: tuple[str, ...], *, by: str | None, reason: str, withdraw: bool, store: Path | None, as_json: bool
) -> None:
    """Let products of runs answer the needs of later runs.

    ID is a product of the catalogue (`mitoshi search`), or a bundle by its identifier or the first twelve digits of it. Products
    of a chain (`mitoshi respond`) are adopted by it; those of a single run are trial products, which later runs take only
    where they are named as catalogue:ID.
    """
    from mitoshi.catalog import Catalogue
    from mitoshi.workflows import adoption

    if withdraw and (by or reason):
        raise click.UsageError("--withdraw takes no --by and no --reason; leave them out")
    if not withdraw and by is None:
        raise click.UsageError("an adoption states who adopts; give --by NAME")
    catalogue = Catalogue(store_path(store))
    if withdraw:
        items = adoption.withdraw(catalogue, names)
    else:
        now = clock(None).isoformat().replace("+00:00", "Z")
        items = adoption.adopt(catalogue, names, adoption.Adoption(by or "", now, reason))
    if as_json:
        print_json({"items": list(items), "standing": "trial" if withdraw else "adopted"})
        return
    for item in items:
        click.echo(f"{item} is {'a trial product again' if withdraw else 'adopted'}")
