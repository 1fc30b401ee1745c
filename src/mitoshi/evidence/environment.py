"""What a run stood on: interpreter, packages, processor features, linear algebra, the package's own source.

Nothing here names the machine, a user or a path.
"""

from __future__ import annotations

import ast
import hashlib
import os
import platform
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

__all__ = ["environment", "source_digest"]

PACKAGES = (
    "annotated-types",
    "cryptography",
    "dask",
    "distributed",
    "geopandas",
    "h5netcdf",
    "h5py",
    "numba",
    "llvmlite",
    "numpy",
    "odc-geo",
    "pandas",
    "pillow",
    "pint",
    "pyarrow",
    "pyogrio",
    "pypdf",
    "pyproj",
    "pystac",
    "rasterio",
    "reportlab",
    "scipy",
    "shapely",
    "xarray",
    "zarr",
)
SETTINGS = (
    "NPY_DISABLE_CPU_FEATURES",
    "NPY_ENABLE_CPU_FEATURES",
    "NUMBA_CPU_NAME",
    "NUMBA_CPU_FEATURES",
    "NUMBA_DISABLE_JIT",
    "NUMBA_NUM_THREADS",
    "OPENBLAS_CORETYPE",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OMP_NUM_THREADS",
)
DATA_SUFFIXES = frozenset({".json", ".npz", ".txt"})
PACKAGE_ROOT = Path(__file__).resolve().parents[1]


def environment() -> dict[str, Any]:
    """Return the environment of this process as plain data."""
    import mitoshi

    return {
        "mitoshi": {"version": mitoshi.__version__, "source_sha256": _tree_digest()},
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "system": platform.system(),
        "machine": platform.machine(),
        "libc": " ".join(platform.libc_ver()),
        "byteorder": sys.byteorder,
        "packages": {name: _version(name) for name in PACKAGES},
        "gdal": _gdal(),
        "numpy": _numpy(),
        "processors": os.cpu_count(),
        "settings": {name: os.environ[name] for name in SETTINGS if name in os.environ},
    }


@cache
def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _gdal() -> dict[str, str]:
    import pyproj
    import rasterio
    import shapely

    return {
        "gdal": rasterio.__gdal_version__,
        "proj": pyproj.proj_version_str,
        "geos": ".".join(map(str, shapely.geos_version)),
    }


def _numpy() -> dict[str, Any]:
    """Return the vector instructions in use and the linear algebra library, with the kernel it chose where it tells."""
    import numpy as np

    built: Any = np.show_config(mode="dicts")
    blas = built.get("Build Dependencies", {}).get("blas", {})
    features: Any = getattr(np._core._multiarray_umath, "__cpu_features__", {})  # type: ignore[attr-defined]  # noqa: SLF001
    return {
        "cpu_features": sorted(name for name, there in features.items() if there),
        "blas": {"name": blas.get("name"), "version": blas.get("version"), "kernel": _blas_kernel()},
    }


@cache
def _blas_kernel() -> str | None:
    """Return the processor for which NumPy's OpenBLAS chose its kernels."""
    import ctypes

    import numpy as np

    beside = Path(np.__file__).resolve().parent.parent / "numpy.libs"
    for library in sorted(beside.glob("*openblas*")):
        try:
            name = ctypes.CDLL(str(library)).scipy_openblas_get_corename64_
        except (OSError, AttributeError):
            continue
        name.restype = ctypes.c_char_p
        return str(name().decode())
    return None


@cache
def _tree_digest() -> str:
    """Return the digest of every source file of the package."""
    files = sorted(p for p in PACKAGE_ROOT.rglob("*") if p.suffix in {".py", *DATA_SUFFIXES} and p.is_file())
    return _digest(files)


def _digest(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        name = file.relative_to(PACKAGE_ROOT).as_posix() if file.is_relative_to(PACKAGE_ROOT) else file.name
        digest.update(f"{name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


@cache
def source_digest(module: str) -> str:
    """Return the digest of a module's source, of every mitoshi module it imports, and of the data files beside and below it.

    Imports are followed in the source text, so a module imported inside a function counts.
    """
    seen: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = _path(name)
        if name in seen or path is None:
            continue
        seen[name] = path
        waiting.extend(_imports(path))
    beside = [p for p in seen[module].parent.rglob("*") if p.suffix in DATA_SUFFIXES] if module in seen else []
    return _digest(sorted({*seen.values(), *beside}))


def _path(module: str) -> Path | None:
    if not module.startswith("mitoshi."):
        file = getattr(sys.modules.get(module), "__file__", None)
        return Path(file) if file else None
    base = PACKAGE_ROOT.joinpath(*module.split(".")[1:])
    return next((p for p in (base.with_suffix(".py"), base / "__init__.py") if p.is_file()), None)


def _imports(path: Path) -> list[str]:
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [name for name in found if name.startswith("mitoshi.")]
