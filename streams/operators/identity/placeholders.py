"""Placeholders: nodes that are there only because somebody claims an id that nobody has used. Pure.

An alias does not say whether it means a user or a browser, so it leaves one of these for the other kind.
"""

from streams.model.facts import FactsState
from streams.model.identity import IdentityState
from streams.model.profile import ProfileState
from streams.operators.erasing import Person
from streams.operators.identity.named import kind_and_value

_NO_FACTS = FactsState()


def is_placeholder(state: ProfileState) -> bool:
    """Say whether a node has nothing but claims of others."""
    identity = state.identity
    is_blank = state.account is None and state.product is None and not state.windows.windows
    return is_blank and state.facts == _NO_FACTS and identity == IdentityState(claimed_by=identity.claimed_by)


def goes_with(state: ProfileState, person: Person) -> bool:
    """Say whether a node is no more than what the person has said of an id, or has an id's value of theirs in its key:
    nobody loses anything with it.
    """
    claimed_by = state.identity.claimed_by
    if not is_placeholder(state):
        return False
    return person.tells(state.id) or (bool(claimed_by) and person.ids.issuperset(claimed_by))


def is_persons_own(state: ProfileState, person: Person) -> bool:
    """Say whether the node's id is one of the person's under another kind, by nobody's word but theirs.

    One whose value is not theirs under any kind was taken out of them again, or is somebody else's browser.
    """
    if kind_and_value(state.id)[1] not in person.values or not goes_with(state, person):
        return False
    return person.ids.issuperset(state.identity.claimed_by)
