"""The life of an alert: pending -> firing -> resolved, with hysteresis, and its summary in plain words. Pure."""

from typing import Final

from msgspec import Struct

from streams.model.alerts import AlertState
from streams.operators.anomaly_counts import Level, Reading

ALL_EVENTS: Final = "all"
_ONE_DIGIT: Final = 9.95


class EpisodeRules(Struct, frozen=True):
    """Fires when `needed` of the last `among` readings were raised and the episode is `for_ms` old; resolves when all
    readings of `keep_firing_for_ms` were clear.
    """

    needed: int
    among: int
    for_ms: int
    keep_firing_for_ms: int


class Episode(Struct, frozen=True, array_like=True, gc=False):
    """An open alert. `hits` has a bit per recent reading, the newest lowest; `peak` is the largest value seen."""

    state: AlertState
    since_ms: int
    fired_ms: int
    hits: int
    clear_since_ms: int
    peak: float


def advance(
    episode: Episode | None, reading: Reading, onset_ms: int, at_ms: int, rules: EpisodeRules
) -> tuple[Episode | None, AlertState | None]:
    """Return the episode after `reading` (None when it is over) and the state it changed to, if it did.

    `onset_ms` is when an episode that begins now began in truth.
    """
    hit = reading.level is Level.RAISED
    if episode is None:
        if reading.level < Level.SUSPECT:
            return None, None
        begun = Episode(AlertState.PENDING, onset_ms, 0, int(hit), 0, reading.value)
        return _fire_if_due(begun, at_ms, rules, AlertState.PENDING)
    hits = (episode.hits << 1 | int(hit)) & ((1 << rules.among) - 1)
    peak = max(episode.peak, reading.value)
    if episode.state is AlertState.PENDING:
        if reading.level < Level.SUSPECT and not hits:
            return None, AlertState.RESOLVED
        grown = Episode(AlertState.PENDING, episode.since_ms, 0, hits, 0, peak)
        return _fire_if_due(grown, at_ms, rules, None)
    clear_since_ms = 0 if reading.level is not Level.CLEAR else episode.clear_since_ms or at_ms
    if clear_since_ms and at_ms - clear_since_ms >= rules.keep_firing_for_ms:
        return None, AlertState.RESOLVED
    kept = Episode(AlertState.FIRING, episode.since_ms, episode.fired_ms, hits, clear_since_ms, peak)
    return kept, None


def _fire_if_due(
    episode: Episode, at_ms: int, rules: EpisodeRules, otherwise: AlertState | None
) -> tuple[Episode, AlertState | None]:
    if episode.hits.bit_count() < rules.needed or at_ms - episode.since_ms < rules.for_ms:
        return episode, otherwise
    firing = Episode(AlertState.FIRING, episode.since_ms, at_ms, episode.hits, 0, episode.peak)
    return firing, AlertState.FIRING


def describe_silence(subject: str, state: AlertState, reading: Reading, episode: Episode, bucket_ms: int) -> str:
    """Return the summary of a source's silence."""
    name = subject.partition(":")[2]
    if state is AlertState.RESOLVED:
        return f"Source '{name}' sends again after {duration(episode.peak)} without events."
    usual = per_time(reading.usual, bucket_ms)
    return f"No events from source '{name}' for {duration(reading.value)}; it usually sends {usual}."


def describe_shift(subject: str, state: AlertState, reading: Reading, bucket_ms: int) -> str:
    """Return the summary of a shifted rate."""
    now, usual = per_time(reading.value, bucket_ms), per_time(reading.usual, bucket_ms)
    if state is AlertState.RESOLVED:
        return f"{subject_name(subject)}: back to normal at {now} (usual {usual})."
    if reading.value < reading.usual:
        return f"{subject_name(subject)}: {now}, {1 - reading.value / reading.usual:.0%} below the usual {usual}."
    times = f"{reading.value / reading.usual:.1f} times" if reading.usual > 0 else "up from"
    return f"{subject_name(subject)}: {now}, {times} the usual {usual}."


def describe_acceptance(subject: str, reading: Reading, open_ms: int, bucket_ms: int) -> str:
    """Return the summary of a shift that has become the new level."""
    now = per_time(reading.value, bucket_ms)
    return f"{subject_name(subject)}: {now} for {duration(open_ms)} now, taken as the new normal."


def subject_name(subject: str) -> str:
    """Return the subject of a rate as words."""
    return "All events together" if subject == ALL_EVENTS else f"Event '{subject.partition(':')[2]}'"


def per_time(per_bucket: float, bucket_ms: int) -> str:
    """Return a count per bucket as a rate in the unit in which it is a handy number."""
    per_s = per_bucket * 1000 / bucket_ms
    for unit, factor in (("a second", 1), ("a minute", 60), ("an hour", 3600)):
        if per_s * factor >= 1 or unit == "an hour":
            break
    number = per_s * factor
    return f"{number:.{0 if number > _ONE_DIGIT else 1}f} {unit}"


def duration(ms: float) -> str:
    """Return a length of time in its two largest units."""
    minutes, seconds = divmod(round(ms / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{n} {unit}" for n, unit in ((hours, "h"), (minutes, "min"), (seconds, "s")) if n]
    return " ".join(parts[:2]) or "0 s"
