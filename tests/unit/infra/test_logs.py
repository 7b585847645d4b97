"""A complaint that repeats itself is printed now and then, and every other line always."""

import logging

import pytest

from infra.logs import REPEATED_AFTER_S, RepeatFilter

REFUSED = (
    "FAIL [campaigniq#consumer-%d] [thrd:h:9092/1]: h:9092/1: Connect failed: refused (after %dms in state CONNECT)"
)


class Log:
    """What a filter lets through, by a clock that is moved by hand."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._filter = RepeatFilter(lambda: self.now_s)

    def said(self, name: str, message: str, *arguments: object, fault: Exception | None = None) -> str | None:
        told = (type(fault), fault, None) if fault else None
        record = logging.LogRecord(name, logging.ERROR, "", 0, message, arguments, told)
        return record.getMessage() if self._filter.filter(record) else None


@pytest.fixture(name="log")
def empty_log() -> Log:
    return Log()


def test_the_same_complaint_of_many_connections_is_said_once(log):
    said = [log.said("streams.log.kafka", REFUSED, client, client % 7) for client in range(100)]
    assert len(list(filter(None, said))) == 1


def test_it_is_said_again_after_a_while_with_how_often_it_came(log):
    for client in range(6):
        log.said("streams.log.kafka", REFUSED, client, 0)
    log.now_s = REPEATED_AFTER_S
    assert str(log.said("streams.log.kafka", REFUSED, 1, 0)).endswith("(5 more like this in 30 s)")


def test_another_complaint_is_said_at_once(log):
    log.said("aiokafka.consumer.fetcher", "Failed fetch messages from %d", 1)
    assert log.said("aiokafka.consumer.fetcher", "Topic %s is gone", "events") == "Topic events is gone"


def test_who_does_not_repeat_itself_is_never_held_back(log):
    assert [log.said("streams.agents.stage", "frame %d failed", n) for n in (1, 2)] == [
        "frame 1 failed",
        "frame 2 failed",
    ]


def test_what_is_remembered_is_bounded(log):
    for number in range(1_000):
        log.said("aiokafka", "x" * (number % 110) + "y" * (number // 110))
    assert len(log._filter._known) <= 200


def test_what_strangers_send_fills_no_log(log):
    said = [log.said("uvicorn.error", "Invalid HTTP request received.") for _ in range(100)]
    said += [log.said("ingest.links", "an opened or clicked mail is not recorded: %s", "rate") for _ in range(100)]
    assert len(list(filter(None, said))) == 2


def test_two_faults_are_told_apart_though_the_words_are_the_same(log):
    faults = (ValueError("a"), KeyError("b"), ValueError("a"))
    told = [log.said("uvicorn.error", "Exception in ASGI application", fault=fault) for fault in faults]
    assert [bool(one) for one in told] == [True, True, False]
