"""What is watched in a workspace, judged at each bucket's close: silence of its sources, shifts of its rates. Pure."""

from collections.abc import Mapping
from typing import Final, Self

from msgspec import Struct

from streams.model.alerts import Alert, AlertRule, AlertState, alert_id
from streams.model.rollups import ROLLUP_BUCKET_MS
from streams.operators.alerting_episodes import (
    ALL_EVENTS,
    Episode,
    EpisodeRules,
    advance,
    describe_acceptance,
    describe_shift,
    describe_silence,
    duration,
    subject_name,
)
from streams.operators.anomaly_counts import Level, RateShift, RateState, Reading, SilenceState, SourceSilence

SOURCE_PREFIX: Final = "source:"
EVENT_PREFIX: Final = "event:"


class AlertSettings(Struct, frozen=True):
    """When alerts are raised. Times are log time in milliseconds; see docs/alerts.md."""

    bucket_ms: int = ROLLUP_BUCKET_MS
    grace_ms: int = 0
    max_gap_ms: int = 20_000
    late_ms: int = 300_000
    silence_min_ms: int = 20_000
    silence_history_ms: int = 600_000
    silence_probability: float = 1e-6
    shift_history_ms: int = 1_200_000
    shift_sigma: float = 5.0
    shift_ratio: float = 2.0
    shift_min_events: int = 20
    shift_for_ms: int = 30_000
    keep_firing_for_ms: int = 60_000
    accept_ms: int = 3_600_000
    forget_ms: int = 86_400_000
    max_series: int = 500
    max_open_buckets: int = 720
    max_cells_per_bucket: int = 20_000

    @classmethod
    def for_demo(cls) -> Self:
        """Return settings that learn within a minute and resolve quickly, at the price of more false alarms."""
        return cls(
            silence_history_ms=50_000,
            shift_history_ms=90_000,
            shift_for_ms=20_000,
            keep_firing_for_ms=20_000,
            accept_ms=300_000,
            forget_ms=3_600_000,
        )


class Watch(Struct, frozen=True, array_like=True, gc=False):
    """One watched subject; only the state of its detector is filled."""

    last_seen_ms: int
    silence: SilenceState | None = None
    rate: RateState | None = None
    episode: Episode | None = None


class Watcher:
    """Closes buckets. Sources are judged first: while one is silent, the rates that hang on it raise nothing anew."""

    def __init__(self, settings: AlertSettings) -> None:
        self._settings = s = settings
        self._silence = SourceSilence(s.bucket_ms, s.silence_min_ms, s.silence_history_ms, s.silence_probability)
        self._shift = RateShift(
            s.bucket_ms,
            s.shift_history_ms,
            s.accept_ms // 2,
            min_events=s.shift_min_events,
            sigma=s.shift_sigma,
            ratio=s.shift_ratio,
        )
        self._silence_rules = EpisodeRules(1, 1, 0, s.keep_firing_for_ms)
        self._shift_rules = EpisodeRules(3, 4, s.shift_for_ms, s.keep_firing_for_ms)

    def close(
        self, workspace: str, watches: Mapping[str, Watch], seen: Mapping[str, int], end_ms: int
    ) -> tuple[dict[str, Watch], list[Alert]]:
        """Return the watches and the alerts that changed state after the bucket that ends at `end_ms`.

        `seen` maps each subject that had events to their number; subjects left out had none.
        """
        admitted = self._admitted(watches, seen, end_ms)
        alerts: list[Alert] = []
        sources = sorted(k for k in admitted if k.startswith(SOURCE_PREFIX))
        for subject in sources:
            admitted[subject] = self._judge_source(
                workspace, subject, admitted[subject], seen.get(subject, 0), end_ms, alerts
            )
        muted = any(self._mutes(admitted[k].episode, end_ms) for k in sources)
        for subject in sorted(k for k in admitted if not k.startswith(SOURCE_PREFIX)):
            watch = admitted[subject]
            if muted and (watch.episode is None or watch.episode.state is AlertState.PENDING):
                admitted[subject] = self._set_aside(workspace, subject, watch, end_ms, alerts)
            else:
                admitted[subject] = self._judge_rate(workspace, subject, watch, seen.get(subject, 0), end_ms, alerts)
        forget_ms = end_ms - self._settings.forget_ms
        return {k: w for k, w in admitted.items() if w.episode or w.last_seen_ms > forget_ms}, alerts

    def _judge_source(
        self, workspace: str, subject: str, watch: Watch, count: int, end_ms: int, alerts: list[Alert]
    ) -> Watch:
        s = self._settings
        before = watch.episode
        is_firing = before is not None and before.state is AlertState.FIRING
        silence, reading = self._silence.step(watch.silence or self._silence.initial(), count)
        if before is not None and is_firing and not count and end_ms - before.since_ms > s.forget_ms:
            name = subject.removeprefix(SOURCE_PREFIX)
            summary = f"Source '{name}' has sent nothing for {duration(reading.value)} and is not expected to any more."
            alerts.append(_alert(workspace, subject, AlertState.RESOLVED, before, end_ms, reading, summary))
            # Neither open nor seen of late, so it is let go below.
            return Watch(0)
        onset_ms = end_ms - silence.run * s.bucket_ms
        episode, changed = advance(before, reading, onset_ms, end_ms, self._silence_rules)
        told = episode or before
        if changed and told:
            summary = describe_silence(subject, changed, reading, told, s.bucket_ms)
            alerts.append(_alert(workspace, subject, changed, told, end_ms, reading, summary))
        return Watch(watch.last_seen_ms, silence=silence, episode=episode)

    def _judge_rate(
        self, workspace: str, subject: str, watch: Watch, count: int, end_ms: int, alerts: list[Alert]
    ) -> Watch:
        s = self._settings
        before = watch.episode
        rate, reading = self._shift.step(watch.rate or self._shift.initial(), end_ms, count, learns=before is None)
        if before is not None and before.fired_ms and end_ms - before.since_ms >= s.accept_ms:
            summary = describe_acceptance(subject, reading, end_ms - before.since_ms, s.bucket_ms)
            alerts.append(_alert(workspace, subject, AlertState.RESOLVED, before, end_ms, reading, summary))
            return Watch(watch.last_seen_ms, rate=RateState(window=rate.window, at_ms=end_ms))
        episode, changed = advance(before, reading, end_ms - s.bucket_ms, end_ms, self._shift_rules)
        told = episode or before
        if changed and told:
            summary = describe_shift(subject, changed, reading, s.bucket_ms)
            alerts.append(_alert(workspace, subject, changed, told, end_ms, reading, summary))
        return Watch(watch.last_seen_ms, rate=rate, episode=episode)

    def _set_aside(self, workspace: str, subject: str, watch: Watch, end_ms: int, alerts: list[Alert]) -> Watch:
        """Leave the rate as it was before the silence, so that it neither alarms nor learns from it."""
        if watch.episode is not None:
            reading = Reading(Level.CLEAR, 0.0, 0.0, 0.0, 0.0, 0.0)
            summary = f"{subject_name(subject)}: set aside, as a source is silent."
            alerts.append(_alert(workspace, subject, AlertState.RESOLVED, watch.episode, end_ms, reading, summary))
        return Watch(watch.last_seen_ms, rate=watch.rate)

    def _mutes(self, episode: Episode | None, end_ms: int) -> bool:
        """Say whether the source's silence is news; after a while the rates must be watched without it."""
        return episode is not None and end_ms - episode.since_ms <= self._settings.accept_ms

    def _admitted(self, watches: Mapping[str, Watch], seen: Mapping[str, int], end_ms: int) -> dict[str, Watch]:
        """Return the watches with new subjects; beyond the bound, those not seen for longest make room."""
        after = dict(watches)
        for subject in sorted(seen):
            known = after.get(subject)
            if known is not None:
                after[subject] = Watch(end_ms, known.silence, known.rate, known.episode)
            elif subject.startswith(SOURCE_PREFIX):
                after[subject] = Watch(end_ms, silence=self._silence.initial())
            else:
                after[subject] = Watch(end_ms, rate=self._shift.initial())
        excess = len(after) - self._settings.max_series
        if excess > 0:
            # An open alert outlives the bound, or nobody would hear that it is over.
            idle = [k for k, w in after.items() if w.episode is None and k != ALL_EVENTS]
            # Many made-up event names must not push out a source.
            idle.sort(key=lambda k: (k.startswith(SOURCE_PREFIX), after[k].last_seen_ms, k))
            for subject in idle[:excess]:
                del after[subject]
        return after


def _alert(
    workspace: str, subject: str, state: AlertState, episode: Episode, at_ms: int, reading: Reading, summary: str
) -> Alert:
    rule = AlertRule.SOURCE_SILENT if subject.startswith(SOURCE_PREFIX) else AlertRule.RATE_SHIFT
    return Alert(
        alert_id(workspace, rule, subject),
        workspace,
        rule.value,
        subject,
        state,
        episode.since_ms,
        at_ms,
        round(reading.value, 3),
        round(reading.expected_low, 3),
        round(reading.expected_high, 3),
        round(reading.score, 6),
        summary,
        episode.fired_ms > 0,
    )
