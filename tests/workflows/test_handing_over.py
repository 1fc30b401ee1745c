"""The layers of a response, which hands over again after every step."""

from __future__ import annotations

import json
import os
from types import SimpleNamespace

import pytest

from mitoshi.sensors import feature_files
from mitoshi.workflows.handing_over import layers_of


def outline(east):
    ring = [[139.0, 35.0], [east, 35.0], [east, 35.01], [139.0, 35.01], [139.0, 35.0]]
    feature = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    return json.dumps({"type": "FeatureCollection", "features": [feature]})


def test_outlines_are_read_once_for_all_handovers_and_again_where_the_file_is_another(tmp_path, monkeypatch):
    file = tmp_path / "flood.geojson"
    file.write_text(outline(139.01))
    bundle = SimpleNamespace(path=tmp_path, id="a" * 64, method="disaster.flood-extent")
    reads, read = [], feature_files.read
    monkeypatch.setattr(feature_files, "read", lambda *a: (reads.append(a), read(*a))[1])
    first, again = (layers_of({"flood": bundle})["flood"].features for _ in range(2))
    assert len(reads) == 1
    assert again["area_m2"].tolist() == first["area_m2"].tolist() == pytest.approx([912.9 * 1109.4], rel=2e-3)
    file.write_text(outline(139.02))
    os.utime(file, ns=(1, 1))
    (wider,) = layers_of({"flood": bundle})["flood"].features["area_m2"]
    assert len(reads) == 2
    assert wider == pytest.approx(2 * first["area_m2"].iloc[0], rel=1e-4)
