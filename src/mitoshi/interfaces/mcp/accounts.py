"""What a job, a bundle or an item of the catalogue is, told to a client: numbers never without unit and uncertainty, no path."""

from __future__ import annotations

import math
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mitoshi.core import discovery
from mitoshi.core.errors import BundleError, InputError
from mitoshi.core.plain import plain
from mitoshi.core.standing import STANDING
from mitoshi.core.text import Text
from mitoshi.evidence.bundle import Bundle, read_json, read_sums
from mitoshi.evidence.wording import NOT_DETERMINED, said, units

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pystac

    from mitoshi.core.method import Output
    from mitoshi.core.product import Figure
    from mitoshi.core.text import Language
    from mitoshi.workflows.jobs import Job

__all__ = [
    "SHOWN",
    "address",
    "bundle_account",
    "bundle_text",
    "item_account",
    "job_account",
    "job_text",
    "score_account",
    "value_text",
]

MOST_POINTS = 1000  # of a comparison
SHOWN = (
    "report.en.pdf",
    "report.ja.pdf",
    "quicklook.png",
    "quicklook.ja.png",
    "run.json",
)  # of a bundle, where it has them
SIMULATED = Text(
    "Simulated observations: not what happened.",
    "模擬（シミュレーション）の観測に基づく結果です。実際の状況ではありません。",
)
STANDS = {
    "accepted": Text("waiting", "待機中"),
    "running": Text("running", "実行中"),
    "successful": Text("done", "完了"),
    "failed": Text("failed", "失敗"),
    "dismissed": Text("dismissed", "取り消し済み"),
}
VERDICTS = {
    "identical": Text("identical", "完全一致"),
    "equivalent": Text("equivalent", "許容差内で一致"),
    "different": Text("different", "不一致"),
    "unverifiable": Text("unverifiable", "検証不能"),
}
SPREADS = {
    "standard_uncertainty": Text("standard uncertainty", "標準不確かさ"),
    "probability": Text("probability", "確率"),
    "interval": Text("interval", "信頼区間"),
}
NO_UNCERTAINTY = Text("no uncertainty", "不確かさなし")
GOES_ON = Text(
    "job {id}: {stands}, {progress} %. Ask for it with the tool job.",
    "ジョブ {id}：{stands}、{progress} %。ツール job で照会してください。",
)
ENDED = Text("job {id}: {stands}. {message}", "ジョブ {id}：{stands}。{message}")
ASSUMED = Text("assumed: {what}", "仮定：{what}")
SEALED = Text(
    "bundle {id}; run it again and compare with the tool verify, or: {command}",
    "証跡一式 {id}。再計算による検証はツール verify、または {command}",
)
NOT_CHECKED = Text("not checked: {what}", "未検証：{what}")
VERDICT = Text("verification of bundle {id}: {verdict}", "証跡一式 {id} の再計算による検証：{verdict}")


def address(bundle: Bundle, name: str) -> str:
    """Return the address of a bundle's file as a resource."""
    return f"mitoshi://bundle/{bundle.id}/{name}"


def job_account(job: Job) -> dict[str, Any]:
    """Return how a job stands, and the verdict of a verification."""
    told: dict[str, Any] = {
        "job": job.id,
        "process": job.process,
        "status": job.status,
        "progress": job.progress,
        "message": job.error or job.message,
    }
    if job.kind == "verify" and job.result is not None:
        told |= {"bundle": job.request["bundle"], "verdict": plain(job.result)}
    return told


def job_text(job: Job, language: Language) -> str:
    """Return how a job stands in words."""
    stands = STANDS[job.status].in_(language)
    if not job.final:
        return GOES_ON.format(id=job.id, stands=stands, progress=job.progress).in_(language)
    if job.kind == "verify" and job.result is not None:
        verdict = VERDICTS[job.result["status"]].in_(language)
        line = VERDICT.format(id=str(job.request["bundle"])[:12], verdict=verdict).in_(language)
        unchecked = [NOT_CHECKED.format(what=str(w)).in_(language) for w in job.result.get("not_checked", ())[:20]]
        return "\n".join([line, *(str(reason) for reason in job.result["reasons"][:20]), *unchecked])
    if job.kind == "score" and job.result is not None:
        return str(job.result["text"][language])
    message = job.error or job.message
    return ENDED.format(id=job.id, stands=stands, message=message).in_(language)


def score_account(job: Job) -> dict[str, Any]:
    """Return the record of a comparison; of very many points the first ones, with how many there are.

    Raises
    ------
    BundleError
        If its folder is gone.
    """
    found = read_json(Path(str((job.result or {})["folder"])), "score.json")
    points = found.get("points") or []
    return (
        found if len(points) <= MOST_POINTS else {**found, "points": points[:MOST_POINTS], "point_count": len(points)}
    )


def bundle_account(bundle: Bundle, items: Mapping[str, str], store: Path) -> dict[str, Any]:
    """Return what a run came to.

    Parameters
    ----------
    bundle
        What it left.
    items
        Its products in the catalogue: output to id.
    store
        Folder of the catalogue; a bundle below it is named by its place there.

    Raises
    ------
    BundleError
        If its account of itself cannot be read.
    """
    run = read_json(bundle.path, "run.json")
    outputs = _outputs(bundle)
    sealed = read_sums(bundle.path)
    try:
        simulated = any(bool(given.get("simulated")) for given in chain.from_iterable(run["inputs"].values()))
        products = [_product(name, told, outputs.get(name), items.get(name)) for name, told in run["products"].items()]
    except (KeyError, TypeError, AttributeError) as error:
        raise BundleError(f"run.json of {bundle.path.name} is incomplete ({error!r}); get the bundle again") from None
    return {
        "bundle": bundle.id,
        "method": bundle.method,
        "version": bundle.version,
        "simulated": simulated,
        "figures": [_figure(f) for f in bundle.figures],
        "products": products,
        "assumptions": [a._asdict() for a in bundle.assumptions],
        "choice": [c._asdict() for c in bundle.choice],
        "caveats": _caveats(bundle),
        "verify": f"mitoshi verify {_place(bundle, store)}",
        "resources": [address(bundle, name) for name in SHOWN if name in sealed],
    }


def bundle_text(bundle: Bundle, account: Mapping[str, Any], language: Language) -> str:
    """Return what a run came to in words: value, unit, interval or why there is none, and the bundle."""
    lines = [f"{bundle.method} {bundle.version}"]
    lines += [SIMULATED.in_(language)] if account["simulated"] else []
    separator = "：" if language == "ja" else ": "
    lines += [f"{f.title.in_(language)}{separator}{said(f, language)}" for f in bundle.figures]
    lines += [ASSUMED.format(what=a.in_(language)).in_(language) for a in bundle.assumptions]
    lines += [c.in_(language) for c in bundle.choice]
    lines.append(SEALED.format(id=bundle.id, command=account["verify"]).in_(language))
    return "\n".join(lines)


def item_account(item: pystac.Item) -> dict[str, Any]:
    """Return what an item of the catalogue is, without its files."""
    told = item.properties
    return {
        "item": f"catalogue:{item.id}",
        "collection": item.collection_id,
        "bbox": None if item.bbox is None else list(item.bbox[:2]) + list(item.bbox[len(item.bbox) // 2 :][:2]),
        "datetime": told.get("datetime"),
        "start": told.get("start_datetime"),
        "end": told.get("end_datetime"),
        "quantities": list(told.get("mitoshi:quantities") or ()),
        "simulated": bool(told.get("mitoshi:simulated")),
        "bundle": told.get("mitoshi:bundle"),
        "standing": told.get(STANDING),
    }


def value_text(value: Mapping[str, Any], language: Language) -> str:
    """Return the value of a layer at a place in words, with its uncertainty or why there is none."""
    separator = "：" if language == "ja" else ": "
    lead = f"{value['title'][language]}{separator}"
    if not value["observed"]:
        return f"{lead}{(value['reason'] or NOT_DETERMINED._asdict())[language]}"
    kind, unit = value["class"], units(value["units"] or "")
    numbers = [value["value"]] if value["value"] is not None else value.get("bands", [])
    found = kind["title"][language] if kind else " ".join([*(f"{number:g}" for number in numbers), unit]).strip()
    spread = value["uncertainty"]
    if spread is None:
        why = (value.get("noUncertainty") or NOT_DETERMINED._asdict())[language]
        return f"{lead}{found} ({NO_UNCERTAINTY.in_(language)}{separator}{why})"
    amount = "–" if spread["value"] is None else f"{spread['value']:g} {units(spread['units'] or '')}".strip()
    return f"{lead}{found} ({SPREADS[spread['kind']].in_(language)} {amount})"


def _figure(figure: Figure) -> dict[str, Any]:
    value = figure.value if math.isfinite(figure.value) else None
    reason = figure.reason or (NOT_DETERMINED if value is None else None)
    return {
        **figure._asdict(),
        "title": figure.title._asdict(),
        "value": value,
        "lower": _finite(figure.lower),
        "upper": _finite(figure.upper),
        "reason": None if reason is None else reason._asdict(),
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _product(name: str, told: Mapping[str, Any], output: Output | None, item: str | None) -> dict[str, Any]:
    title = Text(name, name) if output is None else output.layer.title
    account = {
        "name": name,
        "title": title._asdict(),
        "units": told.get("units"),
        "uncertainty": told.get("uncertainty") or told.get("no_uncertainty") or NOT_DETERMINED.en,
        "item": None if item is None else f"catalogue:{item}",
    }
    return account | {key: told[key] for key in ("classes", "columns") if key in told}


def _outputs(bundle: Bundle) -> dict[str, Output]:
    try:
        return {o.name: o for o in discovery.find(bundle.method).outputs}
    except InputError:
        return {}


def _caveats(bundle: Bundle) -> list[dict[str, str]]:
    try:
        return [c._asdict() for c in discovery.find(bundle.method).caveats]
    except InputError:
        return []


def _place(bundle: Bundle, store: Path) -> str:
    """Return where a bundle lies as seen from the store's folder, or its folder's name; never where that lies."""
    here, root = bundle.path.resolve(), store.resolve()
    return here.relative_to(root).as_posix() if here.is_relative_to(root) else here.name
