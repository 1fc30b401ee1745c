"""The real images of ../shared/data through `mitoshi run disaster.flood-extent`, scored against their labels.

Every pixel counts: what the map calls not observable is scored as not flooded.
"""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest
import rasterio
from PIL import Image

from mitoshi.interfaces.cli import cli
from mitoshi.sensors import guard

pytestmark = [pytest.mark.real, pytest.mark.slow]


def run(out, *arguments):
    done = cli.main(
        [
            "run",
            "disaster.flood-extent",
            *map(str, arguments),
            "--out",
            str(out),
            "--time",
            "2026-11-23T00:00Z",
            "--workers",
            "1",
            "--json",
        ],
        standalone_mode=False,
    )
    assert done is None
    with guard.open_raster(out / "flood.tif") as f, guard.open_raster(out / "flood_probability.tif") as p:
        return f.read(1), p.read(1)


def iou(mapped, truth):
    return (mapped & truth).sum() / (mapped | truth).sum()


def expected_calibration_error(probability, truth, bins=10):
    """Return the expected calibration error (Naeini et al. 2015, eq. 3) over equal-width bins."""
    seen = np.isfinite(probability)
    p, t = probability[seen].astype(float), truth[seen].astype(float)
    index = np.minimum((p * bins).astype(int), bins - 1)
    count = np.bincount(index, minlength=bins)
    gap = np.abs(np.bincount(index, p, bins) - np.bincount(index, t, bins))
    return gap.sum() / count.sum()


@pytest.fixture(scope="module")
def ombria(shared_data, tmp_path_factory):
    """Flood codes, probabilities and labels of the 70 test tiles, each through the command line."""
    archive = zipfile.ZipFile(shared_data("disaster/sar_flood_ombria/ombria_test70.zip"))
    folder = tmp_path_factory.mktemp("ombria")
    masks = sorted(n for n in archive.namelist() if "OmbriaS1" in n and "/MASK/" in n and n.endswith(".png"))
    assert len(masks) == 70
    results = []
    for name in masks:
        number = name.rsplit("_", 1)[1]
        files = {}
        for kind in ("BEFORE", "AFTER"):
            found = next(
                n for n in archive.namelist() if "OmbriaS1" in n and f"/{kind}/" in n and n.endswith(f"_{number}")
            )
            files[kind] = folder / f"{kind.lower()}_{number}"
            files[kind].write_bytes(archive.read(found))
        codes, probability = run(folder / number[:-4], "--before", files["BEFORE"], "--after", files["AFTER"])
        truth = np.asarray(Image.open(io.BytesIO(archive.read(name))).convert("L")) > 127
        results.append((codes, probability, truth, not 440 <= int(number[:-4]) < 720))
    return results


def test_ombria_pooled_iou(ombria, capsys, record_property):
    """In the tiles from 440 to 719, one event, the masks are of another date: most of what they show is not dark."""
    codes, _, truth, dated = (np.stack(a) for a in zip(*ombria, strict=True))
    pooled = iou(codes == 1, truth)
    mean = np.mean([iou(c == 1, t) for c, t in zip(codes, truth, strict=True) if t.any()])
    record_property("pooled_iou", round(float(pooled), 4))
    with capsys.disabled():
        print(
            f"\nOMBRIA 70 tiles: pooled IoU {pooled:.4f}, mean IoU {mean:.4f}, not observable {np.mean(codes == 255):.4f}"
        )
    assert dated.sum() == 50
    assert iou((codes == 1)[dated], truth[dated]) >= 0.55
    assert pooled >= 0.50


def test_ombria_probability_is_calibrated(ombria, capsys):
    _, probability, truth, dated = (np.stack(a) for a in zip(*ombria, strict=True))
    error = expected_calibration_error(probability[dated], truth[dated])
    everywhere = expected_calibration_error(probability, truth)
    with capsys.disabled():
        print(f"\nOMBRIA: expected calibration error {error:.4f} in 50 tiles, {everywhere:.4f} in all 70")
    assert error <= 0.08
    assert everywhere <= 0.19


NOT_MET = "a third of the masks is of another date; what they show is not dark, and mapping it costs unseen events (decision 0034)"


@pytest.mark.xfail(reason=NOT_MET, raises=AssertionError, strict=True)
def test_ombria_pooled_iou_of_all_tiles(ombria):
    codes, _, truth, _ = (np.stack(a) for a in zip(*ombria, strict=True))
    assert iou(codes == 1, truth) >= 0.55


@pytest.mark.xfail(reason=NOT_MET, raises=AssertionError, strict=True)
def test_ombria_probability_of_all_tiles_is_calibrated(ombria):
    _, probability, truth, _ = (np.stack(a) for a in zip(*ombria, strict=True))
    assert expected_calibration_error(probability, truth) <= 0.05


@pytest.fixture(scope="module")
def spain(shared_data, tmp_path_factory):
    after = shared_data("disaster/s1_flood_spain/Spain_7370579_S1Hand.tif")
    out = tmp_path_factory.mktemp("spain") / "flood"
    codes, probability = run(out, "--after", after)
    with rasterio.open(shared_data("disaster/s1_flood_spain/Spain_7370579_LabelHand.tif")) as label:
        return codes, probability, label.read(1), json.loads((out / "run.json").read_text())


def test_spain_after_only(spain, capsys):
    codes, probability, label, record = spain
    known = label >= 0
    score = iou(np.isin(codes, (1, 2))[known], (label == 1)[known])
    error = expected_calibration_error(probability[known], (label == 1)[known])
    with capsys.disabled():
        print(f"\nSpain, after only: IoU {score:.4f}, expected calibration error {error:.4f}")
    assert "dB" in json.dumps(record["assumptions"], ensure_ascii=False)
    assert score >= 0.63
    assert error <= 0.05


CHIPS = {
    "India_900498": 0.75,
    "Nigeria_812045": 0.90,
    "USA_905409": 0.90,
    "Mekong_333434": None,
    "Spain_6860600": None,
    "Ghana_53713": None,
    "Ghana_97059": None,
}
"""Calibrated chips of other events than the water model's, with the least IoU where at least 2 % is water."""


def test_calibrated_chips_of_other_countries(shared_data, spain, tmp_path, capsys):
    results = {"Spain_7370579": spain[:3]}
    for name in CHIPS:
        with rasterio.open(shared_data(f"disaster/sen1floods11/{name}_LabelHand.tif")) as label:
            truth = label.read(1)
        results[name] = (
            *run(tmp_path / name, "--after", shared_data(f"disaster/sen1floods11/{name}_S1Hand.tif")),
            truth,
        )
    scores, hits, either = {}, 0, 0
    for name, (codes, probability, truth) in results.items():
        known, wet = truth >= 0, np.isin(codes, (1, 2))
        scores[name] = iou(wet[known], (truth == 1)[known]) if (truth == 1).any() else np.nan
        hits, either = hits + (wet & (truth == 1)).sum(), either + ((wet | (truth == 1)) & known).sum()
        error = expected_calibration_error(probability[known], (truth == 1)[known])
        with capsys.disabled():
            print(f"\n{name}: IoU {scores[name]:.3f}, called water {wet[known].mean():.4f}, calibration {error:.3f}")
        assert error <= 0.10
        assert wet[known].mean() <= 0.01 or (truth == 1)[known].mean() > 0.02
    wet_chips = [scores["Spain_7370579"], *(scores[name] for name, least in CHIPS.items() if least)]
    with capsys.disabled():
        print(f"\nmean of the wet chips {np.mean(wet_chips):.3f}, pooled {hits / either:.3f}")
    assert all(scores[name] >= least for name, least in CHIPS.items() if least)
    assert np.mean(wet_chips) >= 0.80
    assert hits / either >= 0.785
