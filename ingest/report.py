"""What the door says of itself: counters of every event, and how full everything is; as JSON and for Prometheus."""

from collections.abc import Callable
from typing import Any

from ingest.batcher import Batcher
from ingest.intake import IntakeLog
from ingest.turnstile import Turnstile

Report = dict[str, Any]

_HELP = {
    "events_total": ("counter", "Events at the door by source and outcome; accepted is the sum of all but refusals."),
    "drift": ("gauge", "Events that were accepted and that nothing became of; anything but 0 is a fault."),
    "spooling": ("gauge", "1 while events go to the spool since the log is away."),
    "spool_bytes": ("gauge", "Bytes that wait in the spool."),
    "quarantine_files": ("gauge", "Damaged parts of the spool that were put aside."),
    "disk_free_bytes": ("gauge", "Bytes left on the disk of the log or spool."),
    "pending_bytes": ("gauge", "Bytes of events that wait for the log."),
    "body_bytes": ("gauge", "Bytes of request bodies in memory."),
    "requests_refused_total": ("counter", "Requests that met no room (503)."),
    "requests_late_total": ("counter", "Requests whose body took too long (408)."),
}


def report_of(intake: IntakeLog, batcher: Batcher, turnstile: Turnstile, is_shown: Callable[[str], bool]) -> Report:
    """Return the state of one process; of the sources those that may be shown."""
    spool, disk = intake.spool, intake.disk
    files, quarantined_bytes = spool.quarantine() if spool else (0, 0)
    return {
        "state": intake.state(),
        "spooling": intake.is_spooling,
        "spool": None
        if spool is None
        else {
            "bytes": spool.size_bytes,
            "records_found": spool.found,
            "records_written": spool.written,
            "records_drained": spool.drained,
            "quarantine_files": files,
            "quarantine_bytes": quarantined_bytes,
        },
        "disk": None
        if disk is None
        else {"free_bytes": disk.free_bytes, "wanted_bytes": disk.wanted_bytes, "is_low": disk.is_low},
        "pending_bytes": batcher.pending_bytes,
        "body_bytes": turnstile.held_bytes,
        "requests_refused": turnstile.refused,
        "requests_late": turnstile.late,
        "drift": sum(map(abs, batcher.drift().values())),
        "total": batcher.tallies.total(),
        "sources": {source: tally for source, tally in batcher.tallies.by_source().items() if is_shown(source)},
    }


def as_prometheus(report: Report) -> str:
    """Return the report in Prometheus' text form."""
    spool, disk = report["spool"] or {}, report["disk"] or {}
    plain = {
        "drift": report["drift"],
        "spooling": int(report["spooling"]),
        "spool_bytes": spool.get("bytes", 0),
        "quarantine_files": spool.get("quarantine_files", 0),
        "disk_free_bytes": disk.get("free_bytes"),
        "pending_bytes": report["pending_bytes"],
        "body_bytes": report["body_bytes"],
        "requests_refused_total": report["requests_refused"],
        "requests_late_total": report["requests_late"],
    }
    lines = _head("events_total")
    for source, tally in sorted(report["sources"].items()):
        for outcome, count in tally.items():
            lines.append(f'campaigniq_ingest_events_total{{source="{_escaped(source)}",outcome="{outcome}"}} {count}')
    for name, value in plain.items():
        if value is not None:
            lines += [*_head(name), f"campaigniq_ingest_{name} {value}"]
    return "\n".join(lines) + "\n"


def _head(name: str) -> list[str]:
    kind, told = _HELP[name]
    return [f"# HELP campaigniq_ingest_{name} {told}", f"# TYPE campaigniq_ingest_{name} {kind}"]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
