"""The command line: made from the signatures, it translates and does nothing else."""

from __future__ import annotations

import contextlib
import logging
import os
import sys

import click

from mitoshi import __version__
from mitoshi.core.errors import MitoshiError
from mitoshi.interfaces.cli.adopt import adopt
from mitoshi.interfaces.cli.catalogue import ingest, search
from mitoshi.interfaces.cli.demo import demo
from mitoshi.interfaces.cli.evidence import keygen, sign, verify
from mitoshi.interfaces.cli.failures import silence, system_failure
from mitoshi.interfaces.cli.handover import sip4d
from mitoshi.interfaces.cli.index import index
from mitoshi.interfaces.cli.keys import key
from mitoshi.interfaces.cli.mcp import mcp
from mitoshi.interfaces.cli.methods import describe, methods
from mitoshi.interfaces.cli.respond import respond
from mitoshi.interfaces.cli.run import run
from mitoshi.interfaces.cli.score import score
from mitoshi.interfaces.cli.serve import serve

__all__ = ["main"]

SUPERVISED = ("ingest", "run", "respond", "verify", "score", "sip4d")  # what reads files of strangers and ends


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__, prog_name="mitoshi", message="%(prog)s %(version)s")
def cli() -> None:
    """Mitoshi (見通し): satellite observations into decisions that a stranger can check.

    Start with `mitoshi demo`, then `mitoshi methods`.
    """


for command in (
    demo,
    ingest,
    search,
    methods,
    describe,
    run,
    respond,
    verify,
    score,
    adopt,
    index,
    serve,
    mcp,
    key,
    sip4d,
    sign,
    keygen,
):
    cli.add_command(command)


def main() -> None:
    """Run the command line; bad input ends in one line on stderr and never in a traceback, whatever a file does."""
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    if command in SUPERVISED:
        from mitoshi.core.isolation import supervise

        supervise(_main, command)
    _main()


def _main() -> None:
    logging.getLogger("mitoshi").addHandler(logging.NullHandler())  # assumptions are shown with the results
    try:
        status = cli.main(standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
    except click.exceptions.Abort:
        sys.exit(_say("stopped", 130))
    except click.ClickException as error:
        sys.exit(_say(_usage(error), 2))
    except MitoshiError as error:
        sys.exit(_say(str(error), error.exit_status))
    except BrokenPipeError:
        silence()
        sys.exit(1)
    except Exception as error:
        if os.environ.get("MITOSHI_DEBUG"):
            raise
        failure = system_failure(error)
        if failure is not None:
            silence()
            sys.exit(_say(*failure))
        sys.exit(_say(f"internal error: {type(error).__name__}: {error}; set MITOSHI_DEBUG=1 for the traceback", 1))
    sys.exit(status if isinstance(status, int) else 0)


def _usage(error: click.ClickException) -> str:
    """Return click's message as one line with what to do."""
    message = " ".join(error.format_message().split()).rstrip(".")
    context = getattr(error, "ctx", None)
    return f"{message}; see {context.command_path} --help" if context is not None else message


def _say(message: str, status: int) -> int:
    with contextlib.suppress(
        OSError, ValueError
    ):  # a closed or full standard error loses the line, not the exit status
        print(f"mitoshi: {' '.join(message.split())}", file=sys.stderr)
    return status
