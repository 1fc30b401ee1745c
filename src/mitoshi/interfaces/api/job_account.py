"""What is told of a job: its status as OGC statusInfo, and the results of one that is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mitoshi.evidence.bundle import read_json
from mitoshi.interfaces.api import process_description as words
from mitoshi.interfaces.api import score_process
from mitoshi.interfaces.api.bundle_files import file_address, media_type
from mitoshi.interfaces.api.problems import Problem

if TYPE_CHECKING:
    from mitoshi.core.text import Language
    from mitoshi.evidence import Bundle
    from mitoshi.interfaces.api.service import Service
    from mitoshi.workflows.jobs import Job

__all__ = ["NO_SUCH_JOB", "may_see", "results", "seen_job", "status_info"]

EXCEPTIONS = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0"
NO_SUCH_JOB, NOT_READY = f"{EXCEPTIONS}/no-such-job", f"{EXCEPTIONS}/result-not-ready"
INTERNAL = "internal error"


def status_info(job: Job, root: str) -> dict[str, Any]:
    """Return the statusInfo of a job.

    Parameters
    ----------
    job
        As it stands.
    root
        Address of the service's OGC part, without a slash at its end.
    """
    here = f"{root}/jobs/{job.id}"
    links = [words.link(here, "self"), words.link(f"{here}/events", "monitor", kind="text/event-stream")]
    if job.status == "successful":
        links.append(words.link(f"{here}/results", "ogc:results"))
    if job.status == "failed":
        links.append(words.link(f"{here}/results", "ogc:exceptions", kind="application/problem+json"))
    times = {"created": job.created, "started": job.started, "finished": job.finished, "updated": job.updated}
    return {
        "processID": job.process,
        "type": "process",
        "jobID": job.id,
        "status": job.status,
        "message": job.error or job.message,
        "progress": job.progress,
        **{name: time for name, time in times.items() if time},
        "links": links,
    }


def may_see(service: Service, job: Job, owner: str) -> bool:
    """Tell whether a caller may know of a job: everybody on the own machine, else who asked for it; nobody's is everybody's."""
    settings = service.settings
    return (settings.loopback and not settings.require_key) or job.owner in ("", owner)


def seen_job(service: Service, name: str, owner: str) -> Job:
    """Return a job that the caller may know of.

    Raises
    ------
    Problem
        404 where there is none.
    """
    job = service.jobs.get(name) if len(name) <= 64 else None
    if job is None or not may_see(service, job, owner):
        raise Problem(404, f"there is no job {name[:64]!r}; see /ogc/jobs", "no such job", NO_SUCH_JOB)
    return job


def results(service: Service, job: Job, language: Language) -> dict[str, Any]:
    """Return the results of a job, those that were asked for, with titles in a language.

    Raises
    ------
    Problem
        404 where it is not done yet, 410 where it was dismissed or its bundle is gone, 422 or 500 where it failed.
    """
    if job.status == "failed":
        raise Problem(500 if job.error.startswith(INTERNAL) else 422, f"the job failed: {job.error}", "the job failed")
    if job.status == "dismissed":
        raise Problem(410, "the job was dismissed and has no results; execute the process again")
    if job.status != "successful" or job.result is None:
        raise Problem(404, f"the job is {job.status}; its results come when it is successful", "not ready", NOT_READY)
    if job.kind == "verify":
        keys = ("status", "reasons", "products", "files", "not_checked")
        verdict = {k: job.result[k] for k in keys if k in job.result}
        return {words.VERDICT: {"value": verdict}}
    if job.kind == "score":
        return score_process.results(job, language)
    bundle = service.bundle_store.find(str(job.result["bundle"]))
    if bundle is None:
        raise Problem(410, f"the bundle {str(job.result['bundle'])[:12]} is no longer here; execute the process again")
    wanted = job.request.get("outputs") or None
    told = {**_products(bundle, language), words.FIGURES: _figures(bundle), words.BUNDLE: _bundle(bundle)}
    return {name: value for name, value in told.items() if wanted is None or name in wanted}


def _products(bundle: Bundle, language: Language) -> dict[str, dict[str, str]]:
    from mitoshi.interfaces.api.bundle_account import titles

    named = titles(bundle)
    products = read_json(bundle.path, "run.json")["products"]
    return {
        name: {
            "href": file_address(bundle, str(told["file"])),
            "type": media_type(str(told["file"])),
            "title": named[name].in_(language) if name in named else name,
        }
        for name, told in products.items()
    }


def _figures(bundle: Bundle) -> dict[str, Any]:
    return {"value": read_json(bundle.path, "figures.json")["figures"]}


def _bundle(bundle: Bundle) -> dict[str, str]:
    return {"value": bundle.id, "href": f"/bundles/{bundle.id}", "type": "application/json"}
