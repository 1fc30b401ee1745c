"""Small valid inputs of every format that mitoshi reads: the seeds of `fuzz_readers.py`.

A seed is a mapping of relative paths to bytes; one path without a folder is a single file.
"""

from __future__ import annotations

import io
import json
import shutil
import tarfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["seeds"]

PLACE = {"crs": "EPSG:32654", "origin": (400_000, 4_000_000), "pixel": 10.0}
SAFE = "S1A_IW_GRDH_1SDV_20240101T090000_20240101T090025_050000_0A0000_ABCD.SAFE"
SCENE = "LC08_L2SP_107035_20200501_20200820_02_T1"
TIME = datetime(2026, 11, 22, 12, 5, tzinfo=UTC)
LARGEST_REAL = 400_000  # bytes of a real file that is mutated


def seeds(folder: Path, data: Path | None = None) -> dict[str, dict[str, bytes]]:
    """Return the seeds by name, made in a folder; with the shared data, also real metadata."""
    made = {}
    for make in (_rasters, _tables, _cubes, _items, _sentinel1, _sentinel2, _landsat, _palsar, _opera, _sip4d, _bundle):
        place = folder / make.__name__
        place.mkdir()
        made |= make(place)
    made |= {f"{name}.zip": {f"{name}.zip": _zipped(made[name])} for name in ("sentinel1", "landsat", "a.tif")}
    made["opera.tar.gz"] = {"opera.tar.gz": _tarred(made["opera"])}
    return made | (_real(data) if data else {})


def _raster(path: Path, values: Any, *, driver: str = "GTiff", tags: Any = None, **more: Any) -> Path:
    import rasterio
    from rasterio.transform import from_origin

    values = values if values.ndim == 3 else values[np.newaxis]
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {"driver": driver, "count": len(values), "height": values.shape[1], "width": values.shape[2]}
    placed = {"crs": PLACE["crs"], "transform": from_origin(*PLACE["origin"], PLACE["pixel"], PLACE["pixel"])}
    with rasterio.open(path, "w", **(profile | {"dtype": values.dtype} | placed | more)) as file:
        file.write(values)
        if tags:
            file.update_tags(**tags)
    return path


def _folder(path: Path) -> dict[str, bytes]:
    return {p.relative_to(path).as_posix(): p.read_bytes() for p in sorted(path.rglob("*")) if p.is_file()}


def _each(folder: Path) -> dict[str, dict[str, bytes]]:
    return {p.name: {p.name: p.read_bytes()} for p in sorted(folder.iterdir()) if p.is_file()}


def _rasters(folder: Path) -> dict[str, dict[str, bytes]]:
    ramp = np.arange(1024, dtype="uint8").reshape(32, 32)
    for driver, suffix in (("GTiff", "tif"), ("PNG", "png"), ("JPEG", "jpg"), ("JP2OpenJPEG", "jp2")):
        _raster(folder / f"a.{suffix}", ramp, driver=driver)
    tiled = {"tiled": True, "blockxsize": 16, "blockysize": 16}
    power = np.random.default_rng(1).gamma(4, 0.02, (2, 48, 48)).astype("float32")
    tags = {"MITOSHI_QUANTITY": "sigma0", "MITOSHI_UNITS": "1", "MITOSHI_BANDS": "VV+VH"}
    tags["MITOSHI_DATETIME"] = "2024-01-01T00:00:00Z"
    for codec in ("lzw", "deflate", "zstd", "packbits"):
        _raster(folder / f"sigma0_{codec}.tif", power, compress=codec, predictor=1, nodata=np.nan, tags=tags, **tiled)
    depth = {"MITOSHI_QUANTITY": "elevation", "MITOSHI_UNITS": "m"}
    _raster(folder / "elevation.tif", power[0] * 100, tags=depth, nodata=-9999)
    _raster(folder / "alpha.tif", np.stack([ramp, ramp, ramp, ramp]), photometric="RGB", alpha="YES")
    with _mask_inside():
        path = _raster(folder / "masked.tif", ramp)
        _add_mask(path)
    return _each(folder)


def _mask_inside() -> Any:
    import rasterio

    return rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True)


def _add_mask(path: Path) -> None:
    import rasterio

    with rasterio.open(path, "r+") as file:
        file.write_mask(np.eye(32) == 0)


def _tables(folder: Path) -> dict[str, dict[str, bytes]]:
    import geopandas
    import shapely

    frame = geopandas.GeoDataFrame(
        {"id": ["a", "b", "c"], "kind": ["hospital", "school", None], "population": [10, 20, 30], "depth": [0.5, 1.5, np.nan]},
        geometry=[shapely.box(139, 35, 139.1, 35.1), shapely.MultiPolygon([shapely.box(140, 35, 140.1, 35.1)]), None],
        crs=4326,
    )  # fmt: skip
    points = geopandas.GeoDataFrame({"n": [1, 2]}, geometry=shapely.points([[139, 35], [139.1, 35.1]]), crs=4326)
    mixed = [shapely.LineString([(139, 35), (140, 36)]), shapely.GeometryCollection([shapely.Point(139, 35)])]
    lines = geopandas.GeoDataFrame({"highway": ["primary", "track"], "bridge": ["yes", None]}, geometry=mixed, crs=4326)
    for name, table in (("polygons", frame), ("points", points), ("lines", lines)):
        table.to_file(folder / f"{name}.geojson")
        table.to_file(folder / f"{name}.gpkg")
        table.to_parquet(folder / f"{name}.parquet")
    points.to_file(folder / "points.fgb", driver="FlatGeobuf")
    (folder / "wkt.csv").write_text('n,wkt\n1,POINT (139 35)\n2,"POLYGON ((0 0, 1 0, 1 1, 0 0))"\n3,\n')
    (folder / "places.csv").write_text("# a comment\nid,lon,lat,name\n01100,139,35,a\n2,139.5,35.5,b\n3,,,c\n")
    (folder / "places-cp932.csv").write_bytes("施設名;経度;緯度\n病院;139;35\n学校;140;36\n".encode("cp932"))
    (folder / "places-utf16.tsv").write_bytes("name\tlon\tlat\na\t139\t35\n".encode("utf-16"))
    made = _each(folder)
    shapefile = folder / "shapefile"
    shapefile.mkdir()
    points.to_file(shapefile / "points.shp")
    return made | {"shapefile": _folder(shapefile), "shapefile.zip": {"shapefile.zip": _zipped(_folder(shapefile))}}


def _cubes(folder: Path) -> dict[str, dict[str, bytes]]:
    import h5py
    import xarray as xr

    coords = {
        "time": np.array(["2024-01-01", "2024-01-13"], "datetime64[ns]"),
        "y": 4_000_000 - 10 * (np.arange(12) + 0.5),
        "x": 400_000 + 10 * (np.arange(16) + 0.5),
    }
    values = np.random.default_rng(2).gamma(4, 0.02, (2, 12, 16)).astype("float32")
    cube = xr.Dataset({"vh": (("time", "y", "x"), values / 4), "vv": (("time", "y", "x"), values)}, coords)
    cube = cube.assign_attrs(crs="EPSG:32654")
    cube.to_netcdf(folder / "cube.nc", engine="h5netcdf")
    cube.to_netcdf(folder / "classic.nc", engine="scipy")
    grid = xr.Dataset(
        {
            "elevation": (
                ("lat", "lon"),
                values[0] * 100,
                {"units": "m", "standard_name": "height_above_mean_sea_level"},
            )
        },
        {
            "lat": ("lat", np.linspace(36, 35, 12), {"units": "degrees_north"}),
            "lon": ("lon", np.linspace(139, 140, 16), {"units": "degrees_east"}),
        },
    )
    encoding = {"elevation": {"dtype": "int16", "scale_factor": 0.1, "add_offset": 0.0, "_FillValue": -1}}
    grid.to_netcdf(folder / "degrees.nc", engine="h5netcdf", encoding=encoding)
    with h5py.File(folder / "plain.h5", "w") as file:
        for name, row in (("y", np.linspace(35, 34, 8)), ("x", np.linspace(139, 140, 8))):
            file[name] = row
            file[name].make_scale(name)
        file["elevation"] = np.zeros((8, 8), "f4")
        file["elevation"].dims[0].attach_scale(file["y"])
        file["elevation"].dims[1].attach_scale(file["x"])
    made = _each(folder)
    for version in (2, 3):
        store = folder / f"cube{version}.zarr"
        cube.to_zarr(store, zarr_format=version, consolidated=version == 2)
        made[store.name] = _folder(store)
    return made


def _items(folder: Path) -> dict[str, dict[str, bytes]]:
    item = {
        "type": "Feature", "stac_version": "1.0.0", "id": "a", "bbox": [139, 35, 140, 36], "links": [],
        "stac_extensions": ["https://stac-extensions.github.io/projection/v1.1.0/schema.json"],
        "geometry": {"type": "Polygon", "coordinates": [[[139, 35], [140, 35], [140, 36], [139, 35]]]},
        "properties": {"datetime": "2024-01-01T00:00:00Z", "proj:epsg": 32654, "gsd": 10, "platform": "p",
                       "instruments": ["i"], "processing:software": {"a": "1"}, "proj:shape": [4, 4]},
        "assets": {"data": {"href": "a.tif", "type": "image/tiff", "roles": ["data"], "raster:bands": [{"scale": 1}]}},
    }  # fmt: skip
    _raster(folder / "a.tif", np.ones((4, 4), "float32"))
    (folder / "item.json").write_text(json.dumps(item))
    whole = _folder(folder)
    collection = {"type": "FeatureCollection", "features": [item, item | {"id": "b"}]}
    alone = {"items.json": json.dumps(collection).encode()}
    return {"stac": whole, "item.json": {"item.json": whole["item.json"]}, "items.json": alone} | _stac_parquet(
        item, folder
    )


def _stac_parquet(item: dict[str, Any], folder: Path) -> dict[str, dict[str, bytes]]:
    import stac_geoparquet.arrow as table

    path = folder / "items.parquet"
    table.to_parquet(table.parse_stac_items_to_arrow([item]), path)
    return {path.name: {path.name: path.read_bytes()}}


def _sentinel1(folder: Path) -> dict[str, dict[str, bytes]]:
    import warnings

    safe = folder / SAFE
    for n, pol in enumerate(("VV", "VH"), 1):
        key = f"s1a-iw-grd-{pol.lower()}-20240101t090000-20240101t090025-050000-0a0000-00{n}"
        (safe / "annotation" / "calibration").mkdir(parents=True, exist_ok=True)
        (safe / "annotation" / f"{key}.xml").write_text(_annotation(pol))
        (safe / "annotation" / "calibration" / f"calibration-{key}.xml").write_text(_calibration())
        (safe / "annotation" / "calibration" / f"noise-{key}.xml").write_text(NOISE)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _raster(safe / "measurement" / f"{key}.tiff", np.full((40, 40), 90, "uint16"), crs=None, transform=None)
    return {"sentinel1": _folder(folder)}


def _annotation(pol: str) -> str:
    points = "".join(
        f"<geolocationGridPoint><line>{line}</line><pixel>{pixel}</pixel><latitude>{35 - line / 11132}</latitude>"
        f"<longitude>{139 + pixel / 9119}</longitude><incidenceAngle>{30 + pixel / 10}</incidenceAngle></geolocationGridPoint>"
        for line in (0, 20, 39)
        for pixel in (0, 20, 39)
    )
    return f"""<product><adsHeader><missionId>S1A</missionId><productType>GRD</productType><polarisation>{pol}</polarisation>
<mode>IW</mode><swath>IW</swath><startTime>2024-01-01T09:00:00.5</startTime><stopTime>2024-01-01T09:00:25.5</stopTime>
<absoluteOrbitNumber>50000</absoluteOrbitNumber><missionDataTakeId>655360</missionDataTakeId></adsHeader>
<generalAnnotation><productInformation><pass>Descending</pass></productInformation></generalAnnotation>
<imageAnnotation><imageInformation><numberOfLines>40</numberOfLines><numberOfSamples>40</numberOfSamples>
<rangePixelSpacing>10</rangePixelSpacing><azimuthPixelSpacing>10</azimuthPixelSpacing></imageInformation></imageAnnotation>
<geolocationGrid><geolocationGridPointList>{points}</geolocationGridPointList></geolocationGrid></product>"""


def _calibration() -> str:
    vectors = "".join(
        f"<calibrationVector><line>{line}</line><pixel>0 20 39</pixel><sigmaNought>500 501 502</sigmaNought>"
        "<betaNought>400 400 400</betaNought><gamma>500 500 500</gamma></calibrationVector>"
        for line in (0, 20, 40)
    )
    return f"<calibration><calibrationVectorList>{vectors}</calibrationVectorList></calibration>"


NOISE = """<noise><noiseRangeVectorList>
<noiseRangeVector><line>0</line><pixel>0 39</pixel><noiseRangeLut>100 270</noiseRangeLut></noiseRangeVector>
<noiseRangeVector><line>40</line><pixel>0 39</pixel><noiseRangeLut>100 270</noiseRangeLut></noiseRangeVector>
</noiseRangeVectorList><noiseAzimuthVectorList><noiseAzimuthVector><swath>IW1</swath><firstAzimuthLine>0</firstAzimuthLine>
<firstRangeSample>0</firstRangeSample><lastAzimuthLine>39</lastAzimuthLine><lastRangeSample>19</lastRangeSample>
<line>0 39</line><noiseAzimuthLut>2 2</noiseAzimuthLut></noiseAzimuthVector></noiseAzimuthVectorList></noise>"""


def _sentinel2(folder: Path) -> dict[str, dict[str, bytes]]:
    counts = np.arange(1024, dtype="uint16").reshape(32, 32) + 1
    for band in ("B04", "B08"):
        _raster(folder / f"{band}.tif", counts, nodata=0)
    _raster(folder / "SCL.tif", np.full((32, 32), 4, "uint8"))
    item = {
        "type": "Feature", "stac_version": "1.0.0", "id": "S2A_54SUE", "geometry": None, "links": [],
        "properties": {"datetime": "2023-06-01T00:00:00Z", "s2:processing_baseline": "05.09"},
        "assets": {"nir": {"href": "B08.tif", "raster:bands": [{"scale": 0.0001, "offset": -0.1}]}},
    }  # fmt: skip
    (folder / "item.json").write_text(json.dumps(item))
    return {"sentinel2": _folder(folder)}


def _landsat(folder: Path) -> dict[str, dict[str, bytes]]:
    counts = np.arange(1024, dtype="uint16").reshape(32, 32) + 1
    stated = {
        "DATE_ACQUIRED": "2020-05-01", "SCENE_CENTER_TIME": "01:20:30.1234567Z", "SPACECRAFT_ID": "LANDSAT_8",
        "REFLECTANCE_MULT_BAND_4": "2.75e-05", "REFLECTANCE_ADD_BAND_4": "-0.2", "SUN_ELEVATION": "55.1",
        "TEMPERATURE_MULT_BAND_ST_B10": "0.00341802", "TEMPERATURE_ADD_BAND_ST_B10": "149.0",
    }  # fmt: skip
    made = {}
    for suffix in ("json", "txt"):
        place = folder / suffix
        for band in ("SR_B4", "ST_B10", "QA_PIXEL"):
            _raster(place / f"{SCENE}_{band}.TIF", counts)
        lines = "\n".join(f'    {key} = "{value}"' for key, value in stated.items())
        text = (
            f"GROUP = A\n{lines}\nEND_GROUP = A\nEND\n"
            if suffix == "txt"
            else json.dumps({"LANDSAT_METADATA_FILE": {"A": stated}})
        )
        (place / f"{SCENE}_MTL.{suffix}").write_text(text)
        made["landsat" if suffix == "json" else "landsat-txt"] = _folder(place)
    return made


def _palsar(folder: Path) -> dict[str, dict[str, bytes]]:
    for name, value, kind in (
        ("sl_HH", 5000, "uint16"),
        ("mask", 255, "uint8"),
        ("date", 2300, "uint16"),
        ("linci", 38, "uint8"),
    ):
        _raster(folder / f"N36E139_20_{name}_F02DAR.tif", np.full((32, 32), value, kind))
    return {"palsar2": _folder(folder)}


def _opera(folder: Path) -> dict[str, dict[str, bytes]]:
    power = np.random.default_rng(1).gamma(4, 0.02, (32, 32)).astype("float32")
    for time in ("20211119T015903Z", "20211125T015821Z"):
        for pol in ("VH", "VV"):
            _raster(folder / "series_T137-292321-IW2" / f"{time}_{pol}.tif", power)
    return {"opera": _folder(folder)}


def _sip4d(folder: Path) -> dict[str, dict[str, bytes]]:
    import geopandas
    import shapely

    from mitoshi.core.features import Column
    from mitoshi.core.text import Text
    from mitoshi.handover.layers import Context, Issuer, LayerForHandover
    from mitoshi.handover.sip4d.writing import write

    issuer = Issuer("河川事務所", "bousai@example.jp")
    context = Context(Text("Heavy rain", "豪雨"), TIME, simulated=True, issuer=issuer)
    features = geopandas.GeoDataFrame(
        {"id": ["1"], "area_m2": [5.0]}, geometry=[shapely.box(139, 35, 139.1, 35.1)], crs=4326
    )
    columns = (
        Column("id", "str", Text("identifier", "識別子")),
        Column("area_m2", "float", Text("area", "面積"), "m2"),
    )
    layer = LayerForHandover(Text("Flood extent", "浸水域"), features, columns, code="01-008-03", colour="#2b8cbe")
    path = write(folder / "a.zip", layer, "a", context)
    with zipfile.ZipFile(path) as archive:
        return {
            "sip4d": {name: archive.read(name) for name in archive.namelist()},
            "sip4d.zip": {"sip4d.zip": path.read_bytes()},
        }


def _bundle(folder: Path) -> dict[str, dict[str, bytes]]:
    """Return a bundle that carries its own input, in a folder of its own."""
    from mitoshi.core.discovery import find
    from mitoshi.evidence import run

    values = (0.1 * np.random.default_rng(1).gamma(4, 0.25, (2, 160, 160))).astype("float32")
    values[:, 40:100, 30:120] *= 0.02
    scene = _raster(folder / "bundle" / "inputs" / "after.tif", values, nodata=np.nan)
    described = f"{scene}#quantity=sigma0,units=1,bands=VV+VH,time=2025-12-31T00:00Z"
    run(find("disaster.flood-extent"), {"after": described}, {}, folder / "run", time=TIME)
    (folder / "run" / "inputs").mkdir(exist_ok=True)
    shutil.copy(scene, folder / "run" / "inputs" / "after.tif")
    return {"bundle": _folder(folder / "run")}


def _zipped(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def _tarred(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def _real(data: Path) -> dict[str, dict[str, bytes]]:
    """Return real products, without their largest files: what nobody made up for a test."""
    made = {}
    for path in sorted((data / "platform" / "sentinel2" / "metadata").glob("*.zip")) + sorted(
        (data / "platform" / "sentinel1").glob("*GRD*.zip")
    ):
        with zipfile.ZipFile(path) as archive:
            small = [i for i in archive.infolist() if not i.is_dir() and i.file_size < LARGEST_REAL]
            made[f"real-{path.stem[:40]}"] = {i.filename: archive.read(i) for i in small}
    for relative in ("landsat/C2L2_008059_20191201", "jaxa/palsar2_scansar_20220630"):
        made[f"real-{Path(relative).name}"] = _folder(data / "platform" / relative)
    for path in sorted((data / "platform" / "stac").glob("*.json")) + sorted((data / "platform" / "others").glob("*")):
        if path.is_file() and path.stat().st_size < LARGEST_REAL:
            made[f"real-{path.name}"] = {path.name: path.read_bytes()}
    return made
