"""Questions about offsets are asked again after what passes by itself."""

from concurrent.futures import Future
from types import SimpleNamespace

import pytest
from confluent_kafka import OFFSET_INVALID, KafkaError, KafkaException

from streams.log import topics
from streams.log.kafka_errors import KafkaLogError
from streams.log.kafka_offsets import Offsets
from streams.log.kafka_settings import Names


class Admin:
    """Answers with the errors, then with the `offsets`, the last of which is repeated."""

    def __init__(self, *errors: int, offsets: tuple[int, ...] = (7,)) -> None:
        self.errors = list(errors)
        self.offsets = list(offsets)
        self.learned = 0

    def list_offsets(self, asked, **_):
        answer: Future = Future()
        if self.errors:
            answer.set_exception(KafkaException(KafkaError(self.errors.pop(0))))
        else:
            answer.set_result(SimpleNamespace(offset=self.offsets.pop(0) if self.offsets[1:] else self.offsets[0]))
        return dict.fromkeys(asked, answer)

    def list_topics(self, timeout: float) -> None:
        self.learned += 1


@pytest.mark.parametrize("error", [KafkaError.FENCED_LEADER_EPOCH, KafkaError.LEADER_NOT_AVAILABLE, KafkaError._NOENT])
async def test_after_an_election_that_the_client_missed_it_learns_of_it_and_asks_again(error):
    admin = Admin(error)
    found = await Offsets(admin, Names(""), 5).ends([(topics.STATE, 0)])
    assert (found, admin.learned) == ({(topics.STATE, 0): 7}, 1)


async def test_an_answer_without_an_offset_is_none():
    admin = Admin(offsets=(OFFSET_INVALID, 7))
    found = await Offsets(admin, Names(""), 5).ends([(topics.STATE, 0)])
    assert (found, admin.learned) == ({(topics.STATE, 0): 7}, 1)


@pytest.mark.parametrize("error", [KafkaError._NOENT, KafkaError._UNKNOWN_PARTITION, KafkaError._TRANSPORT])
async def test_what_a_client_says_while_nobody_leads_a_partition_is_asked_again(error):
    found = await Offsets(Admin(error), Names(""), 5).ends([(topics.STATE, 0)])
    assert found == {(topics.STATE, 0): 7}


async def test_what_kafka_refuses_for_good_is_not_asked_again():
    admin = Admin(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    with pytest.raises(KafkaLogError):
        await Offsets(admin, Names(""), 5).ends([(topics.STATE, 0)])
