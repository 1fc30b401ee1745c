"""Images and maps that were once read wrongly without a word: turned-over greys, codes taken for shares, nothing observed."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio

from mitoshi import sensors
from mitoshi.core.errors import InputError
from mitoshi.core.quantity import BACKSCATTER, PROBABILITY, WATER_OCCURRENCE
from mitoshi.interfaces.cli import cli

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


def write(path, values, **options):
    values = np.atleast_3d(values.T).T
    profile = {"driver": "GTiff", "count": len(values), "height": values.shape[1], "width": values.shape[2]}
    with rasterio.open(path, "w", **profile, dtype=values.dtype, **options) as dataset:
        dataset.write(values)
    return path


@pytest.fixture
def grey():
    return np.random.default_rng(0).integers(1, 200, (64, 64), np.uint8)


def test_white_as_the_least_value_is_turned_over(tmp_path, grey):
    plain = sensors.open_observation(write(tmp_path / "plain.tif", grey), expecting=BACKSCATTER)
    turned = sensors.open_observation(
        write(tmp_path / "turned.tif", 255 - grey, photometric="MINISWHITE"), expecting=BACKSCATTER
    )
    one, other = (o.layers["relative_backscatter"].to_numpy() for o in (plain, turned))
    np.testing.assert_array_equal(one, other)
    assert any("MinIsWhite" in text.en for text in turned.assumptions)
    assert not any("MinIsWhite" in text.en for text in plain.assumptions)


def test_no_data_of_a_turned_image_is_that_of_the_file(tmp_path, grey):
    path = write(
        tmp_path / "turned.tif", np.where(grey < 50, 255, grey).astype("uint8"), photometric="MINISWHITE", nodata=255
    )
    values = sensors.open_observation(path, expecting=BACKSCATTER).layers["relative_backscatter"].to_numpy()[0]
    np.testing.assert_array_equal(np.isnan(values), grey < 50)
    np.testing.assert_array_equal(values[grey >= 50], 255.0 - grey[grey >= 50])


def test_what_the_user_says_of_the_scale_decides(tmp_path, grey):
    path = write(tmp_path / "turned.tif", 255 - grey, photometric="MINISWHITE")
    said = sensors.open_observation(f"{path}#scale=-1,offset=255", expecting=BACKSCATTER)
    np.testing.assert_array_equal(said.layers["relative_backscatter"].to_numpy()[0], grey)


def test_a_measured_quantity_keeps_its_values(tmp_path, grey):
    path = write(tmp_path / "share.tif", grey % 100, photometric="MINISWHITE")
    values = (
        sensors.open_observation(f"{path}#quantity=water_occurrence,units=percent")
        .layers["water_occurrence"]
        .to_numpy()
    )
    np.testing.assert_array_equal(values, grey % 100)


def test_white_as_the_least_value_of_longer_numbers_is_refused(tmp_path, grey):
    path = write(tmp_path / "long.tif", grey.astype("uint16"), photometric="MINISWHITE")
    with pytest.raises(InputError, match=r"long.tif: white is its least value .* uint16; turn it over"):
        sensors.open_observation(f"{path}#quantity=relative_backscatter")


@pytest.mark.parametrize("codes", [(0, 1, 2), (1, 2), (2,), (0, 1, 2, 255), (0, 5, 12)])
@pytest.mark.parametrize("wanted", [PROBABILITY, WATER_OCCURRENCE])
def test_codes_of_classes_are_no_share(tmp_path, codes, wanted):
    values = np.random.default_rng(1).choice(np.array(codes, "uint8"), (64, 64))
    with pytest.raises(InputError, match="^classes holds only whole numbers"):
        sensors.open_observation(write(tmp_path / "classes.tif", values), expecting=wanted)


@pytest.mark.parametrize(("values", "units"), [((0, 1), "1"), ((0, 50, 100), "percent"), ((0.0, 0.4), "1")])
def test_shares_are_still_read(tmp_path, values, units):
    kind = "float32" if isinstance(values[0], float) else "uint8"
    chosen = np.random.default_rng(1).choice(np.array(values, kind), (64, 64))
    found = sensors.open_observation(write(tmp_path / "share.tif", chosen), expecting=PROBABILITY).layers["probability"]
    assert found.attrs["units"] == units


def test_a_share_in_small_per_cents_can_be_stated(tmp_path):
    values = np.random.default_rng(1).choice(np.array((0, 5, 10), "uint8"), (64, 64))
    path = write(tmp_path / "share.tif", values)
    found = sensors.open_observation(f"{path}#units=percent", expecting=PROBABILITY).layers["probability"]
    assert found.attrs["units"] == "percent"


def test_an_image_in_which_nothing_was_observed_is_named_as_given(tmp_path):
    path = write(tmp_path / "empty.tif", np.full((2, 64, 64), np.nan, "float32"))
    with pytest.raises(InputError, match=r"^empty.tif holds no observed pixels; give another image"):
        sensors.open_observation(path, expecting=BACKSCATTER)


def test_a_file_of_another_kind_is_named_as_given(tmp_path, capsys):
    path = write(tmp_path / "dem.tif", np.full((64, 64), 3.5, "float32"))
    with pytest.raises(InputError, match=r"after must be backscatter, but dem.tif holds elevation;"):
        cli.main(
            ["run", "disaster.flood-extent", "--after", f"{path}#quantity=elevation", "--out", str(tmp_path / "o")],
            standalone_mode=False,
        )
