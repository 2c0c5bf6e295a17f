"""Objects of the API <-> rows of an SQLite file, each with the JSON text of its response.

Only the requested page is in memory, so that a store can hold a million objects.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from reconciler.kinds import KINDS, Kind
from reconciler.sandbox.list_query import Query, Where


class UnknownSidError(Exception):
    """`after` or `before` names a SID that the store does not hold."""


class Store:
    """The objects of the sandbox, by kind and SID; closed by `with`.

    Methods raise sqlite3.Error if the file cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None, timeout=30)
        try:
            self._prepare()
        except sqlite3.Error:
            self._database.close()
            raise
        # By kind: the data_version of the database and the number of its objects then.
        self._totals: dict[str, tuple[int, int]] = {}

    def _prepare(self) -> None:
        with suppress(sqlite3.OperationalError):  # another process is changing it right now
            self._database.execute("PRAGMA journal_mode = WAL")
        # In WAL mode a power failure can lose the last commits but not damage the file
        # (sqlite.org/pragma.html#pragma_synchronous).
        self._database.execute("PRAGMA synchronous = NORMAL")
        for kind in KINDS.values():
            self._database.execute(
                f"CREATE TABLE IF NOT EXISTS {kind.name} "
                "(seq INTEGER PRIMARY KEY, sid TEXT NOT NULL, body TEXT NOT NULL)"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._database.close()

    def is_empty(self) -> bool:
        """Whether the store holds no object of any kind."""
        return not any(self._row(f"SELECT 1 FROM {name} LIMIT 1") for name in KINDS)

    def get(self, kind: Kind, sid: str) -> str | None:
        """The JSON text of one object; otherwise None. `sid` is in lower case."""
        row = self._row(f"SELECT body FROM {kind.name} WHERE sid = ?", sid)
        return None if row is None else str(row[0])

    def everything(self, kind: Kind) -> Iterator[tuple[str, str]]:
        """SID and JSON text of every object, in order of creation."""
        return iter(self._database.execute(f"SELECT sid, body FROM {kind.name} ORDER BY seq"))

    def total(self, kind: Kind, where: Where) -> int:
        """The number of objects that meet a condition."""
        # To count a million rows for each page would take most of the time of a sweep. The number
        # changes only by `add` and `clear`, and data_version shows writes of other processes
        # (sqlite.org/pragma.html#pragma_data_version).
        version = self._row("PRAGMA data_version")[0]
        known = self._totals.get(kind.name)
        if where.values or known is None or known[0] != version:
            sql = f"SELECT count(*) FROM {kind.name} WHERE {where.sql}"
            known = (version, self._row(sql, *where.values)[0])
            if not where.values:
                self._totals[kind.name] = known
        return known[1]

    def page(self, kind: Kind, query: Query) -> tuple[list[tuple[str, str]], bool]:
        """SID and JSON text of each object of one page, and whether more objects follow it.

        Raises UnknownSidError if `after` or `before` names no object.
        """
        where, order = query.where, query.order
        backwards = query.before is not None
        descending = order.descending != backwards
        anchor = query.after or query.before
        if anchor is not None:
            where &= self._beyond(kind, order.column, anchor, descending=descending)
        direction = "DESC" if descending else "ASC"
        sort = "random()" if order.shuffled else f"{order.column} {direction}, seq {direction}"
        sql = (
            f"SELECT sid, body FROM {kind.name} WHERE {where.sql} ORDER BY {sort} LIMIT ? OFFSET ?"
        )
        rows = self._database.execute(sql, (*where.values, query.limit + 1, query.offset))
        found: list[tuple[str, str]] = rows.fetchall()
        items = found[: query.limit]
        return (items[::-1] if backwards else items), len(found) > query.limit

    def _beyond(self, kind: Kind, column: str, sid: str, *, descending: bool) -> Where:
        """The objects behind `sid` in the order of a column: keyset paging, with `seq` for ties."""
        row = self._row(f"SELECT {column}, seq FROM {kind.name} WHERE sid = ?", sid)
        if row is None:
            raise UnknownSidError(sid)
        return Where(f"({column}, seq) {'<' if descending else '>'} (?, ?)", (row[0], row[1]))

    def replace(self, kind: Kind, sid: str, body: str) -> None:
        """Replaces the JSON text of an object; does nothing if there is no such object."""
        self._database.execute(f"UPDATE {kind.name} SET body = ? WHERE sid = ?", (body, sid))

    def add(self, kind: Kind, objects: Iterable[tuple[str, str]]) -> None:
        """Adds objects, as SID and JSON text; an object with the same SID is replaced."""
        table = kind.name
        with self.transaction():
            # Inserting random SIDs into an index one by one is slow: create it again at the end.
            self._database.execute(f"DROP INDEX IF EXISTS {table}_sid")
            self._database.executemany(f"INSERT INTO {table} (sid, body) VALUES (?, ?)", objects)
            self._database.execute(
                f"DELETE FROM {table} WHERE seq NOT IN (SELECT max(seq) FROM {table} GROUP BY sid)"
            )
            self._database.execute(f"CREATE UNIQUE INDEX {table}_sid ON {table} (sid)")
            for name in kind.page_dates:  # `after` pages by each of them
                self._database.execute(
                    f"CREATE INDEX IF NOT EXISTS {table}_{name} "
                    f"ON {table} (json_extract(body, '$.{name}'), seq)"
                )
        self._totals.clear()

    def clear(self) -> None:
        """Removes every object."""
        with self.transaction():
            for name in KINDS:
                self._database.execute(f"DELETE FROM {name}")
        self._totals.clear()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction: rolled back if an exception ends it. Other processes wait for it.

        Inside another transaction it is a part of that one.
        """
        if self._database.in_transaction:
            yield
            return
        # A deferred transaction that reads first fails at its write with SQLITE_BUSY_SNAPSHOT if
        # another process wrote in between (sqlite.org/rescode.html); waiting does not help.
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def _row(self, sql: str, *values: object) -> Any:
        """The first row of a query; otherwise None."""
        return self._database.execute(sql, values).fetchone()
