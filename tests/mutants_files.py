"""Mutants of the file: other kinds, damage, hostile packages, names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from hostile import Forge, active, damaged, other_kinds, suspect, zip_of
from mutant import ACCEPTED, UNREADABLE, Cast, Mutant, clean

# ---- files


def files(cast: Cast) -> Iterator[Mutant]:
    forge = Forge(clean(cast.form))
    data = forge.data

    def file(name: str, content: bytes, code: str, **more: Any) -> Mutant:
        return Mutant(
            name=f"file: {name}", change=lambda shop: content, outcome=UNREADABLE, codes=(code,), **more
        )

    for name, (content, code, _) in other_kinds(forge).items():
        yield file(name, content, code)
    for name, content in damaged(forge).items():
        yield file(name, content, "F005")
    for name, content in suspect(forge).items():
        yield file(name, content, "F006")
    for name, (content, code) in active(forge).items():
        yield file(name, content, code)
    for share in (0.001, 0.1, 0.5, 0.9, 0.999):
        yield file(f"cut short at {share}", data[: int(len(data) * share)], "F005")
    half = len(data) // 2
    yield file("second half zeroed", data[:half] + bytes(half), "F005")
    yield file("first half zeroed", bytes(half) + data[half:], "F005")
    yield file("line ends mangled", data.replace(b"\n", b"\r\n"), "F005")
    yield file("taken for text", data.decode("utf-8", "replace").encode(), "F005")
    yield file("encrypted entry", forge.first(both={"flags": 1}), "F004")
    yield file("bomb in one part", forge.changed({"xl/a.bin": bytes(20 << 20)}), "F007")
    yield file("bomb in many parts", forge.changed({f"xl/{n}.bin": bytes(4 << 20) for n in range(8)}), "F007")
    inner = zip_of(**{f"{n}.zip": zip_of(**{f"{k}.zip": bytes(1 << 20) for k in range(4)}) for n in range(9)})
    yield file("bomb of archives in archives", inner, "F003")
    sheet = next(name for name in forge.parts if name.startswith("xl/worksheets/sheet"))
    laughs = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<!DOCTYPE x [<!ENTITY a0 "ha">{laughs}]><x>&a9;</x>'
    yield file("billion laughs", forge.changed({sheet: bomb.encode()}), "F010")
    yield file("billion laughs in UTF-16", forge.changed({sheet: bomb.encode("utf-16")}), "F010")
    yield file("sheet of elements 100 000 deep", forge.changed({sheet: b"<a>" * 100_000}), "F005")
    yield file("sheet cut within", forge.changed({sheet: forge.parts[sheet][:-200]}), "F005")
    yield file("sheet of zeros", forge.changed({sheet: bytes(5000)}), "F005")
    yield file("strings cut within", forge.changed({"xl/sharedStrings.xml": forge.parts["xl/sharedStrings.xml"][:-90]}),
               "F005")  # fmt: skip
    dde = b'<externalLink><ddeLink ddeService="cmd" ddeTopic="/c calc"/></externalLink>'
    yield file("DDE", forge.changed({"xl/externalLinks/externalLink1.xml": dde}), "F009")
    for ending in (".xls", ".et", ".csv", ".zip", ".xlsm", ".XLSX", ""):
        name = f"示例镇{ending}"
        yield Mutant(
            name=f"file: called {name}", change=lambda shop: clean(shop.form), outcome=ACCEPTED, file=name
        )
    for name in (
        "Ünïcødé.xlsx",
        "ভূমি 🌾.xlsx",
        "שלום.xlsx",
        "a b'c&(1).xlsx",
        "年报\u202excod.xlsx",
        "红\x1b[31m.xlsx",
        os.fsdecode(b"\xb2\xbc.xlsx"),
    ):
        yield Mutant(
            name=f"file: called {name.encode('utf-8', 'replace').decode()}",
            change=lambda shop: clean(shop.form),
            outcome=ACCEPTED,
            file=name,
        )
    for name in ("~$示例镇.xlsx", ".~示例镇.xlsx", ".~lock.示例镇.xlsx#"):
        lock = b"\x05admin".ljust(165)
        yield Mutant(
            name=f"file: lock {name}", change=lambda shop, lock=lock: lock, outcome="ignored", file=name
        )
