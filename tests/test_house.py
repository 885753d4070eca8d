"""The house: a module imports only from rooms above its own."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "xltools"
ROOMS = [  # top to bottom
    {"errors", "words", "geometry", "longpath", "deflate", "display", "collector"},
    {"expression", "phrase", "slips", "roster", "issued", "problems", "sameness", "subset"},
    {"form"},
    {"layout"},
    {"compute", "culprit", "balance", "scaling"},
    {"formulas", "filing", "finding"},
    {"harvest"},
    {"detail", "rollup"},
    {"result", "answers", "lookup", "rounds.standing", "rounds.chasing"},
    {"forms"},
    {"writing"},
    {"reading"},
    {"checks"},
    {
        "parallel",
        "workers",
        "sources",
        "lastyear",
        "intake",
        "guarding",
        "issuing",
        "merging",
        "overlaps",
        "saving",
        "explaining",
        "differing",
        "carrying",
        "marking",
        "returning",
    },
    {"rounds"},
    {"reporting"},
    {"demo", "bar", "console"},
    {"cli", "cli_forms", "cli_round", "__init__", "__main__"},
]
FLOOR = {name: number for number, room in enumerate(ROOMS) for name in room}
MODULES = sorted(PACKAGE.rglob("*.py"))


def room(*parts):
    """A folder is one room, but for those of its modules that the list above names by themselves."""
    module = ".".join(parts[:2])
    return module if module in FLOOR else parts[0]


def room_of(path):
    return room(*path.relative_to(PACKAGE).with_suffix("").parts)


def imports(path):
    """(module, whether at the top level) of every import in a file."""
    tree = ast.parse(path.read_text("utf-8"))
    top = set(map(id, tree.body))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) in top) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, id(node) in top


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_a_module_imports_only_from_rooms_above_its_own(path):
    here = room_of(path)
    for name, _ in imports(path):
        if name.startswith("xltools.") and here != "__init__":
            there = room(*name.split(".")[1:])
            assert there == here or FLOOR[there] <= FLOOR[here], f"{here} imports {there}"


def test_every_library_has_its_home():
    homes = {
        "xlsxwriter": {"writing"},
        "openpyxl": {"reading", "demo"},
        "xlrd": {"reading"},
        "pandas": {"rollup"},
        "fsspec": {"sources"},
        "distributed": {"workers"},
        "typer": {"cli", "cli_forms", "cli_round", "console"},
    }
    for path in MODULES:
        for name, top in imports(path):
            library = name.split(".")[0]
            if library in homes:
                assert room_of(path) in homes[library], f"{path} imports {library}"
                assert (
                    library in ("xlsxwriter", "typer")
                    or not top
                    or "TYPE_CHECKING" in path.read_text("utf-8")
                )
            assert library != "click"


def test_writing_and_reading_do_not_know_each_other():
    for path in MODULES:
        others = {"writing": "xltools.reading", "reading": "xltools.writing"}
        if other := others.get(room_of(path)):
            assert not any(name.startswith(other) for name, _ in imports(path)), path


def test_nothing_about_a_form_is_in_the_code():
    from xltools import load_form

    ids = {
        name
        for key in ("gov-info-disclosure/2019", "gov-info-disclosure/2021")
        for table in load_form(key).tables.values()
        for name in (table.id, *(line.id for line in (*table.rows, *table.columns)))
        if "_" in name or len(name) > 9
    }
    for path in MODULES:
        strings = {node.value for node in ast.walk(ast.parse(path.read_text("utf-8")))
                   if isinstance(node, ast.Constant) and isinstance(node.value, str)}  # fmt: skip
        assert not strings & ids, path


def test_every_folder_of_the_house_is_known():
    assert {room_of(path) for path in MODULES} == set(FLOOR)
