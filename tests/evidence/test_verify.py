import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from conftest import SAID, TIME
from evidence_sample import methods as sample

from mitoshi import evidence
from mitoshi.core.errors import BundleError, InputError

pytestmark = pytest.mark.slow


def reseal(bundle):
    """Do what an attacker does: recompute SHA256SUMS."""
    lines = [
        f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(bundle).as_posix()}\n"
        for p in sorted(bundle.rglob("*"), key=lambda p: p.relative_to(bundle).as_posix())
        if p.is_file() and not p.name.startswith("SHA256SUMS")
    ]
    (bundle / "SHA256SUMS").write_text("".join(lines))


def edit(path, change):
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def paint(path, row, column, value):
    with rasterio.open(path, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as dataset:
        band = dataset.read(1)
        before = band[row, column]
        band[row, column] = value
        dataset.write(band, 1)
    return before


def test_an_honest_bundle_is_identical(case):
    verdict = evidence.verify(case / "bundle")
    assert (verdict.status, verdict.reasons) == ("identical", ())
    assert [p.status for p in verdict.products] == ["identical", "identical"]


def test_a_changed_byte_of_any_file_is_named(case):
    bundle = case / "bundle"
    for file in sorted(p for p in bundle.rglob("*") if p.is_file() and not p.name.startswith("SHA256SUMS")):
        content = file.read_bytes()
        file.write_bytes(content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])
        verdict = evidence.verify(bundle)
        assert verdict.status == "different"
        assert verdict.reasons[0].startswith(file.relative_to(bundle).as_posix())
        file.write_bytes(content)


def test_missing_and_extra_files_are_named(case):
    bundle = case / "bundle"
    (bundle / "note.txt").write_text("hello")
    assert evidence.verify(bundle).reasons[0] == "note.txt is not named in SHA256SUMS"
    (bundle / "note.txt").unlink()
    (bundle / "share.tif").unlink()
    assert evidence.verify(bundle).reasons[0].startswith("share.tif is missing")


def test_a_changed_input_byte_is_found(case):
    content = bytearray((case / "after.tif").read_bytes())
    content[len(content) // 2] ^= 1
    (case / "after.tif").write_bytes(content)
    verdict = evidence.verify(case / "bundle")
    assert verdict.status == "different"
    assert verdict.reasons[0] == "input after: after.tif is not the file that was used (its SHA-256 differs)"


def test_a_changed_parameter_is_found_also_under_new_checksums(case):
    bundle = case / "bundle"
    edit(bundle / "run.json", lambda run: run["parameters"].update(factor=0.4))
    assert evidence.verify(bundle).reasons[0].startswith("run.json is not the file")
    reseal(bundle)
    verdict = evidence.verify(bundle)
    assert verdict.status == "different"
    assert "share.tif differs at row" in verdict.reasons[0]


def test_a_parameter_out_of_bounds_cannot_be_run(case):
    edit(case / "bundle/run.json", lambda run: run["parameters"].update(factor=1e9))
    reseal(case / "bundle")
    verdict = evidence.verify(case / "bundle")
    assert verdict.status == "unverifiable"
    assert "factor must lie in" in verdict.reasons[0]


def test_a_changed_product_pixel_is_found_also_under_new_checksums_and_digests(case):
    bundle = case / "bundle"
    before = paint(bundle / "dark.tif", 450, 77, 1)
    assert before == 0
    assert evidence.verify(bundle).reasons[0].startswith("dark.tif is not the file")
    edit(bundle / "run.json", lambda run: run["products"]["dark"].update(content_sha256="0" * 64))
    reseal(bundle)
    verdict = evidence.verify(bundle)
    # One of 770 000 lies within the method's tolerance; what the record says of the product gives it away.
    assert verdict.products[0].first == (450, 77, 1.0, 0.0)
    assert verdict.products[0].status == "equivalent"
    assert verdict.status == "different"
    assert verdict.reasons[0].startswith("dark.tif differs at row 450, column 77")
    assert verdict.reasons[1].startswith("run.json says products.dark.content_sha256 0000")


def test_many_changed_pixels_are_named_by_row_column_and_value(case):
    bundle = case / "bundle"
    with rasterio.open(bundle / "dark.tif", "r+", IGNORE_COG_LAYOUT_BREAK="YES") as dataset:
        band = dataset.read(1)
        band[500:560, 200:260] = 1
        dataset.write(band, 1)
    reseal(bundle)
    verdict = evidence.verify(bundle)
    assert verdict.status == "different"
    assert "dark.tif differs at row 500, column 200: 1 in the bundle, 0 now" in verdict.reasons[0]


@pytest.mark.parametrize("name", ["figures.json", "report.en.pdf", "quicklook.png", "dark.geojson", "stac/dark.json"])
def test_a_forged_account_of_honest_rasters_is_found(case, name):
    file = case / "bundle" / name
    if name == "figures.json":
        edit(file, lambda f: f["figures"][0].update(value=1.0))
    else:
        file.write_bytes(file.read_bytes() + b"\n")
    reseal(case / "bundle")
    verdict = evidence.verify(case / "bundle")
    assert verdict.status == "different"
    assert any(name in reason for reason in verdict.reasons)


def test_another_method_version_or_method_cannot_be_verified(case):
    edit(case / "bundle/run.json", lambda run: run["method"].update(version="2.0.0"))
    reseal(case / "bundle")
    verdict = evidence.verify(case / "bundle")
    assert verdict.status == "unverifiable"
    assert "test.scene-dark 2.0.0, installed is 1.0.0" in verdict.reasons[0]
    edit(case / "bundle/run.json", lambda run: run["method"].update(name="test.unknown"))
    reseal(case / "bundle")
    assert "'test.unknown' is not installed" in evidence.verify(case / "bundle").reasons[0]


def test_a_removed_input_is_named_and_found_by_checksum_elsewhere(case):
    (case / "elsewhere/deep").mkdir(parents=True)
    (case / "after.tif").rename(case / "elsewhere/deep/renamed.tif")
    verdict = evidence.verify(case / "bundle")
    assert verdict.status == "unverifiable"
    assert "input after: after.tif" in verdict.reasons[0]
    assert "--inputs" in verdict.reasons[0]
    found = evidence.verify(case / "bundle", inputs=case / "elsewhere")
    assert found.products
    assert all(p.status == "identical" for p in found.products)


def test_a_signature_is_checked_against_the_given_key_alone(case):
    bundle = case / "bundle"
    public = evidence.new_key(case / "mine")
    assert (case / "mine").stat().st_mode & 0o077 == 0
    with pytest.raises(InputError, match="cannot be made"):
        evidence.new_key(case / "mine")
    other = evidence.new_key(case / "other")
    assert evidence.sign(bundle, case / "mine").name == "SHA256SUMS.sig"
    told = evidence.verify(bundle).reasons
    assert any(reason.startswith("signature present, not checked against a key") for reason in told)
    good = evidence.verify(bundle, key=public)
    assert (good.status, good.reasons) == ("identical", ("signature of mine.pub is valid",))
    assert "not made by the key other.pub" in evidence.verify(bundle, key=other).reasons[0]
    # An attacker changes a figure, recomputes the checksums and signs with a key of his own.
    edit(bundle / "figures.json", lambda f: f["figures"][0].update(value=1.0))
    reseal(bundle)
    evidence.sign(bundle, case / "other")
    forged = evidence.verify(bundle, key=public)
    assert forged.status == "different"
    assert "not made by the key mine.pub" in forged.reasons[0]


def test_keys_of_another_kind_are_refused(case):
    (case / "bad").write_text("no key")
    with pytest.raises(InputError, match="no Ed25519 private key"):
        evidence.sign(case / "bundle", case / "bad")
    evidence.sign(case / "bundle", _private(case))
    with pytest.raises(InputError, match="no Ed25519 public key"):
        evidence.verify(case / "bundle", key=case / "bad")


def _private(case):
    evidence.new_key(case / "key")
    return case / "key"


def test_an_unsigned_bundle_fails_against_a_key(case):
    public = evidence.new_key(case / "mine")
    verdict = evidence.verify(case / "bundle", key=public)
    assert verdict.status == "different"
    assert "carries no signature" in verdict.reasons[0]


def test_a_damaged_bundle_is_not_signed(case):
    evidence.new_key(case / "mine")
    (case / "bundle/run.json").write_text("{}")
    with pytest.raises(BundleError, match="it is not signed"):
        evidence.sign(case / "bundle", case / "mine")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda b: (b / "SHA256SUMS").unlink(), "no usable SHA256SUMS"),
        (lambda b: (b / "SHA256SUMS").write_text("0" * 64 + "  ../../etc/passwd\n"), "outside itself"),
        (lambda b: (b / "SHA256SUMS").write_text("0" * 64 + "  /etc/passwd\n"), "outside itself"),
        (lambda b: (b / "SHA256SUMS").write_text("what is this\n"), "no checksum"),
        (lambda b: (b / "passwd").symlink_to("/etc/passwd"), "link or a device"),
        (lambda b: (b / "loop").symlink_to("."), "link or a device"),
        (lambda b: os.mkfifo(b / "pipe"), "link or a device"),
        (lambda b: ((b / "run.json").write_text("[" * 100_000), reseal(b)), "moderate depth"),
        (lambda b: ((b / "run.json").write_text('{"a":' * 200 + "1" + "}" * 200), reseal(b)), "moderate depth"),
        (lambda b: ((b / "run.json").write_text('{"a": NaN}'), reseal(b)), "not strict JSON"),
        (lambda b: ((b / "run.json").write_text('{"format": "mitoshi-run/2"}'), reseal(b)), "incomplete"),
        (lambda b: (edit(b / "inputs/locations.json", lambda v: v.update(x="/etc/passwd")), reseal(b)), "relative"),
        (lambda b: (edit(b / "run.json", lambda r: r.update(tile_size=10**9)), reseal(b)), "tile size"),
        (lambda b: (edit(b / "run.json", lambda r: r.update(area="everywhere")), reseal(b)), "not in its form|four"),
        (lambda b: (edit(b / "run.json", lambda r: r["inputs"].update(after=7)), reseal(b)), "incomplete"),
    ],
)  # fmt: skip
def test_a_hostile_bundle_gets_one_line(case, damage, words):
    damage(case / "bundle")
    with pytest.raises(BundleError, match=words) as error:
        evidence.verify(case / "bundle")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400


def test_a_huge_json_is_not_read(case):
    with (case / "bundle/run.json").open("wb") as file:
        file.truncate(33 * 2**20)
    reseal(case / "bundle")
    with pytest.raises(BundleError, match="the limit is 32 MiB"):
        evidence.verify(case / "bundle")


def test_an_input_name_that_climbs_is_refused(case):
    edit(case / "bundle/run.json", lambda r: r["inputs"]["after"][0]["files"][0].update(name="../../after.tif"))
    reseal(case / "bundle")
    with pytest.raises(BundleError, match="outside itself"):
        evidence.verify(case / "bundle")


def test_a_folder_that_is_no_bundle(tmp_path):
    with pytest.raises(BundleError, match="no usable SHA256SUMS"):
        evidence.verify(tmp_path)
    with pytest.raises(BundleError, match="is no folder|no usable"):
        evidence.verify(tmp_path / "none")


VERIFY = """
import sys
sys.path.insert(0, {tests!r})
import evidence_sample.methods as sample
from pathlib import Path
from mitoshi import evidence
from mitoshi.core import discovery
discovery.find = lambda name: sample.scene_dark
verdict = evidence.verify(Path({bundle!r}))
print(verdict.status, "|", " | ".join(verdict.reasons))
"""


@pytest.mark.parametrize(
    "settings",
    [
        {"NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3"},
        {"OPENBLAS_CORETYPE": "Prescott", "NUMBA_CPU_NAME": "generic"},
    ],
)
def test_another_processor_verifies_identical_or_equivalent(case, settings):
    code = VERIFY.format(tests=str(Path(__file__).parent), bundle=str(case / "bundle"))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], env={**os.environ, **settings, "MITOSHI_ISOLATION": "0"}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-500:]
    status, _, reasons = done.stdout.partition("|")
    assert status.strip() in ("identical", "equivalent"), done.stdout
    assert "different" not in reasons


def test_small_differences_are_equivalent_and_large_ones_are_not(case):
    from mitoshi.evidence.comparison import compare_product

    other = case / "other"
    other.mkdir()
    (other / "share.tif").write_bytes((case / "bundle/share.tif").read_bytes())
    with rasterio.open(case / "bundle/share.tif") as dataset:
        band = dataset.read(1)
    output = sample.scene_dark.outputs[1]
    for step, status in ((0.01, "equivalent"), (0.05, "different")):
        moved = band.copy()
        moved[600:690, :] = np.round(moved[600:690] / 0.01) * np.float32(0.01) + np.float32(step)
        with rasterio.open(other / "share.tif", "r+", IGNORE_COG_LAYOUT_BREAK="YES") as dataset:
            dataset.write(moved, 1)
        found = compare_product(case / "bundle", other, output, sample.scene_dark)
        assert found.status == status
        assert found.first is not None
        assert found.first[0] == 600
        assert found.largest == pytest.approx(step / 0.01, rel=1e-3)


def test_time_and_description_survive_the_round_trip(case):
    run = json.loads((case / "bundle/run.json").read_text())
    assert run["time"] == TIME.isoformat().replace("+00:00", "Z")
    assert set(run["inputs"]["after"][0]["description"].split(",")) == set(SAID.split(","))


def test_a_bundle_of_the_format_before_can_be_read_and_is_not_judged(case):
    bundle = case / "bundle"
    before = evidence.Bundle.open(bundle).figures
    edit(bundle / "figures.json", lambda f: [figure.pop("resolution") for figure in f["figures"]] and None)
    edit(bundle / "run.json", lambda r: r.update(format="mitoshi-run/1"))
    reseal(bundle)
    assert evidence.Bundle.open(bundle).figures == tuple(f._replace(resolution=None) for f in before)
    verdict = evidence.verify(bundle)
    assert verdict.status == "unverifiable"
    assert "'mitoshi-run/1'; this mitoshi reads 'mitoshi-run/2'" in verdict.reasons[0]
