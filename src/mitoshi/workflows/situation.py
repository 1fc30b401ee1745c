"""The handover of a response: its layers for other systems and the situation report, made from whatever is done."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mitoshi.core.discovery import find
from mitoshi.core.grid import BBox
from mitoshi.core.product import Figure
from mitoshi.core.text import Text
from mitoshi.evidence.wording import JST
from mitoshi.handover.ranges import ranged
from mitoshi.handover.situation import ClockRow, EvidenceRow, Section, Situation, Table
from mitoshi.handover.situation_map import MapLayer
from mitoshi.handover.situation_map import renders as draw
from mitoshi.handover.writing import LANGUAGES, write
from mitoshi.workflows.handing_over import layers_of
from mitoshi.workflows.map_ground import ground_layers
from mitoshi.workflows.people_words import PEOPLE, people_words
from mitoshi.workflows.response import STEPS, since
from mitoshi.workflows.response import simulated as is_simulated

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mitoshi.core.features import Features
    from mitoshi.core.text import Language
    from mitoshi.evidence import Bundle
    from mitoshi.handover.layers import Issuer, LayerForHandover
    from mitoshi.workflows.response import Entry, Record

__all__ = ["hand_over"]

TITLE = Text("Situation report", "状況報告")
NOT_YET = {
    "waiting": Text("waits: {}", "観測待ち（理由は respond.json に記載）"),
    "impossible": Text("not possible: {}", "実行できません（理由は respond.json に記載）"),
    "failed": Text("failed: {}", "失敗しました（理由は respond.json に記載）"),
}
AWAITED = Text("waits for {}", "{}の完成待ち")
UNITS = {
    "affected_population": "person",
    **dict.fromkeys(("population_not_observed", "affected_population_unseen", "population_not_determined"), "person"),
    "cut_off_settlements": "place",
    "settlements_unknown": "place",
    "hospitals_in_water": "place",
    "shelters_in_water": "place",
    "facilities_not_observed": "place",
    "pump_trucks": "truck",
    **dict.fromkeys(
        (
            "flooded_buildings",
            "flooded_buildings_unseen",
            "buildings_not_determined",
            "above_floor_buildings",
            "insured_buildings",
            "total_loss_buildings",
            "buildings_not_observed",
            "destroyed_buildings",
            "severe_buildings",
            "damaged_buildings",
            "not_observed_buildings",
            "footprints",
        ),
        "building",
    ),
}
WORDS = {
    "dry": Text("dry", "浸水なし"),
    "depth": Text("in the water", "浸水"),
    "not_observed": Text("not observed", "未観測"),
    "not_determined": Text("no estimate", "推定不能"),
    "read": Text("read in its source", "原典確認済み"),
    "unconfirmed": Text("unconfirmed", "未確認"),
    "derived": Text("derived from the rows above", "上の行からの算出値"),
    "range over all sets": Text("range over all sets", "全原単位の範囲"),
}
GROUPS: tuple[tuple[Text, tuple[str, ...]], ...] = (
    (
        Text("People and access", "人と交通"),
        (
            "affected_population",
            "affected_population_unseen",
            "cut_off_settlements",
            "hospitals_in_water",
            "shelters_in_water",
        ),
    ),
    (
        Text("Buildings", "建物"),
        (
            "flooded_buildings",
            "flooded_buildings_unseen",
            "above_floor_buildings",
            "insured_buildings",
            "total_loss_buildings",
            "house_loss",
        ),
    ),
    (Text("Drainage and waste", "排水と災害廃棄物"), ("pump_trucks", "water_volume", "disaster_waste")),
)
MESSAGE = ("flooded_area", "cut_off_settlements", "pump_trucks")
NO_IMPACT = Text("no depth of water: {}", "浸水深がありません。理由は respond.json に記載")
COUNTED = ("people", "population", "wet", "not_observed", "pump_trucks")  # first words of columns that count
SIMULATED_CLOCK = Text(
    "simulated clock: delivery of the observations and time of processing are assumed",
    "模擬の時刻（観測データの配信と処理の所要時間は仮定）",
)
PROBABLE = 0.5
MAPPED: tuple[tuple[str, Text, str, Any, float], ...] = (
    ("flood", Text("flooded", "浸水域"), "#5aa9e6", "area", 4.0),
    ("landslide_landslides", Text("landslide", "土砂災害"), "#8c510a", "area", 4.0),
    ("landslide_lakes", Text("lake behind a landslide", "河道閉塞による湛水"), "#01665e", "area", 4.0),
    ("impact_roads", Text("road", "道路"), "#b0b0b0", "line", 2.0),
    ("impact_closed_roads", Text("road under water", "浸水した道路"), "#d55e00", "line", 5.0),
    (
        "impact_flooded_buildings",
        Text("building probably in water (50 % or more)", "浸水の可能性が高い建物（確率50 %以上）"),
        "#c2255c",
        "area",
        4.0,
    ),
    ("impact_cut_off_settlements", Text("settlement cut off", "孤立集落"), "#d55e00", "square", 14.0),
    ("impact_flooded_shelters", Text("shelter in the water", "浸水した避難所"), "#cc79a7", "triangle", 18.0),
    ("impact_flooded_hospitals", Text("hospital in the water", "浸水した病院"), "#cc0000", "cross", 20.0),
    ("impact_pumps", Text("place for pump trucks", "排水ポンプ車の配置候補"), "#0b2e4f", "diamond", 12.0),
)
MOST_MAPPED = 60_000


class _Wanted(NamedTuple):
    """A table of the report: which layer, which columns, by which it is sorted downwards."""

    layer: str
    title: Text
    columns: tuple[str, ...]
    by: str = ""


TABLES = (
    _Wanted(
        "impact_damage_by_district",
        Text("By district", "地区別"),
        ("name", "wet", "wet_lower", "wet_upper", "not_observed"),
        "wet",
    ),
    _Wanted(
        "impact_people",
        Text("People by depth", "浸水深別の浸水域内人口"),
        ("kind", "above", "below", "people", "people_lower", "people_upper"),
    ),
    _Wanted(
        "impact_cut_off_settlements",
        Text("Settlements cut off", "孤立集落"),
        ("name", "population", "cut_off_probability"),
        "population",
    ),
    _Wanted(
        "impact_pumps",
        Text("Pump trucks", "排水ポンプ車"),
        ("segment", "volume", "pump_trucks", "pump_trucks_lower", "pump_trucks_upper", "drainage_time"),
        "volume",
    ),
    _Wanted(
        "impact_waste",
        Text("Disaster waste", "災害廃棄物"),
        ("unit_set", "waste", "waste_lower", "waste_upper", "status"),
    ),
)


def hand_over(
    folder: Path, bundles: Mapping[str, Bundle], record: Record, *, now: datetime, issuer: Issuer | None = None
) -> tuple[Path, ...]:
    """Write the handover whole, in the place of an earlier one.

    Parameters
    ----------
    folder
        Of the handover.
    bundles
        Step → evidence bundle, of those that are done.
    record
        How every step stands.
    now
        When it is made.
    issuer
        Who answers for it; None is nobody, and packages are marked as a test.

    Returns
    -------
    The files, the report first.

    Raises
    ------
    MitoshiError
        If a layer cannot be written.
    """
    simulated = any(is_simulated(b) for b in bundles.values())
    layers = layers_of(bundles)
    situation = _situation(bundles, record, layers, now, simulated=simulated)
    files = write(folder, layers, situation, simulated=simulated, time=now, issuer=issuer)
    return tuple(sorted(files, key=lambda p: (p.suffix != ".pdf", str(p))))


def _event(record: Record) -> Text:
    """Return the disaster's name with its day, or the time of the event, and the number of the report."""
    time = datetime.fromisoformat(record.event)
    japan = time.astimezone(JST)
    en, ja = f"Event of {time:%Y-%m-%d %H:%M} UTC", f"{japan:%Y年%-m月%-d日 %-H:%M} JST発災の災害"
    if record.disaster:
        en, ja = f"{record.disaster} ({time:%Y-%m-%d})", f"{record.disaster}（{_era(japan)}{japan:%-m月%-d日}）"
    if record.report:
        en, ja = f"{en}, report no. {record.report}", f"{ja}{'' if record.disaster else ' '}第{record.report}報"
    return Text(en, ja)


def _era(time: datetime) -> str:
    """Return the year of the era Reiwa, or of the Christian era before it."""
    year = time.year - 2018
    if time < datetime(2019, 5, 1, tzinfo=JST):
        return f"{time.year}年"
    return "令和元年" if year == 1 else f"令和{year}年"


def _area(record: Record) -> Text:
    west, south, east, north = record.area
    return Text(
        f"{west:.3f} to {east:.3f}° E, {south:.3f} to {north:.3f}° N",
        f"東経{west:.3f}～{east:.3f}°、北緯{south:.3f}～{north:.3f}°",
    )


def _situation(
    bundles: Mapping[str, Bundle],
    record: Record,
    layers: Mapping[str, LayerForHandover],
    now: datetime,
    *,
    simulated: bool,
) -> Situation:
    methods = {step: find(b.method) for step, b in bundles.items()}
    caveats = tuple(dict.fromkeys(c for m in methods.values() for c in m.caveats))
    titles = {s.name: s.title for s in STEPS}
    sections = tuple(_sections(bundles, titles))
    ground = ground_layers(bundles["flood"]) if layers and "flood" in bundles else []
    return Situation(
        TITLE,
        _event(record),
        _area(record),
        now,
        sections,
        simulated,
        pictures={} if not layers else _maps(layers, ground, record, simulated=simulated),
        message=_message(sections, bundles, record),
        happened=datetime.fromisoformat(record.event),
        tables=tuple(_tables(layers)),
        clock=tuple(_clock(record, titles)),
        caveats=caveats,
        sources=tuple(
            Text(f"{m.name} {m.version}: {m.reference}", f"{m.name} {m.version}：{m.reference}")
            for m in methods.values()
        ),
        evidence=tuple(EvidenceRow(titles.get(step, Text(step, step)), b.id, step) for step, b in bundles.items()),
    )


def _sections(bundles: Mapping[str, Bundle], titles: Mapping[str, Text]) -> list[Section]:
    found = []
    for step, bundle in bundles.items():
        left = [f._replace(units=UNITS.get(f.name, f.units)) for f in bundle.figures]
        if step == "impact":
            for title, names in GROUPS:
                chosen = tuple(f for name in names for f in left if f.name == name and np.isfinite(f.value))
                left = [f for f in left if f.name not in names]
                if chosen:
                    found.append(Section(title, chosen))
        shown = tuple(f for f in left if np.isfinite(f.value))
        if shown:
            found.append(Section(titles.get(step, Text(step, step)), shown))
    return sorted(found, key=lambda section: section.figures[0].name != PEOPLE)


def _message(sections: tuple[Section, ...], bundles: Mapping[str, Bundle], record: Record) -> Text | None:
    """Return the people in the water, those nobody saw included, and the first of the other figures."""
    known: dict[str, Figure] = {}
    for section in sections:
        for figure in section.figures:
            known.setdefault(figure.name, figure)
    chosen = [known[name] for name in MESSAGE if name in known]
    entry = next((record.entries[n] for n in ("depth", "impact") if n in record.entries and not record.done(n)), None)
    why_not = None if entry is None else Text(NO_IMPACT.en.format(entry.reason), NO_IMPACT.ja)
    people = people_words(bundles["impact"].figures if "impact" in bundles else (), why_not)
    if people is None and not chosen:
        return None
    en, ja = ([], []) if people is None else ([people.line.en], [people.line.ja])
    others = "、".join(f"{f.title.ja}：{ranged(f, 'ja').words}" for f in chosen)
    return Text(
        "; ".join((*en, *(f"{f.title.en}: {ranged(f, 'en').words}" for f in chosen))) + ".",
        "".join(f"{part}。" for part in (*ja, others) if part),
    )


def _clock(record: Record, titles: Mapping[str, Text]) -> list[ClockRow]:
    rows = []
    for name, entry in record.entries.items():
        if name == "handover":
            continue
        title = titles.get(name, Text(name, name))
        if entry.status == "done":
            at = datetime.fromisoformat(entry.finished)
            note = SIMULATED_CLOCK if record.clock == "simulated" else None
            rows.append(ClockRow(title, since(record.event, entry.finished), at, note))
        else:
            rows.append(ClockRow(title, None, None, _why_not(entry, titles)))
    return rows


def _why_not(entry: Entry, titles: Mapping[str, Text]) -> Text:
    """Return why a product is not there; what it waits for by the titles that people read, not by the names of steps."""
    awaited = re.fullmatch(r"\w+ waits for (.+)", entry.reason)
    if awaited is None:
        return Text(NOT_YET[entry.status].en.format(entry.reason), NOT_YET[entry.status].ja)
    named = [titles.get(name, Text(name, name)) for name in awaited[1].split(" or ")]
    return Text(
        AWAITED.en.format(" or ".join(f"“{n.en}”" for n in named)),
        AWAITED.ja.format("または".join(f"「{n.ja}」" for n in named)),
    )


def _maps(
    layers: Mapping[str, LayerForHandover],
    ground: Sequence[tuple[Text, Features, str, Any]],
    record: Record,
    *,
    simulated: bool,
) -> dict[Language, bytes]:
    """Return the map in every language: below all else the sea and, hatched, what the flood map did not see."""
    drawn = [MapLayer(title, features, colour, symbol, opacity=1.0) for title, features, colour, symbol in ground]
    for name, title, colour, symbol, size in MAPPED:
        if name in layers:
            features = layers[name].features
            if "wet_probability" in features and name == "impact_flooded_buildings":
                features = features[features["wet_probability"] >= PROBABLE]
            if 0 < len(features) <= MOST_MAPPED:
                drawn.append(MapLayer(title, features, colour, symbol, size))
    return draw(drawn, area=BBox(*record.area), languages=LANGUAGES, simulated=simulated)


def _tables(layers: Mapping[str, LayerForHandover]) -> list[Table]:
    """Return what a headquarters reads as tables: districts, people by depth, settlements cut off, pumps, waste."""
    return [_table(layers[t.layer], t) for t in TABLES if t.layer in layers]


def _table(layer: LayerForHandover, wanted: _Wanted) -> Table:
    from mitoshi.handover.layers import heading, values_of

    known = {c.name: c for c in layer.columns}
    shown = [known[c] for c in wanted.columns if c in known]
    cells = [values_of(layer, c) for c in shown]
    order = list(range(len(layer.features)))
    if wanted.by in known:
        keys = values_of(layer, known[wanted.by])
        order.sort(key=lambda n: -(keys[n] if keys[n] is not None else float("-inf")))
    names = WORDS | _unit_sets()
    whole = [any(c.name.startswith(word) for word in COUNTED) for c in shown]
    rows = tuple(tuple(_cell(column[n], names, whole=w) for column, w in zip(cells, whole, strict=True)) for n in order)
    return Table(wanted.title, tuple(heading(c) for c in shown), rows, f"csv/{wanted.layer}.csv")


def _unit_sets() -> dict[str, Text]:
    """Return the names for people of the sets of units of waste."""
    from mitoshi.applications.disaster.impact_tables import table

    return {s["id"]: Text(s["title"]["en"], s["title"]["ja"]) for s in table("waste")["sets"]}


def _cell(value: Any, names: Mapping[str, Text], *, whole: bool = False) -> Text | str:
    """Return a cell in words; people and things, of which there are no parts, as whole numbers."""
    if value in names:
        return names[value]
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:,.0f}" if whole or abs(value) >= 100 or value == int(value) else f"{value:.3g}"
    return str(value)
