"""`verify`: run a bundle again and say identical, equivalent, different or unverifiable.

A bundle is a stranger's: it is read in a process of its own, under limits of memory and time, so that none of its files can end
or fill the caller's process. `mitoshi.evidence.rerun` does the work.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mitoshi.core.isolated import isolated

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitoshi.evidence.verdict import Verdict

    Progress = Callable[[int, int, str], None]

__all__ = ["verify"]


def verify(
    directory: Path, *, key: Path | None = None, inputs: Path | None = None, progress: Progress | None = None
) -> Verdict:
    """Check a bundle's seal, find its inputs, run it again, and compare.

    Parameters
    ----------
    directory
        The bundle.
    key
        Ed25519 public key (PEM) that the signature must match. The bundle's own copy is never trusted.
    inputs
        Folder below which inputs are looked for by checksum.
    progress
        Called as ``progress(done, total, message)``.

    Raises
    ------
    BundleError
        If the folder is no readable bundle.
    InputError
        If the key cannot be read.
    RunError
        If the process that repeats the run dies and no file explains it.
    """
    return isolated(_verdict, Path(directory), key, inputs, progress=progress)


def _verdict(directory: Path, key: Path | None, inputs: Path | None, progress: Progress | None = None) -> Verdict:
    from mitoshi.evidence.rerun import verdict

    return verdict(directory, key, inputs, progress)
