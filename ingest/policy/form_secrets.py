"""Answers in forms that nobody may record, by the names of their inputs: passwords, codes, cards, accounts, ids that
states give to people; in English, German, French, Spanish, Portuguese and Italian. The pixel leaves out what it has
room to name, so this is for the rest, and for other senders. It knows names, never values.
"""

import re
from functools import lru_cache
from unicodedata import combining, normalize

from msgspec.structs import replace

from ingest.caller import Caller
from streams.model.events import Event

_FORM = "form_submitted"
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_GAP = re.compile(r"[^a-z0-9]+")
# Over lower-case words without accents, with one blank between them.
_PARTS = re.compile(
    r"passw|passe\b|passc|passp|passwd|kenn(wort|zahl)|senha|contras|palavra|palabra|parol"
    r"|secur|sicherheit|sicurezza|secr|segu|segr|geheim|credential|token|jeton|verif|prue?f|cryptogr|schlue?ssel"
    r"|kredit|credit|kart|\bcard|cardn|\bcart[aeo]|tarj|iban|konto|routing|swift|sort ?code|account (n|iban)|cuenta"
    r"|bancari|social ?(sec|ins)|sozialvers|steuer|fiscal|tax ?id|national ?id|(auth|sms|access) ?code|one ?time"
    r"|code conf"
)
_WORDS = re.compile(
    r"\b(pw|pwd|mdp|pin|tan|mtan|otp|totp|key|cc|c[vs][cv]2?|exp|expir\w*|ablauf\w*|gue?ltig|caducidad|validade|scadenza"
    r"|ssn|bic|blz|rib|clave|chave|chiave|dni|nif|nie|cpf)\b|^(code|codigo|codice)$"
)


def without_secret_answers(event: Event, _: Caller) -> Event:
    """Return a submitted form without the answers whose names are those of secrets."""
    fields = event.properties.get("fields") if event.name == _FORM else None
    if not isinstance(fields, dict):
        return event
    kept = {name: answer for name, answer in fields.items() if not is_secret(name)}
    return event if len(kept) == len(fields) else replace(event, properties=event.properties | {"fields": kept})


@lru_cache(maxsize=4_096)
def is_secret(name: str) -> bool:
    """Say whether an input, or a field of an address, of this name holds a secret."""
    plain = "".join(char for char in normalize("NFKD", _HUMP.sub(" ", name[:200])) if not combining(char))
    words = _GAP.sub(" ", plain.lower()).strip()
    return bool(_PARTS.search(words) or _WORDS.search(words))
