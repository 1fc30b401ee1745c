"""`score` as an OGC API process: described from the options of a comparison, checked by the one gate, its results and files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mitoshi.core.errors import InputError, MitoshiError
from mitoshi.core.text import Text
from mitoshi.evidence.bundle import read_json
from mitoshi.evidence.score.options import OPTIONS, Option, json_schema
from mitoshi.interfaces.api.bundle_files import media_type
from mitoshi.interfaces.api.problems import Problem
from mitoshi.interfaces.api.process_description import link, source_schema
from mitoshi.workflows.requests import BUNDLE_ID
from mitoshi.workflows.scoring import PRODUCT, WHOLE

if TYPE_CHECKING:
    from pathlib import Path

    from mitoshi.core.text import Language
    from mitoshi.interfaces.api.service import Service
    from mitoshi.workflows.jobs import Job

__all__ = ["OUTPUTS", "SCORE", "description", "plain_inputs", "results", "the_file"]

SCORE, VERSION = "score", "1.0.0"
RECORD = "score"  # the output that is a value
SAID = Text("Compare a product with a reference", "プロダクトと参照データの比較")
SAID_LONG = Text(
    "Agreement, calibration and coverage of any product against any reference: a bundle, an item of the catalogue or a file of "
    "the web. What was not observed is counted, and is neither right nor wrong.",
    "任意のプロダクト（証跡一式、カタログのアイテム、ウェブ上のファイル）を参照データと比べ、一致度・確率の信頼度・区間の被覆率を返します。"
    "未観測は数えますが、正誤のいずれにも数えません。",
)
PRODUCT_TITLE = Text("product that is scored", "評価するプロダクト")
PRODUCT_SAID = (
    "Id of a bundle, or its first 12 digits; an item of the catalogue; or a raster or vector file of the web."
)
RECORD_TITLE = Text("all numbers, and the sums that they are made of", "全数値とその元になる集計値")
FILES = {
    "score.csv": ("table", Text("tables", "表"), "text/csv"),
    "errors.tif": ("errors", Text("map of errors", "誤りの地図データ"), ""),
    "errors.en.png": ("map_en", Text("map of errors, English", "誤りの地図（英語）"), ""),
    "errors.ja.png": ("map_ja", Text("map of errors, Japanese", "誤りの地図（日本語）"), ""),
    "score.en.pdf": ("report_en", Text("report, English", "報告書（英語）"), ""),
    "score.ja.pdf": ("report_ja", Text("report, Japanese", "報告書（日本語）"), ""),
}
OUTPUTS = [RECORD, *(name for name, _, _ in FILES.values())]


def description(language: Language, root: str, *, brief: bool = False) -> dict[str, Any]:
    """Return the process description of `score`, or only its summary.

    Parameters
    ----------
    language
        Of titles and words for people.
    root
        Address of the service's OGC part, without a slash at its end.
    brief
        Whether the summary is enough.
    """
    here = f"{root}/processes/{SCORE}"
    short: dict[str, Any] = {
        "id": SCORE,
        "version": VERSION,
        "title": SAID.in_(language),
        "description": SAID_LONG.in_(language),
        "keywords": ["evidence", "validation"],
        "jobControlOptions": ["sync-execute", "async-execute", "dismiss"],
        "outputTransmission": ["value", "reference"],
        "links": [
            link(here, "self", SAID.in_(language)),
            link(f"{here}/execution", "ogc:execute"),
            link(f"{root}/jobs?processID={SCORE}", "ogc:job-list"),
        ],
        "mitoshi:title": SAID._asdict(),
    }
    if brief:
        return short
    schemas = {PRODUCT: _source(whole=True), **{o.name: _schema(o) for o in OPTIONS}}
    told = {PRODUCT: PRODUCT_SAID, **{o.name: o.doc for o in OPTIONS}}
    titles = {PRODUCT: PRODUCT_TITLE.in_(language)}
    inputs = {
        name: {
            "title": titles.get(name, name),
            "description": told[name],
            "minOccurs": int(name in (PRODUCT, "reference")),
            "maxOccurs": 1,
            "schema": schema,
        }
        for name, schema in schemas.items()
    }
    return {**short, "inputs": inputs, "outputs": _outputs(language), "mitoshi:data": [], "mitoshi:parameters": []}


def _schema(option: Option) -> dict[str, Any]:
    return _source(whole=option.name in WHOLE) if option.form == "source" else json_schema(option)


def _source(*, whole: bool) -> dict[str, Any]:
    """Return what may be given for a file; a product may be a bundle, too."""
    told = source_schema("raster")
    bundle = [{"type": "string", "pattern": f"^{BUNDLE_ID}$"}] if whole else []
    return {"oneOf": [*bundle, *told["oneOf"]]}


def _outputs(language: Language) -> dict[str, Any]:
    files = {
        output: {
            "title": title.in_(language),
            "schema": {"type": "string", "contentEncoding": "binary", "contentMediaType": kind or media_type(name)},
        }
        for name, (output, title, kind) in FILES.items()
    }
    return {RECORD: {"title": RECORD_TITLE.in_(language), "schema": {"type": "object"}}, **files}


def plain_inputs(inputs: dict[str, Any]) -> dict[str, Any]:
    """Return inputs as OGC lets them be written, as the values that they stand for."""
    return {name: _plain(name, value) for name, value in inputs.items()}


def _plain(name: str, value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if set(value) in ({"value"}, {"value", "mediaType"}):
        return value["value"]
    if isinstance(value.get("href"), str):
        return value["href"]
    if name == "truth":
        return value
    raise InputError(f"{name} is an object with neither value nor href; give it as the process describes")


def results(job: Job, language: Language) -> dict[str, Any]:
    """Return the results of a comparison that is done: its record, and where its files are had.

    Raises
    ------
    Problem
        410 where its folder is gone.
    """
    told = job.result or {}
    folder = _folder(job)
    try:
        found: dict[str, Any] = {RECORD: {"value": read_json(folder, "score.json")}}
    except MitoshiError:
        raise Problem(410, f"the comparison of job {job.id} is no longer here; execute the process again") from None
    for name, (output, title, kind) in FILES.items():
        if name in told["files"]:
            address = f"/ogc/jobs/{job.id}/files/{name}"
            found[output] = {"href": address, "type": kind or media_type(name), "title": title.in_(language)}
    wanted = job.request.get("outputs") or None
    return {name: value for name, value in found.items() if wanted is None or name in wanted}


def the_file(service: Service, job: Job, name: str) -> tuple[Path, str]:
    """Return a file of a comparison and its media type.

    Raises
    ------
    Problem
        404 where the job is no comparison, is not done, or left no such file.
    """
    known = job.result["files"] if job.kind == "score" and job.result is not None else []
    if name not in known:
        raise Problem(404, f"job {job.id} left no file {name[:120]!r}; its results name its files")
    path = _folder(job) / name
    try:
        found = service.readable(path)
    except MitoshiError:
        raise Problem(410, f"{name} of job {job.id} is no longer here; execute the process again") from None
    if found != path.resolve():
        raise Problem(404, f"job {job.id} left no file {name[:120]!r}; its results name its files")
    return found, FILES[name][2] if name in FILES and FILES[name][2] else media_type(name)


def _folder(job: Job) -> Path:
    from pathlib import Path

    return Path(str((job.result or {})["folder"]))
