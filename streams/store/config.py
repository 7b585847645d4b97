"""ConfigStore: workspaces, sources, API tokens, sign-in links, sessions and rules. Never keeps a readable token."""

from collections.abc import Callable
from hashlib import sha256
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from streams.store import tables
from streams.store.daily_salts import DailySalts
from streams.store.engine import SqlThread
from streams.store.erasures import Erasures
from streams.store.event_schemas import EventSchemas
from streams.store.rule_sets import RuleSets
from streams.store.source_rows import SourceRows, first_website
from streams.store.sources import WEB, Source
from streams.store.suppression import Suppressions

DEFAULT_WORKSPACE = "default"
_TOKEN_BYTES = 32
_ERASURE_SECRET = "erasure"  # noqa: S105  the name under which it is kept

Random = Callable[[int], str]
"""Returns a URL-safe text with that many bytes of randomness (secrets.token_urlsafe)."""
_PATIENCE_S = 5.0  # requests wait for it


class Bootstrapped(NamedTuple):
    """The first workspace; `api_token` is readable only in the answer that created it."""

    workspace: str
    source: Source
    api_token: str | None


class ApiToken(NamedTuple):
    """Which workspace an API token opens, and what it was called when it was made."""

    workspace: str
    name: str


class Session(NamedTuple):
    """A signed-in browser."""

    workspace: str
    expires_ms: int


class NewSession(NamedTuple):
    """A session just begun; `token` goes into the cookie and is kept nowhere else."""

    token: str
    workspace: str
    expires_ms: int


def _hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()


class ConfigStore:
    """Call `open` first. Times are Unix milliseconds and always arguments; randomness comes from `random`."""

    def __init__(self, url: str, random: Random) -> None:
        self._sql = SqlThread(url, tables.METADATA, patience_s=_PATIENCE_S)
        self._random = random
        self.rules = RuleSets(self._sql)
        self.sources = SourceRows(self._sql, random)
        self.schemas = EventSchemas(self._sql)
        self.erasures = Erasures(self._sql)
        self.salts = DailySalts(self._sql, random)
        self.suppressions = Suppressions(self.erasures, "")
        """Whose events are refused; known once the store is open."""

    async def open(self) -> None:
        """Learn whose events are refused."""
        self.suppressions = Suppressions(self.erasures, await self.installation_secret(_ERASURE_SECRET))
        await self.suppressions.refresh()

    async def close(self) -> None:
        await self._sql.close()

    async def bootstrap(self, now_ms: int) -> Bootstrapped:
        """Create the workspace "default" with the source "web" and an API token, or return what is there."""

        def work(db: Connection) -> Bootstrapped:
            found = first_website(db, DEFAULT_WORKSPACE)
            if found:
                return Bootstrapped(DEFAULT_WORKSPACE, found, None)
            w = tables.workspaces
            if not db.execute(select(w.c.id).where(w.c.id == DEFAULT_WORKSPACE)).first():
                db.execute(insert(w).values(id=DEFAULT_WORKSPACE, name="Default"))
            source = self.sources.insert(db, DEFAULT_WORKSPACE, WEB, "Web", ())
            return Bootstrapped(
                DEFAULT_WORKSPACE, source, self._insert_token(db, DEFAULT_WORKSPACE, "bootstrap", now_ms)
            )

        return await self._sql.run(work)

    async def add_source(self, workspace: str, kind: str, name: str, webhook_secrets: tuple[str, ...] = ()) -> Source:
        """Create a source; its id is made of the name."""
        return await self.sources.add(workspace, kind, name, webhook_secrets)

    async def list_sources(self, workspace: str | None = None) -> list[Source]:
        """Return a workspace's sources, or everybody's, by id."""
        return await self.sources.list(workspace)

    async def source_by_id(self, source_id: str) -> Source | None:
        return await self.sources.find(tables.sources.c.id == source_id)

    async def add_api_token(self, workspace: str, name: str, now_ms: int) -> str:
        """Create an API token and return it, for the only time."""
        return await self._sql.run(lambda db: self._insert_token(db, workspace, name, now_ms))

    async def check_api_token(self, token: str) -> str | None:
        """Return the workspace that `token` opens."""
        found = await self.api_token(token)
        return found.workspace if found else None

    async def api_token(self, token: str) -> ApiToken | None:
        """Return what is known of the token."""
        t = tables.api_tokens
        query = select(t.c.workspace, t.c.name).where(t.c.token_sha256 == _hash(token))
        row = await self._sql.run(lambda db: db.execute(query).first())
        return ApiToken(row.workspace, row.name) if row else None

    async def create_sign_in_link(self, workspace: str, now_ms: int, ttl_ms: int) -> str:
        """Return the token of a link that signs one browser in, once; forget links and sessions that are over."""
        token = self._random(_TOKEN_BYTES)
        links, sessions = tables.sign_in_links, tables.sessions

        def work(db: Connection) -> str:
            db.execute(delete(links).where(or_(links.c.expires_ms <= now_ms, links.c.used_ms.is_not(None))))
            db.execute(delete(sessions).where(sessions.c.expires_ms <= now_ms))
            db.execute(insert(links).values(token_sha256=_hash(token), workspace=workspace, expires_ms=now_ms + ttl_ms))
            return token

        return await self._sql.run(work)

    async def redeem_sign_in_link(self, token: str, now_ms: int, session_ttl_ms: int) -> NewSession | None:
        """Use the link up and begin a session, both or neither; None when it is unknown, used or expired."""
        t = tables.sign_in_links
        unused = (t.c.token_sha256 == _hash(token)) & t.c.used_ms.is_(None) & (t.c.expires_ms > now_ms)
        use_up = update(t).where(unused).values(used_ms=now_ms).returning(t.c.workspace)
        session_token = self._random(_TOKEN_BYTES)
        expires_ms = now_ms + session_ttl_ms

        def work(db: Connection) -> NewSession | None:
            workspace = db.execute(use_up).scalar()
            if workspace is None:
                return None
            row = {"workspace": workspace, "created_ms": now_ms, "expires_ms": expires_ms}
            db.execute(insert(tables.sessions).values(token_sha256=_hash(session_token), **row))
            return NewSession(session_token, workspace, expires_ms)

        return await self._sql.run(work)

    async def session(self, token: str, now_ms: int) -> Session | None:
        """Return the session that the cookie's token names, while it lasts."""
        t = tables.sessions
        query = select(t.c.workspace, t.c.expires_ms).where(t.c.token_sha256 == _hash(token), t.c.expires_ms > now_ms)
        row = await self._sql.run(lambda db: db.execute(query).first())
        return Session(row.workspace, row.expires_ms) if row else None

    async def end_session(self, token: str) -> None:
        t = tables.sessions
        await self._sql.run(lambda db: db.execute(delete(t).where(t.c.token_sha256 == _hash(token))))

    async def installation_secret(self, key: str) -> str:
        """Return the installation's own random secret called `key`, made at the first call."""
        t = tables.settings

        def work(db: Connection) -> str:
            known = db.execute(select(t.c.value).where(t.c.key == key)).scalar()
            if known is not None:
                return str(known)
            value = self._random(_TOKEN_BYTES)
            db.execute(insert(t).values(key=key, value=value))
            return value

        try:
            return await self._sql.run(work)
        except IntegrityError:
            # Another process has made it at the same moment.
            return await self._sql.run(work)

    def _insert_token(self, db: Connection, workspace: str, name: str, now_ms: int) -> str:
        token = f"ciq_{self._random(_TOKEN_BYTES)}"
        row = {"token_sha256": _hash(token), "workspace": workspace, "name": name, "created_ms": now_ms}
        db.execute(insert(tables.api_tokens).values(**row))
        return token
