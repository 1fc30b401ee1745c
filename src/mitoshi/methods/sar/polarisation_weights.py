"""How much each polarisation says of water in a scene: VH where wind roughens the water, VV where dry soil is dark in VH.

The mean of decibels gives both the same weight, whatever they show. Here the scene itself decides: two normal classes, water and
land, are fitted to its samples in both polarisations, and the weights are those of Fisher's discriminant between them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mitoshi.methods.sar.scene_statistics import decibel_scale

__all__ = ["MOST_SAMPLES", "TwoClasses", "fit_two_classes", "polarisation_weights"]

CROSS = ("VH", "HV")

MEAN_SPREAD = ((1.0, 1.25), (1.5, 1.5))
"""Standard deviation of the means of water and of land between scenes [dB], co- and cross-polarised. Assumed, and narrow, so that
a scene without water leaves it where it is expected. Medians in Sen1Floods11: land in four countries lies within two of them,
water in three; in Spain labelled water is brighter by four, for flooded fields are among it."""

COVARIANCE = (((5.0, 3.0), (3.0, 6.0)), ((5.0, 3.0), (3.0, 5.0)))
"""Covariance of the 4 × 4 looks within water and within land that is expected before looking [dB²]."""

COVARIANCE_SAMPLES, DATA_SAMPLES = 100.0, 600.0
"""How many samples the expected covariance, and the scene as a whole, count for; neighbouring looks are not independent."""

MOST_SAMPLES = 16_384
ITERATIONS = 80
STEP = 100.0
"""Weights are rounded to hundredths, so that another library's last bit does not move a map."""


class TwoClasses(NamedTuple):
    """Water and land as two normal classes.

    Attributes
    ----------
    share
        Of water and of land, shape (2,); sums to 1.
    mean
        Backscatter [dB], shape (class, polarisation).
    covariance
        [dB²], shape (class, polarisation, polarisation).
    """

    share: NDArray[np.float64]
    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]


def fit_two_classes(samples: NDArray[Any], mean: NDArray[Any]) -> TwoClasses:
    """Return water and land under which the samples and what is known of both are most probable.

    Parameters
    ----------
    samples
        Backscatter [dB], shape (n, 2), co-polarised first; all finite.
    mean
        Expected means of water and land [dB], shape (class, polarisation).

    Returns
    -------
    TwoClasses
        Where there is only one class, the other stays at its expected place with a share near zero.

    Notes
    -----
    Expectation maximisation of the posterior: Gauvain and Lee (1994), IEEE Trans. Speech Audio Process. 2, 291; normal prior
    of the means and an inverse Wishart prior of the covariances. Samples are taken at equal steps where there are over 16 384.
    """
    x = np.asarray(samples[:: max(1, -(-len(samples) // MOST_SAMPLES))], dtype=np.float64)
    expected = np.asarray(mean, dtype=np.float64)
    spread, shape = np.array(MEAN_SPREAD) ** -2.0, np.array(COVARIANCE)
    weight = DATA_SAMPLES / max(len(x), 1)
    share, centre, covariance = np.array([0.3, 0.7]), expected.copy(), shape.copy()
    for _ in range(ITERATIONS):
        logs = np.stack([np.log(share[k]) + _log_density(x, centre[k], covariance[k]) for k in (0, 1)])
        member = np.exp(logs - np.logaddexp(logs[0], logs[1])) * weight
        count = member.sum(axis=1)
        share = (count + 1.0) / (count.sum() + 2.0)
        for k in (0, 1):
            precision = np.linalg.inv(covariance[k])
            centre[k] = np.linalg.solve(
                np.diag(spread[k]) + count[k] * precision, spread[k] * expected[k] + precision @ (member[k] @ x)
            )
            away = x - centre[k]
            covariance[k] = (away.T @ (member[k][:, None] * away) + COVARIANCE_SAMPLES * shape[k]) / (
                count[k] + COVARIANCE_SAMPLES
            )
    return TwoClasses(share, centre, covariance)


def _log_density(x: NDArray[np.float64], mean: NDArray[np.float64], covariance: NDArray[np.float64]) -> Any:
    root = np.linalg.cholesky(covariance)
    away = np.linalg.solve(root, (x - mean).T)
    return -0.5 * (away**2).sum(axis=0) - np.log(np.diag(root)).sum() - np.log(2.0 * np.pi)


def polarisation_weights(samples: NDArray[Any], polarisations: tuple[str, ...]) -> tuple[float, ...]:
    """Return the weight of each polarisation in decibels; they sum to 1.

    Parameters
    ----------
    samples
        Looks of the scene [dB], shape (polarisation, …); NaN where not observed.
    polarisations
        Their names.

    Returns
    -------
    tuple[float, ...]
        Equal weights unless there is one co-polarised and one cross-polarised image.

    Notes
    -----
    Fisher's linear discriminant: the mean of both covariances, inverted, times the difference of the means; what is negative is
    zero, so that brighter never means water.

    >>> polarisation_weights(np.zeros((1, 3)), ("VV",))
    (1.0,)
    """
    crossed = [name in CROSS for name in polarisations]
    if sorted(crossed) != [False, True]:
        return (1.0 / len(polarisations),) * len(polarisations)
    order = [crossed.index(False), crossed.index(True)]
    looks = np.asarray(samples).reshape(len(polarisations), -1)[order].T
    scales = [decibel_scale((polarisations[k],)) for k in order]
    expected = np.array([[s.dark for s in scales], [s.bright for s in scales]])
    fitted = fit_two_classes(looks[np.isfinite(looks).all(axis=1)], expected)
    discriminant = np.linalg.solve(fitted.covariance.mean(axis=0), fitted.mean[1] - fitted.mean[0])
    positive = np.maximum(discriminant, 0.0)
    co = np.rint(STEP * positive[0] / max(positive.sum(), 1e-9)) / STEP
    weights = (float(co), float(1.0 - co))
    return weights if order == [0, 1] else weights[::-1]
