r"""How series become InfluxDB lines and Flux text, and back. Pure; every value of a sender is encoded here.

A tag value may hold anything a visitor put into a URL. Line protocol can't carry backslashes and control characters
faithfully, so they travel percent-encoded; a Flux literal spells everything outside a short list as \xHH.
"""

import re
from base64 import b64encode
from collections.abc import Mapping

from streams.model.rollups import APART, ROLLUP_BUCKET_MS, SKETCH_HOUR_MS, Rollup, Sketch, SketchKind

MEASUREMENT = "events"
SKETCHES = "sketches"
_NS_PER_MS = 1_000_000
# One less than a bucket's nanoseconds: its last one stays empty, so ranges may end just before the next bucket.
_PARTS = ROLLUP_BUCKET_MS * _NS_PER_MS - 1

_HOSTILE = re.compile(r"[\x00-\x1f\x7f\\]|%(?=[0-9A-Fa-f]{2})")
_ENCODED = re.compile(r"%([0-9A-F]{2})")
_ESCAPES = str.maketrans({",": "\\,", "=": "\\=", " ": "\\ "})
_LITERAL = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./: ")


def encode_tag(value: str) -> str:
    """Return `value` free of backslashes and control characters; ordinary text stays as it is."""
    return _HOSTILE.sub(lambda match: f"%{ord(match[0]):02X}", value)


def decode_tag(value: str | None) -> str:
    """Return what `encode_tag` was given. InfluxDB has no empty tags: an absent one was empty."""
    return _ENCODED.sub(lambda match: chr(int(match[1], 16)), value) if value else ""


def flux_string(value: str) -> str:
    """Return `value` as a Flux string literal that can't end early or interpolate."""
    return '"' + "".join(chr(b) if b in _LITERAL else f"\\x{b:02x}" for b in value.encode()) + '"'


def line_of(rollup: Rollup) -> str:
    """Return the rollup's point in line protocol, times in ns. A repeat has the same tags and time: it overwrites.

    `part` becomes the nanoseconds after the bucket's start instead of a tag: late events bring ever new parts, and
    InfluxDB keeps an index entry for each tag value that ever was. A bucket holds 10^10 ns, log offsets are smaller.
    """
    series = rollup.series
    tags = {
        "workspace": series.workspace,
        "event": series.event,
        "campaign": series.campaign,
        "source": series.source,
        "currency": series.currency,
        "partition": str(rollup.partition),
    }
    at_ns = rollup.bucket_ms * _NS_PER_MS + rollup.part % _PARTS
    return f"{_head(MEASUREMENT, tags)} count={rollup.count}i,value={float(rollup.value)!r} {at_ns}"


def sketch_line_of(sketch: Sketch) -> str:
    """Return the sketch's point in line protocol, its body in base64; `part` as for totals."""
    tags = {
        "workspace": sketch.workspace,
        "kind": sketch.kind,
        "dimension": sketch.dimension,
        "name": sketch.name,
        "currency": sketch.currency,
        "partition": str(sketch.partition),
    }
    at_ns = sketch.hour_ms * _NS_PER_MS + sketch.part % _PARTS
    return f'{_head(SKETCHES, tags)} body="{b64encode(sketch.body).decode()}" {at_ns}'


def totals_query(
    bucket: str, workspace: str, start_ms: int, stop_ms: int, step_ms: int, group_by: str, where: Mapping[str, str]
) -> str:
    """Return Flux that sums counts and values per step and group; a range's first step may begin at its start.

    A point lies somewhere in its bucket, so windows are whole buckets; the caller folds them to `step_ms`. InfluxDB 1.8
    returns points at the very stop of a range, 2 does not: the stop is a nanosecond early, where no point can be.
    """
    start, stop = _bucket_from(start_ms) * _NS_PER_MS, _bucket_from(stop_ms) * _NS_PER_MS - 1
    every_ms = step_ms if step_ms % ROLLUP_BUCKET_MS == 0 else ROLLUP_BUCKET_MS
    tests = "".join(f" and {_test(name, value)}" for name, value in {"workspace": workspace, **where}.items())
    if "event" not in where:
        tests += "".join(f" and r.event != {flux_string(name)}" for name in sorted(APART))
    columns = f'"{group_by}", "_field"' if group_by else '"_field"'
    return (
        f"from(bucket: {flux_string(bucket)}) |> range(start: time(v: {start}), stop: time(v: {stop}))"
        f' |> filter(fn: (r) => r._measurement == "{MEASUREMENT}"{tests}) |> group(columns: [{columns}])'
        f' |> aggregateWindow(every: {every_ms}ms, fn: sum, createEmpty: false, timeSrc: "_start")'
    )


def sketches_query(
    bucket: str, workspace: str, start_ms: int, stop_ms: int, kind: SketchKind, dimension: str, where: Mapping[str, str]
) -> str:
    """Return Flux that yields the sketches of the hours that begin in the range."""
    start = _bucket_from(start_ms, SKETCH_HOUR_MS) * _NS_PER_MS
    stop = _bucket_from(stop_ms, SKETCH_HOUR_MS) * _NS_PER_MS - 1
    wanted = {"workspace": workspace, "kind": kind, "dimension": dimension, **where}
    tests = "".join(f" and {_test(name, value)}" for name, value in wanted.items())
    return (
        f"from(bucket: {flux_string(bucket)}) |> range(start: time(v: {start}), stop: time(v: {stop}))"
        f' |> filter(fn: (r) => r._measurement == "{SKETCHES}"{tests}) |> keep(columns: ["name", "_value"])'
    )


def is_empty_range(start_ms: int, stop_ms: int, step_ms: int = ROLLUP_BUCKET_MS) -> bool:
    """Say whether no bucket (or hour) begins in the range; InfluxDB refuses such ranges."""
    return _bucket_from(start_ms, step_ms) >= _bucket_from(stop_ms, step_ms)


def _head(measurement: str, tags: Mapping[str, str]) -> str:
    return measurement + "".join(
        f",{name}={encode_tag(value).translate(_ESCAPES)}" for name, value in tags.items() if value
    )


def _bucket_from(at_ms: int, step_ms: int = ROLLUP_BUCKET_MS) -> int:
    return -(-at_ms // step_ms) * step_ms


def _test(name: str, value: str) -> str:
    return f"r.{name} == {flux_string(encode_tag(value))}" if value else f"not exists r.{name}"
