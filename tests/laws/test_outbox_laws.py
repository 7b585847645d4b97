"""Laws of moves on their way: whatever is sent again, each arrives once, in order, and no record of them is large."""

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.frames import decode
from streams.model.moves import Move, MoveKind
from streams.state.outbox import Outbox
from streams.state.record_sizes import PART_BYTES

batches = st.lists(
    st.tuples(st.lists(st.binary(max_size=4), min_size=1, max_size=4), st.lists(st.integers(0, 9), max_size=3)),
    max_size=8,
)


def move(body: bytes) -> Move:
    return Move(MoveKind.CLAIM, "default", "user:ada", "anon:b", 1, body)


@settings(deadline=None)
@given(script=batches)
def test_each_move_arrives_once_and_in_order_however_often_batches_are_sent(script):
    sender, receiver = Outbox(0, 1), Outbox(0, 1)
    put, taken, frames = [], [], []
    for bodies, again in script:
        moves = [move(body) for body in bodies]
        put += moves
        sender.put(moves)
        frames += [frame for _, frame in sender.take_frames(1)]
        for frame in [frames[-1], *(frames[number % len(frames)] for number in again)]:
            batch = decode(frame).moves
            assert batch is not None
            taken += receiver.accept(batch)
    assert taken == put


@settings(deadline=None)
@given(kib=st.lists(st.integers(0, 600), max_size=12))
def test_moves_are_cut_into_frames_that_a_log_takes_and_arrive_all_the_same(kib):
    sender, receiver = Outbox(0, 1), Outbox(0, 1)
    moves = [move(bytes(size << 10)) for size in kib]
    sender.put(moves)
    frames = [frame for _, frame in sender.take_frames(1)]
    assert all(len(frame) < PART_BYTES + 65_536 for frame in frames)
    assert [m for frame in frames for m in receiver.accept(decode(frame).moves)] == moves
