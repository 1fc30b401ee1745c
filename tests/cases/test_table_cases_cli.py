"""The cases of lists and tables through the command line, each with its right value."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path

import geopandas
import numpy as np
import pandas
import pytest

from mitoshi.core.errors import MitoshiError
from mitoshi.interfaces.cli import cli

pytestmark = [pytest.mark.real, pytest.mark.slow]

CASES = Path(__file__).resolve().parents[3] / "shared" / "data" / "cases"


def case(name):
    path = CASES / name
    if not path.exists():
        pytest.skip(f"needs {name} of ../shared/data/cases")
    return path


def impact(out, **arguments):
    """Run the command and return figures by name and a function that reads a list."""
    given = [text for name, value in arguments.items() for text in (f"--{name}", str(value))]
    cli.main(
        ["run", "disaster.impact", *given, "--out", str(out), "--time", "2026-11-30T00:00Z", "--json"],
        standalone_mode=False,
    )
    figures = {f["name"]: f for f in json.loads((out / "figures.json").read_text())["figures"]}

    def listed(name):
        path = out / f"{name}.parquet"
        try:
            return geopandas.read_parquet(path)
        except ValueError:
            return pandas.read_parquet(path)

    return figures, listed


@pytest.mark.parametrize(
    ("name", "kind", "ids"),
    [
        ("zero.csv", "facilities", ["01100", "01202", "13101", "47201"]),
        ("missid.csv", "facilities", ["1001", None, "1003", "1004"]),
        ("b_null.geojson", "buildings", ["1001", None, "1003", "1004"]),
    ],
)
def test_15_ids_are_unchanged(tmp_path, name, kind, ids):
    folder = case("15-ids-changed")
    _, listed = impact(tmp_path / "out", depth=folder / "depth.tif", **{kind: folder / name})
    assert [i if isinstance(i, str) else None for i in listed(kind)["id"]] == ids


@pytest.mark.parametrize("list_of_hospitals", ["hosp.geojson", "hosp_case.geojson", "hosp_ja.geojson"])
def test_20_a_viaduct_and_every_spelling_of_a_hospital(tmp_path, list_of_hospitals):
    folder = case("20-vocabulary-silently-unknown")
    figures, listed = impact(
        tmp_path / "out",
        depth=folder / "depth.tif",
        roads=folder / "roads_bridge.geojson",
        settlements=folder / "settle.geojson",
        facilities=folder / list_of_hospitals,
    )
    west = listed("settlements").set_index("name").loc["west"]
    assert (west["state"], west["hospital_distance"]) == (0, 1900)
    assert figures["cut_off_settlements"]["value"] == 0


@pytest.mark.parametrize(("word", "state"), [("low_water_crossing", 1), ("no", 1), ("a word of nobody", 2)])
def test_20_neighbours_what_is_no_bridge_in_a_flood_and_what_may_be_one(tmp_path, word, state):
    folder = case("20-vocabulary-silently-unknown")
    roads = tmp_path / "roads.geojson"
    roads.write_text((folder / "roads_bridge.geojson").read_text().replace('"viaduct"', json.dumps(word)))
    assert word in roads.read_text()
    figures, listed = impact(
        tmp_path / "out",
        depth=folder / "depth.tif",
        roads=roads,
        settlements=folder / "settle.geojson",
        facilities=folder / "hosp.geojson",
    )
    assert listed("settlements").set_index("name").loc["west", "state"] == state
    assert figures["settlements_unknown"]["value"] == (state == 2)


def test_02_a_level_in_cm_by_the_clock_is_the_same_level(tmp_path):
    """The table of the case, rewritten as a Japanese office writes it, gives the same products."""
    folder = case("02-solver-dry-start-water-level")
    table = tmp_path / "level.csv"
    table.write_bytes("辺,日時(JST),水位(cm)\r\n南,2026/10/12 9:00,200\r\n".encode("cp932"))
    made = []
    for n, level in enumerate((folder / "level.csv", table)):
        out = tmp_path / f"out{n}"
        given = [
            "--elevation",
            str(folder / "slope.tif"),
            "--water-level",
            str(level),
            "--duration-h",
            "0.05",
            "--members",
            "1",
        ]
        cli.main(
            ["run", "disaster.inundation", *given, "--out", str(out), "--time", "2026-11-30T00:00Z", "--json"],
            standalone_mode=False,
        )
        made.append({f["name"]: f["value"] for f in json.loads((out / "figures.json").read_text())["figures"]})
    assert made[0] == made[1]
    assert made[0]["flooded_area"] > 0


def test_20_words_for_wood_and_missing_ones_count_as_wood(tmp_path):
    folder = case("20-vocabulary-silently-unknown")
    _, listed = impact(tmp_path / "out", depth=folder / "depth.tif", buildings=folder / "bld_wood.geojson")
    houses = listed("buildings").set_index("id")
    told = json.loads((folder / "bld_wood.geojson").read_text())["features"]
    words = {str(f["properties"]["id"]): f["properties"].get("structure") for f in told}
    wooden = [i for i, w in words.items() if w in {"wood", "Wood", "木造", "", None}]
    assert len(wooden) >= 4
    assert houses.loc[wooden, "certificate"].nunique() == 1
    assert houses.loc[wooden, "waste"].nunique() == 1
    assert (houses.loc[[i for i in words if i not in wooden], "certificate"] == 9).all()


def test_20_japanese_headings(tmp_path):
    folder = case("20-vocabulary-silently-unknown")
    _, listed = impact(tmp_path / "out", depth=folder / "depth.tif", facilities=folder / "jcols.csv")
    assert listed("facilities")["name"].tolist() == ["a", "b", "c", "d"]
    assert listed("facilities")["facility"].notna().all()


def test_04_what_lies_nowhere_is_not_observed(tmp_path):
    folder = case("04-nowhere-features-in-the-water")
    figures, listed = impact(tmp_path / "out", depth=folder / "depth.tif", facilities=folder / "blankcoord.csv")
    row = listed("facilities").set_index("id").iloc[1]
    assert (row["state"], np.isnan(row["depth"])) == (2, True)
    assert figures["facilities_not_observed"]["value"] == 1


@pytest.mark.parametrize(
    ("folder", "arguments", "words"),
    [
        ("04-nowhere-features-in-the-water", {"depth": "depth.tif", "facilities": "swap.csv"}, "longitude and latitude exchanged"),
        ("26-area-beside-the-file-gives-zero", {"depth": "ref.tif", "buildings": "pts.geojson", "area": "10,10,11,11"},
         "does not touch the area"),
    ],
)  # fmt: skip
def test_04_26_what_is_not_there_is_refused(tmp_path, folder, arguments, words):
    place = case(folder)
    given = {name: value if name == "area" else place / value for name, value in arguments.items()}
    with pytest.raises(MitoshiError, match=words):
        impact(tmp_path / "out", **given)
    assert not (tmp_path / "out").exists()


def test_21_a_geopackage_with_changes_beside_it_is_refused(tmp_path):
    """As its make.py does: rows are committed in the -wal while another program holds the file open."""
    folder = case("21-geopackage-wal-lost")
    path = tmp_path / "wal.gpkg"
    geopandas.read_file(folder / "pts.geojson").iloc[:2].to_file(path, layer="buildings", driver="GPKG")
    with contextlib.closing(sqlite3.connect(path)) as held:
        held.execute("PRAGMA journal_mode=WAL")
        held.execute("PRAGMA wal_autocheckpoint=0")
        for (trigger,) in held.execute("SELECT name FROM sqlite_master WHERE type='trigger'").fetchall():
            held.execute(f'DROP TRIGGER "{trigger}"')
        held.execute("INSERT INTO buildings(geom, id) SELECT geom, 'b2' FROM buildings LIMIT 1")
        held.commit()
        with pytest.raises(MitoshiError, match="open in another program"):
            impact(tmp_path / "out", depth=folder / "depth.tif", buildings=path)
    _, listed = impact(tmp_path / "closed", depth=folder / "depth.tif", buildings=path)
    assert len(listed("buildings")) == 3
