"""Which observations answer a method's needs: found in a catalogue, chosen for a stated reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from mitoshi.core.errors import InputError, UnmetNeedError, misspelt
from mitoshi.core.standing import STANDING, TRIAL
from mitoshi.core.text import Text
from mitoshi.cube.candidate import Candidate, candidates, same_geometry
from mitoshi.cube.series import OTHER_TRACK, chosen_series

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import pystac

    from mitoshi.core.grid import BBox
    from mitoshi.core.method import DataArgument, Method
    from mitoshi.core.requirement import Requirement

__all__ = ["Choice", "Rejected", "Resolution", "Searchable", "resolve"]

GIVEN = Text("given by the caller", "利用者が指定")
UNLIKE = Text(
    "{kind}, while the other inputs are {other}; the two are not mixed",
    "{kind}であり、他の入力は{other}のため、混在させない",
)
KIND = {
    True: Text("simulated", "シミュレーション"),
    False: Text("a real observation", "実観測"),
}
OTHER_PRODUCT = Text("of another product than the image that it belongs to", "対応する画像とは別の製品のもの")
NOT_ADOPTED = Text(
    "a trial product, which no run takes by itself; adopt it with `mitoshi adopt {item}`, or give it as catalogue:{item}",
    "試行の成果物のため自動では使わない。`mitoshi adopt {item}`で採用するか、catalogue:{item}と指定する",
)
PASSED_OVER = Text("fits, but {chosen} was preferred: {why}", "条件は満たすが、{chosen}を優先: {why}")


class Searchable(Protocol):
    """What `resolve` asks of a catalogue; `mitoshi.catalog` has two."""

    def search(
        self,
        bbox: Sequence[float] | None = None,
        time: str | None = None,
        collections: Sequence[str] | None = None,
        quantity: str | None = None,
        limit: int | None = None,
        intersects: Mapping[str, Any] | None = None,
    ) -> list[pystac.Item]:
        """Return matching items, sorted by time and id."""
        ...


class Choice(NamedTuple):
    """What answers one data argument.

    Attributes
    ----------
    items
        One item, or the slices and tiles that together cover the area, best first; of a stack all dates in order of time.
    why
        The reason, for people.
    coverage
        Share of the area under the items' footprints, 0 to 1; None for what the caller gave.
    """

    items: tuple[pystac.Item, ...]
    why: Text
    coverage: float | None


class Rejected(NamedTuple):
    """A candidate that was not taken, and why."""

    argument: str
    items: tuple[str, ...]
    why: Text


@dataclass(frozen=True)
class Resolution:
    """The answer of `resolve`.

    Attributes
    ----------
    picked
        A choice for each data argument that has one.
    rejected
        What was found and not taken.
    unmet
        Requirements of required arguments that nothing meets: what `plan` turns into tasking.
    lacking
        The names of those arguments, in the same order.
    """

    picked: dict[str, Choice] = field(default_factory=dict)
    rejected: tuple[Rejected, ...] = ()
    unmet: tuple[Requirement, ...] = ()
    lacking: tuple[str, ...] = ()

    def require(self) -> Resolution:
        """Return itself.

        Raises
        ------
        UnmetNeedError
            If a required argument has no observation; the one line names each requirement and the nearest miss.
        """
        if not self.unmet:
            return self
        pairs = zip(self.lacking, self.unmet, strict=True)
        lines = [f"{name} ({need}){self._nearest_miss(name)}" for name, need in pairs]
        raise UnmetNeedError(
            f"the catalogue has no observation for {'; '.join(lines)}; ingest one, or widen the area or the time"
        )

    def _nearest_miss(self, argument: str) -> str:
        missed = [r for r in self.rejected if r.argument == argument]
        return f" [{len(missed)} found and rejected, e.g. {missed[0].items[0]}: {missed[0].why.en}]" if missed else ""


def resolve(
    method: Method[..., Any],
    area: BBox,
    event: datetime | None,
    catalogue: Searchable,
    overrides: Mapping[str, Sequence[pystac.Item]] | None = None,
    *,
    simulated: bool | None = None,
) -> Resolution:
    """Choose an observation for every data argument of a method.

    "before" takes the latest suitable pass before the event and "after" the first one after it; where two arguments want
    the same geometry, a pair of one track, orbit direction and polarisations comes first. What does not change takes the
    finest, then the most recent. A stack takes every suitable pass of the track that has most. Adjacent slices of one pass
    are taken together where one alone does not cover the area. Simulated and real observations are not mixed. Products of
    trial runs are passed over until somebody adopts them.

    Parameters
    ----------
    method
        A declared method.
    area
        The area of interest.
    event
        The time that "before" and "after" refer to, or None where no argument is relative to one.
    catalogue
        What is searched.
    overrides
        Items by argument, taken as they are.
    simulated
        Whether to take simulated or real observations; None takes the kind that answers more, real ones where both do as well.

    Raises
    ------
    InputError
        If an argument needs an event and none is given, an override has an unknown name, or overrides mix simulated and
        real observations.
    """
    given = {name: tuple(items) for name, items in (overrides or {}).items()}
    known = [a.name for a in method.data]
    for name in given:
        if name not in known:
            raise InputError(misspelt(f"data argument of {method.name}", name, known))
    needs = {
        a.name: a.need.at(a.quantity, area, event) for a in method.data if a.name not in given and _asked(a, event)
    }
    found = {a.name: _found(a, needs[a.name], catalogue) for a in method.data if a.name in needs}
    kinds = {bool(i.properties.get("mitoshi:simulated")) for items in given.values() for i in items}
    if len(kinds) > 1:
        raise InputError("the given items mix simulated and real observations; give items of one kind")
    if simulated is not None and kinds - {simulated}:
        raise InputError(
            "the given items are not of the kind that is asked for; do not mix simulated and real observations"
        )
    asked = (simulated,) if simulated is not None else kinds or (False, True)
    answers = [_answer(method, needs, found, given, simulated=kind) for kind in asked]
    # Real observations come first where both kinds would do equally well.
    return min(answers, key=lambda a: (len(a.unmet), -len(a.picked)))


def _asked(argument: DataArgument, event: datetime | None) -> bool:
    """Tell whether anything is looked for: an optional argument relative to an event is left out where there is none."""
    return argument.required or event is not None or argument.need.when == "any"


def _found(argument: DataArgument, need: Requirement, catalogue: Searchable) -> tuple[list[Candidate], list[Rejected]]:
    """Return the suitable candidates of one argument, best first, and the others with the reason against each."""
    time = None if need.start is None or need.end is None else f"{need.start.isoformat()}/{need.end.isoformat()}"
    items = catalogue.search(bbox=need.area, time=time, quantity=need.quantity.name)
    good: list[Candidate] = []
    bad = [Rejected(argument.name, (i.id,), NOT_ADOPTED.format(item=i.id)) for i in items if _on_trial(i)]
    # Dates are told apart also where the argument lies at no side of an event.
    grouped = "before" if argument.need.is_stack and argument.need.when == "any" else argument.need.when
    for candidate in candidates([i for i in items if not _on_trial(i)], need.area, grouped):
        why = candidate.against(need, argument.need.when)
        if why is None:
            good.append(candidate)
        else:
            bad.append(Rejected(argument.name, tuple(i.id for i in candidate.items), why))
    return sorted(good, key=lambda c: c.rank(argument.need.when)), bad


def _on_trial(item: pystac.Item) -> bool:
    return bool(item.properties.get(STANDING) == TRIAL)


def _answer(
    method: Method[..., Any],
    needs: Mapping[str, Requirement],
    found: Mapping[str, tuple[list[Candidate], list[Rejected]]],
    given: Mapping[str, tuple[pystac.Item, ...]],
    *,
    simulated: bool,
) -> Resolution:
    """Return the resolution that takes observations of one kind alone."""
    rejected = [r for _, bad in found.values() for r in bad]
    usable: dict[str, list[Candidate]] = {}
    for name, (good, _) in found.items():
        usable[name] = [c for c in good if c.simulated == simulated]
        why = UNLIKE.format(kind=KIND[not simulated].en, other=KIND[simulated].en)._replace(
            ja=UNLIKE.ja.format(kind=KIND[not simulated].ja, other=KIND[simulated].ja)
        )
        rejected += [Rejected(name, c.ids, why) for c in good if c.simulated != simulated]
    chosen = _chosen(method, usable, given)
    rejected += [
        Rejected(a.name, c.ids, OTHER_PRODUCT)
        for a in method.data
        if a.need.same_product_as is not None and a.name not in chosen
        for c in usable.get(a.name, ())
    ]
    picked: dict[str, Choice] = {name: Choice(items, GIVEN, None) for name, items in given.items() if items}
    lacking = []
    for argument in method.data:
        name = argument.name
        candidate = chosen.get(name)
        if argument.need.is_stack and name in usable:
            series = chosen_series(usable[name], argument.need)
            rejected += [Rejected(name, c.ids, OTHER_TRACK if series.taken else series.why) for c in series.others]
            if series.taken:
                items = tuple(i for c in series.taken for i in c.items)
                picked[name] = Choice(items, series.why, min(c.coverage for c in series.taken))
            elif argument.required:
                lacking.append(name)
        elif candidate is not None:
            why = candidate.because(argument.need, _partner(argument, method, chosen, given))
            picked[name] = Choice(candidate.items, why, candidate.coverage)
            rejected += [
                Rejected(name, c.ids, _passed_over(candidate, why)) for c in usable[name] if c is not candidate
            ]
        elif argument.required and name not in picked and name in needs:
            lacking.append(name)
    ordered = {a.name: picked[a.name] for a in method.data if a.name in picked}
    return Resolution(ordered, tuple(rejected), tuple(needs[name] for name in lacking), tuple(lacking))


def _passed_over(candidate: Candidate, why: Text) -> Text:
    chosen = " + ".join(candidate.ids)
    return Text(PASSED_OVER.en.format(chosen=chosen, why=why.en), PASSED_OVER.ja.format(chosen=chosen, why=why.ja))


def _like(argument: DataArgument, method: Method[..., Any]) -> str | None:
    """Return the argument whose geometry this one shares by preference, whichever of the two says so."""
    if argument.need.same_geometry_as is not None:
        return argument.need.same_geometry_as
    return next((a.name for a in method.data if a.need.same_geometry_as == argument.name), None)


def _partner(
    argument: DataArgument,
    method: Method[..., Any],
    chosen: Mapping[str, Candidate],
    given: Mapping[str, tuple[pystac.Item, ...]],
) -> Candidate | None:
    name = _like(argument, method)
    if name is None:
        return None
    return chosen.get(name) or (Candidate(given[name]) if given.get(name) else None)


def _chosen(
    method: Method[..., Any],
    usable: Mapping[str, list[Candidate]],
    given: Mapping[str, tuple[pystac.Item, ...]],
) -> dict[str, Candidate]:
    """Return the best candidate of each argument; of a pair that wants one geometry, the best pair."""
    chosen = {name: options[0] for name, options in usable.items() if options}
    done: set[str] = set()
    for argument in method.data:
        name, other = argument.name, _like(argument, method)
        if other is None or name in done or name not in chosen:
            continue
        done |= {name, other}
        if given.get(other):
            fixed = Candidate(given[other])
            chosen[name] = next((c for c in usable[name] if same_geometry(c, fixed)), chosen[name])
        elif other in chosen:
            chosen[name], chosen[other] = _best_pair(usable[name], usable[other])
    return _of_same_products(method, chosen, usable, given)


def _of_same_products(
    method: Method[..., Any],
    chosen: Mapping[str, Candidate],
    usable: Mapping[str, list[Candidate]],
    given: Mapping[str, tuple[pystac.Item, ...]],
) -> dict[str, Candidate]:
    """Return the choice in which an argument that must come from another's products does so, or is left out."""
    kept = dict(chosen)
    for argument in method.data:
        other = argument.need.same_product_as
        if other is None or argument.name not in kept:
            continue
        items = given[other] if given.get(other) else chosen[other].items if other in chosen else ()
        wanted = {item.id for item in items}
        same = next((c for c in usable[argument.name] if set(c.ids) == wanted), None)
        if same is None:
            del kept[argument.name]
        else:
            kept[argument.name] = same
    return kept


def _best_pair(ours: list[Candidate], theirs: list[Candidate]) -> tuple[Candidate, Candidate]:
    """Return the first of ours that has a partner of one geometry, with its best partner; the best of each where none has.

    The argument that the method names first decides: the first image after a flood is worth more than a newer one before it.
    """
    pairs = [(i, j) for i, a in enumerate(ours) for j, b in enumerate(theirs) if same_geometry(a, b)]
    i, j = min(pairs, default=(0, 0))
    return ours[i], theirs[j]
