"""Who in the state is the person, and when the engine has let go of them."""

import asyncio
import struct

import pytest

from infra.erasure.state import EraseSender, find_in_state
from streams.frames import decode
from streams.log import topics
from streams.log.memory import MemoryEventLog
from streams.model.errors import CampaignIqError
from streams.model.events import ProfileKeys
from streams.model.facts import FactsState
from streams.model.identity import AccountState, IdentityState
from streams.model.profile import ProfileState
from streams.operators.erasing import Person, erase_of
from streams.ports import NewRecord
from streams.state import codec

EVE = Person("shop", ("anon:visitor-1", "email:eve@example.com"))
NOBODY = frozenset()


class StandingClock:
    def now_ms(self) -> int:
        return 1_700_000_000_000


def used(name: str, *ids: str, account: AccountState | None = None, **keys: str) -> ProfileState:
    return ProfileState(
        "shop", name, FactsState(ProfileKeys(**keys), events=1), identity=IdentityState(ids=ids), account=account
    )


async def log_with(*states: ProfileState) -> MemoryEventLog:
    log = MemoryEventLog(1)
    key = codec.profile_key
    await log.append([NewRecord(topics.STATE, 0, key("shop", s.id), codec.encode_profile(s), 1) for s in states])
    return log


async def test_a_used_profile_with_the_same_long_id_under_another_kind_is_somebody_else():
    found = await find_in_state(await log_with(used("user:visitor-1"), used("anon:visitor-1")), EVE)
    assert (found.own, found.joined, found.near) == ({"anon:visitor-1"}, NOBODY, {"visitor-1"})
    known = Person("shop", EVE.ids, spared=found.near)
    found = await find_in_state(await log_with(used("user:visitor-1", user_id="visitor-1")), known)
    assert found == (NOBODY,) * 5


@pytest.mark.parametrize("name", ["user:eve@example.com", "custom:crm:EVE@example.com", "anon:eve@example.com"])
async def test_whose_id_is_the_persons_mail_address_is_the_person(name):
    found = await find_in_state(await log_with(used(name)), EVE)
    assert (found.joined, found.near) == ({name}, NOBODY)


async def test_people_whose_ids_the_persons_are_part_of_are_to_be_spared():
    steve = used("user:visitor-10", "anon:visitor-11", email="steve@example.com")
    found = await find_in_state(await log_with(steve), EVE)
    assert found.near == {"visitor-10", "visitor-11", "steve@example.com"}


async def test_a_company_that_is_called_by_the_persons_mail_address_goes():
    found = await find_in_state(await log_with(used("group:eve@example.com", account=AccountState("Eve"))), EVE)
    assert (found.others, found.joined, found.near) == ({"group:eve@example.com"}, NOBODY, NOBODY)


async def test_an_erasure_is_done_in_a_partition_when_it_has_taken_what_others_had_told_it_before():
    log = MemoryEventLog(1)
    sending = asyncio.ensure_future(EraseSender(log, StandingClock()).send(EVE, "er_1", frozenset({"user:8"})))
    await log.wait({(topics.EVENTS, 0): 0}, 1)
    [first] = await log.read(topics.EVENTS, 0, 0, 10)
    assert erase_of(decode(first.value).control).others == ("user:8",)
    await log.append([NewRecord(topics.STATE, 0, codec.ERASED_KEY, struct.pack(">BQQ", codec.VERSION, 1, 1), 1)])
    await log.wait({(topics.EVENTS, 0): 1}, 1)
    assert not sending.done()
    await log.append([NewRecord(topics.STATE, 0, codec.COMMIT_KEY, codec.encode_commit(codec.Commit(1, 1)), 1)])
    async with asyncio.timeout(60):
        await sending


async def test_a_partition_on_which_nobody_works_is_told_after_a_while():
    with pytest.raises(CampaignIqError, match="partition 0, 1"):
        await EraseSender(MemoryEventLog(2), StandingClock(), patience_s=0.01).send(EVE, "er_1", NOBODY)
