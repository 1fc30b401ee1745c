"""XML, JSON and error messages from outside: bounded in size and depth, without entities, on one line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mitoshi.core import strict_json
from mitoshi.core.errors import InputError, RefusedError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["MAX_JSON_BYTES", "MAX_XML_BYTES", "one_line", "parse_json", "parse_xml"]

MAX_XML_BYTES = 64 * 2**20
MAX_JSON_BYTES = strict_json.MAX_BYTES


def one_line(error: BaseException, longest: int = 160) -> str:
    """Return an error as one short line without the folders of this machine; web addresses stay whole.

    >>> one_line(ValueError("cannot read /home/a/b.tif from https://example.org/c/d"))
    'cannot read b.tif from https://example.org/c/d'
    """
    text = re.sub(r"\s+", " ", str(error)) or type(error).__name__
    return re.sub(r"(https?://\S+)|(?<!\w)/\S*/", lambda found: found[1] or "", text)[:longest]


def parse_xml(content: bytes, name: str) -> Element:
    """Return the root of an XML document; entities, DTDs and external references are refused.

    Raises
    ------
    RefusedError
        If it is too large or declares entities.
    InputError
        If it is not well-formed.
    """
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    if len(content) > MAX_XML_BYTES:
        raise RefusedError(
            f"{name} holds {len(content) / 2**20:.0f} MiB of XML; the limit is {MAX_XML_BYTES >> 20} MiB"
        )
    try:
        root: Element = fromstring(content, forbid_dtd=True)
    except DefusedXmlException:
        raise RefusedError(f"{name} declares entities or a DTD, which could expand or read other files") from None
    except (ParseError, ValueError, LookupError) as error:
        raise InputError(f"{name} is not well-formed XML ({one_line(error)})") from None
    return root


def parse_json(content: bytes, name: str) -> Any:
    """Return strict JSON; NaN, infinities, great depth and great size are refused: `mitoshi.core.strict_json.parse_json`.

    Raises
    ------
    RefusedError
        If it is too large or too deep.
    InputError
        If it is not strict JSON.
    """
    return strict_json.parse_json(content, name, most_bytes=MAX_JSON_BYTES)
