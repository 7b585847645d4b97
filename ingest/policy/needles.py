"""Where a pattern may be found, without compiling it: only in texts that hold one of a few literals, its needles."""

import re
from collections.abc import Iterator

Needles = frozenset[str]
"""In lower case; whatever text the pattern is found in has one of them, in whatever case. Empty: it may be anywhere."""

LEAST_CHARS = 2
_ANYWHERE: Needles = frozenset()
_PIECE = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?[ims]+\)|\(\?[ims]*:|\((?!\?)|(?:[*+?]|\{\d+(?:,\d*)?\})\??|[^\\\[({]",
    re.DOTALL,
)
_CLASSES_AND_EDGES = frozenset("dDwWsSbB")
# A needle that is in here would be in the agents of most browsers.
_USUAL = (
    "mozilla/5.0 (linux; android 10; k build/a) applewebkit/537.36 (khtml, like gecko) version/4.0 chrome/120.0.0.0 "
    "mobile safari/537.36 (windows nt 10.0; win64; x64) (macintosh; intel mac os x 10_15_7) "
    "(iphone; cpu iphone os 17_0 like mac os x)"
)


class _UnknownSyntaxError(Exception):
    """What is said of such a pattern would be a guess."""


def needles_of(pattern: str) -> Needles:
    """Return the pattern's needles, the rarest that are easily told."""
    pieces = _PIECE.findall(pattern)
    if "".join(pieces) != pattern:
        return _ANYWHERE
    try:
        return _Reader(iter(pieces)).branches(is_whole=True)
    except _UnknownSyntaxError:
        return _ANYWHERE


class _Reader:
    """Reads one group's inside, those of inner groups by others of its kind."""

    def __init__(self, pieces: Iterator[str]) -> None:
        self._pieces = pieces
        self._found: list[Needles] = []
        self._run = ""

    def branches(self, *, is_whole: bool = False) -> Needles:
        """Read up to the end of the group, or of the whole."""
        branches = []
        is_group = False  # what a quantifier would be about
        for piece in self._pieces:
            if piece == ")":
                if is_whole:
                    raise _UnknownSyntaxError
                break
            if piece[0] in "*+?{":
                self._quantify(piece[0] in "*?" or piece.startswith("{0"), is_group=is_group)
                is_group = False
                continue
            is_group = piece[0] == "(" and piece[-1] != ")"
            if is_group:
                self._end_run()
                self._found.append(_Reader(self._pieces).branches())
            elif piece == "|":
                branches.append(self._end_branch())
            else:
                self._read(_literal(piece))
        branches.append(self._end_branch())
        return _ANYWHERE.union(*branches) if all(branches) else _ANYWHERE

    def _read(self, char: str) -> None:
        if char:
            self._run += char
        else:
            self._end_run()

    def _quantify(self, may_be_missing: bool, *, is_group: bool) -> None:
        if may_be_missing and is_group:
            self._found.pop()
        elif may_be_missing:
            self._run = self._run[:-1]
        self._end_run()

    def _end_run(self) -> None:
        if len(self._run) >= LEAST_CHARS:
            self._found.append(frozenset((self._run,)))
        self._run = ""

    def _end_branch(self) -> Needles:
        self._end_run()
        best = max(self._found, key=_worth, default=_ANYWHERE)
        self._found = []
        return best


def _literal(piece: str) -> str:
    """Return the one character that the piece stands for, in lower case; "" for what stands for several or none."""
    if piece[0] == "\\":
        if piece[1].isalnum() and piece[1] not in _CLASSES_AND_EDGES:
            raise _UnknownSyntaxError
        return "" if piece[1].isalnum() else piece[1]
    if piece[0] == "[":
        return _only_one(piece[1:-1])
    is_plain = len(piece) == 1 and piece not in ".^$" and piece.isascii()
    return piece.lower() if is_plain else ""


def _only_one(inside: str) -> str:
    """Return the letter of a class that has one in both cases."""
    if "[" in inside.replace("\\[", ""):
        raise _UnknownSyntaxError
    chars = set(inside.lower())
    return chars.pop() if len(chars) == 1 and inside.isascii() and inside[0] != "^" else ""


def _worth(needles: Needles) -> tuple[bool, bool, int]:
    is_rare = not any(needle in _USUAL for needle in needles)
    return bool(needles), is_rare, min(map(len, needles), default=0)
