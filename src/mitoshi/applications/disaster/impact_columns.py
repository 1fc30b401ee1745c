"""Columns of the impact lists: names, words, units and storage steps."""

from __future__ import annotations

from mitoshi.core.features import Column
from mitoshi.core.product import CodedClass
from mitoshi.core.text import Text

__all__ = [
    "BUILDINGS", "CUT_OFF_CLASSES", "DISTRICTS", "FACILITIES", "FACILITY_CLASSES", "GIVEN", "LOSSES", "PEOPLE", "PUMPS",
    "PUMP_CLASSES", "ROADS", "ROAD_CLASSES", "ROUTES", "SETTLEMENTS", "TOTALS", "WASTE",
]  # fmt: skip

GREY, BLUE, RED, GREEN = "#9a9a9a", "#0072b2", "#d55e00", "#009e73"
ROAD_CLASSES = (
    CodedClass(0, Text("passable", "通行可能"), GREEN),
    CodedClass(1, Text("impassable", "通行不能"), RED),
    CodedClass(2, Text("unknown", "不明"), GREY),
)
CUT_OFF_CLASSES = (
    CodedClass(0, Text("connected", "到達可能"), GREEN),
    CodedClass(1, Text("cut off", "孤立"), RED),
    CodedClass(2, Text("unknown", "不明"), GREY),
)
FACILITY_CLASSES = (
    CodedClass(0, Text("dry", "浸水なし"), GREEN),
    CodedClass(1, Text("in the water", "浸水"), BLUE),
    CodedClass(2, Text("not observed", "未観測"), GREY),
)
PUMP_CLASSES = (
    CodedClass(0, Text("water of 1 m within reach of a road", "道路から届く範囲に水深1 m以上"), GREEN),
    CodedClass(1, Text("no such road", "該当する道路なし"), RED),
    CodedClass(2, Text("roads not given", "道路データなし"), GREY),
)


def text(name: str, en: str, ja: str) -> Column:
    return Column(name, "str", Text(en, ja))


def number(name: str, en: str, ja: str, units: str = "1", resolution: float | None = None) -> Column:
    return Column(name, "float", Text(en, ja), units, resolution=resolution)


def code(name: str, en: str, ja: str) -> Column:
    return Column(name, "int", Text(en, ja), "1")


def flag(name: str, en: str, ja: str) -> Column:
    return Column(name, "bool", Text(en, ja), "1")


def ranged(name: str, en: str, ja: str, units: str = "1", resolution: float | None = None) -> tuple[Column, ...]:
    """Return an estimate and both ends of its 90 % range."""
    return (
        number(name, en, ja, units, resolution),
        number(f"{name}_lower", f"{en}, lower end", f"{ja}（下限）", units, resolution),
        number(f"{name}_upper", f"{en}, upper end", f"{ja}（上限）", units, resolution),
    )


def chance(name: str, en: str, ja: str) -> Column:
    return number(name, en, ja, "1", 0.001)


ID, NAME = text("id", "identifier", "識別子"), text("name", "name", "名称")

BUILDINGS = (
    ID,
    text("structure", "structure", "構造"),
    flag("observed", "observed", "観測済み"),
    flag("outside_map", "outside the depth map", "浸水深図の範囲外"),
    flag("estimated", "not observed, estimated from the water around", "未観測、周囲の水位から推定"),
    *ranged("depth", "depth, mean over the footprint", "浸水深（外形内平均）", "m", 0.01),
    *ranged("shallowest_depth", "depth at the shallowest point", "浸水深（最も浅い部分）", "m", 0.01),
    number("floor_height", "height of the floor above ground", "床高", "m", 0.01),
    flag("floor_height_assumed", "floor height is assumed", "床高は仮定値"),
    *ranged("depth_above_floor", "depth above the floor", "床上浸水深", "m", 0.01),
    chance("wet_probability", "probability of water", "浸水確率"),
    chance("above_floor_probability", "probability of water above the floor", "床上浸水の確率"),
    chance("over_45cm_probability", "probability of more than 45 cm above ground", "地盤面から45 cm超の確率"),
    flag("insured", "above the floor or more than 45 cm above ground", "保険の浸水条件に該当（床上または45 cm超）"),
    chance("insured_probability", "probability of it", "保険の浸水条件に該当する確率"),
    code("certificate", "damage certificate class by depth", "罹災証明の区分（浸水深による目安）"),
    code("certificate_lower", "class at the lower end of depth", "罹災証明の区分（浸水深の下限）"),
    code("certificate_upper", "class at the upper end of depth", "罹災証明の区分（浸水深の上限）"),
    number("floor_area", "total floor area", "延床面積", "m2", 0.1),
    *ranged("loss_rate", "share of the building's value lost", "家屋被害率", "1", 0.001),
    *ranged("waste", "disaster waste", "災害廃棄物量", "t", 0.01),
    *(chance(f"damage_state_{k}", f"probability of damage state {k}", f"被害ランク{k}の確率") for k in range(1, 7)),
    *ranged("collapse_probability", "probability of collapse or worse", "倒壊以上の確率", "1", 0.001),
)
PEOPLE = (
    text("kind", "kind of row", "区分"),
    number("above", "depth from", "浸水深（以上）", "m"),
    number("below", "depth to", "浸水深（未満）", "m"),
    *ranged("people", "people in the class", "浸水域内人口", "1", 0.1),
    *ranged("at_least", "people in this and deeper classes", "浸水域内人口（この区分以上）", "1", 0.1),
    text("source", "where people are known from", "人口の出典"),
)
DISTRICTS = (
    ID,
    NAME,
    flag("outside", "outside all districts", "地区外"),
    number("buildings", "buildings", "建物棟数", "1", 1.0),
    number("not_observed", "buildings not observed", "未観測の建物棟数", "1", 1.0),
    number("not_determined", "buildings without any estimate", "推定できない建物棟数", "1", 1.0),
    *ranged("wet", "buildings in water", "浸水棟数", "1", 1.0),
    *ranged("above_floor", "buildings flooded above the floor", "床上浸水棟数", "1", 1.0),
    *ranged("over_45cm", "buildings in more than 45 cm", "地盤面から45 cmを超える浸水の棟数", "1", 1.0),
    number("population", "people", "人口", "1", 0.1),
    *ranged("flooded_population", "people in water", "浸水域内人口", "1", 0.1),
    number("population_not_observed", "people not observed", "未観測の人口", "1", 0.1),
    number("population_not_determined", "people without any estimate", "推定できない人口", "1", 0.1),
)
ROADS = (
    ID,
    text("road_class", "class of road", "道路種別"),
    code("piece", "piece between junctions", "区間番号"),
    number("length", "length", "延長", "m", 0.1),
    flag("bridge", "bridge: the water below says nothing of the deck", "橋梁（橋面の浸水は不明）"),
    number("total_head", "largest depth plus velocity head", "全水頭の最大", "m", 0.01),
    code("car", "for ordinary cars", "普通車の通行"),
    chance("car_passable_probability", "probability of being passable for cars", "普通車が通行可能な確率"),
    code("truck", "for emergency trucks", "緊急車両の通行"),
    chance("truck_passable_probability", "probability of being passable for trucks", "緊急車両が通行可能な確率"),
)
SETTLEMENTS = (
    ID,
    NAME,
    number("population", "people", "人口", "1", 0.1),
    code("state", "cut off by road", "孤立の状態"),
    chance("cut_off_probability", "probability of being cut off", "孤立の確率"),
    flag("near_road", "a road is near", "近くに道路がある"),
    *ranged("hospital_distance", "passable way to the nearest hospital", "最寄り病院への通行可能経路長", "m", 1.0),
    number("hospital_distance_before", "way before the flood", "浸水前の最寄り病院への経路長", "m", 1.0),
    *ranged("shelter_distance", "passable way to the nearest shelter", "最寄り避難所への通行可能経路長", "m", 1.0),
    number("shelter_distance_before", "way before the flood", "浸水前の最寄り避難所への経路長", "m", 1.0),
)
ROUTES = (
    text("settlement_id", "settlement's identifier", "集落の識別子"),
    text("settlement", "settlement", "集落"),
    text("goal", "kind of goal", "行き先の種別"),
    text("goal_id", "goal's identifier", "行き先の識別子"),
    text("goal_name", "goal", "行き先"),
    number("length", "length by road", "経路長", "m", 1.0),
    chance("open_probability", "probability that the whole way is open", "全区間が通行可能な確率"),
)
FACILITIES = (
    ID,
    NAME,
    text("facility", "kind of facility", "施設種別"),
    number("capacity", "capacity", "収容人数", "1", 1.0),
    code("state", "in the water", "浸水の有無"),
    flag("outside_map", "outside the depth map", "浸水深図の範囲外"),
    chance("wet_probability", "probability of water", "浸水確率"),
    *ranged("depth", "depth", "浸水深", "m", 0.01),
)
PUMPS = (
    code("segment", "flooded segment, the largest first", "湛水域の番号"),
    *ranged("volume", "volume of water", "湛水量", "m3", 1.0),
    number("area", "area", "湛水面積", "m2", 1.0),
    number("deepest", "deepest water", "最大水深", "m", 0.01),
    code("pump_trucks", "pump trucks needed", "必要な排水ポンプ車の台数"),
    code("pump_trucks_lower", "pump trucks needed, lower end", "必要な排水ポンプ車の台数（下限）"),
    code("pump_trucks_upper", "pump trucks needed, upper end", "必要な排水ポンプ車の台数（上限）"),
    *ranged("drainage_time", "time to drain with these trucks", "排水に要する時間", "h", 0.1),
    number("place_depth", "depth at the place of the pump", "設置地点の水深", "m", 0.01),
    code("place_access", "access by road", "道路からの到達"),
    flag("deep_enough", "at least 1 m deep", "水深1 m以上"),
)
WASTE = (
    text("unit_set", "set of units", "原単位"),
    text("basis", "counted by certificate or by flooding", "棟数の区分（罹災証明／床上・床下）"),
    *ranged("waste", "disaster waste", "災害廃棄物量", "t", 0.1),
    flag("all_waste", "counts all waste", "全量を数える"),
    text("status", "status of the units", "原単位の確認状況"),
    text("source", "source", "出典"),
    number("site_area_lower", "temporary storage, least area", "仮置場面積（下限）", "m2", 1.0),
    number("site_area_upper", "temporary storage, most area", "仮置場面積（上限）", "m2", 1.0),
)
LOSSES = (
    text("item", "what is lost", "被害の項目"),
    text("rates", "table of rates", "被害率の表"),
    *ranged("extent", "loss in units of the asset (m2 of floor, households)", "資産数量での被害（延床面積・世帯）"),
    *ranged("loss", "loss", "被害額", "JPY"),
    number(
        "not_counted", "flooded buildings not counted for want of data", "データがなく数えていない浸水棟数", "1", 1.0
    ),
    text("status", "status of the table", "表の確認状況"),
    text("source", "source, or why not estimated", "出典または推計しない理由"),
)
GIVEN = (
    text("theme", "data", "データ"),
    flag("given", "given", "与えられたか"),
    number("amount", "features or people", "件数または人口"),
    number("not_observed", "of which not observed", "うち未観測"),
    number("not_determined", "of which without any estimate", "うち推定できないもの"),
)
TOTALS = (
    text("name", "what is counted", "項目"),
    *ranged("value", "number in the water", "浸水した数", "1", 0.1),
    number(
        "value_most",
        "upper end if all without any estimate on the map are in the water",
        "上限（図の範囲内の推定できないものが全て浸水とした場合）",
        "1",
        0.1,
    ),
    number("value_unseen", "of these where nothing was observed", "うち未観測域の推定数", "1", 0.1),
    number("amount", "number given", "全体の数", "1", 0.1),
    number("not_observed", "of which not observed", "うち未観測", "1", 0.1),
    number("not_determined", "of which without any estimate", "うち推定できないもの", "1", 0.1),
)
