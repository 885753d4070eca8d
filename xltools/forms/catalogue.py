"""Catalogue: finds form files by id, in the wheel and in a checkout alike."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from pathlib import Path

from xltools.errors import UsageError
from xltools.form import Form
from xltools.forms.load import read_form


def data_folder(name: str) -> Path:
    """`templates` or `samples`: inside the installed package, else at the top of the checkout."""
    package = Path(__file__).resolve().parents[1]
    shipped = package / name
    return shipped if shipped.is_dir() else package.parent / name


def form_files() -> Iterator[tuple[str, Path]]:
    """(form key, path) of every shipped form, in order of key."""
    paths = data_folder("templates").glob("*/*.toml")
    yield from sorted((f"{path.parent.name}/{path.stem}", path) for path in paths)


_Stamps = tuple[tuple[Path, int], ...]  # the files a form is made of, and when each was last changed
_loaded: dict[Path, tuple[_Stamps, Form]] = {}


def _stamps(files: Iterable[Path]) -> _Stamps:
    return tuple((file, file.stat().st_mtime_ns if file.exists() else 0) for file in files)


def _load(path: Path) -> Form:
    """The form in a file; the same object as long as no file it is made of changes, since forms are compared so."""
    known = _loaded.get(path)
    if known is None or known[0] != _stamps(file for file, _ in known[0]):
        form, files = read_form(path, dict(form_files()))
        known = _loaded[path] = (_stamps(files), form)
    return known[1]


def load_form(name: str | Path) -> Form:
    """The form called `gov-info-disclosure/2021`, or the one in a .toml file.

    Raises UsageError for a name that is not in the catalogue, FormErrors for a file that is not in order.
    """
    path = Path(name)
    if path.suffix != ".toml":
        known = dict(form_files())
        if str(name) not in known:
            near = difflib.get_close_matches(str(name), known, 1, 0.3)
            hint = f"，是不是 {near[0]}？" if near else "。"
            raise UsageError(
                f"没有叫“{name}”的报表{hint}可用的：{'、'.join(known)}；也可以写 .toml 文件的路径。"
            )
        path = known[str(name)]
    if not path.is_file():
        raise UsageError(f"找不到报表文件：{path}")
    return _load(path.resolve())
