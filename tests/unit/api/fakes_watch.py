"""A watch that shows what it was told to."""

import asyncio

from streams.model.noted import Noted


class FakeFollower:
    def __init__(self, found: list[Noted]) -> None:
        self.missed = 0
        self.is_closed = False
        self._found: asyncio.Queue[list[Noted]] = asyncio.Queue()
        if found:
            self.offer(*found)

    def offer(self, *found: Noted) -> None:
        self._found.put_nowait(list(found))

    async def next(self, most: int) -> list[Noted]:
        return (await self._found.get())[:most]

    def close(self) -> None:
        self.is_closed = True


class FakeWatch:
    def __init__(self) -> None:
        self.kept: dict[str, list[Noted]] = {}
        self.is_full = False
        self.followers: list[FakeFollower] = []

    def recent(self, source: str) -> list[Noted]:
        return self.kept.get(source, [])

    def follow(self, source: str) -> FakeFollower | None:
        if self.is_full:
            return None
        self.followers.append(FakeFollower(self.recent(source)))
        return self.followers[-1]
