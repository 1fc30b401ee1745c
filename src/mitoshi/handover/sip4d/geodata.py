"""A GeoJSON member, read one feature at a time, and the check of its features against the attribute definitions."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mitoshi.core.strict_json import MAX_DEPTH, decoder, nesting
from mitoshi.core.text import Text
from mitoshi.handover.sip4d.schema import KINDS, ONE_OF, PATTERN, WRONG_TYPE, WRONG_VALUE, filled, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mitoshi.handover.sip4d.codes import InformationCode
    from mitoshi.handover.sip4d.reasons import Findings

__all__ = ["NOT_JSON", "PropertyRule", "check_collection", "property_rules"]

NESTING = {"Point": 0, "LineString": 1, "Polygon": 2, "MultiPoint": 1, "MultiLineString": 2, "MultiPolygon": 3}
SHAPE = {"Point": "point", "LineString": "line", "Polygon": "polygon"}
PROPERTY_NAME = re.compile(r"[a-z0-9_]+")
DATETIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z?")
BLANK = re.compile(r"[ \t\r\n]*")
FEATURES = "features"

NOT_JSON = Text("it is not JSON ({0}); mend the file", "JSONとして読めません（{0}）。ファイルを直してください")
NO_COLLECTION = Text(
    "it is no FeatureCollection; wrap the features in one",
    "FeatureCollection ではありません。FeatureCollection にしてください",
)
NO_FEATURES = Text("it has no list of features; add features", "features がありません。追加してください")
EMPTY = Text("it holds no feature", "地物が0件です")
NO_FEATURE = Text(
    "a feature lacks {0}; every feature has type, geometry and properties",
    "地物に {0} がありません。type・geometry・properties が必要です",
)
UNKNOWN_GEOMETRY = Text("geometry {0} is not allowed; use {1}", "ジオメトリ {0} は使えません。{1} を使ってください")
MIXED = Text(
    "it mixes {0}; put each type of geometry into a file of its own",
    "{0} が混在しています。ジオメトリの種類ごとにファイルを分けてください",
)
BAD_POSITION = Text(
    "a position must be two decimal numbers, [longitude, latitude], not {0}",
    "座標は小数2つ［経度, 緯度］にしてください（{0}）",
)
OUT_OF_RANGE = Text(
    "a position lies outside longitude ±180, latitude ±90: {0}; give degrees (EPSG:4326)",
    "座標が経度±180・緯度±90の範囲外です（{0}）。緯度経度（度）にしてください",
)
TOO_SHORT = Text(
    "{0} needs at least {1} positions; remove or mend the feature",
    "{0} には{1}点以上の座標が必要です。地物を直すか除いてください",
)
OPEN_RING = Text(
    "a polygon's ring does not end where it begins; repeat the first position at the end",
    "ポリゴンの最初と最後の座標が異なります。最初の座標を最後に繰り返してください",
)
BAD_NAME = Text(
    "property {0} is misnamed; use lower-case letters, digits and _ only",
    "プロパティ名 {0} は使えません。英小文字・数字・_ だけにしてください",
)
NOT_DEFINED = Text("property {0} is not in the attribute definitions", "プロパティ {0} が属性定義ファイルにありません")
OTHER_TYPE = Text(
    "the attribute definitions say {0}, the file holds {1}; make them agree",
    "属性定義では {0} ですが、{1} が入っています。一致させてください",
)
OTHER_SHAPE = Text(
    "the code {0} stands for {1} features, the file holds {2}",
    "情報種別コード {0} は{1}のデータですが、{2} が入っています",
)
SHAPES = {"point": Text("point", "点"), "line": Text("line", "線"), "polygon": Text("polygon", "面")}


@dataclass(frozen=True)
class PropertyRule:
    """What a property's value must be: its kind, its values, its form."""

    kind: str = "text or number"
    values: tuple[str, ...] = ()
    pattern: re.Pattern[str] | None = None


@dataclass
class _Read:
    """What was read of a collection so far."""

    types: list[str] = field(default_factory=list)
    count: int = 0
    head: dict[str, Any] = field(default_factory=dict)


KIND_OF = {"String": "text", "Integer": "integer", "Double": "decimal", "List": "text", "Datetime": "text"}


def property_rules(columns: Mapping[str, Any], known: InformationCode | None) -> dict[str, PropertyRule]:
    """Return the rule of each property that the attribute definitions define."""
    rules = {}
    for column in columns["columns"]:
        kind = column.get("type")
        attribute = known.attribute(column.get("connid") or column["name"]) if known else None
        values = tuple(column.get("key_list") or ()) if kind == "List" else ()
        pattern = DATETIME if kind == "Datetime" else None
        if attribute is not None:
            values = values or tuple(attribute.choices.values())
            pattern = pattern or (re.compile(attribute.pattern) if attribute.pattern else None)
        rules[column["name"]] = PropertyRule(KIND_OF.get(kind, "text or number"), values, pattern)
    return rules


def check_collection(
    text: str,
    name: str,
    rules: Mapping[str, PropertyRule],
    known: InformationCode | None,
    findings: Findings,
    *,
    declared: str | None = None,
) -> int:
    """Check a FeatureCollection and return how many features it holds.

    Parameters
    ----------
    text
        Content of the file; only one feature at a time is held in parsed form.
    name
        Of the file.
    rules
        Property → what its value must be.
    known
        The information code, or None.
    findings
        Takes the reasons.
    declared
        Geometry type that the attribute definitions state (from version 2.0 on), or None.
    """
    read = _Read()
    try:
        for feature in _features(text, read):
            _check_feature(feature, read, name, rules, findings)
            read.count += 1
    except (ValueError, RecursionError) as error:
        findings.error("not_json", name, filled(NOT_JSON, str(error)[:80]))
        return read.count
    if read.head.get("type") != "FeatureCollection":
        findings.error("no_collection", name, NO_COLLECTION)
    elif FEATURES not in read.head:
        findings.error("no_features", name, NO_FEATURES)
    elif read.count == 0:
        findings.warn("empty", name, EMPTY)
    if len(read.types) > 1:
        findings.error("mixed_geometry", name, filled(MIXED, " + ".join(read.types)))
    elif declared is not None and read.types and read.types != [declared]:
        findings.error("geometry_type", name, filled(OTHER_TYPE, declared, read.types[0]))
    shapes = {SHAPE[t.removeprefix("Multi")] for t in read.types}
    if known is not None and known.geometry is not None and shapes - {known.geometry}:
        message = filled(OTHER_SHAPE, known.code, SHAPES[known.geometry], " + ".join(read.types))
        findings.warn("geometry_of_code", name, message)
    return read.count


def _features(text: str, read: _Read) -> Iterator[Any]:
    """Yield the features of a JSON object, one parsed at a time; its other keys go to ``read.head``."""
    if nesting(text.encode()) > MAX_DEPTH:
        raise ValueError(f"it nests deeper than {MAX_DEPTH} levels")
    strict = decoder()
    at = _skipped(text, 0, "{")
    while not text.startswith("}", at):
        key, at = strict.raw_decode(text, at)
        at = _skipped(text, _blank(text, at), ":")
        if key == FEATURES and text.startswith("[", at):
            read.head[FEATURES] = True
            at = _blank(text, at + 1)
            while not text.startswith("]", at):
                feature, at = strict.raw_decode(text, at)
                yield feature
                at = _next(text, at, "]")
            at += 1
        else:
            value, at = strict.raw_decode(text, at)
            read.head[str(key)] = value if isinstance(value, str) else None
        at = _next(text, at, "}")
    if _blank(text, at + 1) != len(text):
        raise ValueError("something follows the collection")


def _blank(text: str, at: int) -> int:
    match = BLANK.match(text, at)
    return match.end() if match else at


def _skipped(text: str, at: int, mark: str) -> int:
    at = _blank(text, at)
    if not text.startswith(mark, at):
        raise ValueError(f"{mark!r} expected at character {at}")
    return _blank(text, at + 1)


def _next(text: str, at: int, end: str) -> int:
    """Return where the next element begins, or where the list ends."""
    at = _blank(text, at)
    if text.startswith(end, at):
        return at
    at = _skipped(text, at, ",")
    if text.startswith(end, at):
        raise ValueError(f"an element is missing at character {at}")
    return at


def _check_feature(feature: Any, read: _Read, name: str, rules: Mapping[str, PropertyRule], findings: Findings) -> None:
    where = f"features[{read.count}]"
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        findings.error("no_feature", name, filled(NO_FEATURE, "type: Feature"), where)
        return
    geometry, properties = feature.get("geometry"), feature.get("properties")
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if not isinstance(geometry, dict) or kind is None:
        findings.error("no_geometry", name, filled(NO_FEATURE, "geometry"), where)
    elif not isinstance(kind, str) or kind not in NESTING:
        allowed = ", ".join(NESTING)
        findings.error("unknown_geometry", name, filled(UNKNOWN_GEOMETRY, shown(kind), allowed), where)
    else:
        if kind not in read.types:
            read.types.append(kind)
        _check_positions(geometry.get("coordinates"), kind, name, findings, where)
    if not isinstance(properties, dict):
        findings.error("no_properties", name, filled(NO_FEATURE, "properties"), where)
        return
    _check_properties(properties, rules, name, findings, where)


def _check_positions(coordinates: Any, kind: str, name: str, findings: Findings, where: str) -> None:
    """Check the positions of a geometry, note its first fault."""
    bare = kind.removeprefix("Multi")
    parts = coordinates if kind != bare else [coordinates]
    fault = filled(TOO_SHORT, kind, 1), "bad_geometry"
    if isinstance(parts, list) and parts:
        found = next((f for part in parts if (f := _fault(part, bare)) is not None), None)
        if found is None:
            return
        fault = found
    findings.error(fault[1], name, fault[0], where)


def _fault(part: Any, kind: str) -> tuple[Text, str] | None:
    """Return what is wrong with a point, a line or a polygon, and its code."""
    if kind == "Point":
        return _position_fault(part)
    least = 2 if kind == "LineString" else 4
    rings = [part] if kind == "LineString" else part
    if not isinstance(rings, list) or not rings:
        return filled(TOO_SHORT, kind, least), "bad_geometry"
    for ring in rings:
        if not isinstance(ring, list) or len(ring) < least:
            return filled(TOO_SHORT, kind, least), "bad_geometry"
        found = next((f for p in ring if (f := _position_fault(p)) is not None), None)
        if found is not None:
            return found
        if kind == "Polygon" and ring[0] != ring[-1]:
            return OPEN_RING, "open_ring"
    return None


def _position_fault(position: Any) -> tuple[Text, str] | None:
    if not isinstance(position, list) or len(position) != 2 or not all(type(v) is float for v in position):
        return filled(BAD_POSITION, shown(position)), "bad_position"
    if not (-180.0 <= position[0] <= 180.0 and -90.0 <= position[1] <= 90.0):
        return filled(OUT_OF_RANGE, shown(position)), "out_of_range"
    return None


def _check_properties(
    properties: Mapping[str, Any], rules: Mapping[str, PropertyRule], name: str, findings: Findings, where: str
) -> None:
    for key, value in properties.items():
        if not PROPERTY_NAME.fullmatch(key):
            findings.error("property_name", name, filled(BAD_NAME, shown(key)), where)
        rule = rules.get(key)
        if rule is None:
            findings.warn("undefined_property", name, filled(NOT_DEFINED, shown(key)), where)
        elif value is not None:
            _check_property(key, value, rule, name, findings, where)


def _check_property(key: str, value: Any, rule: PropertyRule, name: str, findings: Findings, where: str) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    right = {
        "text": isinstance(value, str),
        "integer": number and isinstance(value, int),
        "decimal": isinstance(value, float),
    }.get(rule.kind, number or isinstance(value, str))
    if not right and not isinstance(value, bool):
        findings.error("wrong_type", name, filled(WRONG_TYPE, key, shown(value), KINDS[rule.kind]), where)
    elif isinstance(value, str) and value and value not in rule.values:
        if rule.pattern is not None and rule.pattern.fullmatch(value):
            return
        if rule.values:
            wanted = filled(ONE_OF, " / ".join(rule.values))
        elif rule.pattern is not None:
            wanted = filled(PATTERN, rule.pattern.pattern)
        else:
            return
        findings.error("wrong_value", name, filled(WRONG_VALUE, key, shown(value), wanted), where)
