"""Identity rules as data: how many ids may be one person's before an id counts as shared."""

from msgspec import Struct


class IdentityRules(Struct, frozen=True, forbid_unknown_fields=True):
    """`is_on`: profiles of one person are merged. An e-mail, phone, device or browser that more than `max_claims`
    people use is shared and merges nobody any more. A profile takes up at most `max_ids` ids.
    """

    is_on: bool = True
    max_claims: int = 5
    max_ids: int = 50
