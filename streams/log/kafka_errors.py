"""What Kafka's errors mean to callers of the log.

CampaignIqError
  - KafkaLogError   Kafka refuses for good: a record too large, missing rights, a damaged topic

What may pass is a LogFullError or LogUnavailableError (streams/model/errors.py).
"""

from confluent_kafka import KafkaError, KafkaException

from streams.model.errors import CampaignIqError, FencedError, LogFullError

RETRY_AFTER_S = 2.0

_FENCED = frozenset(
    {
        KafkaError._FENCED,  # noqa: SLF001  the library's public constants start with an underscore
        KafkaError.PRODUCER_FENCED,
        KafkaError.INVALID_PRODUCER_EPOCH,
    }
)
_TRY_AGAIN = frozenset(
    {
        KafkaError._MSG_TIMED_OUT,  # noqa: SLF001  see above
        KafkaError._TIMED_OUT,  # noqa: SLF001  see above
        KafkaError._QUEUE_FULL,  # noqa: SLF001  see above
        KafkaError._TRANSPORT,  # noqa: SLF001  see above
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001  see above
        # While no broker leads a partition the client says that there is none. The topics are known to exist: whoever
        # opens the log looks for them first, and Kafka's own word for a topic that is gone is another.
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001  see above
        KafkaError._NOENT,  # noqa: SLF001  see above
        KafkaError._TIMED_OUT_QUEUE,  # noqa: SLF001  see above
        # What was asked of a broker whose connection broke off at that very moment.
        KafkaError._DESTROY_BROKER,  # noqa: SLF001  see above
        KafkaError._WAIT_COORD,  # noqa: SLF001  see above
        KafkaError.BROKER_NOT_AVAILABLE,
        KafkaError.NETWORK_EXCEPTION,
        KafkaError.OFFSET_NOT_AVAILABLE,
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.NOT_ENOUGH_REPLICAS,
        KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
    }
)


class KafkaLogError(CampaignIqError):
    """Kafka refuses for good."""


def error_of(raised: KafkaException) -> KafkaError:
    """Return the error inside the library's exception."""
    error: KafkaError = raised.args[0]
    return error


def is_fenced(error: KafkaError) -> bool:
    """Say whether a later producer of the same name has taken over."""
    return error.code() in _FENCED


def may_pass(error: KafkaError) -> bool:
    """Say whether trying again later may help."""
    return error.code() in _TRY_AGAIN or bool(error.retriable())


def translated(error: KafkaError, doing: str) -> CampaignIqError:
    """Return the error as callers of the log know it."""
    if is_fenced(error):
        return FencedError(f"{doing}: {error.str()}")
    if may_pass(error) and not error.fatal():
        return LogFullError(f"{doing}: {error.str()}", RETRY_AFTER_S)
    return KafkaLogError(f"{doing}: {error.str()} ({error.name()})")
