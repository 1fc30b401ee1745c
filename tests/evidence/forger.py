"""What a thorough forger does after a change: checksums in STAC and RO-Crate, one more word about where it ran, a new seal."""

from __future__ import annotations

import hashlib
import json

import rasterio


def edit(path, change):
    value = json.loads(path.read_text())
    changed = change(value)
    path.write_text(json.dumps(value if changed is None else changed, indent=2, ensure_ascii=False, sort_keys=True))


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def reseal(bundle):
    lines = [
        f"{digest(p)}  {p.relative_to(bundle).as_posix()}\n"
        for p in sorted(bundle.rglob("*"), key=lambda p: p.relative_to(bundle).as_posix())
        if p.is_file() and not p.is_symlink() and not p.name.startswith("SHA256SUMS")
    ]
    (bundle / "SHA256SUMS").write_text("".join(lines))


def restate(bundle):
    """Make STAC and RO-Crate state the checksums of the files that are there, and name files that are new."""
    for item in (bundle / "stac").glob("*.json"):
        told = json.loads(item.read_text())
        for asset in told.get("assets", {}).values():
            file = (item.parent / asset["href"]).resolve()
            if file.is_file():
                asset |= {"file:checksum": f"1220{digest(file)}", "file:size": file.stat().st_size}
        item.write_text(json.dumps(told, indent=2, ensure_ascii=False, sort_keys=True) + "\n")
    crate = bundle / "ro-crate-metadata.json"
    if not crate.exists():
        return
    told = json.loads(crate.read_text())
    for entity in told["@graph"]:
        file = bundle / entity["@id"]
        if entity.get("@type") == "File" and file.is_file():
            entity |= {"contentSize": str(file.stat().st_size), "sha256": digest(file)}
    crate.write_text(json.dumps(told, indent=2, ensure_ascii=False, sort_keys=True) + "\n")


def forge(bundle, change):
    """Change a bundle and hide it as well as can be."""
    change(bundle)
    environment = bundle / "environment.json"
    if environment.exists():
        edit(environment, lambda e: e.update(note="elsewhere"))
    restate(bundle)
    reseal(bundle)


def paint(path, change, **tags):
    """Change the pixels of a raster by a function, without a new file."""
    with rasterio.open(path, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as dataset:
        if change is not None:
            dataset.write(change(dataset.read(1)), 1)
        if tags:
            dataset.update_tags(**tags)


def entity(bundle, identifier, **words):
    """Change one entity of the RO-Crate."""

    def change(crate):
        next(e for e in crate["@graph"] if e["@id"] == identifier).update(words)

    edit(bundle / "ro-crate-metadata.json", change)


def feature(bundle, change, name="dark"):
    """Change the features of an outline."""
    edit(bundle / f"{name}.geojson", lambda c: c.update(features=change(c["features"])))


def item(bundle, change):
    """Change the STAC item of the first product."""
    edit(bundle / "stac/dark.json", change)
