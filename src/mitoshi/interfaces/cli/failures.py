"""One line for what the operating system refuses: full disks, limits, names, permissions."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys

__all__ = ["printable", "silence", "system_failure"]

ADVICE = {
    errno.ENOSPC: "no space is left on the device; free some space and run again",
    errno.EDQUOT: "the disk quota is used up; free some space and run again",
    errno.EFBIG: "a file would be larger than this session may write; raise the limit (ulimit -f) and run again",
    errno.EROFS: "the file system is read-only; give another folder",
    errno.EIO: "the device failed (input/output error); check the disk and run again",
    errno.ENAMETOOLONG: "the name is longer than the file system takes; give a shorter one",
    errno.EACCES: "permission denied; check the permissions or give another folder",
    errno.EPERM: "the operation is not permitted; check the permissions or give another folder",
    errno.EMFILE: "too many files are open; raise the limit (ulimit -n) and run again",
    errno.ENFILE: "too many files are open on this machine; close some programs and run again",
    errno.ENOTDIR: "a part of the path is not a folder; check the path",
    errno.EISDIR: "this is a folder, not a file; check the path",
    errno.ENOENT: "no such file or folder; check the path",
    errno.ENOMEM: "the memory is used up; close some programs or give a smaller --area",
    errno.ELOOP: "links lead in a circle; check the path",
}
BAD_NAMES = frozenset({errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.ENOENT, errno.ELOOP})
LONGEST = 120  # characters of a path in a message


def system_failure(error: BaseException) -> tuple[str, int] | None:
    """Return one line and the exit status for an error of the operating system, or None for any other error.

    Libraries wrap such errors, so the chain of causes is followed too.
    """
    if isinstance(error, MemoryError):
        return ADVICE[errno.ENOMEM], 1
    cause = _system_error(error)
    if cause is None or cause.errno not in ADVICE:
        return None
    where = "" if cause.filename is None else f"{printable(cause.filename)}: "
    if not where and cause.errno == errno.ENOSPC and output_is_full():
        where = "the standard output cannot be written: "
    return f"{where}{ADVICE[cause.errno]}", 2 if cause.errno in BAD_NAMES else 1


def _system_error(error: BaseException | None) -> OSError | None:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, OSError) and error.errno is not None:
            return error
        if "No space left on device" in str(error):
            return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None


def output_is_full() -> bool:
    """Return whether the standard output is what has no room: a device that takes nothing, or a file on a full disk."""
    try:
        number = sys.stdout.fileno()
        mode = os.fstat(number).st_mode
        if stat.S_ISCHR(mode):
            return not os.isatty(number)
        return stat.S_ISREG(mode) and os.fstatvfs(number).f_bavail == 0
    except (OSError, AttributeError, ValueError):
        return False


def silence() -> None:
    """Drop what the standard output still holds, so that the interpreter's flush at exit does not end in a second message."""
    with contextlib.suppress(OSError, AttributeError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def printable(name: object) -> str:
    """Return a path for a message: bytes that are no text are escaped, and the middle of a long one is left out."""
    text = os.fsdecode(name) if isinstance(name, str | bytes | os.PathLike) else str(name)
    text = "".join(
        c if c.isprintable() else c.encode("utf-8", "surrogateescape").hex("%").join(("%", "")) for c in text
    )
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]}…{text[-LONGEST // 2 :]}"
