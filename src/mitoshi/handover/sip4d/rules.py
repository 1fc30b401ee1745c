"""What the metadata, the attribute definitions and the legends of a SIP4D-ZIP must hold, by version.

The facts are those of JSA-S1016:2023 as the checker of its authors states them (NIED-DIR/SIP4D-ZIP_Checker, MIT; ``NOTICE.txt``).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from mitoshi.handover.sip4d.codes import information_code
from mitoshi.handover.sip4d.schema import Choices, Declared, Field, Requires

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "CATEGORIES",
    "HEADER",
    "LICENCES",
    "OPENNESS",
    "TEST_FLAGS",
    "TYPES",
    "VERSIONS",
    "column_fields",
    "meta_fields",
    "style_fields",
]

VERSIONS = ("1", "1.1", "2.0")
CATEGORIES = (
    "気象", "地震", "津波", "土砂災害", "洪水", "火山", "人的被害", "建物被害", "公共施設", "交通", "ライフライン", "通信",
    "燃料・エネルギー", "SNS情報", "画像・動画", "避難", "物資", "医療", "廃棄物", "派遣", "本部設置", "法律適用", "その他",
)  # fmt: skip
OPENNESS = ("ＩＳＵＴ－ＳＩＴＥのみ公開可能", "災害対応機関のみ公開可能", "一般公開可能")
TEST_FLAGS = ("通常", "訓練", "試験")
LICENCES = ("cc-zero", "cc-by", "cc-by-sa", "cc-nc", "other-nc", "other-closed")
TYPES = ("String", "Integer", "Double", "List", "Datetime")
GEOMETRIES = ("Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon")

HEX, ANY = "[a-fA-F0-9]", "[a-zA-Z0-9]"
TIME = r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}"
MAIL = r"[a-zA-Z0-9_.+-]+@[a-zA-Z0-9-]+\.[a-zA-Z0-9-.]+"
CODE = r"[0-9]{2}-[0-9]{3}-[0-9]{2}"
SHORT_CODE = "[0-9]{4}-[0-9]{2}"
COLOUR = "[0-9a-fA-F]{6}"
MISSPELT = ("unknwon",)  # allowed, as the standard's templates spell it so in one place

HEADER = (
    Field("format", "text", required=True, values=("SIP4D-ZIP",)),
    Field("version", "text", required=True, values=VERSIONS),
    Field("code", "text", required=True),
    Field("payload_type", "text"),
)


def _uuid(digit: str) -> str:
    return "-".join(f"{digit}{{{n}}}" for n in (8, 4, 4, 4, 12))


def _party(key: str, *, mail: bool) -> Field:
    members = (Field("name", "text", required=True), Field("e-mail", "text", required=mail, patterns=(MAIL,)))
    return Field(key, "object", required=True, members=members)


def _entries(version: str) -> Field:
    members = [
        Field("type", "text", required=True, values=("GeoJSON",)),
        Field("title", "text", required=True),
        Field("file", "text", required=True, names_file=True),
        Field("updated", "text", required=True, patterns=(TIME,)),
    ]
    rules: tuple[Requires, ...] = ()
    if version == "2.0":
        members += [Field("id", "text"), Field("information_date", "text", patterns=(TIME,))]
        rules = (Requires(("id", "information_date"), above="entry_num", at_least=2),)
    return Field("entry", "objects", required=True, counted_by="entry_num", members=tuple(members), rules=rules)


@cache
def meta_fields(version: str) -> tuple[Field, ...]:
    """Return what ``sip4d_zip_meta.json`` must hold."""
    first = version == "1"
    municipality = "[0-9]{5}" if first else "[0-9]{5}(,[0-9]{5})*"
    disaster = (Field("name", "text", required=True), Field("id", "text"), Field("report", "integer", low=0, high=9999))
    fields = [
        Field("title", "text", required=True),
        Field("ttid", "text", required=True, patterns=(_uuid(HEX if version == "1.1" else ANY),)),
        Field("code", "text", required=True, patterns=(CODE,) if first else (CODE, SHORT_CODE)),
        Field("category", "text", required=True, values=CATEGORIES),
        Field("tags", "texts", required=not first),
        Field("updated", "text", required=True, patterns=(TIME,)),
        Field("information_date", "text", required=True, patterns=(TIME,)),
        _party("author", mail=False),
        _party("maintainer", mail=not first),
        Field("disaster", "object", required=True, members=disaster),
        Field("lgcode", "texts", patterns=(municipality,)),
        Field("openflg", "text", required=True, values=OPENNESS),
        Field("testflg", "text", required=True, values=TEST_FLAGS),
        Field("character", "text", required=True, values=("UTF-8",)),
        Field("license_id", "text", required=True, values=LICENCES),
        Field("credit", "texts"),
        Field("note", "text", required=True),
        Field("entry_num", "integer", required=True, low=1),
        _entries(version),
    ]
    if not first:
        fields += [
            Field("payload_type", "text", required=True, values=("VECTOR",)),
            Field("remark", "text"),
            Field("license_note", "text"),
        ]
    if version == "2.0":
        limits = ("min_latitude", "max_latitude", "min_longitude", "max_longitude")
        fields.append(Field("spatial", "object", members=tuple(Field(k, "number", required=True) for k in limits)))
        fields.append(Field("extra", "object"))
    return tuple(fields)


@cache
def column_fields(version: str, code: str) -> tuple[Field, ...]:
    """Return what ``*_columns.json`` must hold for an information code."""
    known = information_code(code)
    members = (
        Field("name", "text", required=True),
        Field("jname", "text"),
        Field("connid", "text"),
        Field("show", "truth", required=True),
        Field("necessary", "truth"),
        Field("description", "text"),
        Field("type", "text", values=TYPES),
        Field("num_key", "integer"),
        *(Field(k, "texts", counted_by="num_key") for k in ("key_list", "value_list", "conn_attr_list")),
    )
    rules: list[Requires | Declared | Choices] = [
        Requires(("num_key", "key_list", "value_list"), key="type", value="List")
    ]
    for attribute in known.attributes if known else ():
        if attribute.declared:
            rules.append(Declared(attribute.name))
        if attribute.choices:
            rules.append(Choices(attribute.name, (*attribute.choices, *MISSPELT)))
    fields = [
        Field("version", "text", required=True),
        Field("code", "text", required=True, values=(code,) if known else ()),
        Field("num_column", "integer", required=True, low=1),
        Field("columns", "objects", required=True, counted_by="num_column", members=members, rules=tuple(rules)),
    ]
    if version == "2.0":
        fields.append(Field("type", "text", required=True, values=_geometries(code)))
    return tuple(fields)


def _geometries(code: str) -> tuple[str, ...]:
    known = information_code(code)
    if known is None or known.geometry is None:
        return GEOMETRIES
    return ({"point": "Point", "line": "LineString", "polygon": "Polygon"}[known.geometry],)


def _shares(*keys: str) -> tuple[Field, ...]:
    return tuple(Field(key, "number", low=0, high=1) for key in keys)


def _classes(symbol: Sequence[str], *, capital: bool) -> Field:
    """Return the classes of a legend; `symbol` names the keys for the kind of symbol and for its picture."""
    kind, picture = symbol
    icon, circle = ("Image", "Circle") if capital else ("icon", "circle")
    point, line, polygon = ("Point", "Line", "Polygon") if capital else ("point", "line", "polygon")
    members = (
        Field("title", "text", required=True),
        Field("value", "text or number"),
        Field(kind, "text", values=(icon, circle)),
        Field(picture, "text", names_file=True),
        *(Field(key, "text", patterns=(COLOUR,)) for key in ("color", "fill")),
        *(Field(key, "number") for key in ("stroke", "size")),
        *_shares("stroke_opacity", "fill_opacity"),
    )
    rules = (
        Requires((kind, "size"), above="type", value=point),
        Requires(("color", "stroke"), above="type", value=line),
        Requires(("color", "stroke", "fill"), above="type", value=polygon),
        Requires(("value",), above="num_class", at_least=2),
        Requires((picture, "size"), key=kind, value=icon),
        Requires(("color", "stroke", "fill", "size"), key=kind, value=circle),
    )
    return Field("classes", "objects", required=True, counted_by="num_class", members=members, rules=rules)


@cache
def style_fields(version: str) -> tuple[Field, ...]:
    """Return what ``*_style.json`` must hold."""
    if version != "2.0":
        return (
            Field("num_class", "integer", required=True),
            Field("type", "text", required=True, values=("point", "line", "polygon")),
            Field("note", "text"),
            Field("column", "text"),
            Field("minvalue", "number"),
            _classes(("point_type", "icon"), capital=False),
        )
    members = (
        Field("id", "text", required=True),
        Field("name", "text"),
        Field("type", "text", required=True, values=("Point", "Line", "Polygon")),
        Field("num_class", "integer", required=True, low=1),
        Field("note", "text"),
        Field("column", "text"),
        Field("min_value", "number"),
        _classes(("symbol_type", "image"), capital=True),
    )
    return (
        Field("num_style", "integer", required=True, low=1),
        Field("styles", "objects", required=True, counted_by="num_style", members=members),
    )
