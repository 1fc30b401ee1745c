"""`verify` of what a stranger sends: damaged files, absurd numbers, garbage signatures, tiles that no run takes, inputs inside."""

from __future__ import annotations

import json
import shutil

import pytest
from test_verify import edit, reseal

from mitoshi import evidence
from mitoshi.core.errors import BundleError
from mitoshi.evidence.digest import file_digest
from mitoshi.evidence.signature import PUBLIC_KEY, SIGNATURE

pytestmark = pytest.mark.slow


def answer(bundle):
    """Return the verdict; a bundle that cannot be read is one clear line, and as good as different."""
    reseal(bundle)
    try:
        verdict = evidence.verify(bundle)
    except BundleError:
        return "refused"
    assert all("\n" not in reason for reason in verdict.reasons)
    return verdict.status


VRT = (
    b'<VRTDataset rasterXSize="64" rasterYSize="64"><VRTRasterBand dataType="Float32" band="1"><SimpleSource>'
    b"<SourceFilename>/etc/passwd</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"
)


@pytest.mark.parametrize(
    "damage",
    [lambda b: b[: len(b) // 2], lambda b: b[:-100], lambda b: b"", lambda b: VRT, lambda b: b[:16] + b"\xff" * 5000],
    ids=["half", "tail", "empty", "vrt", "garbage"],
)
@pytest.mark.parametrize("name", ["share.tif", "report.en.pdf"])
def test_a_damaged_file_is_different_and_no_error_of_the_programme(case, name, damage):
    path = case / "bundle" / name
    if not path.exists():
        path = next((case / "bundle").glob(f"*{path.suffix}"))
    path.write_bytes(damage(path.read_bytes()))
    assert answer(case / "bundle") in ("different", "refused")


@pytest.mark.parametrize("name", ["share.tif", "run.json"])
def test_a_folder_in_the_place_of_a_file_is_different(case, name):
    path = case / "bundle" / name
    if not path.exists():
        path = next((case / "bundle").glob(f"*{path.suffix}"))
    path.unlink()
    path.mkdir()
    assert answer(case / "bundle") in ("different", "refused")


@pytest.mark.parametrize("number", ["1e999", "1" + "0" * 400], ids=lambda n: n[:8])
def test_absurd_numbers_are_different(case, number):
    for name, key in (("run.json", "totals"), ("figures.json", "figures")):
        path = case / "bundle" / name
        text = path.read_text()
        value = json.loads(text)
        if key == "totals":
            value["totals"] = dict.fromkeys(value["totals"], "@")
        else:
            value["figures"][0]["value"] = "@"
        path.write_text(json.dumps(value).replace('"@"', number))
        assert answer(case / "bundle") in ("different", "refused"), name
        path.write_text(text)


def test_a_garbage_signature_is_said_to_be_one_without_a_key(case, tmp_path):
    bundle = case / "bundle"
    (bundle / SIGNATURE).write_bytes(b"trust me")
    verdict = evidence.verify(bundle)
    assert (verdict.status, verdict.reasons[0]) == ("different", f"{SIGNATURE} is no Ed25519 signature (64 bytes)")
    evidence.new_key(tmp_path / "key")
    evidence.sign(bundle, tmp_path / "key")
    assert evidence.verify(bundle).status == "identical"
    good = (bundle / SIGNATURE).read_bytes()
    (bundle / SIGNATURE).write_bytes(bytes(64))
    assert "was not made over these checksums" in evidence.verify(bundle).reasons[0]
    (bundle / SIGNATURE).write_bytes(good)
    (bundle / PUBLIC_KEY).write_bytes(b"no key")
    verdict = evidence.verify(bundle)
    assert (verdict.status, "no Ed25519 public key" in verdict.reasons[0]) == ("different", True)


@pytest.mark.parametrize("tile", [16384, 7])
def test_a_tile_size_that_no_run_takes_is_not_taken(case, tile):
    edit(case / "bundle/run.json", lambda run: run.update(tile_size=tile))
    assert answer(case / "bundle") in ("unverifiable", "different", "refused")


def test_a_bundle_that_carries_its_inputs_verifies_anywhere(case, tmp_path):
    bundle = case / "bundle"
    run = json.loads((bundle / "run.json").read_text())
    wanted = {f["sha256"] for group in run["inputs"].values() for r in group for f in r["files"]}
    inside = bundle / "inputs" / "files"
    inside.mkdir()
    for path in [p for p in case.rglob("*") if p.is_file() and not p.is_relative_to(bundle)]:
        if file_digest(path) in wanted:
            shutil.copy(path, inside)
    assert len(list(inside.iterdir())) == len(wanted)
    reseal(bundle)
    moved = tmp_path / "elsewhere" / "bundle"
    shutil.copytree(bundle, moved)
    verdict = evidence.verify(moved)
    assert verdict.status == "identical", verdict.reasons
    (moved / "inputs" / "files" / "extra.tif").write_bytes(b"no input")
    assert answer(moved) == "different"
