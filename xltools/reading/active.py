"""Active content: macros, links to elsewhere, embedded objects.  A workbook with any of them is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NoReturn

from xltools.reading.archive import part_key
from xltools.reading.opc import Relation
from xltools.reading.refusals import EXTERNAL, MACROS, refused

_MACRO_KINDS = (
    *("vbaproject", "vbaprojectsignature", "wordvbadata", "xlmacrosheet", "xlintlmacrosheet", "dialogsheet"),
    *("jdeextension", "jsproject"),  # scripts of WPS
)
_MACRO_PLACES = (
    "/vbaproject.bin",
    "/vbaprojectsignature.bin",
    "/jdedata.bin",
    "/macrosheets/",
    "/dialogsheets/",
)
_MACRO_TYPES = ("vbaproject", "macrosheet+xml", "dialogsheet+xml", "jsproject")

_Outside = Literal["links", "objects", "sources"]
_OUTSIDE_KINDS: dict[str, _Outside] = {
    **dict.fromkeys(
        ("externallink", "externallinkpath", "xlexternallinkpath", "volatiledependencies"), "links"
    ),
    **dict.fromkeys(("oleobject", "package", "control", "activexcontrol", "activexcontrolbinary"), "objects"),
    **dict.fromkeys(("connections", "querytable"), "sources"),
}
_OUTSIDE_PLACES: dict[str, _Outside] = {
    "/externallinks/": "links",
    "/volatiledependencies.xml": "links",
    "/embeddings/": "objects",
    "/activex/": "objects",
    "/connections.xml": "sources",
    "/querytables/": "sources",
}
_OUTSIDE_TYPES: dict[str, _Outside] = {
    "externallink+xml": "links",
    "volatiledependencies+xml": "links",
    "oleobject": "objects",
    "activex": "objects",
    "connections+xml": "sources",
    "querytable+xml": "sources",
}


def refuse_macros() -> NoReturn:
    raise refused(
        MACROS,
        "这份工作簿带有宏（自动运行的程序）。",
        "请另存为不带宏的 .xlsx，或在下发的空白表里填写后再报。",
    )


def _refuse_outside(what: _Outside) -> NoReturn:
    if what == "links":
        sentence = "这份工作簿引用了别的工作簿或程序里的数据。"
        remedy = "请在“数据—编辑链接”里断开全部链接，把引用的格改填数字，存成 .xlsx 后再报。"
    elif what == "objects":
        sentence = "这份工作簿里嵌有别的文件或控件。"
        remedy = "请删去嵌入的文件和控件，或在下发的空白表里填写，存成 .xlsx 后再报。"
    else:
        sentence = "这份工作簿连着外部的数据来源。"
        remedy = "请在“数据—连接”里删去全部连接，存成 .xlsx 后再报。"
    raise refused(EXTERNAL, sentence, remedy)


def refuse_active_content(types: Mapping[str, str], relations: Mapping[str, Sequence[Relation]]) -> None:
    """Judge parts by where they stand, what they are declared as, and how others refer to them."""
    places = ["/" + part_key(name) for name in types]
    kinds = [relation.kind for relation in _flat(relations)]
    declared = [type_.casefold() for type_ in types.values()]
    if (
        any(mark in place for place in places for mark in _MACRO_PLACES)
        or any(kind in _MACRO_KINDS for kind in kinds)
        or any(mark in type_ for type_ in declared for mark in _MACRO_TYPES)
    ):
        refuse_macros()
    for kind in kinds:
        if kind in _OUTSIDE_KINDS:
            _refuse_outside(_OUTSIDE_KINDS[kind])
    for text, marks in [*((p, _OUTSIDE_PLACES) for p in places), *((t, _OUTSIDE_TYPES) for t in declared)]:
        for mark, what in marks.items():
            if mark in text:
                _refuse_outside(what)
    if any(relation.outside for relation in _flat(relations)):
        sentence = "这份工作簿里有指向外部的内容，例如链接来的图片。"
        raise refused(EXTERNAL, sentence, "请删去它，或在下发的空白表里填写，存成 .xlsx 后再报。")


def _flat(relations: Mapping[str, Sequence[Relation]]) -> Iterator[Relation]:
    for some in relations.values():
        yield from some
