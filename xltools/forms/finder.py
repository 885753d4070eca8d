"""Finder: the forms of one run by key, those named for it before the catalogue's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from xltools.errors import FormError, UsageError
from xltools.form import Form
from xltools.forms.catalogue import form_files, load_form
from xltools.forms.load import read_form


class FormFinder:
    """Finds the form of a filing by key: forms named for this run first, then the catalogue.

    It travels to another process, or another machine, as the texts of the named files: there no such path need be,
    and a form holds compiled rules.
    """

    def __init__(self, named: Iterable[str | Path] = ()) -> None:
        self._named = tuple(map(str, named))
        self._forms: dict[str, Form | None] = {}
        for name in self._named:
            form = load_form(name)
            self._forms[form.key] = form

    def __call__(self, key: str) -> Form | None:
        if key not in self._forms:
            try:
                self._forms[key] = load_form(key) if not key.endswith(".toml") else None
            except FormError:
                raise  # a form file of ours is broken: loudly
            except UsageError:
                self._forms[key] = None
        return self._forms[key]

    def __getstate__(self) -> dict[str, list[tuple[str, Mapping[str, bytes]]]]:
        """Of each named form its name and, where it is a file of its own, what it is made of beside the catalogue's."""
        shipped = dict(form_files())
        keys = {path.resolve(): key for key, path in shipped.items()}
        state: list[tuple[str, Mapping[str, bytes]]] = []
        for name in self._named:
            path = Path(name).resolve()
            if not name.endswith(".toml") or path in keys:
                state.append((keys.get(path, name), {}))
            else:
                made_of = read_form(path, shipped)[1]
                state.append((path.name, {one.name: one.read_bytes() for one in made_of if one not in keys}))
        return {"named": state}

    def __setstate__(self, state: Mapping[str, list[tuple[str, Mapping[str, bytes]]]]) -> None:
        import tempfile  # for those that travel; other runs need none

        self._named, self._forms = tuple(name for name, _ in state["named"]), {}
        with tempfile.TemporaryDirectory(prefix="xltools-") as folder:
            for at, (name, files) in enumerate(state["named"]):
                place = Path(folder) / str(at)  # each by itself: a form extends files beside it
                place.mkdir()
                for file, data in files.items():
                    (place / file).write_bytes(data)
                form = load_form(place / name if files else name)
                self._forms[form.key] = form
