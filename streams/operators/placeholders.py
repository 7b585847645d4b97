"""Placeholders: nodes that are there only because somebody claims an id that nobody has used. Pure.

An alias does not say whether it means a user or a browser, so it leaves one of these for the other kind.
"""

from streams.model.facts import FactsState
from streams.model.identity import KINDS, IdentityState
from streams.model.profile import ProfileState
from streams.operators.erasing import Person
from streams.operators.identity.named import kind_and_value

_NO_FACTS = FactsState()


def is_placeholder(state: ProfileState) -> bool:
    """Say whether a node has nothing but claims of others."""
    identity = state.identity
    is_blank = state.account is None and state.product is None and not state.windows.windows
    return is_blank and state.facts == _NO_FACTS and identity == IdentityState(claimed_by=identity.claimed_by)


def claimer_of(state: ProfileState) -> str:
    """Return the user who has said that they were this one, whom nobody has seen; empty when none or several have."""
    claimed_by = state.identity.claimed_by
    is_one = len(claimed_by) == 1 and state.id.startswith("user:") and is_placeholder(state)
    return claimed_by[0] if is_one else ""


def goes_with(state: ProfileState, person: Person) -> bool:
    """Say whether a node is no more than what the person has said of an id, or is called as they are: nobody loses
    anything with it. So is a company or product whose id is an e-mail or a phone number of theirs.
    """
    claimed_by = state.identity.claimed_by
    if not is_placeholder(state):
        return person.must_be(state.id) and not _may_be_somebody(state)
    return person.is_called(state.id) or (bool(claimed_by) and person.ids.issuperset(claimed_by))


def is_persons_own(state: ProfileState, person: Person) -> bool:
    """Say whether the node's id is one of the person's under another kind: an e-mail or a phone number of theirs, or by
    nobody's word but theirs.

    One whose value is not theirs under any kind was taken out of them again, or is somebody else's browser.
    """
    if person.must_be(state.id):
        return _may_be_somebody(state) and not state.identity.moved_to
    if kind_and_value(state.id)[1] not in person.values or not goes_with(state, person):
        return False
    return person.ids.issuperset(state.identity.claimed_by)


def _may_be_somebody(state: ProfileState) -> bool:
    return state.id.partition(":")[0] in KINDS
