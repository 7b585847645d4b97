"""Topics on Kafka: what they must be like, whether they are, and making those that are missing."""

import time
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # public, says the library's manual
    AdminClient,
    ClusterMetadata,
    ConfigResource,
    NewTopic,
)

from streams.log.kafka_access import NoBrokerAnswersError, hung_up, refusal, unusable, words_of
from streams.log.kafka_errors import KafkaLogError, error_of, may_pass
from streams.log.kafka_settings import Names, client_config
from streams.log.topics import STATE, TOPICS, Topic
from streams.settings import LogSettings

REMEDY = "Run `campaigniq topics --create`"
_WANTED_COPIES = 3
_REQUEST_S = 30.0
_HOUR_MS = 3_600_000
_PROPAGATION_S = 3.0
_MAX_PROPAGATION_S = 10.0
_PAUSE_S = 0.05
_REFUSED_WITHIN_S = 1.0
_KEPT_ERRORS = 50
T = TypeVar("T")
_ALL_DOWN = KafkaError._ALL_BROKERS_DOWN  # noqa: SLF001  the library's public constant


class TopicReport(NamedTuple):
    """A topic as Kafka has it. `problem` is empty when it is as it should be; one with a `remedy` forbids its use."""

    name: str
    partitions: int
    replication: int
    cleanup: str
    retention_ms: int
    created: bool
    problem: str
    remedy: str


def topic_config(spec: Topic, settings: LogSettings) -> dict[str, str]:
    """Return the topic's settings on Kafka. Retention by size is the topic's, so each partition has its share."""
    shared = {"max.message.bytes": settings.max_record_bytes, "message.timestamp.type": "CreateTime"}
    if spec.compacted:
        own: dict[str, object] = {
            "cleanup.policy": "compact",
            # A quarter of dead weight is worth a pass of the cleaner: what is loaded at a start stays small.
            "min.cleanable.dirty.ratio": 0.25,
            "delete.retention.ms": 24 * _HOUR_MS,
            "min.compaction.lag.ms": 0,
            # The newest segment is never cleaned, so it must not grow for days.
            "segment.ms": _HOUR_MS,
            "segment.bytes": 128 << 20,
        }
    else:
        share = max(settings.max_record_bytes * 4, spec.retention_bytes // settings.partitions)
        own = {
            "cleanup.policy": "delete",
            "retention.ms": spec.retention_ms,
            "retention.bytes": share,
            "segment.ms": max(_HOUR_MS, spec.retention_ms // 30),
            "segment.bytes": min(1 << 30, max(16 << 20, share // 8)),
        }
    return {name: str(value) for name, value in (shared | own).items()}


class TopicAdmin:
    """Blocks; call it from a thread or a command."""

    def __init__(self, settings: LogSettings) -> None:
        self._settings = settings
        self._names = Names(settings.namespace)
        self._cluster_id = ""
        self._errors: list[KafkaError] = []
        try:
            self.client = AdminClient(client_config(settings) | {"error_cb": self._on_error})
        except KafkaException as raised:
            raise unusable(settings, error_of(raised)) from raised

    def check(self, *, create: bool = False) -> list[TopicReport]:
        """Compare every topic with what it must be, making missing ones if told to. Raises ConfigurationError."""
        found, brokers = self._metadata()
        made: set[str] = set()
        if create:
            made = {name for name in map(self._names.topic, TOPICS) if name not in found}
            self._create([spec for spec in TOPICS.values() if self._names.topic(spec.name) in made], brokers)
            found = self._metadata_with_all()
        configs = self._configs([name for name in map(self._names.topic, TOPICS) if name in found])
        return [self._report(spec, found, configs, made) for spec in TOPICS.values()]

    def partition_counts(self) -> dict[str, int]:
        """Return the partition count of each topic that Kafka has, by its name here. Raises ConfigurationError."""
        found = self._metadata_with_all()
        wanted = {self._names.topic(name): name for name in TOPICS}
        return {wanted[name]: count for name, (count, _) in found.items() if name in wanted}

    def identity(self) -> str:
        """Return what tells the state topic from every other, once it was seen. Raises KafkaLogError.

        One that is made anew under the same name has another id; brokers before Kafka 2.8 know no such ids.
        """
        name = self._names.topic(STATE)

        def ask() -> str:
            described = self.client.describe_topics(TopicCollection([name]), request_timeout=_REQUEST_S)
            return f"kafka:{self._cluster_id}:{name}:{described[name].result().topic_id}"

        return _in_time(ask, f"the topic {name} can't be described")

    def _metadata(self) -> tuple[dict[str, tuple[int, int]], int]:
        answer = self._answer()
        self._cluster_id = answer.cluster_id or ""
        counts = {
            name: (len(topic.partitions), min((len(p.replicas) for p in topic.partitions.values()), default=0))
            for name, topic in answer.topics.items()
        }
        return counts, len(answer.brokers)

    def _answer(self) -> ClusterMetadata:
        """Ask twice: that it is refused shows at once, that nobody answers only at the end."""
        settings = self._settings
        deadline = time.monotonic() + settings.connect_timeout_s
        try:
            return self._asked(_REFUSED_WITHIN_S)
        except KafkaException:
            if refused := refusal(settings, self._errors):
                raise refused from None
        try:
            return self._asked(max(_REFUSED_WITHIN_S, deadline - time.monotonic()))
        except KafkaException as raised:
            if refused := refusal(settings, self._errors) or hung_up(settings, self._errors):
                raise refused from raised
            telling = [error for error in self._errors if error.code() != _ALL_DOWN]
            raise NoBrokerAnswersError(
                "log.url",
                f"no broker of {settings.bootstrap} answers within {settings.connect_timeout_s:g} s "
                f"({words_of(telling[-1] if telling else error_of(raised))})",
                "Start Kafka, or mend the address and log.security_protocol with its credentials",
            ) from raised

    def _asked(self, timeout_s: float) -> ClusterMetadata:
        self._errors.clear()
        try:
            return self.client.list_topics(timeout=timeout_s)
        finally:
            # Errors are only told to who polls.
            self.client.poll(0)

    def _metadata_with_all(self) -> dict[str, tuple[int, int]]:
        """Ask for some seconds before a topic counts as missing: brokers hear of a new one each in its time."""
        deadline = time.monotonic() + _PROPAGATION_S
        while True:
            found, _ = self._metadata()
            if all(self._names.topic(name) in found for name in TOPICS) or time.monotonic() >= deadline:
                return found
            time.sleep(_PAUSE_S)

    def _create(self, specs: list[Topic], brokers: int) -> None:
        copies = self._settings.replication_factor or min(_WANTED_COPIES, brokers)
        wanted = [
            NewTopic(
                self._names.topic(spec.name),
                self._settings.partitions,
                copies,
                config=topic_config(spec, self._settings),
            )
            for spec in specs
        ]
        if wanted:
            _in_time(lambda: self._make(wanted), "topics can't be made")

    def _make(self, wanted: list[NewTopic]) -> None:
        for name, done in self.client.create_topics(wanted, operation_timeout=_REQUEST_S).items():
            try:
                done.result()
            except KafkaException as raised:
                error = error_of(raised)
                # Somebody was quicker; what is there is compared like any other.
                if error.code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise KafkaException(KafkaError(error.code(), f"{name}: {error.str()}")) from raised

    def _configs(self, names: list[str]) -> dict[str, dict[str, str]]:
        asked = [ConfigResource(ConfigResource.Type.TOPIC, name) for name in names]
        if not asked:
            return {}

        def ask() -> dict[str, dict[str, str]]:
            known = {
                resource.name: done.result()
                for resource, done in self.client.describe_configs(asked, request_timeout=_REQUEST_S).items()
            }
            return {topic: {name: entry.value for name, entry in entries.items()} for topic, entries in known.items()}

        return _in_time(ask, "Kafka does not tell its topics' settings")

    def _report(
        self, spec: Topic, found: dict[str, tuple[int, int]], configs: dict[str, dict[str, str]], made: set[str]
    ) -> TopicReport:
        name = self._names.topic(spec.name)
        if name not in found:
            return TopicReport(name, 0, 0, "", 0, created=False, problem="is missing", remedy=REMEDY)
        partitions, copies = found[name]
        config = configs[name]
        problem, remedy = self._problem(name, partitions, config, topic_config(spec, self._settings))
        retention_ms = int(config["retention.ms"]) if "delete" in config["cleanup.policy"] else -1
        return TopicReport(
            name, partitions, copies, config["cleanup.policy"], retention_ms, name in made, problem, remedy
        )

    def _problem(self, name: str, partitions: int, config: dict[str, str], wanted: dict[str, str]) -> tuple[str, str]:
        expected = self._settings.partitions
        if partitions != expected:
            remedy = f"Set log.partitions to {partitions}, or another log.namespace, and {_lowered(REMEDY)}"
            return f"has {partitions} partitions, and log.partitions says {expected}", remedy
        policy, found = wanted["cleanup.policy"], config["cleanup.policy"]
        if found != policy:
            # Never to be made anew: one of these topics is the engine's whole state.
            remedy = f"Keep the topic and what it holds, and run `{self._alter(name, 'cleanup.policy', policy)}`"
            return f"has cleanup.policy {found}, and needs {policy}", remedy
        if int(config["max.message.bytes"]) < int(wanted["max.message.bytes"]):
            problem = (
                f"takes records up to {config['max.message.bytes']} bytes, and needs {wanted['max.message.bytes']}"
            )
            raised = self._alter(name, "max.message.bytes", wanted["max.message.bytes"])
            return problem, f"Run `{raised}`, or lower log.max_record_bytes"
        other = [(key, config.get(key), value) for key, value in wanted.items() if config.get(key) != value]
        return "; ".join(f"{key} is {is_now}, not {value}" for key, is_now, value in other), ""

    def _alter(self, name: str, setting: str, value: str) -> str:
        """Return Kafka's own command that changes a setting of the topic."""
        access = "" if self._settings.security_protocol == "plaintext" else " --command-config CLIENT.properties"
        return (
            f"kafka-configs.sh --bootstrap-server {self._settings.bootstrap}{access} --alter --entity-type topics "
            f"--entity-name {name} --add-config {setting}={value}"
        )

    def _on_error(self, error: KafkaError) -> None:
        # The client lives on in who asks for offsets, so what it says of a long outage must not pile up.
        if len(self._errors) < _KEPT_ERRORS:
            self._errors.append(error)


def _in_time(ask: Callable[[], T], problem: str) -> T:
    """Ask again for some seconds: brokers hear of new topics, and of who decides, one after the other.

    Raises KafkaLogError.
    """
    deadline = time.monotonic() + _MAX_PROPAGATION_S
    while True:
        try:
            return ask()
        except KafkaException as raised:
            error = error_of(raised)
            is_new = error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART or may_pass(error)
            if not is_new or time.monotonic() >= deadline:
                raise KafkaLogError(f"{problem}: {error.str()}") from raised
        time.sleep(_PAUSE_S)


def _lowered(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]
