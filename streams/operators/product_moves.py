"""How people and products talk: the words of interest and the news that `Products` decides on, as moves."""

import msgspec
from msgspec.structs import replace

from streams.model.events import Event
from streams.model.moves import Move, MoveKind
from streams.model.products import Interest, Notice, ProductState
from streams.model.profile import ProfileState
from streams.model.rules.abandonment import ProductRule
from streams.operators.base import Firing
from streams.operators.product_news import PRODUCT_PREFIX
from streams.operators.products import Products

_encode = msgspec.msgpack.Encoder().encode
_decode_interest = msgspec.msgpack.Decoder(Interest).decode
_decode_notice = msgspec.msgpack.Decoder(Notice).decode


class ProductMoves:
    """Product rules over whole profiles. `is_on` says whether there are any."""

    def __init__(self, rules: tuple[ProductRule, ...]) -> None:
        self._products = Products(rules)
        self.is_on = bool(rules)

    def on_event(
        self, state: ProfileState, event: Event, name: str, now_ms: int
    ) -> tuple[ProfileState, tuple[Move, ...]]:
        """Return the profile after the event, and what it has to tell. Raises RuleFailedError."""
        if state.id.startswith(PRODUCT_PREFIX):
            product, notices = self._products.on_product_event(state.product or ProductState(), event, name, now_ms)
            told = [(MoveKind.NOTIFY, profile, _encode(notice)) for profile, notice in notices]
            after = state if product is state.product else replace(state, product=product)
        else:
            windows, owed = self._products.on_event(state.windows, event, name, state.facts, now_ms)
            told = [(MoveKind.INTEREST, node, _encode(interest)) for node, interest in owed]
            after = state if windows is state.windows else replace(state, windows=windows)
        return after, tuple(Move(kind, state.workspace, target, state.id, now_ms, body) for kind, target, body in told)

    def on_move(self, state: ProfileState, move: Move, now_ms: int) -> tuple[ProfileState, tuple[Firing, ...]]:
        """Take a word of interest at the product, or news of one at the person."""
        if move.kind is MoveKind.NOTIFY:
            return state, self._products.on_notice(_decode_notice(move.body), state, now_ms)
        known = state.product or ProductState()
        product = self._products.on_interest(known, move.source, _decode_interest(move.body), now_ms)
        return (state if product is known else replace(state, product=product)), ()
