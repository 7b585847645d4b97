"""Token buckets by name: who may send how much, with the time as an argument."""

_PRUNE_AT = 10_000


class _Bucket:
    __slots__ = ("at_s", "tokens")

    def __init__(self, tokens: float, at_s: float) -> None:
        self.tokens = tokens
        self.at_s = at_s


class TokenBuckets:
    """In any `t` seconds a name gets through at most max(burst, its largest request) + rate * t.

    A request larger than the burst passes when the bucket is full, and is paid off before the next: it could never pass
    otherwise. What is owed comes on top, and is paid off likewise. Of more than 10,000 names those that were silent
    longest are forgotten, as if they were full.
    """

    def __init__(self) -> None:
        self._buckets: dict[str, _Bucket] = {}
        self._prune_at = _PRUNE_AT

    def take(self, name: str, cost: float, rate_per_s: float, burst: float, now_s: float) -> float:
        """Take `cost` and return 0; or take nothing and return in how many seconds it will be there."""
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._open(name, burst, now_s)
        elif now_s > bucket.at_s:
            bucket.tokens += (now_s - bucket.at_s) * rate_per_s
            bucket.at_s = now_s
        bucket.tokens = min(bucket.tokens, burst)
        needed = cost if cost < burst else burst  # noqa: FURB136  min() costs three times as much
        if bucket.tokens >= needed:
            bucket.tokens -= cost
            return 0.0
        return (needed - bucket.tokens) / rate_per_s

    def owe(self, name: str, cost: float) -> None:
        """Take `cost` of a name that was let through a moment ago, whether it is there or not."""
        bucket = self._buckets.get(name)
        if bucket is not None:
            bucket.tokens -= cost

    def __len__(self) -> int:
        return len(self._buckets)

    def _open(self, name: str, burst: float, now_s: float) -> _Bucket:
        if len(self._buckets) >= self._prune_at:
            # Sources are few; only their coming and going could fill this.
            oldest = sorted(self._buckets, key=lambda known: self._buckets[known].at_s)
            for known in oldest[: len(oldest) // 2]:
                del self._buckets[known]
        made = self._buckets[name] = _Bucket(burst, now_s)
        return made
