"""AlertBoard: the alerts of late, as the alerts topic tells them. Rebuilt from the topic at each start."""

from collections import OrderedDict
from typing import NamedTuple

from streams.model.alerts import Alert, AlertState

MAX_EPISODES = 1_000
_FORGET_PENDING_MS = 900_000


class Episode(NamedTuple):
    """One time that an alert was raised; the same alert may be raised again later."""

    alert_id: str
    since_ms: int


class AlertBoard:
    """Keeps the newest state of each episode, bounded per workspace."""

    def __init__(self, max_episodes: int = MAX_EPISODES) -> None:
        self._max = max_episodes
        self._episodes: dict[str, OrderedDict[Episode, Alert]] = {}

    def put(self, alert: Alert) -> bool:
        """Note the alert; False when it says nothing new."""
        board = self._episodes.setdefault(alert.workspace, OrderedDict())
        key = Episode(alert.id, alert.since_ms)
        known = board.get(key)
        if known is not None and (known == alert or known.at_ms > alert.at_ms):
            return False
        board[key] = alert
        board.move_to_end(key)
        while len(board) > self._max:
            board.popitem(last=False)
        return True

    def list(self, workspace: str, now_ms: int, state: AlertState | None = None) -> list[Alert]:
        """Return episodes, newest first, without pending ones not heard of lately: they may have ended unannounced."""
        board = self._episodes.get(workspace, OrderedDict())
        found = [
            a
            for a in board.values()
            if (state is None or a.state == state)
            and not (a.state == AlertState.PENDING and a.at_ms < now_ms - _FORGET_PENDING_MS)
        ]
        return sorted(found, key=lambda a: (a.at_ms, a.since_ms), reverse=True)
