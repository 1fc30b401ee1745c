"""The shared raster cases by the commands of their README; right values were computed there with pyproj, numpy and rasterio."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner

from mitoshi.core.errors import MitoshiError

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


class Done:
    """What a command left: exit status, text, figures by name, and its folder."""

    def __init__(self, result, out):
        error = result.exception if isinstance(result.exception, MitoshiError) else None
        self.status = error.exit_status if error is not None else result.exit_code
        self.text = result.output + (str(error) if error is not None else "")
        self.out = out
        found = json.loads((out / "figures.json").read_text()) if (out / "figures.json").exists() else []
        self.figures = {f["name"]: f for f in (found["figures"] if isinstance(found, dict) else found)}

    def value(self, name):
        return self.figures[name]["value"]

    def table(self, name):
        import pandas

        return pandas.read_parquet(self.out / f"{name}.parquet")

    def band(self, name):
        with rasterio.open(self.out / f"{name}.tif") as file:
            return file.read(1)


@pytest.fixture
def mitoshi(shared_data, tmp_path):
    """Run `mitoshi run METHOD` on the files of one case."""
    from mitoshi.interfaces.cli import cli

    def run(folder, method, *arguments, **files):
        case = shared_data(f"cases/{folder}")
        out = tmp_path / f"out{len(list(tmp_path.iterdir()))}"
        given = [part for name, file in files.items() for part in (f"--{name}", f"{case}/{file}")]
        result = CliRunner().invoke(cli, ["run", f"disaster.{method}", *given, *arguments, "--out", str(out)])
        if result.exception is not None and not isinstance(result.exception, (MitoshiError, SystemExit)):
            raise result.exception
        return Done(result, out)

    return run


def test_01_people_are_counts_per_cell(mitoshi):
    folder = "01-population-not-conserved"
    for name in ("pop250", "pop5"):
        done = mitoshi(folder, "impact", depth="depth.tif", population=f"{name}.tif")
        assert done.value("affected_population") == pytest.approx(5000, rel=1e-3)


def test_05_what_a_mask_hides_is_not_observed(mitoshi):
    folder = "05-internal-mask-ignored"
    done = mitoshi(folder, "impact", depth="mask.tif", buildings="pts.geojson")
    buildings = done.table("buildings").set_index("id")
    assert not buildings.loc["b3", "observed"]
    done = mitoshi(folder, "flood-extent", before="mask_before.tif", after="mask_after.tif")
    assert done.value("permanent_water_area") == pytest.approx(8.97, abs=0.02)
    assert done.value("not_observable_share") == pytest.approx(100 * 84 / 384, abs=0.01)


def test_06_units_of_bands(mitoshi):
    folder = "06-band-unit-ignored"
    for name in ("cm", "ft"):
        done = mitoshi(folder, "impact", depth=f"{name}.tif", buildings="pts.geojson")
        assert sorted(set(np.round(done.table("buildings")["depth"].dropna(), 3)))[-2:] == [1.0, 2.0]
        assert done.value("pump_trucks") == 87
    done = mitoshi(folder, "flood-depth", "--edge-depth-m", "0", flood="flood.tif", elevation="dem_ft.tif")
    assert done.value("mean_depth") == pytest.approx(3.49, abs=0.01)
    assert done.value("flood_volume") == pytest.approx(4.885e6, rel=2e-3)


def test_09_areas_on_web_mercator(mitoshi):
    folder = "09-web-mercator-area"
    done = mitoshi(folder, "impact", depth="wm.tif", buildings="wm.geojson")
    assert done.value("pump_trucks") == 82
    pumps = done.table("pumps")
    assert pumps["area"].sum() == pytest.approx(2_940_290, rel=1e-4)
    assert pumps["volume"].sum() == pytest.approx(3_528_220, rel=1e-4)


def test_10_longitudes_from_0_to_360(mitoshi, shared_data, tmp_path):
    from mitoshi.interfaces.cli import cli

    folder = "10-longitude-0-360"
    done = mitoshi(folder, "impact", depth="lon360.tif", buildings="lon360.geojson")
    np.testing.assert_allclose(done.table("buildings")["depth"], [2, 1, 0, 0])
    for name, box in (
        ("lon360.tif", (-160.0, 21.47, -159.97, 21.5)),
        ("l360.nc", (-160.005, 20.995, -159.955, 21.035)),
    ):
        store = tmp_path / f"store-{name}"
        result = CliRunner().invoke(cli, ["ingest", str(shared_data(f"cases/{folder}/{name}")), "--store", str(store)])
        assert result.exit_code == 0, result.output
        found = CliRunner().invoke(cli, ["search", "--store", str(store), "--json"])
        (item,) = json.loads(found.output)["features"]
        np.testing.assert_allclose(item["bbox"], box, atol=1e-6)


def test_16_undeclared_nodata_of_elevation(mitoshi):
    folder = "16-undeclared-nodata-elevation"
    for name, mark in (("dem_undecl.tif", -9999), ("dem_i16_und.tif#quantity=elevation", -32768)):
        done = mitoshi(folder, "flood-depth", "--edge-depth-m", "0", flood="flood.tif", elevation=name)
        assert done.status == 2
        assert f"#nodata={mark}" in done.text
    done = mitoshi(
        folder, "flood-depth", "--edge-depth-m", "0", flood="flood.tif", elevation="dem_undecl.tif#nodata=-9999"
    )
    assert done.value("flood_volume") == pytest.approx(4.885e6, rel=2e-3)
    assert np.nanmax(done.band("depth")) == pytest.approx(6.92, abs=0.02)


def test_18_noise_subtracted_power_is_not_decibels(mitoshi):
    folder = "18-linear-power-with-negatives-taken-as-dB"
    done = mitoshi(folder, "flood-extent", before="neg_before.tif", after="neg_after.tif")
    assert done.value("flooded_area") == pytest.approx(10.6, abs=0.2)
    assert done.figures["flooded_area"]["lower"] < 10.25 < done.figures["flooded_area"]["upper"]


def test_19_unknown_codes_of_a_flood_map(mitoshi):
    folder = "19-flood-codes-unknown-become-unseen"
    for name, code in (("flood_bool", "100"), ("flood_255", "255"), ("flood_dswx", "253")):
        done = mitoshi(folder, "flood-depth", flood=f"{name}.tif", elevation="dem.tif")
        assert done.status == 2
        assert code in done.text
    for described in ("flood_255.tif#scale=0.00392156862745098", "flood_bool.tif#scale=0.01"):
        done = mitoshi(folder, "flood-depth", flood=described, elevation="dem.tif")
        assert done.value("flooded_area") == pytest.approx(1.40, abs=0.001)


def test_24_netcdf(mitoshi, shared_data, tmp_path):
    from mitoshi.interfaces.cli import cli

    folder = "24-netcdf-georeference-denied"
    boxes = {"f32": (139.6999, 35.5999, 140.0999, 35.6079), "cf2": None}
    for name, box in boxes.items():
        path = f"{shared_data(f'cases/{folder}/{name}.nc')}#quantity=water_depth"
        result = CliRunner().invoke(cli, ["ingest", path, "--store", str(tmp_path / name)])
        assert result.exit_code == 0, result.output
        found = CliRunner().invoke(cli, ["search", "--store", str(tmp_path / name), "--json"])
        (item,) = json.loads(found.output)["features"]
        if box is not None:
            np.testing.assert_allclose(item["bbox"], box, atol=5e-5)
        else:
            assert (item["properties"]["proj:code"], item["properties"]["proj:transform"][0]) == ("EPSG:32654", 25)
    path = f"{shared_data(f'cases/{folder}/row.nc')}#quantity=water_depth"
    refused = CliRunner().invoke(cli, ["ingest", path, "--store", str(tmp_path / "row")])
    assert "single row" in refused.output
    assert "GeoTransform" in refused.output
    done = CliRunner().invoke(
        cli, ["ingest", str(shared_data(f"cases/{folder}/noleap.nc")), "--store", str(tmp_path / "n")]
    )
    assert "calendar" in done.output + str(done.exception)


def test_26_an_area_beside_the_file(mitoshi):
    folder = "26-area-beside-the-file-gives-zero"
    done = mitoshi(folder, "impact", "--area", "10,10,11,11", depth="ref.tif", buildings="pts.geojson")
    assert done.status == 2
    assert "catalogue has none" not in done.text


def test_28_slopes_on_a_grid_in_degrees(mitoshi):
    folder = "28-slope-on-degree-grid"
    for name, share in (("ns25", 0.0), ("ew35", 100.0)):
        done = mitoshi(folder, "flood-extent", before="before.tif", after="after.tif", elevation=f"{name}.tif")
        assert done.value("not_observable_share") == pytest.approx(share, abs=0.5)
