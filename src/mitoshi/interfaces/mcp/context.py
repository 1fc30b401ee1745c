"""What a tool call has at hand: the store's catalogue, jobs and bundles, and who is asking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio
from anyio import to_thread

from mitoshi.core.errors import InputError
from mitoshi.interfaces.mcp.accounts import bundle_account, bundle_text, job_account, job_text, score_account
from mitoshi.interfaces.mcp.resources import linked
from mitoshi.sensors.guard import one_line
from mitoshi.workflows.requests import checked_request, checked_verification
from mitoshi.workflows.scoring import checked_score

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    import mcp_types as types

    from mitoshi.catalog import Catalogue
    from mitoshi.core.method import Method
    from mitoshi.core.text import Language
    from mitoshi.interfaces.mcp.values import Values
    from mitoshi.workflows.bundle_store import BundleStore
    from mitoshi.workflows.jobs import Job, Jobs

    Report = Callable[[float, float | None, str | None], Awaitable[None]]

__all__ = ["Answer", "Call", "ToolContext", "told"]

POLL_SECONDS = 0.2
LONGEST_LINE = 600


@dataclass
class ToolContext:
    """The parts of a store that tools use.

    Attributes
    ----------
    store
        Folder of the catalogue.
    catalogue, jobs, bundle_store
        What was observed, what was asked for, and what came of it.
    queued
        Most jobs that may wait at one time.
    ready
        Called before a job is queued: makes sure that somebody will carry it out.
    values
        Tells the values of an item at a longitude and latitude.
    closing
        Tells whether the server itself ends: then a call waits no longer, and its job is left alone.
    """

    store: Path
    catalogue: Catalogue
    jobs: Jobs
    bundle_store: BundleStore
    values: Values
    queued: int = 200
    ready: Callable[[], None] = lambda: None
    closing: Callable[[], bool] = lambda: False


@dataclass(frozen=True)
class Answer:
    """What a tool answers: words, the same as data, whether it is an error, and files that go with it."""

    text: str
    data: dict[str, Any] | None = None
    failed: bool = False
    resources: tuple[types.Resource, ...] = ()


@dataclass(frozen=True)
class Call:
    """One call of one tool.

    Attributes
    ----------
    context
        What is at hand.
    arguments
        Checked against the tool's schema, defaults filled in.
    owner
        Who asks; None for whoever owns the machine, who sees every job.
    report
        Tells the client of progress, where it asked for that.
    """

    context: ToolContext
    arguments: Mapping[str, Any]
    owner: str | None
    report: Report

    @property
    def language(self) -> Language:
        """Of the answer's text."""
        return "ja" if self.arguments.get("language") == "ja" else "en"

    async def run(self, method: Method[..., Any]) -> Answer:
        """Queue a run and wait for it."""
        inputs = {k: v for k, v in self.arguments.items() if k not in ("wait_seconds", "language")}
        context = self.context
        request = await to_thread.run_sync(checked_request, method, inputs, context.catalogue)
        return await self._followed(await to_thread.run_sync(self._queued, "run", method.name, request))

    async def verify(self) -> Answer:
        """Queue the verification of a bundle and wait for it."""
        context = self.context
        request = await to_thread.run_sync(checked_verification, self.arguments["bundle"], context.bundle_store)
        return await self._followed(await to_thread.run_sync(self._queued, "verify", "verify", request))

    async def score(self) -> Answer:
        """Queue a comparison with a reference and wait for it."""
        inputs = {k: v for k, v in self.arguments.items() if k not in ("wait_seconds", "language")}
        context = self.context
        request = await to_thread.run_sync(checked_score, inputs, context.catalogue, context.bundle_store)
        return await self._followed(await to_thread.run_sync(self._queued, "score", "score", request))

    async def look(self) -> Answer:
        """Say how a job stands; wait for it where that is asked for."""
        job = await to_thread.run_sync(self._visible)
        if not job.final and self.arguments["wait_seconds"] > 0:
            job = await self._waited(job)
        return await to_thread.run_sync(self._outcome, job)

    async def cancel(self) -> Answer:
        """Dismiss a job."""
        job = await to_thread.run_sync(self._visible)
        left = await to_thread.run_sync(self.context.jobs.dismiss, job.id)
        return Answer(job_text(left or job, self.language), job_account(left or job))

    def _queued(self, kind: Any, process: str, request: dict[str, Any]) -> Job:
        self.context.ready()
        return self.context.jobs.submit(kind, process, request, owner=self.owner or "", limit=self.context.queued)

    def _visible(self) -> Job:
        wanted = self.arguments["job"]
        job = self.context.jobs.get(wanted)
        if job is None or (self.owner is not None and job.owner not in ("", self.owner)):
            raise InputError(f"there is no job {wanted}; a run or a verification names its job")
        return job

    async def _followed(self, job: Job) -> Answer:
        """Wait for the call's own job; it is dismissed where the client takes the call back."""
        try:
            job = await self._waited(job)
        except anyio.get_cancelled_exc_class():
            if not self.context.closing():
                with anyio.CancelScope(shield=True):
                    await to_thread.run_sync(self.context.jobs.dismiss, job.id)
            raise
        return await to_thread.run_sync(self._outcome, job)

    async def _waited(self, job: Job) -> Job:
        end = anyio.current_time() + self.arguments["wait_seconds"]
        shown = -1
        while True:
            if job.progress > shown:
                shown = job.progress
                await self.report(float(shown), 100.0, job.message)
            if job.final or anyio.current_time() >= end or self.context.closing():
                return job
            await anyio.sleep(POLL_SECONDS)
            now = await to_thread.run_sync(self.context.jobs.get, job.id)
            job = now or job

    def _outcome(self, job: Job) -> Answer:
        account, language = job_account(job), self.language
        if job.status == "failed":
            return Answer(job_text(job, language), account, failed=True)
        if job.kind == "score" and job.result is not None:
            return Answer(job_text(job, language), account | {"score": score_account(job)})
        if job.kind != "run" or job.result is None:
            return Answer(job_text(job, language), account)
        bundle = self.context.bundle_store.find(job.result["bundle"])
        if bundle is None:
            lost = f"the bundle {job.result['bundle'][:12]} of job {job.id} is gone; run it again"
            return Answer(lost, account, failed=True)
        items = {name.removeprefix(f"{bundle.id[:12]}-"): name for name in job.result["items"]}
        told_of = bundle_account(bundle, items, self.context.store)
        return Answer(bundle_text(bundle, told_of, language), account | told_of, resources=tuple(linked(bundle)))


def told(error: BaseException) -> str:
    """Return an error as one line without the folders of this machine; web addresses stay whole.

    >>> told(ValueError("cannot read /home/a/b.tif from https://example.org/c/d"))
    'cannot read b.tif from https://example.org/c/d'
    """
    return one_line(error, LONGEST_LINE)
