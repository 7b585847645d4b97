"""Identity: ids that turn out to be one person's become one profile, whichever partitions they live in.

Every id is a node. A free node holds state; one that has joined another holds none and passes on what it gets. A node
only ever joins a stronger one (`rank_of`), so there are no circles, and every question whether two nodes are one person
is passed on to a stronger pair until it is decided, so it ends. An id is the authority on whom it belongs to: whoever
takes it over says so (FOLLOW), and hears when that is no longer true (DETACH), by the number of the join that it knows.
"""

from collections.abc import Callable, Iterable
from typing import TypeAlias

import msgspec
from msgspec.structs import replace

from streams.model.errors import NotPartError
from streams.model.events import Event
from streams.model.identity import IdentityState, label_of, profile_of, rank_of
from streams.model.junk import is_junk
from streams.model.moves import Claim, ClaimReason, Move, MoveKind
from streams.model.profile import ProfileState
from streams.model.rules.identity import IdentityRules
from streams.operators import accounts
from streams.operators.base import Firing
from streams.operators.history import without_key
from streams.operators.history_keys import keys_without, says_nothing_new
from streams.operators.identity.named import kind_and_value, previous_ids, unknown_ids
from streams.operators.identity.parcels import packed, unpacked
from streams.operators.merging import MAX_DETACHED, Merging

ALIASES, TAKES_OUT = "aliased", "unmerged"
IDENTITY_EVENTS = frozenset({ALIASES, TAKES_OUT})
"""Events that say something of ids beyond their keys."""
MOVES_ON = ("anon", "device")
"""Kinds of ids that pass from user to user: what comes after the second's sign-in is the second's."""
MAX_AWAITED = 5
"""So many aliases of a user who has not been seen yet are kept."""

Moved: TypeAlias = tuple[ProfileState, tuple[Move, ...], tuple[Firing, ...]]
"""The node after a move, the moves that it makes, and what fires."""

_encode = msgspec.msgpack.Encoder().encode
_decode_claim = msgspec.msgpack.Decoder(Claim).decode
_decode_event = msgspec.msgpack.Decoder(Event).decode
_decode_join = msgspec.msgpack.Decoder(int).decode
_SIMPLE = Claim()


def forwarding(state: ProfileState, event: Event, now_ms: int) -> Move:
    """Return the move that takes an event to the profile that the node has joined."""
    return _move(MoveKind.FORWARD, state, state.identity.moved_to, now_ms, _encode(event))


def forwarded_event(state: ProfileState, move: Move) -> Event:
    """Return the event in a FORWARD: a free target applies it as one of its own.

    The event of an id that is no longer the target's, or not yet, is not word of a sign-in: it does not name that id.
    """
    event = _decode_event(move.body)
    name = event.profile
    if name in state.identity.ids or name == state.id:
        return event
    return replace(event, keys=keys_without(event.keys, *kind_and_value(name)))


class Identity:
    """What a node does when it sees an event of its own, and when a move reaches it."""

    def __init__(self, rules: IdentityRules, merging: Merging) -> None:
        self._rules = rules
        self._merging = merging
        self._handlers: dict[MoveKind, Callable[[ProfileState, Move, int], Moved]] = {
            MoveKind.CLAIM: self._claimed,
            MoveKind.ABSORB: self._absorb,
            MoveKind.FORWARD: _pass_on,
            MoveKind.DETACH: _let_go,
            MoveKind.RESTORE: self._restored,
        }

    def claims(self, state: ProfileState, event: Event, now_ms: int) -> tuple[Move, ...]:
        """Return claims of the ids that the event names and the profile has not seen yet.

        Call it before the event is noted in the profile's history, and only when the keys differ from those known.
        """
        identity, known = state.identity, state.facts.keys
        if says_nothing_new(known, event.keys):
            return ()
        if not self._rules.is_on or identity.is_shared or _is_nobody(state.id):
            return ()
        claims = tuple(
            _move(MoveKind.CLAIM, state, name, now_ms)
            for name in unknown_ids(known, event.keys)
            if name != state.id and name not in identity.ids
        )
        if _is_user(state.id) and identity.claimed_by and not state.facts.events:
            body = _encode(Claim(ClaimReason.LINK, is_explicit=True))
            claims += tuple(_move(MoveKind.CLAIM, state, name, now_ms, body) for name in identity.claimed_by)
        return claims

    def on_event(self, state: ProfileState, event: Event, now_ms: int) -> tuple[ProfileState, tuple[Move, ...]]:
        """Do what one of IDENTITY_EVENTS says: join a previous id, or take one out again."""
        if event.name == TAKES_OUT:
            return self.take_out(state, str(event.properties.get("id", "")), now_ms)
        if not self._rules.is_on or _is_nobody(state.id):
            return state, ()
        named = [name for name in previous_ids(event) if name != state.id and name not in state.identity.ids]
        if any(name in state.identity.detached for name in named):
            state = _with(state, detached=_less(state.identity.detached, named))
        body = _encode(Claim(is_explicit=True))
        return state, tuple(_move(MoveKind.CLAIM, state, name, now_ms, body) for name in named)

    def take_out(self, state: ProfileState, name: str, now_ms: int) -> tuple[ProfileState, tuple[Move, ...]]:
        """Give an id back to itself with what it had brought, as far as that can be told apart.

        One that has not come yet is given back when it comes. Raises NotPartError.
        """
        identity = state.identity
        is_held = name in identity.ids
        if not name or name == state.id:
            return state, ()
        if not (is_held or any(profile_of(label) == name for label in state.facts.moved)):
            return _kept_out(state, name), ()
        rest, part = self._merging.detached(state, name)
        token = _token(identity, name) if is_held else IdentityState()
        part = replace(part, identity=replace(token, detached=(state.id,)))
        rest = _with(_without_id(_without_key(rest, name), name), detached=_more(identity.detached, name))
        return rest, (_move(MoveKind.RESTORE, state, name, now_ms, packed(part)),)

    def on_move(self, state: ProfileState, move: Move, now_ms: int) -> Moved:
        """Return the target of the move after it. A FORWARD to a free node is the caller's to apply."""
        handler = self._handlers.get(move.kind)
        return handler(state, move, now_ms) if handler else (state, (), ())

    def _claimed(self, state: ProfileState, move: Move, now_ms: int) -> Moved:
        claim = _decode_claim(move.body) if move.body else _SIMPLE
        identity, claimer = state.identity, move.source
        if claim.reason is ClaimReason.FOLLOW:
            return _follow(state, move, claim, now_ms)
        if claimer in (state.id, identity.moved_to) or identity.is_shared:
            return state, (), ()
        if claimer in identity.detached:
            if not claim.is_explicit:
                return state, (), ()
            state = _with(state, detached=_less(identity.detached, (claimer,)))
        if claim.is_explicit and _is_user(state.id) and _is_unused(state):
            # An alias may mean a browser, so that there is no such user. If there is, its first event tells.
            return _with(state, claimed_by=_more(identity.claimed_by, claimer)[:MAX_AWAITED]), (), ()
        if claim.reason is ClaimReason.EVENT and not claim.is_explicit:
            state = self._counted(state, claimer)
            if state.identity.is_shared:
                return _leave(state, now_ms)
        return self._decide(state, claimer, claim, now_ms)

    def _counted(self, state: ProfileState, claimer: str) -> ProfileState:
        """Note who uses the id. Users are people; so are browsers, as long as more of them than users use it."""
        claimed_by = state.identity.claimed_by
        if claimer in claimed_by or _is_user(state.id):
            return state
        claimed_by = (*claimed_by, claimer)
        users = sum(map(_is_user, claimed_by))
        is_shared = max(users, len(claimed_by) - users) > self._rules.max_claims
        return _with(state, claimed_by=claimed_by, is_shared=is_shared)

    def _decide(self, state: ProfileState, claimer: str, claim: Claim, now_ms: int) -> Moved:
        node, holder = state.id, state.identity.moved_to
        may_join_users = claim.is_explicit and _is_user(node)
        if not holder:
            if _is_user(node) and _is_user(claimer) and not may_join_users:
                return state, (), ()
            if rank_of(claimer) < rank_of(node):
                return self._join(state, claimer, now_ms)
            body = _encode(Claim(ClaimReason.LINK, claim.is_explicit))
            return state, (_move(MoveKind.CLAIM, state, claimer, now_ms, body),), ()
        moves: tuple[Move, ...] = ()
        if may_join_users or not (_is_user(holder) and _is_user(claimer)):
            stronger, weaker = sorted((claimer, holder), key=rank_of)
            body = _encode(Claim(ClaimReason.LINK, may_join_users))
            moves = (Move(MoveKind.CLAIM, state.workspace, weaker, stronger, now_ms, body),)
        if claim.reason is ClaimReason.EVENT and _is_user(claimer) and _moves_on(node):
            # A sign-in on this browser. Its holder may be on the way to another user, so it does not wait for that.
            state, gone, _ = _leave(state, now_ms)
            state, joining, _ = self._join(state, claimer, now_ms)
            moves += gone + joining
        return state, moves, ()

    def _join(self, state: ProfileState, holder: str, now_ms: int) -> Moved:
        """Move to the stronger node: state and ids travel, what was heard of others stays."""
        identity = state.identity
        join = identity.joined + 1
        parcel = self._merging.exported(state, label_of(state.id, join))
        joins = parcel.identity.joins if join == 1 else {**parcel.identity.joins, state.id: join}
        # With where it was sent: who takes it over after a detour has to say so.
        parcel = _with(parcel, moved_to=holder, joins=joins)
        left = replace(identity, moved_to=holder, ids=(), joins={}, joined=join)
        moves = (
            _move(MoveKind.ABSORB, state, holder, now_ms, packed(parcel)),
            *accounts.left(state, identity.groups, now_ms),
        )
        return ProfileState(state.workspace, state.id, identity=left), moves, ()

    def _absorb(self, state: ProfileState, move: Move, now_ms: int) -> Moved:
        if state.identity.moved_to:
            return _pass_on(state, move, now_ms)
        theirs = self._merging.arrived(unpacked(move.body), now_ms)
        ids = theirs.identity.ids
        if ids and not self._may_take(state, theirs):
            refused = _with(theirs, moved_to="", detached=_more(theirs.identity.detached, state.id))
            return state, (_move(MoveKind.RESTORE, state, move.source, now_ms, packed(refused)),), ()
        merged = self._merging.merged(state, theirs)
        came_straight = theirs.identity.moved_to == state.id
        followed = [name for name in ids if not (came_straight and name == move.source)]
        gone = set(state.identity.groups) - set(merged.identity.groups)
        moves = _follows(merged, followed, now_ms) + accounts.left(state, gone, now_ms)
        settled, firings = self._merging.settled(merged, now_ms)
        return settled, moves, firings

    def _may_take(self, state: ProfileState, theirs: ProfileState) -> bool:
        mine, other = state.identity, theirs.identity
        if len({*mine.ids, *other.ids}) > self._rules.max_ids:
            return False
        return {state.id, *mine.ids}.isdisjoint(other.detached) and set(other.ids).isdisjoint(mine.detached)

    def _restored(self, state: ProfileState, move: Move, now_ms: int) -> Moved:
        theirs = self._merging.arrived(unpacked(move.body), now_ms)
        mine, other, node = state.identity, theirs.identity, state.id
        was_held = node in other.ids
        detached = _more(mine.detached, *other.detached)
        theirs = _without_id(theirs, node)
        if was_held and mine.moved_to and other.joins.get(node, 1) == mine.joined:
            state = _with(state, moved_to="")
        elif mine.moved_to:
            # It has joined another since: what comes back is that one's now. The ids that it had then are free: that
            # one might refuse them, and they would come back here for ever.
            parcel = replace(theirs, identity=IdentityState(groups=other.groups))
            moves = (_move(MoveKind.ABSORB, state, mine.moved_to, now_ms, packed(parcel)),)
            return _with(state, detached=detached), moves + _freed(state, theirs.identity, now_ms), ()
        merged = _with(self._merging.merged(state, theirs), detached=detached)
        settled, firings = self._merging.settled(merged, now_ms)
        return settled, _follows(merged, theirs.identity.ids, now_ms), firings


def _kept_out(state: ProfileState, name: str) -> ProfileState:
    """Note that an id is not the profile's: it may be on its way, and is refused when it comes (`_may_take`)."""
    known = state.identity.detached
    if name not in known and len(known) >= MAX_DETACHED:
        raise NotPartError(name, state.id)
    return _with(_without_key(state, name), detached=_more(known, name))


def _freed(state: ProfileState, theirs: IdentityState, now_ms: int) -> tuple[Move, ...]:
    freed = (ProfileState(state.workspace, name, identity=_token(theirs, name)) for name in theirs.ids)
    return tuple(_move(MoveKind.RESTORE, state, own.id, now_ms, packed(own)) for own in freed)


def _token(identity: IdentityState, name: str) -> IdentityState:
    """Return what says that an id is given back, with the number of the join that ends so."""
    return IdentityState(ids=(name,), joins=_of(identity.joins, (name,)))


def _pass_on(state: ProfileState, move: Move, now_ms: int) -> Moved:
    holder = state.identity.moved_to
    return state, (replace(move, target=holder, at_ms=now_ms),) if holder else (), ()


def _follow(state: ProfileState, move: Move, claim: Claim, now_ms: int) -> Moved:
    identity = state.identity
    if not identity.moved_to or claim.join != identity.joined:
        return state, (_move(MoveKind.DETACH, state, move.source, now_ms, _encode(claim.join)),), ()
    if rank_of(move.source) < rank_of(identity.moved_to):
        state = _with(state, moved_to=move.source)
    return state, (), ()


def _let_go(state: ProfileState, move: Move, now_ms: int) -> Moved:  # noqa: ARG001  as the other handlers
    """Forget an id that has left: what it had brought stays, what it does next is another's.

    A node that has moved need not pass this on: who holds the id now has asked, or will, whether it still may.
    """
    identity, name = state.identity, move.source
    if name not in identity.ids or identity.joins.get(name, 1) > _decode_join(move.body):
        return state, (), ()
    state = _without_id(state, name)
    # Named again, it has to be claimed again; an address stays the profile's even when others use it too.
    return _without_key(state, name) if _moves_on(name) else state, (), ()


def _leave(state: ProfileState, now_ms: int) -> Moved:
    identity = state.identity
    if not identity.moved_to:
        return state, (), ()
    body = _encode(identity.joined)
    moves = (_move(MoveKind.DETACH, state, identity.moved_to, now_ms, body),)
    return _with(state, moved_to=""), moves, ()


def _follows(state: ProfileState, names: Iterable[str], now_ms: int) -> tuple[Move, ...]:
    joins = state.identity.joins
    return tuple(
        _move(MoveKind.CLAIM, state, name, now_ms, _encode(Claim(ClaimReason.FOLLOW, join=joins.get(name, 1))))
        for name in names
    )


def _move(kind: MoveKind, state: ProfileState, target: str, now_ms: int, body: bytes = b"") -> Move:
    return Move(kind, state.workspace, target, state.id, now_ms, body)


def _with(state: ProfileState, **changes: object) -> ProfileState:
    return replace(state, identity=replace(state.identity, **changes))


def _without_id(state: ProfileState, name: str) -> ProfileState:
    identity = state.identity
    ids = _less(identity.ids, (name,))
    return _with(state, ids=ids, joins=_of(identity.joins, ids))


def _without_key(state: ProfileState, name: str) -> ProfileState:
    """Return the profile as one that has not seen the id."""
    return replace(state, facts=without_key(state.facts, *kind_and_value(name)))


def _of(joins: dict[str, int], names: Iterable[str]) -> dict[str, int]:
    return {name: joins[name] for name in names if name in joins}


def _less(names: tuple[str, ...], gone: Iterable[str]) -> tuple[str, ...]:
    leaving = set(gone)
    return tuple(name for name in names if name not in leaving)


def _more(names: tuple[str, ...], *others: str) -> tuple[str, ...]:
    return tuple(sorted({*names, *others}))


def _is_nobody(profile: str) -> bool:
    return is_junk(kind_and_value(profile)[1])


def _is_unused(state: ProfileState) -> bool:
    return not (state.facts.events or state.facts.moved or state.identity.joined)


def _is_user(profile: str) -> bool:
    return profile.startswith("user:")


def _moves_on(profile: str) -> bool:
    return profile.partition(":")[0] in MOVES_ON
