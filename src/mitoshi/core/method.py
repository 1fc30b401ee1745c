"""`method`: the one declaration from which the CLI, the HTTP process, the MCP tool and the tests are made.

A method is a pure function. Its positional-only arguments are data (`Annotated[Raster, QUANTITY, Need(...)]`), its
keyword-only arguments are parameters with bounds (`Annotated[float, Ge(-30), Le(0)]`), its result is a NamedTuple whose
fields say how they are stored and where their uncertainty is. Data are rasters, or features: `Annotated[Features, BUILDINGS, …]`.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import inspect
import re
import types
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Generic,
    ParamSpec,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from mitoshi.core.declaration import DataArgument, Output, Parameter, Surveyed, Tolerance
from mitoshi.core.errors import InputError, ParameterError, misspelt
from mitoshi.core.features import FeatureKind, features_as_declared
from mitoshi.core.placement import check_one_grid, placed
from mitoshi.core.product import Coded, Figure, Listed, Measured
from mitoshi.core.quantity import Quantity, as_declared
from mitoshi.core.requirement import Need
from mitoshi.core.support import Pixel, Scene, Stack, Support, Whole, Window

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from mitoshi.core.scene import SceneView
    from mitoshi.core.text import Text

__all__ = ["DataArgument", "Method", "Output", "Parameter", "Surveyed", "Tolerance", "method"]

P = ParamSpec("P")
R = TypeVar("R")


class Method(Generic[P, R]):
    """A declared method: callable like its function, and described to every interface.

    Attributes
    ----------
    name
        ``field.method-name``, from the module's package and the function's name.
    version, reference
        Semantic version of the result; the source of the algorithm.
    support
        How far a pixel's value depends on its neighbours: `Pixel`, `Window`, `Scene`, `Stack` or `Whole`.
    tolerance
        When another machine's result counts as equivalent.
    title, caveats
        What a report says, in English and Japanese.
    data, parameters, outputs
        The signature, parsed.
    tally
        ``tally(result, cell_area_m2) -> dict[str, float]``: additive totals of one tile; the area of its cells is one number, or
        an array that broadcasts to (y, x), NaN without georeference.
    figures
        ``figures(totals, parameters) -> tuple[Figure, ...]``: numbers with intervals from the summed totals. One that names
        `given` in its signature also gets the names of the data arguments that were given; see `figured`.
    steps
        ``steps(data, parameters) -> dict[str, float]``: storage steps of outputs that are scaled to the problem; see `fitted`.
    assumes
        ``assumes(data, parameters) -> tuple[Text, ...]``: what the method has to assume where its data say nothing.
    """

    def __init__(self, function: Callable[P, R], declared: Mapping[str, Any]) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.version: str = declared["version"]
        self.reference: str = declared["reference"]
        self.support: Support = declared["support"]
        self.tolerance: Tolerance = declared["tolerance"]
        self.title: Text = declared["title"]
        self.caveats: tuple[Text, ...] = tuple(declared["caveats"])
        self.tally: Callable[[Any, Any], dict[str, float]] | None = declared["tally"]
        self.figures: Callable[[Mapping[str, float], Mapping[str, Any]], tuple[Figure, ...]] | None = declared[
            "figures"
        ]
        self.steps: Callable[[Mapping[str, Any], Mapping[str, Any]], dict[str, float]] | None = declared["steps"]
        self.assumes: Callable[[Mapping[str, Any], Mapping[str, Any]], tuple[Text, ...]] | None = declared["assumes"]
        if self.steps is not None and not isinstance(self.support, Whole):
            raise TypeError("storage steps follow from the whole scene; declare support=Whole() with them")
        self.name: str = declared["name"] or _contract_name(function)
        self.doc = inspect.getdoc(function) or ""
        hints = get_type_hints(function, include_extras=True)
        signature = inspect.signature(function)
        docs = _documented(self.doc)
        ja: Mapping[str, str] = declared["ja"]
        self.data = tuple(_data_arguments(signature, hints, docs, ja))
        self.parameters = tuple(_parameters(signature, hints, docs, ja))
        if unknown := ja.keys() - {d.name for d in self.data} - {p.name for p in self.parameters}:
            raise TypeError(f"ja describes {', '.join(sorted(unknown))}, which {self.name} does not take")
        self.surveyed = next((n for n, h in hints.items() if any(isinstance(m, Surveyed) for m in _extras(h))), None)
        self.result: Any = hints["return"]
        self.outputs = tuple(_outputs(self.result))

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Check and convert the data, check the parameters, and call the function.

        Returns
        -------
        The result, whose rasters have the coordinates and reference system of the data, and their quantity and units.

        Raises
        ------
        InputError
            If the data do not lie on each other.
        QuantityError
            If an array has another quantity or a unit that cannot be converted.
        ParameterError
            If a parameter is misspelt, of the wrong type or out of bounds.
        """
        data = self.bind_data(args)
        parameters = {k: v for k, v in kwargs.items() if k != self.surveyed}
        bound: dict[str, Any] = self.bind_parameters(parameters)
        if self.surveyed is not None and self.surveyed in kwargs:
            bound[self.surveyed] = kwargs[self.surveyed]
        return self._placed(cast("Callable[..., R]", self.function)(*data, **bound), data)

    def _placed(self, result: R, data: Sequence[Any]) -> R:
        """Return the result with its rasters where the data lie."""
        import xarray as xr

        like = next((a for a in data if isinstance(a, xr.DataArray)), None)
        changed = {}
        for output in self.outputs:
            values = getattr(result, output.name)
            if output.is_raster and isinstance(values, xr.DataArray):
                changed[output.name] = placed(values, like, output.attributes())
        return cast("R", cast("Any", result)._replace(**changed))

    def bind_data(self, arrays: Sequence[Any]) -> list[Any]:
        """Return the data arguments in declared units, None for those left out.

        Raises
        ------
        InputError
            If there are too many, a required one is missing, or they do not lie on each other.
        """
        if len(arrays) > len(self.data):
            raise InputError(f"{self.name} takes {len(self.data)} data arguments, got {len(arrays)}")
        given = [*arrays, *[None] * (len(self.data) - len(arrays))]
        for argument, array in zip(self.data, given, strict=True):
            if array is None and argument.required:
                raise InputError(
                    f"{self.name} needs {argument.name} ({argument.quantity.name}); give --{argument.name} FILE"
                )
        check_one_grid({a.name: array for a, array in zip(self.data, given, strict=True)})
        return [
            None if array is None else _as_asked(array, argument)
            for argument, array in zip(self.data, given, strict=True)
        ]

    def bind_parameters(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return every parameter, checked, defaults filled in.

        Raises
        ------
        ParameterError
            If a name is unknown or a value does not fit.
        """
        known = {p.name: p for p in self.parameters}
        for name in given:
            if name not in known:
                raise ParameterError(misspelt(f"parameter of {self.name}", name, known))
        return {n: p.checked(given.get(n, p.default)) for n, p in known.items()}

    def fitted(self, arrays: Sequence[Any], parameters: Mapping[str, Any]) -> tuple[Method[P, R], tuple[Text, ...]]:
        """Return the method with the storage steps that its data and bound parameters decide, and what it assumes of them."""
        if self.steps is None and self.assumes is None:
            return self, ()
        data = dict(zip((d.name for d in self.data), self.bind_data(arrays), strict=True))
        words = () if self.assumes is None else self.assumes(data, parameters)
        if self.steps is None:
            return self, words
        steps = self.steps(data, parameters)
        fitted: Method[P, R] = object.__new__(type(self))  # no copy.copy: that goes by the qualified name
        fitted.__dict__.update(self.__dict__)
        fitted.outputs = tuple(o.stepped(steps) for o in self.outputs)
        return fitted, words

    def figured(
        self, totals: Mapping[str, float], parameters: Mapping[str, Any], given: Collection[str]
    ) -> tuple[Figure, ...]:
        """Return the figures of summed totals; `given` are the names of the data arguments that were given."""
        if self.figures is None:
            return ()
        if "given" in inspect.signature(self.figures).parameters:
            return cast("Callable[..., tuple[Figure, ...]]", self.figures)(totals, parameters, given=given)
        return self.figures(totals, parameters)

    def survey(self, view: SceneView, parameters: Mapping[str, Any]) -> Any:
        """Return the survey of a scene, with those of the bound `parameters` that the survey names.

        Raises
        ------
        InputError
            If the method's support is not `Scene`.
        """
        if not isinstance(self.support, Scene):
            raise InputError(f"{self.name} has no survey; its support is {type(self.support).__name__}")
        taken = inspect.signature(self.support.survey).parameters
        return self.support.survey(view, **{k: v for k, v in parameters.items() if k in taken})

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by qualified name, so that worker processes find the declared method."""
        return _by_name, (self.function.__module__, self.function.__qualname__)

    def __repr__(self) -> str:
        """Return name and version."""
        return f"<method {self.name} {self.version}>"


def method(
    *,
    version: str,
    reference: str,
    support: Support,
    title: Text,
    tolerance: Tolerance | None = None,
    ja: Mapping[str, str] | None = None,
    caveats: Sequence[Text] = (),
    tally: Callable[[Any, float], dict[str, float]] | None = None,
    figures: Callable[[Mapping[str, float], Mapping[str, Any]], tuple[Figure, ...]] | None = None,
    steps: Callable[[Mapping[str, Any], Mapping[str, Any]], dict[str, float]] | None = None,
    assumes: Callable[[Mapping[str, Any], Mapping[str, Any]], tuple[Text, ...]] | None = None,
    name: str | None = None,
) -> Callable[[Callable[P, R]], Method[P, R]]:
    """Declare a pure function as a method.

    Parameters
    ----------
    version
        Semantic version of the result: raise it whenever the numbers change.
    reference
        DOI, standard or handbook from which the algorithm comes.
    support
        `Pixel()`, `Window(margin)`, `Scene(survey, margin)`, `Stack()` or `Whole()`.
    title
        Name for people.
    ja
        Japanese descriptions of data arguments and parameters, by name; the English ones stand in the docstring.
    tolerance
        When another machine's result counts as equivalent.
    caveats
        Sentences that every report of this method carries.
    tally, figures, steps, assumes
        See `Method`.
    name
        Contract name, where it is not the one from package and function.

    Returns
    -------
    A decorator that keeps the function's parameter types.
    """
    declared = {
        "version": version,
        "reference": reference,
        "support": support,
        "title": title,
        "tolerance": tolerance or Tolerance(),
        "ja": ja or {},
        "caveats": caveats,
        "tally": tally,
        "figures": figures,
        "steps": steps,
        "assumes": assumes,
        "name": name,
    }

    def declare(function: Callable[P, R]) -> Method[P, R]:
        return Method(function, declared)

    return declare


def _as_asked(array: Any, argument: DataArgument) -> Any:
    if isinstance(argument.quantity, FeatureKind):
        return features_as_declared(array, argument.quantity, argument.name)
    return as_declared(array, argument.quantity, argument.name)


def _contract_name(function: Callable[..., Any]) -> str:
    """Return ``field.method-name`` from the package that holds the function's module, and its name."""
    packages = function.__module__.split(".")[:-1]
    if not packages:
        raise TypeError(f"{function.__name__} lies in no package that could name its field; give name='field.method'")
    return f"{packages[-1]}.{function.__name__.replace('_', '-')}"


def _by_name(module: str, qualname: str) -> Any:
    return getattr(importlib.import_module(module), qualname)


def _plain(hint: Any) -> tuple[Any, bool]:
    """Return the hint without Annotated and None, and whether None was allowed."""
    if get_origin(hint) is Annotated:
        return _plain(get_args(hint)[0])
    if get_origin(hint) in (Union, types.UnionType):
        rest = [a for a in get_args(hint) if a is not type(None)]
        return (_plain(rest[0])[0] if len(rest) == 1 else hint), len(rest) < len(get_args(hint))
    return hint, False


def _extras(hint: Any) -> tuple[Any, ...]:
    """Return the Annotated extras, also those inside Optional."""
    if get_origin(hint) is Annotated:
        return (*_extras(get_args(hint)[0]), *get_args(hint)[1:])
    if get_origin(hint) in (Union, types.UnionType):
        return tuple(e for a in get_args(hint) for e in _extras(a))
    return ()


def _documented(doc: str) -> dict[str, str]:
    """Return the text of each entry in a numpy docstring's Parameters section."""
    section = re.search(r"Parameters\n-+\n(.*?)(?:\n\n\w[^\n]*\n-+\n|\Z)", doc, re.S)
    entries: dict[str, str] = {}
    for found in re.finditer(r"^(\w[\w, ]*)[^\n]*\n((?:    [^\n]*\n?|\n)*)", section[1] if section else "", re.M):
        for name in found[1].split(","):
            entries[name.strip()] = " ".join(found[2].split())
    return entries


def _data_arguments(
    signature: inspect.Signature, hints: Mapping[str, Any], docs: Mapping[str, str], ja: Mapping[str, str]
) -> list[DataArgument]:
    arguments = []
    for name, parameter in signature.parameters.items():
        if parameter.kind is not inspect.Parameter.POSITIONAL_ONLY:
            continue
        extras = _extras(hints[name])
        quantity = next((e for e in extras if isinstance(e, Quantity | FeatureKind)), None)
        if quantity is None:
            raise TypeError(
                f"data argument {name!r} names no quantity; annotate it with Annotated[Raster, QUANTITY, Need(...)]"
            )
        need = next((e for e in extras if isinstance(e, Need)), Need())
        if isinstance(quantity, FeatureKind):
            need = dataclasses.replace(need, coverage=0.0, resolution=None)  # few features may be all there are
        arguments.append(
            DataArgument(
                name,
                quantity,
                need,
                parameter.default is inspect.Parameter.empty,
                docs.get(name, ""),
                ja.get(name, ""),
            )
        )
    return arguments


def _parameters(
    signature: inspect.Signature, hints: Mapping[str, Any], docs: Mapping[str, str], ja: Mapping[str, str]
) -> list[Parameter]:
    from annotated_types import Ge, Gt, Le, Lt

    parameters = []
    for name, parameter in signature.parameters.items():
        extras = _extras(hints[name])
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY or any(isinstance(e, Surveyed) for e in extras):
            continue
        kind, _ = _plain(hints[name])
        choices = tuple(get_args(kind)) if str(get_origin(kind)) == "typing.Literal" else ()
        low = next((e for e in extras if isinstance(e, Ge | Gt)), None)
        high = next((e for e in extras if isinstance(e, Le | Lt)), None)
        parameters.append(
            Parameter(
                name,
                str if choices else kind,
                parameter.default,
                None if low is None else cast("float", low.ge if isinstance(low, Ge) else low.gt),
                None if high is None else cast("float", high.le if isinstance(high, Le) else high.lt),
                isinstance(low, Gt),
                isinstance(high, Lt),
                choices,
                docs.get(name, ""),
                ja.get(name, ""),
            )
        )
    return parameters


def _outputs(result: Any) -> list[Output]:
    hints = get_type_hints(result, include_extras=True)
    docs = _documented((inspect.getdoc(result) or "").replace("Attributes\n----------", "Parameters\n----------"))
    found = []
    for name in result._fields:
        layer = next((e for e in _extras(hints[name]) if isinstance(e, Coded | Measured | Listed)), None)
        if layer is None:
            raise TypeError(
                f"output {name!r} of {result.__name__} says not how it is stored; annotate it with Coded, Measured or Listed"
            )
        found.append(Output(name, layer, docs.get(name, "")))
    return found


__all__ += ["Pixel", "Scene", "Stack", "Support", "Whole", "Window"]
