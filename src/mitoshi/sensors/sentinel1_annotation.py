"""Sentinel-1 annotation, calibration and noise XML (product specification S1-RS-MDA-52-7441) as plain numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from mitoshi.core.errors import InputError, RefusedError
from mitoshi.sensors import guard
from mitoshi.sensors.geocode import GeolocationGrid, Lattice

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["Annotation", "AzimuthNoise", "Noise", "read_annotation", "read_calibration", "read_noise"]

# absolute orbit = first + 175 n + relative orbit; ESA orbit numbering of the units.
ORBIT_OFFSETS = {"S1A": 73, "S1B": 27, "S1C": 172}
ORBITS_PER_CYCLE = 175
MAX_TABLE = 20_000_000  # lines × pixels; a real table has about 27 × 660
CALIBRATIONS = {"sigma0": "sigmaNought", "beta0": "betaNought", "gamma0": "gamma"}


@dataclass(frozen=True)
class Annotation:
    """One image: one swath in one polarisation.

    Attributes
    ----------
    mission, product, mode, swath, polarisation
        As in the header, such as S1A, GRD, IW, IW, VV.
    start, stop
        UTC.
    absolute_orbit, datatake, ascending
        Of the pass.
    shape
        (lines, samples).
    spacing
        Azimuth and range pixel spacing in metres.
    looks
        Equivalent number of looks in azimuth × range as processed, the product over both directions of the first swath.
    places
        Geolocation grid.
    incidence
        Incidence angle from the ellipsoid's normal, degrees.
    heading
        Of the platform, degrees clockwise from north, 0 to 360; None where the annotation does not state it.
    """

    mission: str
    product: str
    mode: str
    swath: str
    polarisation: str
    start: datetime
    stop: datetime
    absolute_orbit: int
    datatake: int
    ascending: bool
    shape: tuple[int, int]
    spacing: tuple[float, float]
    looks: tuple[int, int]
    places: GeolocationGrid
    incidence: Lattice
    heading: float | None = None

    @property
    def look_azimuth(self) -> float | None:
        """Direction over the ground in which the radar looks, degrees clockwise from north: Sentinel-1 looks to its right."""
        return None if self.heading is None else (self.heading + 90.0) % 360.0

    @property
    def relative_orbit(self) -> int | None:
        """Track number 1 to 175; None for a unit whose numbering is not known here."""
        offset = ORBIT_OFFSETS.get(self.mission)
        return None if offset is None else (self.absolute_orbit - offset) % ORBITS_PER_CYCLE + 1


@dataclass(frozen=True)
class AzimuthNoise:
    """Scaling of the noise along azimuth in one block of lines and samples, ends included."""

    first_line: int
    last_line: int
    first_sample: int
    last_sample: int
    lines: np.ndarray[Any, Any]
    factor: np.ndarray[Any, Any]


@dataclass(frozen=True)
class Noise:
    """Thermal noise in units of DN²: a lattice along range, times a factor along azimuth where there is one."""

    along_range: Lattice
    along_azimuth: tuple[AzimuthNoise, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether the product's noise vectors are all zero, as in 2014 and 2015."""
        return not bool(np.any(self.along_range.values))

    def window(self, y: slice, x: slice) -> np.ndarray[Any, Any]:
        """Return the noise power of a window, shape (lines, samples)."""
        noise = self.along_range.window(y, x)
        for block in self.along_azimuth:
            top, bottom = max(y.start, block.first_line), min(y.stop, block.last_line + 1)
            left, right = max(x.start, block.first_sample), min(x.stop, block.last_sample + 1)
            if top < bottom and left < right:
                factor = np.interp(np.arange(top, bottom), block.lines, block.factor)
                noise[top - y.start : bottom - y.start, left - x.start : right - x.start] *= factor[:, np.newaxis]
        return noise


def _text(root: Element, path: str, name: str) -> str:
    found = root.findtext(path)
    if found is None:
        raise InputError(f"{name} has no {path}; it is no complete Sentinel-1 annotation")
    return found.strip()


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def read_annotation(content: bytes, name: str) -> Annotation:
    """Return one product annotation.

    Raises
    ------
    InputError
        If it is no complete Sentinel-1 annotation.
    """
    root = guard.parse_xml(content, name)
    header = {part: _text(root, f"adsHeader/{part}", name) for part in ("missionId", "productType", "mode", "swath")}
    information = "imageAnnotation/imageInformation"
    points = _tie_points(root, name)
    looks = (".//azimuthProcessing/numberOfLooks", ".//rangeProcessing/numberOfLooks")
    return Annotation(
        mission=header["missionId"],
        product=header["productType"],
        mode=header["mode"],
        swath=header["swath"],
        polarisation=_text(root, "adsHeader/polarisation", name),
        start=_time(_text(root, "adsHeader/startTime", name)),
        stop=_time(_text(root, "adsHeader/stopTime", name)),
        absolute_orbit=int(_text(root, "adsHeader/absoluteOrbitNumber", name)),
        datatake=int(_text(root, "adsHeader/missionDataTakeId", name)),
        ascending=_text(root, "generalAnnotation/productInformation/pass", name).lower() == "ascending",
        shape=(
            int(_text(root, f"{information}/numberOfLines", name)),
            int(_text(root, f"{information}/numberOfSamples", name)),
        ),
        spacing=(
            float(_text(root, f"{information}/azimuthPixelSpacing", name)),
            float(_text(root, f"{information}/rangePixelSpacing", name)),
        ),
        looks=(int(root.findtext(looks[0], "1")), int(root.findtext(looks[1], "1"))),
        places=GeolocationGrid.of_points([(line, pixel, lon, lat) for line, pixel, lon, lat, _ in points], name),
        incidence=_incidence(points),
        heading=_heading(root, name),
    )


def _heading(root: Element, name: str) -> float | None:
    """Return the platform's heading; None where it is not stated."""
    stated = root.findtext("generalAnnotation/productInformation/platformHeading")
    if stated is None:
        return None
    try:
        heading = float(stated)
    except ValueError:
        raise InputError(f"{name}: platformHeading is no number: {stated[:40]!r}; fetch the product again") from None
    if not -360.0 <= heading <= 360.0:
        raise InputError(f"{name}: a platformHeading of {heading:g} degrees is no direction; fetch the product again")
    return heading % 360.0


def _tie_points(root: Element, name: str) -> list[tuple[float, float, float, float, float]]:
    fields = ("line", "pixel", "longitude", "latitude", "incidenceAngle")
    return [
        tuple(float(_text(point, field, name)) for field in fields)  # type: ignore[misc]
        for point in root.iter("geolocationGridPoint")
    ]


def _incidence(points: list[tuple[float, float, float, float, float]]) -> Lattice:
    table = np.array(sorted(points))
    lines, pixels = np.unique(table[:, 0]), np.unique(table[:, 1])
    return Lattice(lines, pixels, table[:, 4].reshape(len(lines), len(pixels)))


def _vectors(root: Element, tag: str, value: str, name: str) -> Lattice:
    """Return the vectors of one look-up table on the union of their pixels."""
    rows = []
    for vector in root.iter(tag):
        pixels = np.array(_text(vector, "pixel", name).split(), dtype=np.float64)
        values = np.array(_text(vector, value, name).split(), dtype=np.float64)
        if len(pixels) != len(values) or not len(pixels):
            raise InputError(f"{name}: a vector has {len(pixels)} pixels and {len(values)} values")
        rows.append((float(_text(vector, "line", name)), pixels, values))
    if not rows:
        raise InputError(f"{name} holds no {tag}; it is no complete Sentinel-1 annotation")
    # Slices of one datatake may repeat a line; the later vector is the valid one.
    by_line = {line: (pixels, values) for line, pixels, values in rows}
    union = np.unique(np.concatenate([pixels for pixels, _ in by_line.values()]))
    lines = np.array(sorted(by_line))
    if len(lines) * len(union) > MAX_TABLE:
        raise RefusedError(
            f"{name} holds a table of {len(lines)} x {len(union)} values; that is more than any product has"
        )
    return Lattice(lines, union, np.array([np.interp(union, *by_line[line]) for line in lines]))


def read_calibration(content: bytes, name: str) -> dict[str, Lattice]:
    """Return the calibration look-up tables A by quantity: quantity = DN² / A².

    Raises
    ------
    InputError
        If it is no complete calibration annotation.
    """
    root = guard.parse_xml(content, name)
    return {quantity: _vectors(root, "calibrationVector", tag, name) for quantity, tag in CALIBRATIONS.items()}


def read_noise(content: bytes, name: str) -> Noise:
    """Return the thermal noise annotation, of processor versions before and after 2.9 (which split range and azimuth).

    Raises
    ------
    InputError
        If it is no complete noise annotation.
    """
    root = guard.parse_xml(content, name)
    if root.find(".//noiseRangeVector") is None:
        return Noise(_vectors(root, "noiseVector", "noiseLut", name))
    blocks = []
    for vector in root.iter("noiseAzimuthVector"):
        lines = np.array(_text(vector, "line", name).split(), dtype=np.float64)
        factor = np.array(_text(vector, "noiseAzimuthLut", name).split(), dtype=np.float64)
        if not 0 < lines.size == factor.size:
            raise InputError(
                f"{name}: an azimuth noise vector has {lines.size} lines and {factor.size} values; fetch the product again"
            )
        edges = (
            vector.findtext(tag)
            for tag in ("firstAzimuthLine", "lastAzimuthLine", "firstRangeSample", "lastRangeSample")
        )
        first_line, last_line, first_sample, last_sample = (2**31 if edge is None else int(edge) for edge in edges)
        if first_line == 2**31:  # stripmap and wave: one block for the whole image
            first_line = first_sample = 0
        blocks.append(AzimuthNoise(first_line, last_line, first_sample, last_sample, lines, factor))
    return Noise(_vectors(root, "noiseRangeVector", "noiseRangeLut", name), tuple(blocks))
