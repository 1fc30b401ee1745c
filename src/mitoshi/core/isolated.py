"""A function that reads foreign files is called in a process of its own, so that a file which kills its reader costs one line.

A worker is a tiny supervisor (`mitoshi.core.isolation`) with a child that does one call after another. It is started by the
first call and stays warm for the next; it ends with its caller, and after a while without calls. Where a file killed it, the
function is called again in a new one, in which that file is refused. Names of functions and plain arguments go in. Plain values,
instances of this package's classes and errors come out: what else a compromised reader might send is not loaded.
"""

from __future__ import annotations

import atexit
import importlib
import io
import os
import pickle
import signal
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from mitoshi.core import isolation
from mitoshi.core.errors import MitoshiError, RunError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from multiprocessing.connection import Connection

    Progress = Callable[[int, int, str], None]

__all__ = ["importable", "in_place", "isolated", "serve"]

T = TypeVar("T")
IN_PLACE = False  # whether calls are done in the caller's process: for tests that replace parts of it
WARM = 1  # workers that wait for the next call
IDLE_SECONDS = 120.0
LARGE = 2**30  # bytes; a worker that holds more after a call is not kept
ENDING_SECONDS = 5.0
MOST_STARTS = 20  # of workers for one call
PROGRAM = "from mitoshi.core.isolated import serve; serve()"


def isolated(function: Callable[..., T], /, *arguments: Any, progress: Progress | None = None) -> T:
    """Return ``function(*arguments)``, called in another process under limits of memory and time.

    The limits are those of `mitoshi.core.isolation.attempt`, which the function opens around each file. Within a supervised
    process, and where there is no supervision, the function is called in this process.

    Parameters
    ----------
    function
        Importable by its name.
    arguments
        What can be pickled.
    progress
        Passed on to the function as its argument ``progress``, and called here.

    Raises
    ------
    RunError
        If the process dies and no file explains it.

    Whatever the function raises is raised here.
    """
    if in_place():
        return function(*arguments) if progress is None else function(*arguments, progress=progress)
    refused: dict[str, str] = {}
    for _ in range(MOST_STARTS):
        request = pickle.dumps((function, arguments, progress is not None, _surroundings(), refused))
        answer = _POOL.call(request, progress)
        if isinstance(answer, _Answer):
            return answer.value()  # type: ignore[no-any-return]
        if answer.idle:
            continue
        if not answer.source or answer.source in refused:
            raise RunError(f"{function.__name__.lstrip('_')} stopped: {answer.reason}")
        refused[answer.source] = answer.reason
    raise RunError(
        f"{function.__name__.lstrip('_')} stopped: {MOST_STARTS} files killed their reader; give fewer files"
    )


def in_place() -> bool:
    """Return whether `isolated` calls functions in this process."""
    return IN_PLACE or isolation.supervised() or not isolation.available()


def importable(function: Callable[..., Any]) -> bool:
    """Return whether another process can import a function by its name, as `isolated` needs it."""
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
    return module != "__main__" and getattr(sys.modules.get(str(module)), name, None) is function


def _surroundings() -> dict[str, Any]:
    """Return what a function sees of its process besides its arguments."""
    import tempfile

    numba = sys.modules.get("numba")
    threads = numba.get_num_threads() if numba is not None else None
    return {
        "cwd": os.getcwd(),
        "environ": dict(os.environ),
        "tempdir": tempfile.tempdir,
        "threads": threads if numba is not None and threads != numba.config.NUMBA_NUM_THREADS else None,
    }


class _Answer:
    """What a function returned or raised, and the warnings that it logged."""

    def __init__(self, kind: str, content: Any, records: list[tuple[str, int, str]], memory: int) -> None:
        self._kind, self._content, self._records, self.memory = kind, content, records, memory

    def value(self) -> Any:
        """Log the warnings here, and return the value or raise the error."""
        import logging

        for name, level, text in self._records:
            logging.getLogger(name).log(level, "%s", text)
        if self._kind == "error":
            raise _error(*self._content)
        return self._content


class _Death:
    """How a worker ended without an answer."""

    def __init__(self, source: str = "", reason: str = "", *, idle: bool = False) -> None:
        self.source, self.reason, self.idle = source, reason, idle


class _Worker:
    """A supervisor and its child; one call at a time."""

    def __init__(self) -> None:
        import socket
        import subprocess
        from multiprocessing.connection import Connection

        ours, theirs = socket.socketpair()
        self._report, writing = os.pipe()
        command = [sys.executable, "-P", "-c", PROGRAM, str(theirs.fileno()), str(writing)]
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter and this module
                command, stdin=subprocess.DEVNULL, pass_fds=(theirs.fileno(), writing), env=_environment()
            )
        os.close(writing)
        self._connection = Connection(ours.detach())

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def call(self, request: bytes, progress: Progress | None) -> _Answer | _Death:
        try:
            self._connection.send_bytes(request)
            while True:
                kind, *content = _loaded(self._connection.recv_bytes())
                if kind == "progress":
                    if progress is not None:
                        progress(*content)
                    continue
                return _Answer(kind, *content)
        except (EOFError, ConnectionError, pickle.UnpicklingError) as error:
            if isinstance(error, pickle.UnpicklingError):
                return _Death(
                    reason=f"the process gave an answer that cannot be read ({error}); report it with the command"
                )
            return self._death()

    def _death(self) -> _Death:
        import json

        report = b""
        while chunk := os.read(self._report, 65536):
            report += chunk
        if not report:
            return _Death(reason="the process was killed (signal 9), probably for want of memory")
        status, source, reason = json.loads(report)
        if not reason and status == 0:
            return _Death(idle=True)
        return _Death(source, reason if source else isolation.unexplained(reason, status))

    def end(self) -> None:
        """Close the connection, which ends the worker."""
        import subprocess

        self.release()
        try:
            self._process.wait(ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def release(self) -> None:
        """Close this side of the connection."""
        if not self._connection.closed:
            self._connection.close()
            os.close(self._report)


def _environment() -> dict[str, str]:
    """Return the environment of a worker, which finds the modules that this process finds."""
    from pathlib import Path

    here = str(Path(__file__).resolve().parents[2])
    return {**os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys([here, *(p for p in sys.path if p)]))}


class _Pool:
    """The workers of this process: as many as there are calls at a time, but no more than processors; few stay warm."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(max(2, os.cpu_count() or 1))
        self._warm: list[_Worker] = []

    def call(self, request: bytes, progress: Progress | None) -> _Answer | _Death:
        with self._slots:
            worker = self._take()
            keep = False
            try:
                answer = worker.call(request, progress)
                keep = isinstance(answer, _Answer) and answer.memory <= LARGE
            finally:
                self._give_back(worker, keep=keep)
        return answer

    def _take(self) -> _Worker:
        while True:
            with self._lock:
                worker = self._warm.pop() if self._warm else None
            if worker is None:
                return _Worker()
            if worker.alive:
                return worker
            worker.end()

    def _give_back(self, worker: _Worker, *, keep: bool) -> None:
        with self._lock:
            if keep and len(self._warm) < WARM:
                self._warm.append(worker)
                return
        worker.end()

    def close(self) -> None:
        """End the workers that wait."""
        with self._lock:
            waiting, self._warm = self._warm, []
        for worker in waiting:
            worker.end()

    def forget(self) -> None:
        """Leave the workers to the process that this one was forked from."""
        waiting = self._warm
        self.__init__()  # type: ignore[misc]
        for worker in waiting:
            worker.release()


_POOL = _Pool()
atexit.register(_POOL.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_POOL.forget)


class _Unpickler(pickle.Unpickler):
    """Loads plain values and instances of this package's classes."""

    def find_class(self, module: str, name: str, /) -> Any:
        plain = module in ("datetime", "pathlib") or (module, name) in (("builtins", "set"), ("builtins", "frozenset"))
        if "." not in name and (plain or module.startswith("mitoshi.")):
            found = super().find_class(module, name)
            if isinstance(found, type):
                return found
        raise pickle.UnpicklingError(f"{module}.{name} is no part of an answer")


def _error(module: str, name: str, arguments: tuple[Any, ...], notes: str) -> Exception:
    """Return an error as it was raised; one of another package becomes a plain one with its words."""
    kind: Any = None
    if module == "builtins" or module.startswith("mitoshi."):
        kind = getattr(sys.modules.get(module) or importlib.import_module(module), name, None)
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        kind, arguments = RuntimeError, (f"{name}: {' '.join(str(a) for a in arguments)}",)
    error: Exception = kind.__new__(kind, *arguments)
    if notes:
        error.add_note(notes)
    return error


def _loaded(content: bytes) -> Any:
    return _Unpickler(io.BytesIO(content)).load()


def serve() -> None:
    """Be a worker: supervise a child that answers calls, and report how it ended. Run by `isolated`."""
    import json

    descriptor, report = int(sys.argv[1]), int(sys.argv[2])

    def command() -> None:
        os.close(report)
        _answer_calls(descriptor)

    ended = isolation.supervise_once(command, hangup=descriptor)
    with suppress(OSError):  # nobody asks any more
        os.write(report, json.dumps(ended).encode())


def _answer_calls(descriptor: int) -> None:
    from multiprocessing.connection import Connection

    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # the terminal sends it to the caller, too, which then ends this process
    connection = Connection(descriptor)
    while connection.poll(IDLE_SECONDS):
        try:
            request = connection.recv_bytes()
        except EOFError:
            return
        connection.send_bytes(_answered(request, connection))


def _answered(request: bytes, connection: Connection) -> bytes:
    """Do a call and return the message about it."""
    records: list[tuple[str, int, str]] = []
    try:
        function, arguments, reporting, surroundings, refused = pickle.loads(request)  # noqa: S301 - from our own parent
        _settle(surroundings)
        isolation.refuse(refused)
        more = {"progress": _relay(connection)} if reporting else {}
        with _listening(records):
            value = function(*arguments, **more)
        return _message("value", value, records)
    except Exception as error:  # whatever is raised is raised again by the caller
        return _message("error", _described(error), records)


def _message(kind: str, content: Any, records: list[tuple[str, int, str]]) -> bytes:
    return pickle.dumps((kind, content, records, isolation.resident(os.getpid())))


def _described(error: Exception) -> tuple[str, str, tuple[Any, ...], str]:
    """Return an error in plain values: module, name and arguments, and where it was raised if it was not meant to be."""
    import traceback

    arguments = error.args
    if isinstance(error, OSError) and len(arguments) == 2 and error.filename is not None:
        arguments = (*arguments, str(error.filename))
    if not all(isinstance(a, str | int | float | bytes | None) for a in arguments):
        arguments = (str(error),)
    notes = "" if isinstance(error, MitoshiError) else "".join(traceback.format_exception(error))
    return type(error).__module__, type(error).__name__, arguments, notes


def _relay(connection: Connection) -> Progress:
    def progress(done: int, total: int, message: str) -> None:
        connection.send_bytes(pickle.dumps(("progress", int(done), int(total), str(message))))

    return progress


def _settle(surroundings: Mapping[str, Any]) -> None:
    import tempfile

    os.chdir(surroundings["cwd"])
    if surroundings["environ"] != dict(os.environ):
        os.environ.clear()
        os.environ.update(surroundings["environ"])
    tempfile.tempdir = surroundings["tempdir"]
    numba = sys.modules.get("numba")
    if surroundings["threads"] is not None:
        import numba
    if numba is not None:
        numba.set_num_threads(surroundings["threads"] or numba.config.NUMBA_NUM_THREADS)


class _listening:  # noqa: N801 - a context manager reads like a function
    """Note the warnings that this package logs."""

    def __init__(self, records: list[tuple[str, int, str]]) -> None:
        import logging

        class Handler(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                records.append((record.name, record.levelno, record.getMessage()))

        self._handler, self._logger = Handler(logging.WARNING), logging.getLogger("mitoshi")

    def __enter__(self) -> None:
        self._logger.addHandler(self._handler)
        self._logger.propagate = False

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self._handler)
