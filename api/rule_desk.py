"""RuleDesk: where people change rules. A version is stored, then put into the log, then marked: see `refresh`."""

import asyncio
import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import NamedTuple, Protocol

from msgspec.structs import replace

from api.errors import ApiError, not_found
from streams.model.control import Control, ControlKind
from streams.model.errors import LogFullError, RuleError
from streams.model.rules.ruleset import RuleSet
from streams.model.rules_in_force import RulesInForce
from streams.operators.rulebook import check_new_rules, encode_rules, parse_rules
from streams.ports import Clock
from streams.store.rule_cache import RuleCache
from streams.store.rule_sets import RuleSets, StoredRules, VersionNote

MAX_EARLIER = 100
_log = logging.getLogger(__name__)


class Controls(Protocol):
    """The way into the log."""

    async def send(self, control: Control) -> None:
        """Put the record into every partition. Raises LogFullError and LogClosedError."""
        ...


class InForce(Protocol):
    """What the partitions say of the rules that they go by."""

    @property
    def partitions(self) -> int: ...

    async def of(self, workspace: str) -> Sequence[RulesInForce]:
        """Return the word of each partition that has one."""
        ...


class Off(NamedTuple):
    """A rule that failed, in the partitions where it is off."""

    rule: str
    since_ms: int
    reason: str
    partitions: list[int]


class Earlier(NamedTuple):
    """Rules that held until `version` came, at `until_ms`; None: this build can't read them."""

    rules: RuleSet | None
    version: int
    until_ms: int


class RuleDesk:
    """Rules are judged before they are stored, so that what the engine is told compiles."""

    def __init__(self, store: RuleSets, cache: RuleCache, controls: Controls, in_force: InForce, clock: Clock) -> None:
        self._store = store
        self._cache = cache
        self._controls = controls
        self._in_force = in_force
        self._clock = clock
        self._writing = asyncio.Lock()
        self.comparing = asyncio.Lock()

    def rules(self, workspace: str) -> RuleSet:
        """Return the newest rules, as of the last refresh."""
        return self._cache.of(workspace)

    async def current(self, workspace: str) -> StoredRules:
        """Return the newest version; version 0 are the rules of the settings."""
        return await self._store.current(workspace) or self._of_settings(workspace)

    async def version(self, workspace: str, version: int) -> StoredRules:
        """Return a version. Raises ApiError when it is not there."""
        stored = await self._store.get(workspace, version) if version else self._of_settings(workspace)
        if stored is None:
            raise not_found("version of the rules", str(version))
        return stored

    async def earlier(self, workspace: str, note: VersionNote) -> list[Earlier]:
        """Return what held before the version that `note` is of, newest first: all that is known, or the newest 100."""
        stored = await self._store.before(workspace, note.version, MAX_EARLIER)
        if note.version and len(stored) < MAX_EARLIER:
            stored.append(self._of_settings(workspace))
        later = [note, *(one.note for one in stored)]
        read = await asyncio.to_thread(lambda: [_readable(one.body) for one in stored])
        return [Earlier(rules, by.version, by.created_ms) for rules, by in zip(read, later, strict=False)]

    async def versions(self, workspace: str, limit: int, before: int | None) -> list[VersionNote]:
        """Return versions that people wrote, newest first."""
        return await self._store.versions(workspace, limit, before)

    async def put(
        self, workspace: str, body: bytes, based_on: int | None, author: str, comment: str = ""
    ) -> StoredRules:
        """Store and publish a rule set that was made from the version `based_on`, by default the one that it names.

        Raises RuleError, and ApiError when that version is not the current one.
        """
        rules = await asyncio.to_thread(check_new_rules, body)
        based_on = rules.version if based_on is None else based_on
        async with self._writing:
            # The log may know later versions than a store that was brought back from a copy; it takes only newer ones.
            known = max((now.revision for now in await self._in_force.of(workspace)), default=0)
            version = max(based_on, known) + 1
            encoded = encode_rules(replace(rules, version=version))
            note = VersionNote(workspace, version, self._clock.now_ms(), author, comment, is_applied=False)
            if not await self._store.add(note, encoded, based_on):
                raise _conflict(based_on, (await self.current(workspace)).note.version)
            await self._cache.refresh()
            is_applied = await self._publish(StoredRules(note, encoded))
        return StoredRules(note._replace(is_applied=is_applied), encoded)

    async def refresh(self) -> None:
        """Learn what others have stored, and publish what is stored and not known to be in the log.

        Call it at the start and now and then: between storing and publishing the process may have died, or the log
        been full. A version that comes twice changes nothing.
        """
        async with self._writing:
            await self._cache.refresh()
            for stored in await self._store.unapplied():
                await self._publish(stored)

    async def is_in_force(self, workspace: str, version: int) -> bool:
        """Say whether every partition goes by this version or a later one."""
        if not version:
            return True
        found = await self._in_force.of(workspace)
        return sum(now.revision >= version for now in found) == self._in_force.partitions

    async def quarantined(self, workspace: str) -> list[Off]:
        """Return the rules that failed and are off, the latest first."""
        found: dict[str, Off] = {}
        for now in await self._in_force.of(workspace):
            for rule, quarantine in now.quarantined.items():
                known = found.get(rule, Off(rule, quarantine.since_ms, quarantine.reason, []))
                since_ms = min(known.since_ms, quarantine.since_ms)
                found[rule] = Off(rule, since_ms, known.reason, [*known.partitions, now.partition])
        return sorted(found.values(), key=lambda off: (-off.since_ms, off.rule))

    async def release(self, workspace: str, rule: str) -> None:
        """Turn a rule on again in all partitions. Raises ApiError when it is off in none, LogFullError."""
        if rule not in {off.rule for off in await self.quarantined(workspace)}:
            raise not_found("rule in quarantine", rule)
        version = (await self.current(workspace)).note.version
        await self._controls.send(Control(ControlKind.RELEASE, workspace, version, rule.encode()))

    async def _publish(self, stored: StoredRules) -> bool:
        note = stored.note
        try:
            await self._controls.send(Control(ControlKind.RULES, note.workspace, note.version, stored.body))
        except LogFullError as error:
            _log.warning("version %d of the rules of %s has to wait: %s", note.version, note.workspace, error)
            return False
        await self._store.mark_applied(note.workspace, note.version)
        return True

    def _of_settings(self, workspace: str) -> StoredRules:
        note = VersionNote(workspace, 0, 0, "settings", "", is_applied=True)
        return StoredRules(note, encode_rules(replace(self._cache.default, version=0)))


def _readable(body: bytes) -> RuleSet | None:
    try:
        return parse_rules(body)
    except RuleError:
        return None


def _conflict(based_on: int, current: int) -> ApiError:
    message = (
        f"version: the rules are at version {current}, and yours were made from {based_on}. "
        "Read them again, make your change there and send that."
    )
    return ApiError(HTTPStatus.CONFLICT, "conflict", message, "version")
