"""Tables say units and clocks in their headings: read, or asked for, and never supposed."""

from __future__ import annotations

import numpy as np
import pytest

from mitoshi import sensors
from mitoshi.core.errors import InputError, QuantityError
from mitoshi.core.feature_kinds import FAULTS, INFLOWS, RAINFALL, ROADS, WATER_LEVELS
from mitoshi.core.features import features_as_declared


def table(tmp_path, text, kind=WATER_LEVELS, encoding="utf-8"):
    path = tmp_path / "level.csv"
    path.write_bytes(text.encode(encoding))
    observation = sensors.open_observation(path, expecting=kind)
    return features_as_declared(observation.features[kind.name], kind, kind.name), observation


@pytest.mark.parametrize(
    ("head", "level"),
    [
        ("level [cm]", 2.5), ("water_level_cm", 2.5), ("水位(cm)", 2.5), ("水位［ｃｍ］", 2.5), ("潮位（㎝）", 2.5), ("水位cm", 2.5),
        ("level (mm)", 0.25), ("level_ft", 76.2), ("stage [feet]", 76.2), ("level [US survey foot]", 250 * 1200 / 3937),
        ("water_level_m", 250.0), ("level [m]", 250.0), ("水位(T.P.m)", 250.0), ("水位（T.P.+cm）", 2.5),
    ],
)  # fmt: skip
def test_the_unit_of_the_heading(tmp_path, head, level):
    features, observation = table(tmp_path, f"side,time_s,{head}\nnorth,0,250\n")
    assert features["water_level_m"].tolist() == pytest.approx([level])
    said = any("is read in" in t.en and "換算" in t.ja for t in observation.assumptions)
    assert said == (level != 250.0)


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ("level", "states no unit; write it in the heading, as in 'level \\[m\\]'"),
        ("水位", "states no unit"),
        ("level [hPa]", "no unit of water_level_m"),
        ("level [A.P.m]", "no unit of water_level_m"),
        ("level [degC]", "no unit of water_level_m"),
        ("pressure [hPa]", "no column 'water_level_m'"),
    ],
)
def test_a_unit_that_is_missing_or_another_is_asked_for(tmp_path, head, words):
    with pytest.raises((InputError, QuantityError), match=words):
        table(tmp_path, f"side,time_s,{head}\nnorth,0,250\n")


def test_two_headings_of_one_quantity_are_refused(tmp_path):
    with pytest.raises(InputError, match="both mean water_level_m"):
        table(tmp_path, "side,time_s,level [cm],水位(m)\nnorth,0,250,2.5\n")


@pytest.mark.parametrize(
    ("kind", "text", "column", "value"),
    [
        (INFLOWS, "name,time [min],discharge [m3/s],longitude,latitude\na,10,5,139,35\n", "time_s", 600.0),
        (INFLOWS, "name,time_h,流量(㎥/s),longitude,latitude\na,1,5,139,35\n", "discharge_m3_s", 5.0),
        (INFLOWS, "name,経過時間(時間),discharge [cfs],longitude,latitude\na,1,1000,139,35\n", "discharge_m3_s", 28.316846592),
        (RAINFALL, "経過時間（分）,雨量（mm/10分）\n10,7\n", "rate_mm_h", 42.0),
        (RAINFALL, "time_s,rain [mm/h]\n0,7\n", "rate_mm_h", 7.0),
        (WATER_LEVELS, "side,time_s,level [m],speed [cm/s]\nnorth,0,1,30\n", "speed_m_s", 0.3),
        (FAULTS, "longitude,latitude,depth_top [km],strike_deg,dip_deg,rake_deg,length [km],width [km],slip [cm]\n"
                 "143,38,5,200,10,90,300,150,900\n", "length_m", 300_000.0),
        (ROADS, "id,width,幅員(cm),wkt\na,wide,650,\"LINESTRING (139 35, 140 35)\"\n", "width_m", 6.5),
    ],
)  # fmt: skip
def test_units_of_other_quantities(tmp_path, kind, text, column, value):
    assert table(tmp_path, text, kind)[0][column][0] == pytest.approx(value)


@pytest.mark.parametrize(
    ("head", "first", "second"),
    [
        ("time", "2026-10-12T00:00Z", "2026-10-12T09:30+09:00"),
        ("datetime", "2026-10-12 09:00 JST", "2026-10-12 09:30:00 +0900"),
        ("日時（JST）", "2026/10/12 9:00", "2026年10月12日 9時30分"),
        ("time [UTC]", "2026-10-12 00:00:00", "2026.10.12 0:30"),
        ("観測時刻(日本時間)", "2026/10/12 09:00", "2026/10/12 09:30"),
        ("timestamp", "2026-10-11T19:00:00-05:00", "2026-10-12T00:30:00.000Z"),
        ("日時(+09:00)", "2026/10/12 09:00", "2026/10/12 09:30"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp932", "euc_jp"])
def test_clocks_are_read_in_their_zone(tmp_path, head, first, second, encoding):
    text = f"辺,{head},水位(cm)\r\n北,{first},100\r\n北,{second},150\r\n"
    features, observation = table(tmp_path, text, encoding=encoding)
    assert features["time_s"].tolist() == [0.0, 1800.0]
    assert features["side"].tolist() == ["north", "north"]
    np.testing.assert_allclose(features["water_level_m"], [1.0, 1.5])
    assert observation.item.properties["mitoshi:clock_start"] == "2026-10-12T00:00:00Z"
    assert any("2026-10-12T00:00:00Z, the first of the table" in t.en for t in observation.assumptions)


def test_24_o_clock_is_the_end_of_the_day(tmp_path):
    features, _ = table(tmp_path, "side,日時(JST),level [m]\nnorth,2026/10/12 23:00,1\nnorth,2026/10/12 24:00,1\n")
    assert features["time_s"].tolist() == [0.0, 3600.0]


@pytest.mark.parametrize(
    ("time", "words"),
    [
        ("2026-10-12 09:00", "states no time zone; write"),
        ("2026-10-12 09:00 XYZ", "states the time zone 'XYZ', which is not understood"),
        ("3600", "is no time"),
        ("2026-13-40 09:00Z", "is no time; correct it"),
        ("2026-10-12 09:99Z", "is no time; correct it"),
    ],
)
def test_a_clock_that_is_not_understood_is_asked_for(tmp_path, time, words):
    with pytest.raises(InputError, match=words):
        table(tmp_path, f"side,time,level [m]\nnorth,{time},1\n")


def test_a_side_that_is_no_side_keeps_its_word(tmp_path):
    features, _ = table(tmp_path, "side,time_s,level [m]\nNorth-east,0,1\n")
    assert features["side"].tolist() == ["North-east"]


@pytest.mark.parametrize(
    "text", ["sep=;\r\nside;time_s;level [m]\r\nnorth;0;1\r\n", "side\ttime_s\tlevel [m]\nnorth\t0\t1\n"]
)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_tables_that_excel_makes(tmp_path, text, encoding):
    assert table(tmp_path, text, encoding=encoding)[0]["water_level_m"].tolist() == [1.0]


def test_a_huge_cell_is_one_clear_line(tmp_path):
    with pytest.raises(InputError, match="row 3 has a cell of more than 128 KiB") as told:
        table(tmp_path, f"side,time_s,level [m]\nnorth,0,1\n{'x' * 140_000},0,1\n")
    assert "\n" not in str(told.value)
