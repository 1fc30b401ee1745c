"""What a run says on the terminal: results, and nothing of the libraries' own."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import numpy as np
import pytest

from mitoshi.evidence import Bundle
from mitoshi.evidence.wording import said


@pytest.mark.slow
def test_a_picture_without_georeference_runs_without_a_warning(tmp_path):
    from PIL import Image

    values = np.random.default_rng(1).integers(60, 200, (96, 96), dtype=np.uint8)
    values[20:60, 20:60] = np.random.default_rng(2).integers(1, 12, (40, 40), dtype=np.uint8)
    Image.fromarray(values).save(tmp_path / "after.png")
    arguments = ["run", "disaster.flood-extent", "--after", str(tmp_path / "after.png"), "--out", str(tmp_path / "out")]
    command = [sys.executable, "-c", "from mitoshi.interfaces.cli import main; main()", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("\n") == len([line for line in done.stderr.splitlines() if line.startswith("assumed: ")])
    assert "Warning" not in done.stderr
    assert "bundle " in done.stdout


def test_a_figure_that_was_not_determined_is_read_back_as_such(case):
    bundle = case / "bundle"
    told = json.loads((bundle / "figures.json").read_text())
    told["figures"][0] |= {"value": None, "lower": None, "upper": None}
    (bundle / "figures.json").write_text(json.dumps(told))
    figure = Bundle.open(bundle).figures[0]
    assert math.isnan(figure.value)
    assert said(figure, "en") == "not determined"
