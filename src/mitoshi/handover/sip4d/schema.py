"""What a JSON object must hold, stated as data, and the check of an object against it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from mitoshi.core.text import Text

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from mitoshi.handover.sip4d.reasons import Findings

__all__ = ["Choices", "Declared", "Field", "Requires", "check_object", "filled", "shown"]

Kind = Literal["text", "integer", "decimal", "number", "truth", "text or number", "object", "objects", "texts"]

KINDS: dict[str, Text] = {
    "text": Text("text", "文字列"),
    "integer": Text("a whole number", "整数"),
    "decimal": Text("a number with a decimal point", "小数点を含む数値"),
    "number": Text("a number", "数値"),
    "truth": Text("true or false", "true または false"),
    "text or number": Text("text or a number", "文字列または数値"),
    "object": Text("an object", "オブジェクト"),
    "objects": Text("a list of objects", "オブジェクトの配列"),
    "texts": Text("a list of texts", "文字列の配列"),
}
MISSING = Text("{0} is missing; add it", "{0} がありません。追加してください")
WRONG_TYPE = Text("{0} is {1}; it must be {2}", "{0} が {1} です。{2}にしてください")
WRONG_VALUE = Text("{0} is {1}; give {2}", "{0} の値が {1} です。{2}を指定してください")
WRONG_COUNT = Text(
    "{0} has {1} entries but {2} says {3}; make them agree", "{0} は{1}件ですが {2} は {3} です。一致させてください"
)
NO_FILE = Text(
    "{0} names {1}, which is not in the package; add the file or mend the name",
    "{0} が示す {1} がパッケージにありません。ファイルを追加するか名前を直してください",
)
UNDECLARED = Text(
    "attribute {0} is not defined; add a column whose connid or name is {0}",
    "属性 {0} が定義されていません。connid または name が {0} の列を追加してください",
)
PATTERN = Text("text of the form {0}", "{0} の形式の文字列")
ONE_OF = Text("one of {0}", "次のいずれか（{0}）")
BETWEEN = Text("a value of at least {0} and at most {1}", "{0} 以上 {1} 以下の値")


@dataclass(frozen=True)
class Requires:
    """Keys that every member of a list needs under a condition.

    Attributes
    ----------
    keys
        What is needed.
    key, value
        Needed where the member's own `key` has this value.
    above, at_least
        Needed where `above`, a key of the object that holds the list, has the value `value`, or is at least `at_least`.
    """

    keys: tuple[str, ...]
    key: str = ""
    value: str = ""
    above: str = ""
    at_least: int | None = None

    def holds(self, member: Mapping[str, Any], parent: Mapping[str, Any]) -> bool:
        """Tell whether the condition is met."""
        if self.key:
            return bool(member.get(self.key) == self.value)
        given = parent.get(self.above)
        if self.at_least is not None:
            return isinstance(given, int) and given >= self.at_least
        return bool(given == self.value)


@dataclass(frozen=True)
class Declared:
    """An attribute that some column must define, by its ``connid`` or ``name``."""

    attribute: str


@dataclass(frozen=True)
class Choices:
    """The keys that ``conn_attr_list`` may hold in the column that defines an attribute."""

    attribute: str
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Field:
    """One key of an object.

    Attributes
    ----------
    key, kind, required
        Its name, what its value must be, and whether it must be there.
    values, patterns
        A text must be one of the values or match one of the patterns; an empty text is allowed where it is not required.
    low, high
        Bounds of a number.
    names_file
        Whether the text names a member of the package.
    counted_by
        Key that holds the number of entries of a list.
    members
        Fields of an object, or of each object of a list.
    rules
        What the list as a whole must hold.
    """

    key: str
    kind: Kind
    required: bool = False
    values: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    names_file: bool = False
    counted_by: str = ""
    members: tuple[Field, ...] = ()
    rules: tuple[Requires | Declared | Choices, ...] = ()


def shown(value: Any) -> str:
    """Return a value for a message, shortened."""
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def check_object(
    given: Any, fields: Sequence[Field], findings: Findings, file: str, files: Collection[str], path: str = ""
) -> bool:
    """Check an object against its fields and tell whether it is right.

    Parameters
    ----------
    given
        As parsed.
    fields
        What it must hold; other keys are allowed.
    findings
        Takes the reasons.
    file
        Member in which the object stands.
    files
        Names of all members.
    path
        Of the object within the file, such as ``entry[0].``.
    """
    if not isinstance(given, dict):
        return _wrong_type(findings, file, path.rstrip(".") or file, given, "object")
    right = True
    for field in fields:
        right &= _check_field(given, field, findings, file, files, path)
    return right


def _check_field(
    given: Mapping[str, Any], field: Field, findings: Findings, file: str, files: Collection[str], path: str
) -> bool:
    value, where = given.get(field.key), f"{path}{field.key}"
    if value is None:
        if field.required:
            findings.error("missing_key", file, filled(MISSING, where))
        return not field.required
    if not _is(field.kind, value):
        return _wrong_type(findings, file, where, value, field.kind)
    if field.kind == "object":
        return check_object(value, field.members, findings, file, files, f"{where}.")
    if field.kind in ("objects", "texts"):
        return _check_list(given, value, field, findings, file, files, where)
    return _check_value(value, field, findings, file, files, where)


def _is(kind: Kind, value: Any) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    whole = isinstance(value, int) and not isinstance(value, bool)
    return {
        "text": isinstance(value, str),
        "integer": whole,
        "decimal": isinstance(value, float),
        "number": number,
        "truth": isinstance(value, bool) or whole,
        "text or number": number or isinstance(value, str),
        "object": isinstance(value, dict),
        "objects": isinstance(value, list),
        "texts": isinstance(value, list),
    }[kind]


def _check_value(value: Any, field: Field, findings: Findings, file: str, files: Collection[str], where: str) -> bool:
    wanted = _unmet(value, field)
    if wanted is not None:
        findings.error("wrong_value", file, filled(WRONG_VALUE, where, shown(value), wanted))
        return False
    if field.names_file and value not in files:
        findings.error("missing_file", file, filled(NO_FILE, where, shown(value)))
        return False
    return True


def _unmet(value: Any, field: Field) -> Text | None:
    """Return what was wanted instead of a value, or None where it is right."""
    if isinstance(value, str):
        if value == "" and not field.required:
            return None
        if value in field.values or any(re.fullmatch(p, value) for p in field.patterns):
            return None
        if field.values:
            return filled(ONE_OF, " / ".join(field.values))
        return filled(PATTERN, " / ".join(field.patterns)) if field.patterns else None
    low, high = field.low, field.high
    if (low is not None and value < low) or (high is not None and value > high):
        return filled(BETWEEN, "−∞" if low is None else f"{low:g}", "∞" if high is None else f"{high:g}")
    return None


def _check_list(
    parent: Mapping[str, Any],
    entries: list[Any],
    field: Field,
    findings: Findings,
    file: str,
    files: Collection[str],
    where: str,
) -> bool:
    right = True
    count = parent.get(field.counted_by)
    if field.counted_by and count is not None and count != len(entries):
        findings.error("wrong_count", file, filled(WRONG_COUNT, where, len(entries), field.counted_by, shown(count)))
        right = False
    if field.kind == "texts":
        single = Field(field.key, "text", required=field.required, values=field.values, patterns=field.patterns)
        for number, entry in enumerate(entries):
            place = f"{where}[{number}]"
            good = _check_value(entry, single, findings, file, files, place) if isinstance(entry, str) else False
            right &= good or (not isinstance(entry, str) and _wrong_type(findings, file, place, entry, "text"))
        return right
    for number, entry in enumerate(entries):
        right &= check_object(entry, field.members, findings, file, files, f"{where}[{number}].")
    objects = [e for e in entries if isinstance(e, dict)]
    for rule in field.rules:
        right &= _check_rule(rule, objects, parent, findings, file, where)
    return right


def _check_rule(
    rule: Requires | Declared | Choices,
    objects: Sequence[Mapping[str, Any]],
    parent: Mapping[str, Any],
    findings: Findings,
    file: str,
    where: str,
) -> bool:
    right = True
    if isinstance(rule, Declared):
        right = any(rule.attribute in (o.get("connid"), o.get("name")) for o in objects)
        if not right:
            findings.error("missing_attribute", file, filled(UNDECLARED, rule.attribute))
        return right
    for number, member in enumerate(objects):
        if isinstance(rule, Requires) and rule.holds(member, parent):
            for key in rule.keys:
                if member.get(key) is None:
                    findings.error("missing_key", file, filled(MISSING, f"{where}[{number}].{key}"))
                    right = False
        elif isinstance(rule, Choices) and rule.attribute in (member.get("connid"), member.get("name")):
            given = member.get("conn_attr_list")
            for entry in given if isinstance(given, list) else ():
                if entry not in rule.keys:
                    wanted = filled(ONE_OF, " / ".join(rule.keys))
                    place = f"{where}[{number}].conn_attr_list"
                    findings.error("wrong_value", file, filled(WRONG_VALUE, place, shown(entry), wanted))
                    right = False
    return right


def _wrong_type(findings: Findings, file: str, where: str, value: Any, kind: Kind) -> bool:
    findings.error("wrong_type", file, filled(WRONG_TYPE, where, shown(value), KINDS[kind]))
    return False


def filled(text: Text, *values: Any) -> Text:
    """Fill a message in both languages; a `Text` among the values is said in each."""
    return Text(
        text.en.format(*(v.en if isinstance(v, Text) else v for v in values)),
        text.ja.format(*(v.ja if isinstance(v, Text) else v for v in values)),
    )
