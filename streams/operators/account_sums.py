"""Sums over a company's members: the same for any order in which they came, to the last bit."""

from collections.abc import Mapping
from math import exp2, fsum
from typing import TypeAlias

from streams.model.identity import Member
from streams.model.scores import EPOCH_HALF_LIVES

Landmark: TypeAlias = tuple[int, int]
"""Half-life and epoch: what weights must share to be summed."""
_FINEST = 1074
"""Every float is a multiple of two to the power of minus this."""


def worth(landmark: Landmark, at_ms: int) -> float:
    """Return what a weight of 1 is worth at `at_ms`."""
    half_life_ms, epoch = landmark
    return exp2((epoch * EPOCH_HALF_LIVES * half_life_ms - at_ms) / half_life_ms) if half_life_ms else 0.0


def points_at(weights: Mapping[Landmark, float], fit: float, at_ms: int) -> float:
    """Return what sums of members' weights, and the sum of their fit, are together at `at_ms`."""
    return fsum((fit, *(weight * worth(landmark, at_ms) for landmark, weight in weights.items() if weight)))


class MemberSums:
    """The sums of one company: exact, so that they can follow its members one by one and are still those of all."""

    def __init__(self, members: Mapping[str, Member]) -> None:
        self.members = members
        self._fit = 0
        self._weights: dict[Landmark, int] = {}
        for member in members.values():
            self._add(member, 1)

    def points_at(self, at_ms: int) -> float:
        """Return the company's score."""
        return points_at({mark: _rounded(exact) for mark, exact in self._weights.items()}, _rounded(self._fit), at_ms)

    def follow(self, members: Mapping[str, Member], profile: str) -> None:
        """Take these as the members now; they differ in `profile` alone."""
        gone, come = self.members.get(profile), members.get(profile)
        if gone:
            self._add(gone, -1)
        if come:
            self._add(come, 1)
        self.members = members

    def _add(self, member: Member, sign: int) -> None:
        landmark = member.half_life_ms, member.epoch
        self._fit += sign * _exact(member.fit)
        self._weights[landmark] = self._weights.get(landmark, 0) + sign * _exact(member.total)


def _exact(number: float) -> int:
    numerator, denominator = number.as_integer_ratio()
    return numerator << (_FINEST + 1 - denominator.bit_length())


def _rounded(exact: int) -> float:
    return exact / (1 << _FINEST)
