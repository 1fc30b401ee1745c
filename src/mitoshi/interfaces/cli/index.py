"""`index`: what this user's private index of inputs knows, and how to forget it."""

from __future__ import annotations

import click

from mitoshi.interfaces.cli.terminal import json_option, print_json

__all__ = ["index"]


@click.command()
@click.option("--forget", is_flag=True, help="Remove the index.")
@json_option
def index(*, forget: bool, as_json: bool) -> None:
    """Show the private index in which `verify` looks for the inputs of your own runs, or forget it.

    It holds checksums and paths of this machine, lies outside every bundle, and only you may read it. MITOSHI_INDEX=off
    switches it off.
    """
    from mitoshi.evidence import input_index

    file = input_index.index_file()
    count = input_index.forget() if forget else input_index.size()
    if as_json:
        print_json({"file": None if file is None else str(file), "files": count, "forgotten": forget})
    elif file is None:
        click.echo("the index is switched off (MITOSHI_INDEX)")
    else:
        click.echo(f"{count} files {'forgotten' if forget else 'known'}: {file}")
