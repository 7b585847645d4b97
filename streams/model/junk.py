"""Values that careless senders put where an id belongs. They stand for nobody, so they never join profiles."""

# No plain numbers but zero: many shops count their customers.
_WORDS = frozenset(
    """
    null none nil undefined unknown anonymous anon guest user test testing id uid userid user_id email phone n/a na nan
    erased true false object [object_object] {} [] _ ? xxx -1 9774d56d682e549c
    test@test test@test.com test@test.de test@example.com test@mail.com test@email.com test@gmail.com a@a a@a.com
    email@email.com user@example.com noemail@example.com none@none.com no@email.com null@null.com
    """.split()  # noqa: SIM905  a list of 46 strings would take 46 lines
)
_FILLERS = "0-+:.() "


def is_junk(value: str) -> bool:
    """Say whether the value (without its kind) is a placeholder: empty, a word for nothing, or all zeros."""
    return not value.strip(_FILLERS) or value.strip().lower().replace(" ", "_") in _WORDS
