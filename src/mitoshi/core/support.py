"""Support: how far one output pixel depends on its neighbours. It tells the runner how it may tile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Pixel", "Scene", "Stack", "Support", "Whole", "Window"]


@dataclass(frozen=True)
class Pixel:
    """Each output pixel depends on the same input pixel alone."""

    margin: int = 0


@dataclass(frozen=True)
class Window:
    """Each output pixel depends on the input pixels at most `margin` rows and columns away."""

    margin: int


@dataclass(frozen=True)
class Scene:
    """Each output pixel depends on a window of `margin` and on a small summary of the whole scene.

    Attributes
    ----------
    survey
        ``survey(view, **parameters) -> summary``, see `mitoshi.core.scene.SceneView`; it takes the keyword parameters of the
        method that it names in its own signature. The summary is picklable. The runner calls it once and hands the
        summary to every tile through the argument marked `Surveyed`; called without it, the method surveys its own arrays.
    margin
        As for `Window`.
    """

    survey: Callable[..., Any]
    margin: int


@dataclass(frozen=True)
class Stack:
    """Each output pixel depends on the whole (time, …) column of the same input pixel."""

    margin: int = 0


@dataclass(frozen=True)
class Whole:
    """The result depends on the whole scene at once; the method is called once and never in tiles.

    Rasters may arrive unread: ``array.isel(y=…, x=…).to_numpy()`` reads a window, ``array.to_numpy()`` everything. A method for
    large scenes reads by windows.

    Attributes
    ----------
    bytes_per_pixel
        Memory that a call needs for each pixel of the scene, measured; the runner refuses a scene that would not fit. 0 for a
        method that reads by windows and so fits whatever the scene.
    """

    bytes_per_pixel: int = 0
    margin: int = 0


Support: TypeAlias = Pixel | Window | Scene | Stack | Whole
