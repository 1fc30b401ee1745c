"""A method that misbehaves as it is told; workers of the tests find it as an installed package's."""

from __future__ import annotations

import os
import time
from typing import Annotated, NamedTuple

import numpy as np
from annotated_types import Ge, Le

from mitoshi.core.errors import RunError
from mitoshi.core.method import Window, method
from mitoshi.core.product import Measured
from mitoshi.core.quantity import ELEVATION, Raster
from mitoshi.core.requirement import Need
from mitoshi.core.text import Text


class Ground(NamedTuple):
    """The ground.

    Attributes
    ----------
    ground
        The elevation that was given.
    """

    ground: Annotated[
        Raster, Measured(Text("ground", "地面"), ELEVATION, 0.01, no_uncertainty=Text("a trial", "試験用"))
    ]


@method(
    version="1.0.0", reference="none: a trial", support=Window(0), title=Text("trial", "試験"), name="trial.behave"
)  # fmt: skip
def behave(
    elevation: Annotated[Raster, ELEVATION, Need()],
    /,
    *,
    seconds: Annotated[float, Ge(0), Le(600)] = 0.0,
    signal: Annotated[int, Ge(0), Le(64)] = 0,
    megabytes: Annotated[int, Ge(0), Le(4096)] = 0,
    fault: Annotated[int, Ge(0), Le(2)] = 0,
) -> Ground:
    """Return the ground after doing what it is told.

    Parameters
    ----------
    elevation
        The ground.
    seconds
        Time to take.
    signal
        Sent to the own process.
    megabytes
        Memory to fill.
    fault
        1 raises an error that nobody expects, 2 one of ours that names a path.
    """
    held = np.ones(megabytes * 2**20, np.uint8)
    if signal:
        os.kill(os.getpid(), signal)
    if fault == 1:
        raise ZeroDivisionError("/home/somebody/secret.txt was divided")
    if fault == 2:
        raise RunError("the pump of /srv/private/pump.tif is broken; mend it")
    time.sleep(seconds)
    del held
    return Ground(elevation.copy())
