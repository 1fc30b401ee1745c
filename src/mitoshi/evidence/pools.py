"""Where the work of a run is done: threads of this process, or a dask cluster. Results always come in the order asked for."""

from __future__ import annotations

import pickle
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from mitoshi.core.errors import InputError, MitoshiError, RunError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["Pool", "pool"]

A = TypeVar("A")
T = TypeVar("T")
RETRIES = 3


class Pool(Protocol):
    """Calls a function on many arguments, a bounded number at a time."""

    def ordered(self, function: Callable[[A], T], arguments: Iterable[A]) -> Iterator[T]:
        """Yield ``function(argument)`` in the order of the arguments."""
        ...


class _Here:
    """One worker: the caller's own thread."""

    def ordered(self, function: Callable[[A], T], arguments: Iterable[A]) -> Iterator[T]:
        return map(function, arguments)


class _Threads:
    def __init__(self, executor: Any, workers: int) -> None:
        self._executor, self._ahead = executor, workers

    def ordered(self, function: Callable[[A], T], arguments: Iterable[A]) -> Iterator[T]:
        return _window(lambda a: self._executor.submit(function, a), arguments, self._ahead)


class _Cluster:
    def __init__(self, client: Any) -> None:
        self._client = client
        self._ahead = 2 * max(1, len(client.scheduler_info()["workers"]))

    def ordered(self, function: Callable[[A], T], arguments: Iterable[A]) -> Iterator[T]:
        # Pickled once and sent with every task: a scattered copy would be lost with the worker that holds it.
        work = pickle.dumps(function)

        def submit(argument: A) -> Any:
            return self._client.submit(_unpickled, work, argument, pure=False, retries=RETRIES)

        return _window(submit, arguments, self._ahead)


def _unpickled(work: bytes, argument: Any) -> Any:
    return pickle.loads(work)(argument)  # noqa: S301 - the bytes come from this run's own client


def _window(submit: Callable[[A], Any], arguments: Iterable[A], ahead: int) -> Iterator[Any]:
    """Yield results in order with at most `ahead` + 1 tasks begun and not yet handed over."""
    begun: deque[Any] = deque()
    try:
        for argument in arguments:
            begun.append(submit(argument))
            if len(begun) > ahead:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    finally:
        for future in begun:
            future.cancel()


@contextmanager
def pool(workers: int, cluster: str | None) -> Iterator[Pool]:
    """Open a pool for the length of a ``with`` block.

    Parameters
    ----------
    workers
        Threads of this process; ignored with a cluster.
    cluster
        Address of a dask scheduler, such as ``tcp://127.0.0.1:8786``.

    Raises
    ------
    InputError
        If the cluster cannot be reached or dask.distributed is not installed.
    """
    if cluster is not None:
        with _connected(cluster) as client:
            yield _Cluster(client)
        return
    if workers < 1:
        raise InputError(f"workers must be 1 or more, got {workers}")
    if workers == 1:
        yield _Here()
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(workers, thread_name_prefix="mitoshi") as executor:
        yield _Threads(executor, workers)


@contextmanager
def _connected(address: str) -> Iterator[Any]:
    try:
        from distributed import Client
    except ImportError:
        raise InputError("--cluster needs dask.distributed; install mitoshi[cluster]") from None
    try:
        client: Any = cast("Any", Client)(address, set_as_default=False, timeout="20s")
    except (OSError, ValueError, TimeoutError) as error:
        raise InputError(
            f"no dask scheduler answers at {address} ({type(error).__name__}); check the address"
        ) from None
    try:
        _same_software(client)
        yield client
    except MitoshiError:
        raise
    except Exception as error:
        if type(error).__module__.startswith("distributed"):
            raise RunError(f"the cluster at {address} gave up ({type(error).__name__}); check its workers") from error
        raise
    finally:
        client.close()


def _same_software(client: Any) -> None:
    """Make sure that the workers run what this process runs and the bundle will say.

    Raises
    ------
    InputError
        If a worker has other versions, or there is no worker.
    """
    from mitoshi.evidence.environment import environment

    here = environment()
    workers = client.run(environment)
    if not workers:
        raise InputError("the cluster has no workers; start some with 'dask worker ADDRESS'")
    for address, there in workers.items():
        for key in ("mitoshi", "python", "packages", "gdal"):
            if there[key] != here[key]:
                raise InputError(f"worker {address} has another {key} than this process; install the same versions")
