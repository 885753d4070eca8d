"""Sources: the files to be looked at, in folders of this machine or behind a URL, and how their bytes are had.

A URL is any that fsspec knows (s3://, memory://, …); file:// is a path like any other.  Files that are not on this
machine are listed when asked for, and read one at a time when their turn comes.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from xltools.errors import UsageError, XltoolsError
from xltools.filing import Filing, Refusal
from xltools.longpath import reachable
from xltools.reading import gate
from xltools.reading.archive import FILE_LIMIT
from xltools.reading.filings import FindForm, read_filing, read_filing_bytes
from xltools.reading.refusals import NOT_A_FILE, refuse_too_large, refused

_URL = re.compile("[A-Za-z][A-Za-z0-9+.-]+://")  # two letters at least: C:\\ is a drive


def is_url(text: str | Path) -> bool:
    r"""
    >>> [is_url(text) for text in ("s3://bucket/收件", "file:///收件", "C:\\收件", "C://收件", "收件/甲镇.xlsx")]
    [True, True, False, False, False]
    """
    return _URL.match(str(text)) is not None


@dataclass(frozen=True, slots=True)
class Source:
    """One file and the name it is reported under.

    It lies under `path`, or is had by `fetch`, or is in hand: `data`, or the `refusal` that came in its place.
    """

    name: str
    path: Path | None = None
    fetch: Callable[[], bytes] | None = None
    data: bytes | None = None
    refusal: Refusal | None = None

    @property
    def is_elsewhere(self) -> bool:
        return self.fetch is not None

    def loaded(self) -> Source:
        """The same with its bytes in hand, so that it can be sent away.  Nothing is raised for a file."""
        try:
            if self.fetch is not None:
                data = self.fetch()
            elif self.path is not None and self.data is None:
                data = gate.read_bytes(self.path)
            else:
                return self
        except gate.Refused as why:
            return replace(self, fetch=None, refusal=why.refusal)
        return replace(self, fetch=None, data=data)

    def filing(self, find_form: FindForm) -> Filing:
        """The filing in it."""
        if self.refusal is not None:
            return Filing(file=self.name, sha256="", refusal=self.refusal)
        if self.data is not None:
            return read_filing_bytes(self.name, self.data, find_form)
        assert self.path is not None, "what is elsewhere is loaded first"
        return read_filing(self.path, find_form, name=self.name)


def sources(places: Iterable[str | Path], leave_out: Iterable[Path] = ()) -> list[Source]:
    """Every file in these files, folders and URLs, in order of name.

    Raises UsageError for what is not there and for a URL that nothing here can read, XltoolsError where reading
    the list of files fails.
    """
    here, elsewhere = _parted(places)
    found = [Source(name, path) for path, name in gather(here, leave_out)]
    for system, root, url in elsewhere:
        found += _listed(system, root, url)
    return sorted(found, key=lambda one: (one.name, str(one.path or "")))


def local_places(places: Iterable[str | Path]) -> list[Path]:
    """Those on this machine, for whoever must not write over them.  Raises as `sources` does."""
    return _parted(places)[0]


def _parted(places: Iterable[str | Path]) -> tuple[list[Path], list[tuple[Any, str, str]]]:
    """Paths of this machine; (file system, place in it, URL) of the others."""
    here, elsewhere = list[Path](), list[tuple[Any, str, str]]()
    for place in places:
        system, root = _opened(str(place)) if is_url(place) else (None, place)
        if system is None or _is_here(system):
            here.append(Path(root))
        else:
            elsewhere.append((system, str(root), str(place)))
    return here, elsewhere


# ---- on this machine


def gather(paths: Iterable[Path], leave_out: Iterable[Path] = ()) -> Iterator[tuple[Path, str]]:
    """Every file in these files and folders with the name it is reported under, each once, in order of path.

    What is left out, a file or a folder inside one of these folders, is passed over.  Raises UsageError for a
    path that does not exist.
    """
    apart = {path.resolve() for path in leave_out}
    seen: set[str] = set()
    for path in paths:
        root = reachable(path, deep=True)
        folder = path
        if root.is_dir():
            names = sorted(_below(root), key=lambda name: name.split("/"))
            found = [(path / name, name) for name in _kept(names, path, apart)]
        elif root.exists() or root.is_symlink():
            folder = path.parent
            found = [(path, path.name)] if path.resolve() not in apart else []
        else:
            raise UsageError(f"找不到：{path}")
        real = os.path.realpath(folder)  # of a link with .. behind it nothing else tells where it leads
        for one, name in found:
            place = os.path.join(real, name)
            if place not in seen:
                seen.add(place)
                yield one, name


def _below(root: Path) -> Iterator[str]:
    """The files below a folder, with / between the steps; also folders that are called as if they were workbooks."""
    top = os.fspath(root)
    for folder, folders, files in os.walk(top):
        names = files + [one for one in folders if os.path.splitext(one)[1].lower() == ".xlsx"]
        above = folder[len(top) :].strip(os.sep).replace(os.sep, "/")
        yield from (f"{above}/{name}" for name in names) if above else names


def _kept(names: Iterable[str], folder: Path, apart: set[Path]) -> Iterator[str]:
    """Of the names below a folder those that are not left out, by themselves or with a folder between them.

    The folder is the one that was given: spelt so that Windows reaches all in it, it would be no parent of these.
    """
    top = folder.resolve()
    below = {_one_spelling(one.relative_to(top).as_posix()) for one in apart if top in one.parents}
    for name in names:
        steps = _one_spelling(name).split("/") if below else []
        if any("/".join(steps[: count + 1]) in below for count in range(len(steps))):
            continue
        if apart and os.path.islink(reachable(folder / name)) and (folder / name).resolve() in apart:
            continue
        yield name


def _one_spelling(name: str) -> str:
    """Windows takes capital letters for small ones."""
    return os.path.normcase(name).replace(os.sep, "/")


# ---- elsewhere


def _opened(url: str) -> tuple[Any, str]:
    """The file system of a URL, and the place in it."""
    protocol = url.partition("://")[0]
    try:
        import fsspec.core
    except ImportError:
        raise UsageError(f'读“{protocol}://”要另装 fsspec：pip install "xltools[remote]"。') from None
    try:
        system, root = fsspec.core.url_to_fs(url)
    except ImportError as error:
        driver = getattr(error.__cause__, "name", None) or error.name
        named = f" {driver}：pip install {driver}" if driver else f"它的驱动程序：{error}"
        raise UsageError(f"读“{protocol}://”要另装{named}。") from None
    except ValueError:
        raise UsageError(f"不认识“{protocol}://”这种网址：{url}") from None
    except Exception as error:  # a driver may raise anything: no credentials, no network
        raise _failed(url, error) from error
    return system, root


def _is_here(system: Any) -> bool:
    """Whether it is this machine's own: then links, pipes and devices are judged as in any folder."""
    protocols = system.protocol
    return "file" in ((protocols,) if isinstance(protocols, str) else protocols)


def _listed(system: Any, root: str, url: str) -> Iterator[Source]:
    try:
        there = system.find(root, detail=True)
        if not there and not system.exists(root):
            raise UsageError(f"找不到：{url}")
    except UsageError:
        raise
    except FileNotFoundError:
        raise UsageError(f"找不到：{url}") from None
    except Exception as error:
        raise _failed(url, error) from error
    top = root.rstrip("/")
    for key, facts in there.items():
        name = key[len(top) + 1 :] if key.startswith(f"{top}/") else posixpath.basename(key)
        yield Source(name, fetch=_Fetch(system, key, facts.get("size")))


@dataclass(frozen=True, slots=True)
class _Fetch:
    """Gets the bytes of one file.  Raises Refused."""

    system: Any
    key: str
    size: int | None

    def __call__(self) -> bytes:
        if self.size is not None and self.size > FILE_LIMIT:
            refuse_too_large()
        try:
            data: bytes = self.system.cat_file(self.key, start=0, end=FILE_LIMIT + 1)
        except FileNotFoundError:
            raise refused(NOT_A_FILE, "没有这个文件。", "请核对文件名和所在的文件夹。") from None
        except Exception:  # one file that cannot be had costs that one only
            raise refused(NOT_A_FILE, "这个文件打不开。", "请把它复制到本机的文件夹里再试。") from None
        return data


def _failed(url: str, error: Exception) -> XltoolsError:
    return XltoolsError(f"打不开“{url}”：{type(error).__name__} {error}".rstrip() + "。")
