"""The frame codec: round trips, and every way in which bytes can be no frame."""

from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.frames import FrameKind, decode, encode_events, encode_rollups, encode_tick, join_events, pack_event
from streams.model.errors import FrameError
from streams.model.events import Event, ProfileKeys
from streams.model.rollups import Rollup, RollupBatch, Series
from tests.strategies import START_MS, events

FRAME = encode_tick(START_MS)
HEAD_BYTES, BODY_AT = 16, 20


@given(batch=st.lists(events(START_MS), max_size=5))
def test_events_come_back_as_they_went_in(batch):
    frame = decode(encode_events(batch, START_MS))
    assert (frame.kind, frame.clock_ms, frame.events) == (FrameKind.EVENTS, START_MS, batch)


@given(batch=st.lists(events(START_MS), max_size=20))
def test_events_packed_one_by_one_make_the_same_frame(batch):
    assert join_events([pack_event(event) for event in batch], START_MS) == encode_events(batch, START_MS)


@pytest.mark.parametrize("count", [15, 16, 65_535, 65_536])
def test_frames_of_any_length_may_be_joined(count):
    event = Event("e1", "w", "s", "user:1", "signed_up", 1, 1, ProfileKeys("1"))
    assert decode(join_events([pack_event(event)] * count, START_MS)).events == [event] * count


def test_rollups_come_back_as_they_went_in():
    batch = RollupBatch(1, START_MS, (Rollup(Series("w", "e", "c", "s"), START_MS, 1, 0, 7, 2.5),))
    assert decode(encode_rollups(batch)).rollups == batch


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "truncated"),
        (b"CQ", "truncated"),
        (b"XX" + FRAME[2:], "not a frame"),
        (b"CQ\x09" + FRAME[3:], "version 9 is not known"),
        (FRAME[:3] + b"\x7f" + FRAME[4:], "checksum"),
        (FRAME[:-1], "checksum"),
        (FRAME + b"x", "checksum"),
    ],
)
def test_what_is_no_frame_is_refused_with_the_reason(data, reason):
    with pytest.raises(FrameError, match=reason):
        decode(data)


@given(at=st.integers(0, 200), bit=st.integers(0, 7), batch=st.lists(events(START_MS), min_size=1, max_size=2))
def test_a_flipped_bit_never_passes(at, bit, batch):
    data = bytearray(encode_events(batch, START_MS))
    data[at % len(data)] ^= 1 << bit
    with pytest.raises(FrameError):
        decode(bytes(data))


def test_a_text_that_is_no_utf_8_is_refused_though_its_checksum_is_right():
    frame = encode_events([Event("e1", "w", "s", "user:1", "signed_up", 1, 1, ProfileKeys("1"))], START_MS)
    head, body = frame[:HEAD_BYTES], frame[BODY_AT:].replace(b"signed_up", b"\xff\xfe\xfdned_up")
    with pytest.raises(FrameError, match="does not decode"):
        decode(head + crc32(body, crc32(head)).to_bytes(4, "big") + body)


@given(data=st.binary(max_size=300))
def test_arbitrary_bytes_raise_nothing_but_a_frame_error(data):
    with pytest.raises(FrameError):
        decode(data)
