"""What a declaration consists of: data arguments, parameters with bounds, outputs, and the tolerance of a comparison."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mitoshi.core.errors import ParameterError, misspelt
from mitoshi.core.features import FeatureKind
from mitoshi.core.product import Listed, Measured
from mitoshi.core.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mitoshi.core.product import Coded
    from mitoshi.core.quantity import Quantity
    from mitoshi.core.requirement import Need

__all__ = ["DataArgument", "Output", "Parameter", "Surveyed", "Tolerance"]


class Surveyed:
    """Marks the keyword argument through which the runner hands over the survey's result; it is no parameter."""


@dataclass(frozen=True)
class Tolerance:
    """When two runs are equivalent though not identical.

    Attributes
    ----------
    steps
        Largest difference of a measured layer, in steps of its storage resolution.
    pixels
        Largest share of pixels of a coded layer that may differ, and of a measured layer that may exceed `steps`.
    """

    steps: float = 1.0
    pixels: float = 1e-4


@dataclass(frozen=True)
class DataArgument:
    """One data argument of a method."""

    name: str
    quantity: Quantity | FeatureKind
    need: Need
    required: bool
    doc: str
    doc_ja: str = ""

    @property
    def text(self) -> Text:
        """The description in both languages; English where the method gives no Japanese one."""
        return Text(self.doc, self.doc_ja or self.doc)

    @property
    def is_features(self) -> bool:
        """Whether the argument is a list of features, not a raster."""
        return isinstance(self.quantity, FeatureKind)


@dataclass(frozen=True)
class Parameter:
    """One parameter of a method: plain scalar type, default and bounds."""

    name: str
    type: type
    default: Any
    lower: float | None
    upper: float | None
    lower_open: bool
    upper_open: bool
    choices: tuple[str, ...]
    doc: str
    doc_ja: str = ""

    @property
    def text(self) -> Text:
        """The description in both languages; English where the method gives no Japanese one."""
        return Text(self.doc, self.doc_ja or self.doc)

    def checked(self, given: Any) -> Any:
        """Return `given` in the parameter's type.

        Raises
        ------
        ParameterError
            If the type or the bounds do not fit.
        """
        whole = self.type is float and isinstance(given, int) and not isinstance(given, bool)
        value: Any = float(given) if whole else given
        if not _exactly(value, self.type):
            raise ParameterError(f"{self.name} must be {self.type.__name__}, got {value!r}")
        low = self.lower is not None and (value < self.lower or (self.lower_open and value == self.lower))
        high = self.upper is not None and (value > self.upper or (self.upper_open and value == self.upper))
        if low or high or value != value:
            raise ParameterError(f"{self.name} must lie in {self.interval}, got {value!r}")
        if self.choices and value not in self.choices:
            raise ParameterError(misspelt(self.name, value, self.choices))
        return value

    @property
    def interval(self) -> str:
        """The bounds in mathematical notation."""
        low = "(-inf" if self.lower is None else f"{'(' if self.lower_open else '['}{self.lower:g}"
        high = "inf)" if self.upper is None else f"{self.upper:g}{')' if self.upper_open else ']'}"
        return f"{low}, {high}"


@dataclass(frozen=True)
class Output:
    """One field of a method's result."""

    name: str
    layer: Coded | Measured | Listed
    doc: str

    @property
    def is_raster(self) -> bool:
        """Whether the output is a raster, not a list."""
        return not isinstance(self.layer, Listed)

    def attributes(self) -> dict[str, str]:
        """Return what the output's array says of itself: its name and, where it is measured, quantity and units."""
        said = {"long_name": self.layer.title.en}
        if isinstance(self.layer, Measured):
            said |= {"quantity": self.layer.quantity.name, "units": self.layer.quantity.units}
        return said

    def stepped(self, steps: Mapping[str, float]) -> Output:
        """Return the output with other storage steps, by its name or by name and column with a dot between."""
        if isinstance(self.layer, Measured):
            return replace(self, layer=replace(self.layer, resolution=steps.get(self.name, self.layer.resolution)))
        if not isinstance(self.layer, Listed):
            return self
        columns = tuple(
            replace(c, resolution=steps.get(f"{self.name}.{c.name}", c.resolution)) for c in self.layer.columns
        )
        return replace(self, layer=replace(self.layer, columns=columns))


def _exactly(value: object, kind: type) -> bool:
    """Tell whether `value` is of `kind` and of no subclass: True is no int."""
    return type(value) is kind
