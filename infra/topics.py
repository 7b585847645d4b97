"""`campaigniq topics`: compares Kafka's topics with what the platform needs, and makes those that are missing."""

from typing import Any, TextIO

import orjson

from infra.settings import Settings
from streams.log.kafka_admin import TopicAdmin, TopicReport
from streams.model.errors import CampaignIqError, ConfigurationError

_DAY_MS = 86_400_000


class TopicsUnfitError(CampaignIqError):
    """Some topics can't be used as they are; the text names one with what was found, expected and the remedy."""


def review_topics(settings: Settings, out: TextIO, *, create: bool, as_json: bool) -> None:
    """Print every topic. Raises ConfigurationError without Kafka, TopicsUnfitError after printing."""
    if not settings.log.url:
        remedy = "Set CAMPAIGNIQ_LOG__URL to kafka://host:port; the embedded log makes its topics by itself"
        raise ConfigurationError("log.url", "there is no Kafka", remedy)
    reports = TopicAdmin(settings.log).check(create=create)
    out.write(f"{_json(reports) if as_json else describe(reports)}\n")
    out.flush()
    unfit = [report for report in reports if report.remedy]
    if unfit:
        first = unfit[0]
        more = f" ({len(unfit) - 1} more topics, see the list)" if len(unfit) > 1 else ""
        raise TopicsUnfitError(f"{first.name} {first.problem}{more}. {first.remedy}")


def describe(reports: list[TopicReport]) -> str:
    """Return a table for people."""
    rows = [("topic", "partitions", "copies", "kept", ""), *map(_row, reports)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    # The last column is what may be long.
    widths[-1] = 0
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def _row(report: TopicReport) -> tuple[str, str, str, str, str]:
    if not report.partitions:
        return (report.name, "-", "-", "-", report.problem)
    state = "made" if report.created else "ok"
    return (report.name, str(report.partitions), str(report.replication), _kept(report), report.problem or state)


def _kept(report: TopicReport) -> str:
    if "delete" not in report.cleanup:
        return "newest of each key"
    return f"{report.retention_ms / _DAY_MS:g} days" if report.retention_ms >= 0 else "for ever"


def _json(reports: list[TopicReport]) -> str:
    topics: list[dict[str, Any]] = [report._asdict() for report in reports]
    return orjson.dumps({"topics": topics}, option=orjson.OPT_INDENT_2).decode()
