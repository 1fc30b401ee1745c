"""`sip4d`: check packages of the disaster information exchange."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mitoshi.interfaces.cli.terminal import json_option, print_json

if TYPE_CHECKING:
    from mitoshi.handover.sip4d import Verdict

__all__ = ["sip4d"]


@click.group()
def sip4d() -> None:
    """SIP4D-ZIP, the package in which Japanese disaster authorities exchange maps."""


@sip4d.command()
@click.argument("files", type=click.Path(path_type=Path), nargs=-1, required=True, metavar="FILE.zip…")
@click.option("--japanese", "-j", is_flag=True, help="Give the reasons in Japanese.")
@json_option
def check(files: tuple[Path, ...], *, japanese: bool, as_json: bool) -> int:
    """Say whether each package is accepted or rejected, and everything that is to be mended; 1 if one is rejected."""
    from mitoshi.handover.sip4d import check as verdict_of

    verdicts = {str(file): verdict_of(file) for file in files}
    if as_json:
        print_json({name: _told(verdict) for name, verdict in verdicts.items()})
    else:
        for name, verdict in verdicts.items():
            click.echo(_said(name, verdict, "ja" if japanese else "en"))
    return 0 if all(verdict.accepted for verdict in verdicts.values()) else 1


def _told(verdict: Verdict) -> dict[str, Any]:
    reasons = [{**r._asdict(), "message": r.message._asdict()} for r in verdict.reasons]
    return {**verdict._asdict(), "reasons": reasons}


def _said(name: str, verdict: Verdict, language: str) -> str:
    """Return the verdict in lines, the reasons indented."""
    words = ("適合", "不適合") if language == "ja" else ("accepted", "rejected")
    about = "  ".join(part for part in (verdict.version and f"v{verdict.version}", verdict.code, verdict.title) if part)
    lines = [f"{name}: {words[0] if verdict.accepted else words[1]}{'  ' + about if about else ''}"]
    for reason in verdict.reasons:
        message = reason.message.ja if language == "ja" else reason.message.en
        lines.append(f"  {reason.severity} {reason.code}: {reason.file + ': ' if reason.file else ''}{message}")
    return "\n".join(lines)
