"""`verify`, `sign` and `keygen`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mitoshi.interfaces.cli.terminal import json_option, print_json, progress_bar

if TYPE_CHECKING:
    from mitoshi.evidence import Verdict

__all__ = ["keygen", "sign", "verify"]


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--key", type=click.Path(path_type=Path), help="Public key (PEM) the signature must match.")
@click.option("--inputs", type=click.Path(path_type=Path), help="Folder where the inputs are looked for by checksum.")
@json_option
def verify(directory: Path, *, key: Path | None, inputs: Path | None, as_json: bool) -> int:
    """Run an evidence bundle again and compare: identical, equivalent, different or unverifiable."""
    from mitoshi.evidence import verify as check

    with progress_bar("verify", quiet=as_json) as progress:
        verdict = check(directory, key=key, inputs=inputs, progress=progress)
    if as_json:
        print_json(verdict.plain())
    else:
        click.echo("\n".join(_lines(verdict)))
    return 0 if verdict.accepted else 1


def _lines(verdict: Verdict) -> list[str]:
    """Return a verdict in lines: status, reasons, how many files are in which state, and what was not checked."""
    from mitoshi.evidence.file_checks import NOT_REACHED
    from mitoshi.evidence.verdict import printable

    states = Counter(f.state for f in verdict.files)
    count = [f"  files: {', '.join(f'{n} {state}' for state, n in sorted(states.items()))}"] if states else []
    left = sum(f.words == NOT_REACHED for f in verdict.files)
    unchecked = [f"  not checked: {line}" for line in verdict.not_checked if not line.endswith(f": {NOT_REACHED}")]
    unchecked += [f"  not checked: {left} files, {NOT_REACHED}"] if left else []
    lines = [verdict.status, *(f"  {reason}" for reason in verdict.reasons), *count, *unchecked]
    return [printable(line) for line in lines]


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--key", type=click.Path(path_type=Path), required=True, help="Ed25519 private key (PEM).")
def sign(directory: Path, *, key: Path) -> None:
    """Sign the checksums of an evidence bundle with Ed25519."""
    from mitoshi.evidence import sign as put_signature

    click.echo(f"signed: {put_signature(directory, key)}")


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
def keygen(path: Path) -> None:
    """Make an Ed25519 key pair: PATH (private, keep it) and PATH.pub (give it to whoever verifies)."""
    from mitoshi.evidence import new_key

    click.echo(f"private key {path}, public key {new_key(path)}")
