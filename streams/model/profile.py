"""ProfileState: everything the engine knows about one id, as one immutable value."""

from msgspec import Struct

from streams.model.facts import FactsState
from streams.model.identity import AccountState, IdentityState
from streams.model.products import ProductState
from streams.model.scores import ScoreState
from streams.model.windows import WindowsState


class ProfileState(Struct, frozen=True, array_like=True, gc=False):
    """One person, company ("group:…") or product ("product:…").

    `rules` is the fingerprint of the rules under which it was last changed. New parts are appended with a default, so
    older records still decode.
    """

    workspace: str
    id: str
    facts: FactsState = FactsState()
    scores: dict[str, ScoreState] = {}
    windows: WindowsState = WindowsState()
    identity: IdentityState = IdentityState()
    account: AccountState | None = None
    product: ProductState | None = None
    rules: int = 0
