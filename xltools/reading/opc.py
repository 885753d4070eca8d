"""What a workbook's parts are declared as and how they refer to each other, read before any content.

No part may declare a document type or an odd encoding: entities are how a small XML file grows without
bounds or reads other files.
"""

from __future__ import annotations

import codecs
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple
from xml.parsers import expat

from xltools.reading.archive import MOST_COMMON, part_key
from xltools.reading.refusals import DOCTYPE, FRESH, refuse_broken, refuse_suspect, refused

LONGEST_COMMON = 16_384  # bytes of what is the same in most workbooks
_DECLARATIONS = tuple(
    mark for word in ("!DOCTYPE", "!ENTITY") for mark in (b"<" + word.encode(), word.encode("utf-16-le")[:-1])
)  # without its last zero the second stands in both byte orders

HEAD = 1024  # bytes of a part that its encoding is told by
_USUAL_HEADS = tuple(
    b'<?xml version="1.0" encoding="UTF-8"%b?>%b<' % (standalone, between)
    for standalone in (b"", b' standalone="yes"')
    for between in (b"", b"\n", b"\r\n")
)


def scan_xml(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same pieces, refused when they declare a document type, entities or an odd encoding.

    Entities are how a small XML file grows without bounds or reads other files; no office writes them.
    """
    head, tail = b"", b""
    for chunk in chunks:
        if len(head) < HEAD:
            head += chunk[: HEAD - len(head)]
        _refuse_declarations(tail + chunk)
        tail = (tail + chunk)[-20:]
        yield chunk
    _check_encoding(head)


def demand_harmless(content: bytes) -> None:
    """The same for a part that is in hand whole."""
    _refuse_declarations(content)
    begins_at_once = content[:1] == b"<" and content[1:2].isalpha()  # then it is UTF-8, as openpyxl writes it
    if not begins_at_once and not content.startswith(_USUAL_HEADS):
        _check_encoding(content[:HEAD])


def _refuse_declarations(content: bytes) -> None:
    if b"!" not in content or b"Y" not in content:  # each has both, and one byte is looked for fastest
        return
    if any(mark in content for mark in _DECLARATIONS):
        raise refused(DOCTYPE, "工作簿里有不该有的实体声明，为安全起见没有读取。", FRESH)


def _check_encoding(head: bytes) -> None:
    if not head or head.startswith(_USUAL_HEADS):
        return
    encoding = "latin-1"
    if head.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff", b"<\0\0\0", b"\0\0\0<")):
        refuse_suspect("文字编码不通用")
    if head.startswith((b"\xff\xfe", b"<\0")):
        encoding = "utf-16-le"
    elif head.startswith((b"\xfe\xff", b"\0<")):
        encoding = "utf-16-be"
    text = head.removeprefix(codecs.BOM_UTF8).decode(encoding, "replace").removeprefix("\ufeff")
    if not text.lstrip(" \t\r\n").startswith("<"):
        refuse_broken()
    if not re.match(r"<\?xml\s", text):
        return
    declaration, closed, _ = text.partition("?>")
    named = re.search(r"encoding\s*=\s*[\"']([^\"']*)", declaration)
    common = ("utf-8", "utf8", "utf-16", "utf-16le", "utf-16be", "us-ascii", "ascii")
    if not closed or (named and named[1].casefold() not in common):
        refuse_suspect("文字编码不通用")


class Relation(NamedTuple):
    kind: str  # the last word of its type, lower case
    type: str
    target: str
    outside: bool  # it leads out of the package


def resolved(source: str, target: str) -> str:
    """The part name that a relationship of `source` points to; the package itself is the source "".

    >>> resolved("xl/workbook.xml", "worksheets/sheet1.xml"), resolved("xl/workbook.xml", "/xl/styles.xml")
    ('xl/worksheets/sheet1.xml', 'xl/styles.xml')
    """
    path = target.partition("#")[0].replace("\\", "/")
    return posixpath.normpath(posixpath.join("/", posixpath.dirname(source), path)).lstrip("/")


def _each_element(content: bytes, take: Callable[[str, Mapping[str, str]], None]) -> None:
    """Call `take` with local name and attributes of every element of an already scanned XML part."""
    parser = expat.ParserCreate(namespace_separator=" ")
    depth = 0

    def start(name: str, given: Mapping[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > 8:  # two, in any part of these kinds; expat's memory grows with the depth
            refuse_broken()
        take(name.rpartition(" ")[2], given)

    def end(_: str) -> None:
        nonlocal depth
        depth -= 1

    parser.StartElementHandler, parser.EndElementHandler = start, end
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, ValueError):
        refuse_broken()


def relations_in(content: bytes) -> tuple[Relation, ...]:
    """Every relationship but hyperlinks, which are only ever followed by a person's click."""
    return (_relations_in if len(content) <= LONGEST_COMMON else _relations_in.__wrapped__)(content)


@lru_cache(maxsize=64)
def _relations_in(content: bytes) -> tuple[Relation, ...]:
    relations: list[Relation] = []

    def take(name: str, given: Mapping[str, str]) -> None:
        whole = given.get("Type", "")
        kind = whole.rpartition("/")[2].casefold()
        if name == "Relationship" and kind != "hyperlink":
            outside = given.get("TargetMode", "").casefold() == "external"
            relations.append(Relation(kind, whole, given.get("Target", ""), outside))

    _each_element(content, take)
    return tuple(relations)


def content_types(content: bytes, parts: tuple[str, ...]) -> Mapping[str, str]:
    """Part name -> content type, lower case; "" for a part that has none."""
    is_common = len(content) <= LONGEST_COMMON and len(parts) <= MOST_COMMON
    return (_content_types if is_common else _content_types.__wrapped__)(content, parts)


@lru_cache(maxsize=64)
def _content_types(content: bytes, parts: tuple[str, ...]) -> Mapping[str, str]:
    endings: dict[str, str] = {}
    places: dict[str, str] = {}

    def take(name: str, given: Mapping[str, str]) -> None:
        declared = given.get("ContentType", "").casefold()
        if name == "Default":
            endings.setdefault(given.get("Extension", "").casefold(), declared)
        elif name == "Override":
            place = part_key(resolved("", given.get("PartName", "")))
            if places.setdefault(place, declared) != declared:
                refuse_suspect("同一部件登记成了两种东西")

    _each_element(content, take)
    found = {}
    for part in parts:
        key = part_key(part)
        found[part] = places.get(key) or endings.get(key.rpartition(".")[2], "")
    return found
