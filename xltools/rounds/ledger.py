"""Ledger: what a round remembers, in ledger.sqlite.  Rows in and rows out; what they mean is others' matter.

Times come from one clock that never runs back, and order is the order of rows.  A batch is one transaction, so
that a run that is cut off has done all of it or nothing.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from xltools.errors import RoundError
from xltools.finding import Outcome
from xltools.roster import Unit
from xltools.rounds.connecting import connect, said_in_words
from xltools.rounds.rows import (
    INSIDE,
    ArrivalRow,
    Basis,
    CopyRow,
    EventRow,
    ReceiptRow,
    Records,
    RollupRow,
    Subject,
    UnitRow,
)
from xltools.rounds.settings import inside
from xltools.rounds.standing import Closing, State

FILE = "ledger.sqlite"
Clock = Callable[[], datetime.datetime]


def _sources_inside(db: sqlite3.Connection, folder: Path) -> None:
    """Sources inside the folder are told from there, so that a folder that was moved knows its files again."""
    for table in ("arrival", "receipt"):
        for row, source in db.execute(f"SELECT rowid, source FROM {table}").fetchall():
            path, *within = source.split(INSIDE)
            told = INSIDE.join([inside(folder, Path(path)), *within])
            if told != source:
                db.execute(f"UPDATE OR IGNORE {table} SET source = ? WHERE rowid = ?", (told, row))


# each takes the schema from its index to the next version
MIGRATIONS: tuple[str | Callable[[sqlite3.Connection, Path], None], ...] = (
    """
    CREATE TABLE unit (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL, code TEXT NOT NULL, kind TEXT NOT NULL, level TEXT NOT NULL, parent TEXT NOT NULL,
        contact TEXT NOT NULL, phone TEXT NOT NULL, due TEXT NOT NULL,
        place INTEGER NOT NULL,                        -- on the roster
        listed INTEGER NOT NULL CHECK (listed IN (0, 1)),
        dropped INTEGER NOT NULL DEFAULT 0             -- was listed once
    );
    CREATE TABLE copy (                                -- what was handed out
        number TEXT PRIMARY KEY,
        unit INTEGER NOT NULL REFERENCES unit (id),
        form TEXT NOT NULL, year INTEGER NOT NULL,
        identity TEXT NOT NULL,                        -- JSON, as the copy says
        file TEXT NOT NULL, sha256 TEXT NOT NULL, at TEXT NOT NULL
    );
    CREATE TABLE receipt (                             -- a file that was kept; ids are the order of receipt
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        sha256 TEXT NOT NULL UNIQUE, path TEXT NOT NULL, name TEXT NOT NULL, source TEXT NOT NULL, at TEXT NOT NULL,
        unit INTEGER REFERENCES unit (id), number INTEGER,
        outcome TEXT,                                  -- NULL: not checked yet
        errors INTEGER NOT NULL DEFAULT 0, queries INTEGER NOT NULL DEFAULT 0, notes INTEGER NOT NULL DEFAULT 0,
        substance TEXT NOT NULL DEFAULT '',            -- digest of what is filled in
        sentence TEXT NOT NULL DEFAULT '',             -- why it is nobody's
        void INTEGER NOT NULL DEFAULT 0, pinned INTEGER NOT NULL DEFAULT 0, reason TEXT NOT NULL DEFAULT '',
        marked TEXT NOT NULL DEFAULT '',               -- the workbook that went back
        returned INTEGER NOT NULL DEFAULT 0,
        UNIQUE (unit, number), CHECK ((unit IS NULL) = (number IS NULL))
    );
    CREATE TABLE arrival (                             -- every file that was met, kept or not
        sha256 TEXT NOT NULL, source TEXT NOT NULL, name TEXT NOT NULL, at TEXT NOT NULL,
        sentence TEXT NOT NULL DEFAULT '',             -- why it is no filing
        PRIMARY KEY (sha256, source)
    );
    CREATE TABLE event (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at TEXT NOT NULL, unit INTEGER NOT NULL REFERENCES unit (id),
        state TEXT NOT NULL, cause TEXT NOT NULL, file TEXT NOT NULL
    );
    CREATE TABLE rollup (
        id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, file TEXT NOT NULL, sha256 TEXT NOT NULL
    );
    CREATE TABLE part (
        rollup INTEGER NOT NULL REFERENCES rollup (id), receipt INTEGER NOT NULL REFERENCES receipt (id),
        PRIMARY KEY (rollup, receipt)
    );
    CREATE TABLE clock (one INTEGER PRIMARY KEY CHECK (one = 1), last TEXT NOT NULL);
    CREATE INDEX receipt_of_unit ON receipt (unit);
    CREATE INDEX event_of_unit ON event (unit);
    """,
    """
    CREATE TABLE closing (                             -- once it has its row, nothing that was sealed changes
        one INTEGER PRIMARY KEY CHECK (one = 1),
        at TEXT NOT NULL, file TEXT NOT NULL, sha256 TEXT NOT NULL, reason TEXT NOT NULL
    );
    ALTER TABLE receipt ADD COLUMN late INTEGER NOT NULL DEFAULT 0;     -- came after the closing
    ALTER TABLE receipt ADD COLUMN effect TEXT NOT NULL DEFAULT '';     -- JSON: what it would change; '': not weighed
    """,
    """
    CREATE TABLE subject (                             -- what the round collects, as it began
        one INTEGER PRIMARY KEY CHECK (one = 1),
        form TEXT NOT NULL, year INTEGER NOT NULL, county TEXT NOT NULL
    );
    INSERT INTO subject SELECT 1, form, year, '' FROM copy GROUP BY form, year ORDER BY count(*) DESC LIMIT 1;
    CREATE TABLE written (sha256 TEXT PRIMARY KEY);    -- every copy that was ever written
    INSERT OR IGNORE INTO written SELECT sha256 FROM copy;
    ALTER TABLE rollup ADD COLUMN basis TEXT NOT NULL DEFAULT '';       -- JSON: the roster it was made by
    """,
    _sources_inside,
)


class Ledger:
    """An open ledger.  Use as a context manager; writing only inside `batch()`."""

    def __init__(self, path: Path, *, clock: Clock = datetime.datetime.now, read_only: bool = False) -> None:
        self.path, self._clock = path, clock
        self.behind = ""  # a sentence where the machine's clock stands before the ledger's last entry
        with said_in_words(path):
            self._db = connect(path, read_only)
            try:
                self._db.execute("PRAGMA foreign_keys = ON")
                self._migrate(read_only)
            except BaseException:
                self._db.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def _migrate(self, read_only: bool) -> None:
        version = self._version()
        if version > len(MIGRATIONS):
            raise RoundError(f"{self.path} 是更新版本的 xltools 记的，请升级后再用。")
        if version == len(MIGRATIONS):
            return
        if read_only and version == 0:
            raise RoundError(f"{self.path} 里还没有记录。")
        if read_only:
            raise RoundError(
                f"{self.path} 是旧版本记的；在能写的文件夹里用一次 collect 或 dispatch，它就会更新。"
            )
        with self._transaction():
            for number in range(self._version(), len(MIGRATIONS)):  # another process may have been quicker
                step = MIGRATIONS[number]
                if isinstance(step, str):
                    for statement in _statements(step):
                        self._db.execute(statement)
                else:
                    step(self._db, self.path.parent)
                self._db.execute(f"PRAGMA user_version = {number + 1}")

    def _version(self) -> int:
        return int(self._db.execute("PRAGMA user_version").fetchone()[0])

    @contextlib.contextmanager
    def batch(self) -> Iterator[str]:
        """One transaction, all or nothing; gives the time that its rows bear."""
        with said_in_words(self.path), self._transaction():
            yield self._tick()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # a full disk ends it by itself
                self._db.execute("ROLLBACK")
            raise

    def today(self) -> str:
        """The day by the ledger's clock, which never runs back."""
        row = self._db.execute("SELECT last FROM clock").fetchone()
        return max(self._clock().date().isoformat(), row[0][:10] if row else "")

    def _tick(self) -> str:
        """Now; the time of the last batch where the machine's clock was set back."""
        now = self._clock().replace(tzinfo=None).isoformat(timespec="seconds")
        row = self._db.execute("SELECT last FROM clock").fetchone()
        if row and row[0] > now:
            self.behind = (
                f"电脑的时间是 {now.replace('T', ' ')}，比台账里最后的记录（{row[0].replace('T', ' ')}）还早，"
                "这次按台账的时间记；请核对电脑的日期和时间。"
            )
            return str(row[0])
        self._db.execute(
            "INSERT INTO clock VALUES (1, ?) ON CONFLICT DO UPDATE SET last = excluded.last", (now,)
        )
        return now

    # ---- reading

    def records(self) -> Records:
        """All that is in it, of one moment; inside a batch with what the batch has written."""
        with said_in_words(self.path):
            if self._db.in_transaction:
                return self._records()
            self._db.execute("BEGIN")
            try:
                return self._records()
            finally:
                self._db.execute("COMMIT")

    def _records(self) -> Records:
        latest = self._db.execute("SELECT max(id) FROM rollup").fetchone()[0]
        parts = self._db.execute("SELECT receipt FROM part WHERE rollup = ?", (latest,))
        strays = self._all(_STRAYS)
        return Records(
            units=tuple(map(_unit_row, self._all("SELECT * FROM unit ORDER BY place, id"))),
            copies=tuple(map(_copy_row, self._all("SELECT * FROM copy ORDER BY at, number"))),
            receipts=tuple(map(_receipt_row, self._all("SELECT * FROM receipt ORDER BY id"))),
            strays=tuple(ArrivalRow(**row) for row in strays),
            events=tuple(map(_event_row, self._all("SELECT * FROM event ORDER BY id"))),
            merged=frozenset(row[0] for row in parts),
            rollup=next(map(_rollup_row, self._all(_LATEST_ROLLUP)), None),
            rollups=frozenset(row[0] for row in self._db.execute("SELECT file FROM rollup")),
            closing=self._closing(),
            subject=next((Subject(**row) for row in self._all(_SUBJECT)), None),
            written=frozenset(row[0] for row in self._db.execute("SELECT sha256 FROM written")),
        )

    def closing(self) -> Closing | None:
        """When and how the round was closed; None while it is open."""
        with said_in_words(self.path):
            return self._closing()

    def _closing(self) -> Closing | None:
        return next(
            (Closing(**row) for row in self._all("SELECT at, file, sha256, reason FROM closing")), None
        )

    def met(self) -> set[tuple[str, str]]:
        """(SHA-256, source) of every file that was met."""
        with said_in_words(self.path):
            return set(self._db.execute("SELECT sha256, source FROM arrival"))

    def _all(self, query: str, *values: object) -> Iterator[dict[str, Any]]:
        cursor = self._db.execute(query, values)
        names = [column[0] for column in cursor.description]
        return (dict(zip(names, row, strict=True)) for row in cursor)

    # ---- writing, inside a batch

    def add_unit(self, unit: Unit, *, listed: bool) -> int:
        row = {**_unit_values(unit), "listed": listed}
        return int(self._insert("unit", row) or 0)

    def change_unit(self, row: UnitRow) -> None:
        values = {**_unit_values(row.unit), "listed": row.listed, "dropped": row.dropped}
        self._db.execute(
            f"UPDATE unit SET {', '.join(f'{name} = ?' for name in values)} WHERE id = ?",
            (*values.values(), row.id),
        )

    def add_copy(self, row: CopyRow) -> None:
        """A copy that went out; one that went out under the same number before is replaced."""
        self._db.execute(
            "INSERT OR REPLACE INTO copy VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (row.number, row.unit, row.form, row.year, json.dumps(row.then.identity(), ensure_ascii=False),
             row.file, row.sha256, row.at),
        )  # fmt: skip
        self._db.execute("INSERT OR IGNORE INTO written VALUES (?)", (row.sha256,))

    def add_arrival(self, row: ArrivalRow) -> None:
        self._insert("arrival", {name: getattr(row, name) for name in ArrivalRow.__slots__}, "OR IGNORE")

    def add_receipt(self, *, sha256: str, path: str, name: str, source: str, at: str) -> None:
        """A file that was kept; late where the round is closed."""
        row = {"sha256": sha256, "path": path, "name": name, "source": source, "at": at}
        self._insert("receipt", {**row, "late": self._closing() is not None})

    def change_receipt(self, receipt: int, **values: object) -> None:
        """Sets columns of one receipt; names come from our own code."""
        names = ", ".join(f"{name} = ?" for name in values)
        self._db.execute(f"UPDATE receipt SET {names} WHERE id = ?", (*values.values(), receipt))

    def add_event(self, at: str, unit: int, state: State, cause: str, file: str = "") -> None:
        self._insert("event", {"at": at, "unit": unit, "state": state.value, "cause": cause, "file": file})

    def set_subject(self, subject: Subject) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO subject VALUES (1, ?, ?, ?)",
            (subject.form, subject.year, subject.county),
        )

    def add_rollup(self, at: str, file: str, sha256: str, receipts: Iterable[int], basis: Basis) -> None:
        row = {"at": at, "file": file, "sha256": sha256, "basis": _basis_text(basis)}
        made = self._insert("rollup", row)
        self._db.executemany("INSERT INTO part VALUES (?, ?)", [(made, receipt) for receipt in receipts])

    def add_closing(self, closing: Closing) -> None:
        """Closes the round, once."""
        self._insert("closing", {name: getattr(closing, name) for name in ("at", "file", "sha256", "reason")})

    def _insert(self, table: str, row: Mapping[str, object], otherwise: str = "") -> int | None:
        marks = ", ".join("?" * len(row))
        query = f"INSERT {otherwise} INTO {table} ({', '.join(row)}) VALUES ({marks})"
        return self._db.execute(query, tuple(row.values())).lastrowid


def _statements(script: str) -> Iterator[str]:
    """One by one: `executescript` would end the transaction that they have to stand in."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


_STRAYS = """
    SELECT * FROM arrival WHERE sentence <> '' AND NOT (  -- what could not be opened then and was since
        sha256 = '' AND EXISTS (SELECT 1 FROM arrival AS later WHERE later.source = arrival.source AND later.sha256 <> '')
    ) ORDER BY rowid
"""
_LATEST_ROLLUP = "SELECT at, file, sha256, basis FROM rollup ORDER BY id DESC LIMIT 1"
_SUBJECT = "SELECT form, year, county FROM subject"
_UNIT_FIELDS = ("name", "code", "kind", "level", "parent", "contact", "phone", "due")


def _unit_values(unit: Unit) -> dict[str, object]:
    return {**{name: getattr(unit, name) for name in _UNIT_FIELDS}, "place": unit.order}


def _unit_row(row: dict[str, Any]) -> UnitRow:
    unit = Unit(**{name: row[name] for name in _UNIT_FIELDS}, order=row["place"])
    return UnitRow(row["id"], unit, bool(row["listed"]), bool(row["dropped"]))


def _copy_row(row: dict[str, Any]) -> CopyRow:
    return CopyRow(
        **{name: row[name] for name in row if name != "identity"}, then=_then(json.loads(row["identity"]))
    )


def _then(said: dict[str, Any]) -> Unit:
    """A unit as its identity was."""
    return Unit(name=said["unit"], **{name: said[name] for name in ("code", "kind", "level", "parent")})


def _basis_text(basis: Basis) -> str:
    units = [{"id": row.id, **row.unit.identity()} for row in basis.units]
    said = {"county": basis.county, "units": units, "left": sorted(basis.left)}
    return json.dumps(said, ensure_ascii=False)


def _rollup_row(row: dict[str, Any]) -> RollupRow:
    said = json.loads(row.pop("basis") or "null")
    if said is None:
        return RollupRow(**row)
    units = tuple(UnitRow(one["id"], _then(one), True) for one in said["units"])
    basis = Basis(county=said["county"], units=units, left=frozenset(said["left"]))
    return RollupRow(**row, basis=basis)


def _receipt_row(row: dict[str, Any]) -> ReceiptRow:
    flags = {name: bool(row[name]) for name in ("void", "pinned", "returned", "late")}
    outcome = Outcome(row["outcome"]) if row["outcome"] is not None else None
    return ReceiptRow(**{**row, **flags, "outcome": outcome})


def _event_row(row: dict[str, Any]) -> EventRow:
    del row["id"]
    return EventRow(**{**row, "state": State(row["state"])})
