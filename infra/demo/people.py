"""The made-up people who visit the demo shop. Every address is under example.com, which never gets mail."""

from random import Random
from typing import NamedTuple
from uuid import UUID

_FIRST = (
    "Ada", "Amara", "Anton", "Beatriz", "Ben", "Camille", "Chidi", "Clara", "Dario",
    "Dilan", "Elif", "Emil", "Esther", "Farah", "Finn", "Greta", "Hana", "Hugo",
    "Ida", "Imran", "Ines", "Jonas", "Juno", "Kai", "Katya", "Lars", "Leila",
    "Lena", "Lucas", "Maja", "Marco", "Mina", "Nadia", "Noor", "Oskar", "Paolo",
    "Priya", "Quinn", "Rosa", "Samir", "Sofia", "Tariq", "Tess", "Uma", "Viktor",
    "Wanda", "Yara", "Yusuf", "Zoe",
)  # fmt: skip
_LAST = (
    "Abbasi", "Almeida", "Andersen", "Baker", "Bianchi", "Castell", "Cohen", "Dahl", "Eriksen",
    "Faulkner", "Ferrari", "Fontaine", "Garrido", "Haddad", "Hale", "Hoshino", "Ivanov", "Jansen",
    "Kaplan", "Keller", "Laurent", "Lindqvist", "Marchetti", "Mbeki", "Moreau", "Nakamura", "Novak",
    "Okafor", "Oliveira", "Park", "Petrov", "Quist", "Rahman", "Ricci", "Rossi", "Sato",
    "Silva", "Sorensen", "Tanaka", "Ueda", "Varga", "Weber", "Whitlock", "Yilmaz", "Zielinski",
)  # fmt: skip


class Person(NamedTuple):
    """One visitor; `user_id` is empty for people who never sign in."""

    anonymous_id: str
    user_id: str
    first_name: str
    last_name: str
    email: str

    @property
    def traits(self) -> dict[str, str]:
        name = f"{self.first_name} {self.last_name}"
        return {"email": self.email, "first_name": self.first_name, "last_name": self.last_name, "name": name}


def new_id(random: Random) -> str:
    """Return a version 4 UUID drawn from `random`."""
    return str(UUID(int=random.getrandbits(128), version=4))


def invent(random: Random, signed_in: bool) -> Person:
    """Return somebody new."""
    first, last, number = random.choice(_FIRST), random.choice(_LAST), random.randrange(100, 100_000)
    email = f"{first}.{last}{number}@example.com".lower()
    user_id = f"app-{new_id(random)[:8]}" if signed_in else ""
    return Person(new_id(random), user_id, first, last, email)
