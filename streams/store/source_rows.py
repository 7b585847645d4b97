"""Sources in the configuration store: made, changed, given new keys and secrets, removed. Ids are never given twice."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from streams.model.errors import SourceConflictError, SourceError, UnknownThingError
from streams.store.engine import SqlThread
from streams.store.policies import changed_policy, decode_policy, encode_policy
from streams.store.sources import OPEN_POLICY, SERVER, WEB, Source
from streams.store.tables import source_details, source_rotations, sources

LIVE_SECRETS = 2
MAX_NAME_CHARS = 200
MAX_SECRET_CHARS = 10_000
_WRITE_KEY_BYTES = 18
_VERIFY = "verify:"
"""So begin, of Meta's products, the secrets that are for their greeting; both kinds are live beside each other."""
_HAS_SECRETS = "Only platforms (webhooks) have secrets"

_t, _d, _r = sources, source_details, source_rotations
_EVERY = (
    select(_t, _d.c.older_key, _d.c.policy, _d.c.is_enabled, _r.c.rotated_ms)
    .select_from(_t.outerjoin(_d, _d.c.source == _t.c.id).outerjoin(_r, _r.c.source == _t.c.id))
    .where(_d.c.removed_ms.is_(None))
)


class SourceRows:
    """Whatever names a source raises UnknownThingError when there is none, or not in `workspace` if that is given.

    What is not possible raises SourceConflictError, what is not sound SourceError.
    """

    def __init__(self, sql: SqlThread, random: Callable[[int], str]) -> None:
        self._sql = sql
        self._random = random

    async def add(
        self,
        workspace: str,
        kind: str,
        name: str,
        secrets: Sequence[str] = (),
        policy: Mapping[str, Any] | None = None,
    ) -> Source:
        """Create a source; its id is made of the name."""
        asked = changed_policy(OPEN_POLICY, dict(policy)) if policy else OPEN_POLICY

        def work(db: Connection) -> Source:
            source = self.insert(db, workspace, kind, name, tuple(secrets))
            return self._put(db, replace(source, policy=asked)) if policy else source

        return await self._sql.run(work)

    async def list(self, workspace: str | None = None) -> list[Source]:
        """Return a workspace's sources, or everybody's, by id."""
        query = _EVERY.order_by(_t.c.id)
        if workspace is not None:
            query = query.where(_t.c.workspace == workspace)
        return await self._sql.run(lambda db: [source_of(row) for row in db.execute(query)])

    async def get(self, source_id: str, workspace: str | None = None) -> Source:
        return await self._sql.run(lambda db: _one(db, source_id, workspace))

    async def find(self, condition: Any) -> Source | None:
        """Return the source whose row meets the condition."""
        row = await self._sql.run(lambda db: db.execute(_EVERY.where(condition)).first())
        return source_of(row) if row else None

    async def change(
        self,
        source_id: str,
        policy: Mapping[str, Any] | None = None,
        name: str | None = None,
        workspace: str | None = None,
        *,
        is_enabled: bool | None = None,
    ) -> Source:
        """Replace what is given: fields of the policy, the name, whether the source is turned on."""
        if name is not None:
            _check_name(name)

        def work(db: Connection) -> Source:
            old = _one(db, source_id, workspace)
            new = replace(
                old,
                policy=changed_policy(old.policy, dict(policy or {})),
                name=old.name if name is None else name,
                is_enabled=old.is_enabled if is_enabled is None else is_enabled,
            )
            return self._put(db, new)

        return await self._sql.run(work)

    async def rotate_key(self, source_id: str, now_ms: int, workspace: str | None = None) -> Source:
        """Give the source a new write key; the one it had stays live until it is retired."""

        def work(db: Connection) -> Source:
            old = _one(db, source_id, workspace)
            if old.older_keys:
                raise SourceConflictError(
                    "write_key", f"{old.id} has two live keys already", "Retire the older one first"
                )
            rotated = replace(old, write_key=self._new_key(), older_keys=(old.write_key,), rotated_ms=now_ms)
            return _noted(db, self._put(db, rotated, old.write_key))

        return await self._sql.run(work)

    async def retire_key(self, source_id: str, workspace: str | None = None) -> Source:
        """End the older write key."""

        def work(db: Connection) -> Source:
            old = _one(db, source_id, workspace)
            if not old.older_keys:
                raise SourceConflictError("write_key", f"{old.id} has one live key", "Rotate it first")
            return self._put(db, replace(old, older_keys=()))

        return await self._sql.run(work)

    async def rotate_secret(self, source_id: str, secret: str, now_ms: int, workspace: str | None = None) -> Source:
        """Give the source a new webhook secret; the one of its kind that it had stays live until it is retired."""
        _check_secret(secret)

        def work(db: Connection) -> Source:
            old = _one(db, source_id, workspace)
            _require_vendor(old)
            if secret in old.webhook_secrets:
                raise SourceConflictError("secret", "is live already", "Give the new one")
            like = [one for one in old.webhook_secrets if _is_token(one) == _is_token(secret)]
            if len(like) >= LIVE_SECRETS:
                raise SourceConflictError(
                    "secret", f"{old.id} has {len(like)} live secrets already", "Retire the older ones first"
                )
            rotated = replace(old, webhook_secrets=(secret, *old.webhook_secrets), rotated_ms=now_ms)
            return _noted(db, self._put(db, rotated))

        return await self._sql.run(work)

    async def retire_secrets(self, source_id: str, workspace: str | None = None) -> Source:
        """End all webhook secrets but the newest of each kind."""

        def work(db: Connection) -> Source:
            old = _one(db, source_id, workspace)
            _require_vendor(old)
            newest = {_is_token(one): one for one in reversed(old.webhook_secrets)}
            left = tuple(one for one in old.webhook_secrets if newest[_is_token(one)] == one)
            if left == old.webhook_secrets:
                raise SourceConflictError("secret", f"{old.id} has one live secret", "Rotate it first")
            return self._put(db, replace(old, webhook_secrets=left))

        return await self._sql.run(work)

    async def remove(self, source_id: str, now_ms: int, workspace: str | None = None) -> Source:
        """End the source with its keys and secrets; what it has sent stays."""

        def work(db: Connection) -> Source:
            old = _one(db, source_id, workspace)
            # Keys and secrets go for good: a copy of the file must not hold what has no use any more.
            gone = f"removed:{self._random(_WRITE_KEY_BYTES)}"
            bare = replace(old, write_key=gone, older_keys=(), webhook_secrets=(), is_enabled=False)
            self._put(db, bare, old.write_key)
            db.execute(update(_d).where(_d.c.source == old.id).values(removed_ms=now_ms))
            return old

        return await self._sql.run(work)

    def insert(self, db: Connection, workspace: str, kind: str, name: str, secrets: tuple[str, ...]) -> Source:
        """Create a source within somebody's transaction."""
        _check_name(name)
        for secret in secrets:
            _check_secret(secret)
        slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or kind
        if db.execute(select(_t.c.id).where(_t.c.id == slug)).first():
            slug = f"{slug}-{self._random(6)}"
        source = Source(slug, workspace, kind, self._new_key(), secrets, name)
        row = {"id": slug, "workspace": workspace, "kind": kind, "name": name, "write_key": source.write_key}
        db.execute(insert(_t).values(**row, webhook_secrets=[*secrets]))
        return source

    def _new_key(self) -> str:
        return f"wk_{self._random(_WRITE_KEY_BYTES)}"

    @staticmethod
    def _put(db: Connection, source: Source, old_key: str = "") -> Source:
        """Store the source as it is now; with `old_key` only if that is its key still, which is checked as it is
        written: of two new keys that were made at one moment the first would be lost.
        """
        given = {"name": source.name, "write_key": source.write_key, "webhook_secrets": [*source.webhook_secrets]}
        is_it = (_t.c.id == source.id) & (_t.c.write_key == (old_key or source.write_key))
        if not db.execute(update(_t).where(is_it).values(**given)).rowcount:
            raise SourceConflictError("write_key", f"{source.id} has just been changed by somebody else", "Try again")
        db.execute(delete(_d).where(_d.c.source == source.id))
        older = source.older_keys[0] if source.older_keys else None
        more = {"older_key": older, "policy": encode_policy(source.policy), "is_enabled": source.is_enabled}
        db.execute(insert(_d).values(source=source.id, **more))
        return source


def source_of(row: Row[Any]) -> Source:
    """Return the source of a row of the joined tables."""
    return Source(
        row.id,
        row.workspace,
        row.kind,
        row.write_key,
        tuple(row.webhook_secrets),
        row.name,
        (row.older_key,) if row.older_key else (),
        OPEN_POLICY if row.policy is None else decode_policy(row.policy),
        row.is_enabled is not False,
        row.rotated_ms,
    )


def first_website(db: Connection, workspace: str) -> Source | None:
    """Return the website that an installation shows first, or whatever else the workspace has."""
    rows = db.execute(_EVERY.where(_t.c.workspace == workspace).order_by(_t.c.kind != WEB, _t.c.id != WEB, _t.c.id))
    row = rows.first()
    return source_of(row) if row else None


def _noted(db: Connection, source: Source) -> Source:
    """Store when the source's newest key or secret was made."""
    db.execute(delete(_r).where(_r.c.source == source.id))
    db.execute(insert(_r).values(source=source.id, rotated_ms=source.rotated_ms))
    return source


def _one(db: Connection, source_id: str, workspace: str | None) -> Source:
    row = db.execute(_EVERY.where(_t.c.id == source_id)).first()
    if row is None or workspace not in (None, row.workspace):
        raise UnknownThingError("source", f"there is none called {source_id[:100]!r}", "List the sources")
    return source_of(row)


def _is_token(secret: str) -> bool:
    return secret.startswith(_VERIFY)


def _require_vendor(source: Source) -> None:
    if source.kind in (WEB, SERVER):
        raise SourceConflictError("secret", f"{source.id} is a {source.kind} source", _HAS_SECRETS)


def _check_name(name: str) -> None:
    if not name.strip() or len(name) > MAX_NAME_CHARS or not name.isprintable():
        raise SourceError("name", f"is empty, longer than {MAX_NAME_CHARS} characters or not printable", "Give a name")


def _check_secret(secret: str) -> None:
    if not secret.strip() or len(secret) > MAX_SECRET_CHARS:
        raise SourceError("secret", "is empty or far too long", "Give the one that the vendor shows")
