"""What the terminal shows: progress on stderr, results on stdout, JSON where asked."""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click

from mitoshi.core.plain import plain
from mitoshi.core.requirement import instant

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Progress", "clock", "json_option", "print_json", "progress_bar", "store_option", "store_path"]

LINE_SECONDS = 5.0  # between two lines of progress where there is no terminal

json_option = click.option("--json", "as_json", is_flag=True, help="Print machine-readable results.")
store_option = click.option(
    "--store", type=click.Path(path_type=Path), help="Folder of the catalogue.  [default: $MITOSHI_STORE or .mitoshi]"
)


class Progress(Protocol):
    """What long work calls now and then."""

    def __call__(self, done: int, total: int, message: str) -> None:
        """Show that `done` of `total` steps are done."""


def store_path(store: Path | None) -> Path:
    """Return the catalogue's folder: the option, the environment's, or the one here."""
    return store or Path(os.environ.get("MITOSHI_STORE", ".mitoshi"))


def clock(text: str | None) -> datetime:
    """Return the time the caller gives; the command line is the only place that reads the clock."""
    return instant(text) if text else datetime.now(UTC).replace(microsecond=0)


def print_json(value: Any) -> None:
    """Print `value` as JSON, Japanese unescaped; what is not a number is null."""
    click.echo(json.dumps(plain(value), ensure_ascii=False, indent=2, default=str, allow_nan=False))


@contextmanager
def progress_bar(title: str, *, quiet: bool, lines: bool = False) -> Iterator[Progress]:
    """Show a bar on a terminal; elsewhere nothing, or a line now and then where work takes minutes."""
    if quiet or not sys.stderr.isatty():
        yield _now_and_then(title) if lines and not quiet else _silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total, message: bar.update(
            task, completed=done, total=total, description=f"{title} {message}"
        )


def _silent(done: int, total: int, message: str) -> None:
    del done, total, message


def _now_and_then(title: str) -> Progress:
    """Return a progress that prints a line when some seconds have passed since the last one."""
    last = time.monotonic()

    def progress(done: int, total: int, message: str) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= LINE_SECONDS:
            last = now
            click.echo(f"{title}: {f'{done}/{total} ' if total else ''}{message}", err=True)

    return progress
