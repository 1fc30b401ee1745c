"""Mutate small inputs of every format, read them with their pixels, and keep what did what it must not.

    python benchmarks/fuzz_readers.py --minutes 10 --seed 1 --kept fuzz-kept [--only 'zarr|nc'] [--data ../shared/data]

Every input is read in a forked child: catalogued as `ingest` does it, each item opened, a window of each layer read; bundles are
verified and SIP4D packages checked. A finding is a death, more than 60 s or 2 GiB, an exception that is not one of ours, a
message of several lines, or one of ours that only wraps a programming error (TypeError, KeyError, …). A finding is made again
from its number; its bytes are kept too. Of findings with one cause the first three are kept.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import multiprocessing
import os
import random
import re
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mitoshi.core import isolation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECONDS, MEMORY, ADDRESSES = 60, 2 * 2**30, 8 * 2**30
WINDOW = 48
IN_PLACE = 0.95  # of the cases are read without the readers' own process
WRAPPED = (TypeError, LookupError, AttributeError, AssertionError, NameError, ArithmeticError, RecursionError,
           NotImplementedError, StopIteration, SystemError)  # fmt: skip
NAMES = "(?:Type|Key|Index|Attribute|Assertion|Name|UnboundLocal|ZeroDivision|Overflow|Recursion|NotImplemented|System)Error"
UNFORESEEN = re.compile(rf"internal error|Traceback|could not be read \({NAMES}|\({NAMES}[:)]")
EXTREMES = (
    "NaN",
    "-1",
    "0",
    "1e308",
    "-1e308",
    "1e-320",
    "99999999999999999999",
    "2147483648",
    "",
    "a",
    "Infinity",
    "1,2",
)
VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 1e308, "", "a", "x" * 300, [], {}, [[]], {"a": 1}, [None], "2024-13-99", 10**30, ["a", 1],
)  # fmt: skip
DESCRIBED = ("", "#quantity=sigma0,units=dB,time=2024-01-01", "#quantity=elevation,units=m", "#bands=VV+VH", "#part=0")


def mutated_bytes(content: bytes, chance: random.Random) -> bytes:
    """Return the content with bits flipped, numbers made extreme, and stretches cut, doubled or replaced."""
    out = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        at, length = chance.randrange(len(out) or 1), chance.choice((1, 2, 4, 8, 64))
        kind = chance.randrange(5)
        if kind == 0 and out:
            out[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            out[at : at + length] = chance.choice((b"\xff", b"\0", b"\x7f", b"9")) * length
        elif kind == 2:
            del out[at : at + length]
        elif kind == 3:
            out[at:at] = out[at : at + length] * chance.choice((1, 2, 100))
        else:
            out[at : at + length] = chance.randbytes(length)
    return bytes(out)


def mutated_text(content: bytes, chance: random.Random) -> bytes:
    """Return text in which a number or a word is something else, or an element is empty."""
    pattern = chance.choice((rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?", rb"[A-Za-z]{2,}", rb">[^<>]{1,2000}<"))
    spans = [found.span() for found in re.finditer(pattern, content[:500_000])]
    if not spans:
        return mutated_bytes(content, chance)
    start, end = chance.choice(spans)
    new = chance.choice(EXTREMES).encode()
    return content[:start] + (b">" + new + b"<" if content[start:end].startswith(b">") else new) + content[end:]


def mutated_json(content: bytes, chance: random.Random) -> bytes:
    """Return JSON in which a value is of another kind, or a member is missing."""
    value = json.loads(content)
    spots: list[tuple[Any, Any]] = []
    todo = [value]
    while todo:
        inner = todo.pop()
        for key in inner if isinstance(inner, dict) else range(len(inner)) if isinstance(inner, list) else ():
            spots.append((inner, key))
            todo.append(inner[key])
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        if not spots:
            break
        holder, key = chance.choice(spots)
        with suppress(LookupError):
            if chance.random() < 0.25:
                del holder[key]
            else:
                holder[key] = chance.choice(VALUES)
    return json.dumps(value, ensure_ascii=False).encode()


def mutated_gpkg(content: bytes, chance: random.Random) -> bytes:
    """Return a GeoPackage in which one cell of one table says something else."""
    import sqlite3

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.gpkg"
        path.write_bytes(content)
        base = sqlite3.connect(path)
        tables = [
            r[0] for r in base.execute("SELECT name FROM sqlite_master WHERE type='table' AND name NOT LIKE 'sqlite%'")
        ]
        with suppress(sqlite3.Error):
            table = chance.choice(tables)
            column = chance.choice([r[1] for r in base.execute(f'PRAGMA table_info("{table}")')])
            value = chance.choice(
                (None, -1, 2**40, "", "a'\"", "x" * 5000, chance.randbytes(40), "features", 0.5, "POINT")
            )
            base.execute(f'UPDATE "{table}" SET "{column}" = ?', (value,))
            base.commit()
        base.close()
        return path.read_bytes()


def mutated_parquet(content: bytes, chance: random.Random) -> bytes:
    """Return Parquet whose notes about its geometry say something else."""
    import io

    import pyarrow.parquet as pq

    table = pq.read_table(io.BytesIO(content), use_threads=False)
    notes = dict(table.schema.metadata or {})
    key = chance.choice(sorted(notes))
    notes[key] = mutated_json(notes[key], chance) if notes[key][:1] == b"{" else mutated_bytes(notes[key], chance)
    out = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(notes), out)
    return out.getvalue()


def mutated(name: str, content: bytes, chance: random.Random) -> bytes:
    """Return a mutation that suits a file: of its bytes, or of what it says."""
    special: list[Callable[[bytes, random.Random], bytes]] = []
    if content[:1] in (b"{", b"["):
        special = [mutated_json, mutated_json, mutated_text]
    elif content.startswith(b"SQLite"):
        special = [mutated_gpkg, mutated_gpkg]
    elif content.startswith(b"PAR1"):
        special = [mutated_parquet]
    elif name.endswith((".xml", ".safe", ".txt", ".csv", ".tsv", ".prj", ".kml")):
        special = [mutated_text, mutated_text]
    with suppress(Exception):  # a second mutation of what the first has broken
        return chance.choice([mutated_bytes, *special])(content, chance)
    return mutated_bytes(content, chance)


def write_case(seeds: dict[str, dict[str, bytes]], name: str, folder: Path, chance: random.Random) -> Path:
    """Write a mutated seed below a folder and return its path: that of the file where it is only one."""
    files = dict(seeds[name])
    for _ in range(chance.choice((1, 1, 2))):
        target = chance.choice(sorted(files))
        if len(files) > 1 and chance.random() < 0.08:
            del files[target]
        elif len(files) > 1 and chance.random() < 0.08:
            files[target] = files[chance.choice(sorted(files))]
        else:
            files[target] = mutated(target, files[target], chance)
    if name == "bundle" and chance.random() < 0.9:
        files = sealed_again(files)
    return written(files, folder / name, single=len(seeds[name]) == 1)


def written(files: dict[str, bytes], folder: Path, *, single: bool | None = None) -> Path:
    """Write files below a folder and return its path, or that of the only file."""
    for relative, content in files.items():
        path = folder / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder / next(iter(files)) if (len(files) == 1 if single is None else single) else folder


def sealed_again(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return a bundle whose checksums fit what it holds, as a forger would leave it."""
    lines = [f"{hashlib.sha256(c).hexdigest()}  {n}\n" for n, c in sorted(files.items()) if n != "SHA256SUMS"]
    return files | ({"SHA256SUMS": "".join(lines).encode()} if "SHA256SUMS" in files else {})


def used(path: Path, name: str, chance: random.Random) -> list[str]:
    """Do with an input all that a user could; return what was wrong."""
    found: list[str] = []
    if name == "bundle":
        _noted(found, lambda: _verified(path))
        return found
    if name.startswith("sip4d"):
        _noted(found, lambda: _checked(path))
    for text in (str(path), f"{path}{chance.choice(DESCRIBED)}"):
        _noted(found, lambda text=text: _ingested(text, found))
        _noted(found, lambda text=text: _opened(text))
    return found


def _noted(found: list[str], act: Callable[[], object]) -> None:
    from mitoshi.core.errors import MitoshiError

    try:
        act()
    except MitoshiError as error:
        cause = error.__cause__
        text = str(error)
        if isinstance(cause, WRAPPED):
            found.append(f"wrapped {_place(cause)}: {text}")
        elif UNFORESEEN.search(text) or "\n" in text or not 10 < len(text) < 1500:
            found.append(f"message {_place(error)}: {text[:300]!r}")
    except Exception as error:
        found.append(f"raised {_place(error)}: {error}")


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if "/mitoshi/" in f.filename] or frames
    return f"{type(error).__name__} at {'/'.join(Path(ours[-1].filename).parts[-2:])}:{ours[-1].lineno}"


def _ingested(text: str, found: list[str]) -> None:
    from mitoshi.catalog.ingest import Refusal, products
    from mitoshi.sensors import items, open_item

    for source, outcome in products([text], items):
        if isinstance(outcome, Refusal):
            if UNFORESEEN.search(outcome.reason):
                found.append(f"refusal {outcome.reason.replace(source, '')}")
            continue
        import pystac

        for item in outcome[:2]:
            if not any("://" in str(link.get("href")) for link in item.get("links", ()) if link.get("rel") == "self"):
                _noted(found, lambda item=item: _read(open_item(pystac.Item.from_dict(item))))


def _opened(text: str) -> None:
    from mitoshi.core.quantity import BACKSCATTER
    from mitoshi.sensors import open_observation

    _read(open_observation(text, expecting=BACKSCATTER if "sigma0" in text else None))


def _read(observation: Any) -> None:
    """Read a window in a corner of each layer, and all features."""
    for layer in observation.layers.values():
        if not hasattr(layer, "isel"):
            len(layer)
            continue
        layer.isel({name: slice(-WINDOW, None) for name in ("y", "x") if name in layer.dims}).load()


def _verified(path: Path) -> None:
    from mitoshi.evidence import verify

    verdict = verify(path)
    told = json.dumps(verdict.plain())
    if "internal error" in told or UNFORESEEN.search(told):
        raise AssertionError(told[:400])


def _checked(path: Path) -> None:
    import zipfile

    from mitoshi.handover.sip4d import check

    if path.is_dir():
        packed = path.with_suffix(".package.zip")
        with zipfile.ZipFile(packed, "w") as archive:
            for file in sorted(p for p in path.rglob("*") if p.is_file()):
                archive.write(file, file.relative_to(path).as_posix())
        path = packed
    check(path)


def examined(seeds: dict[str, dict[str, bytes]], name: str, folder: Path, key: str) -> tuple[list[str], int]:
    """Write and use an input in a forked child; return what was wrong, and the child's greatest memory [byte]."""
    listening, channel = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(listening)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        signal.alarm(10 * SECONDS)  # by the clock only what hangs: other work on the machine is no finding
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        chance = random.Random(f"{key}-{name}")
        if (
            chance.random() < IN_PLACE
        ):  # this child has limits of its own, and a reader's process takes a second to start
            os.environ[isolation.SWITCH] = "0"
        found = used(write_case(seeds, name, folder, chance), name, chance)
        with os.fdopen(channel, "w") as out:
            json.dump([text[:2000] for text in found[:20]], out)
        os._exit(0)
    os.close(channel)
    with os.fdopen(listening) as answer:
        told = answer.read()
    _, code, usage = os.wait4(child, 0)
    found, memory = json.loads(told) if told else [], usage.ru_maxrss * 1024
    if code:
        why = f"more than {SECONDS} s" if code in (signal.SIGALRM, signal.SIGXCPU, signal.SIGKILL) else f"status {code}"
        found.append(f"died of {why}")
    if memory > MEMORY:
        found.append(f"took {memory / 2**30:.1f} GiB")
    return found, memory


def numbers(given: argparse.Namespace) -> Iterator[int]:
    """Yield the numbers of the cases until the time is over."""
    if given.number is not None:
        yield given.number
        return
    end, number = time.monotonic() + 60 * given.minutes, 0
    while time.monotonic() < end:
        yield number
        number += 1


def made_seeds(data: Path | None) -> dict[str, dict[str, bytes]]:
    """Return the seeds, made in a process of their own: its threads must not be there when children are forked."""
    from fuzz_seeds import seeds

    with tempfile.TemporaryDirectory() as folder:
        return seeds(Path(folder), data)


def warm(seeds: dict[str, dict[str, bytes]]) -> None:
    """Import what the children need: what reading the seeds as they are has imported in a process of its own."""
    import logging
    import warnings

    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        modules = pool.apply(imported, (seeds,))
    for name in modules:
        with suppress(ImportError, AttributeError):
            importlib.import_module(name)
    import pystac
    import xarray

    from mitoshi.core.discovery import methods
    from mitoshi.sensors import readers

    xarray.backends.list_engines()
    pystac.Item.from_dict(json.loads(seeds["item.json"]["item.json"]))
    readers()
    methods()


def imported(seeds: dict[str, dict[str, bytes]]) -> list[str]:
    """Return the modules that reading each seed once imports; print what is wrong with an unchanged seed."""
    import logging
    import warnings

    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        for name, files in seeds.items():
            if name.startswith("real-"):
                continue
            path = written(files, Path(folder) / name)
            for line in used(path, name, random.Random(0)):
                print(f"unchanged {name}: {line[:500]}", flush=True)
    return [name for name in sys.modules if not name.startswith(("__", "fuzz_"))]


def main() -> int:
    """Fuzz for the given time; return 1 where something was kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="a regular expression of names of seeds")
    parser.add_argument("--data", type=Path, help="the shared data, for real seeds")
    parser.add_argument("--number", type=int, help="of one case, made again")
    parser.add_argument("--kept", type=Path, default=Path("fuzz-kept"))
    given = parser.parse_args()
    os.environ.update(OMP_NUM_THREADS="1", NUMBA_NUM_THREADS="1", MITOSHI_INDEX="off")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        seeds = pool.apply(made_seeds, (given.data,))
    names = [name for name in sorted(seeds) if re.search(given.only, name)]
    warm(seeds)
    causes: Counter[str] = Counter()
    cases, largest, slowest = Counter(), 0, 0.0
    with tempfile.TemporaryDirectory() as place:
        os.environ["MITOSHI_CACHE"] = str(Path(place) / "cache")
        tempfile.tempdir = os.environ["TMPDIR"] = place
        for number in numbers(given):
            key = f"{given.seed}-{number}"
            name = random.Random(key).choice(names)
            with tempfile.TemporaryDirectory(dir=place) as folder:
                start = time.monotonic()
                found, memory = examined(seeds, name, Path(folder), key)
                cases[name], largest = cases[name] + 1, max(largest, memory)
                slowest = max(slowest, time.monotonic() - start)
                for text in found:
                    cause = (
                        f"{name} {text.split(': ')[0]}" if text.startswith("died") else re.sub(r"\d+", "#", text)[:90]
                    )
                    causes[cause] += 1
                    if causes[cause] <= 3:
                        print(f"{number} {name}: {text[:500]}", flush=True)
                        _keep(Path(folder) / name, given.kept / f"{key}-{name}")
            if number % 500 == 499:
                print(f"{number + 1} cases, {sum(causes.values())} findings of {len(causes)} causes", flush=True)
    summary = {"cases": sum(cases.values()), "seeds": len(cases), "fewest": min(cases.values())}
    summary |= {"findings": sum(causes.values()), "causes": causes}
    print(json.dumps(summary | {"largest_MiB": largest >> 20, "slowest_s": round(slowest, 1)}, indent=1))
    return int(bool(causes))


def _keep(source: Path, target: Path) -> None:
    import shutil

    shutil.copytree(source, target, dirs_exist_ok=True)


if __name__ == "__main__":
    sys.exit(main())
