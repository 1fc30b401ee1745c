import numpy as np
import pytest
import rasterio
from conftest import TIME

from mitoshi import evidence
from mitoshi.core import discovery


@pytest.mark.real
@pytest.mark.slow
def test_a_real_scene_runs_and_verifies(shared_data, tmp_path):
    image = shared_data("disaster/s1_flood_spain/Spain_7370579_S1Hand.tif")
    label = shared_data("disaster/s1_flood_spain/Spain_7370579_LabelHand.tif")
    bundle = evidence.run(discovery.find("disaster.flood-extent"), {"after": image}, {}, tmp_path / "out", time=TIME)
    assert any("dB" in a.en for a in bundle.assumptions)
    assert evidence.verify(tmp_path / "out", inputs=image.parent).status == "identical"
    with rasterio.open(tmp_path / "out/flood.tif") as found, rasterio.open(label) as truth:
        assert found.crs == truth.crs
        assert found.transform.almost_equals(truth.transform, 1e-12)
        water, known = np.isin(found.read(1), (1, 2)), truth.read(1)
    known_water = known == 1
    both = (water & known_water).sum() / (water & (known >= 0) | known_water).sum()
    assert both > 0.5  # that the right pixels are where they belong; the method's own tests ask for more
