"""Names, properties and strings of a workbook by their skeletons; what is unusual is left to the plain reader."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from xltools.reading.cutting import HOLE, MARK, NO_MARKUP, UTF_8, Cut, text_of
from xltools.reading.known import FORGETTING, Long, Store, Unusual
from xltools.reading.parts import MAIN, PropertiesReader, StringsReader, WorkbookReader, unescaped
from xltools.reading.refusals import Refused

LONGEST = 1 << 17  # bytes of a part with names or properties
MOST_TEXT = 1 << 20  # bytes of the shared strings
LONGEST_FRAME = 4_000  # bytes around them
MOST_STRINGS_KEPT, LONGEST_STRING = 4_000, 2_000  # bytes of each as it is stored

_QUOTE = b"&quot;"  # as LibreOffice writes it
_QUOTED = b"|".join(quote + NO_MARKUP + quote for quote in (b'"', _QUOTE))
_NAMED = Cut([b">"], _QUOTED, b"</definedName>")
_PROPERTY = Cut([b">"], NO_MARKUP, b"</vt:lpwstr>")
MappingReader = TypeVar("MappingReader", WorkbookReader, PropertiesReader)
_BOOKS: Store[tuple[WorkbookReader, tuple[str, ...]]] = Store()
_PROPERTIES: Store[tuple[PropertiesReader, tuple[str, ...]]] = Store()


def read_workbook(data: bytes) -> WorkbookReader | None:
    """The directory of sheets and the names, if its skeleton is known: names that stand for a text may differ."""
    found = _read_mapping(data, _NAMED, _BOOKS, WorkbookReader, lambda reader: reader.names)
    if found is None:
        return None
    known, names = found
    reader = WorkbookReader()
    reader.sheets, reader.strict, reader.names = known.sheets, known.strict, names
    return reader


def read_properties(data: bytes) -> dict[str, str] | None:
    """Custom properties, if their skeleton is known."""
    found = _read_mapping(data, _PROPERTY, _PROPERTIES, PropertiesReader, lambda reader: reader.properties)
    return found[1] if found is not None else None


def _read_mapping(
    data: bytes,
    cut: Cut,
    store: Store[tuple[MappingReader, tuple[str, ...]]],
    make: Callable[[], MappingReader],
    texts: Callable[[MappingReader], dict[str, str]],
) -> tuple[MappingReader, dict[str, str]] | None:
    """A part whose values are those of a mapping: the reader that read it once, and the mapping of this one."""
    if len(data) > LONGEST:
        return None
    pieces, values = cut.pieces(data)

    def learn() -> tuple[MappingReader, tuple[str, ...]]:
        reader = make()
        reader.parse(cut.marked(pieces), "")
        marks = [str(MARK + number) for number in range(len(values))]
        found = [(text, key) for key, text in texts(reader).items() if text in marks]
        if sorted(text for text, _ in found) != marks:
            raise Unusual
        return reader, tuple(key for _, key in sorted(found))

    known = store.get(Long(HOLE.join(pieces)), learn)
    if known is None:
        return None
    reader, keys = known
    if len(keys) != len(values):  # a character that no XML has
        return None
    try:
        filled = {key: text_of(value.replace(_QUOTE, b'"')) for key, value in zip(keys, values, strict=True)}
    except Unusual:
        return None
    return reader, {**texts(reader), **filled}


_STRING = re.compile(rb'<si><t(?: xml:space="preserve")?>(' + NO_MARKUP + rb")</t>")
_STRING_ENDS = b"</si>"
_FRAMES: Store[bool] = Store()


def read_strings(data: bytes) -> list[str] | None:
    """The shared strings, each of which is known or sound by itself; None where the plain reader has to read them."""
    if len(data) > MOST_TEXT:
        return None
    pieces = data.split(_STRING_ENDS)
    at = pieces[0].find(b"<si>")
    frame = pieces[0][:at], pieces[-1]
    if (
        at < 0
        or len(frame[0]) + len(frame[1]) > LONGEST_FRAME
        or not _FRAMES.get(frame, lambda: _is_frame(*frame))
    ):
        return None
    pieces[0] = pieces[0][at:]
    del pieces[-1]
    try:
        return list(map(_TEXTS.__getitem__, pieces))
    except (Unusual, Refused):
        return None


def _is_frame(head: bytes, tail: bytes) -> bool:
    """Whether strings between these are all there is: they count, and nothing does without them."""
    return (
        UTF_8.match(head) is not None
        and b"<!" not in head + tail
        and _all_strings(head + tail) == []
        and _all_strings(head + b"<si><t>1</t></si>" + tail) == ["1"]
    )


def _all_strings(data: bytes) -> list[str]:
    reader = StringsReader()
    reader.parse(data, "")
    return reader.strings


class _Texts(dict[bytes, str]):
    """What a string says, by the string as it is stored, without its end."""

    def __missing__(self, stored: bytes) -> str:
        plain = _STRING.fullmatch(stored)
        text = _unescaped(text_of(plain[1])) if plain else _one_string(stored)
        if len(stored) <= LONGEST_STRING:
            if len(self) >= MOST_STRINGS_KEPT:
                self.clear()
            self[stored] = text
        return text


_TEXTS = _Texts()
FORGETTING.append(_TEXTS.clear)


def _unescaped(text: str) -> str:
    return unescaped(text) if "_x" in text else text


def _one_string(stored: bytes) -> str:
    """What a string says that has runs or entities.  Raises Unusual or Refused where it is not sound by itself; what is
    sound by itself is so among others, and says the same, since there are no comments, and no namespaces but theirs."""
    if b"<!" in stored:
        raise Unusual
    strings = _all_strings(b'<sst xmlns="%b">%b</si></sst>' % (MAIN[0].encode(), stored))
    if len(strings) != 1 or b"xmlns" in stored:
        raise Unusual
    return strings[0]
