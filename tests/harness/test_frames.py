"""The framed protocol survives any cutting of the stream, and notices what is no frame."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.guest import frames

KINDS = st.sampled_from([frames.RUN, frames.STDIN, frames.STOP, frames.READY, frames.STOPPED])


@given(
    st.lists(st.tuples(KINDS, st.binary(max_size=300)), max_size=8),
    st.lists(st.integers(min_value=1, max_value=200), min_size=1, max_size=8),
)
def test_frames_arrive_whole_however_the_stream_is_cut(
    sent: list[tuple[int, bytes]], sizes: list[int]
) -> None:
    stream = b"".join(frames.frame(kind, payload) for kind, payload in sent)
    decoder = frames.Decoder()
    received: list[tuple[int, bytes]] = []
    turn = 0
    while stream:
        size = sizes[turn % len(sizes)]
        received += decoder.feed(stream[:size])
        stream = stream[size:]
        turn += 1
    assert received == sent


@pytest.mark.parametrize("stream", [b"\0\0\0\0\0", b"login: ", bytes((frames.RUN,)) + b"\xff" * 4])
def test_what_is_no_frame_is_noticed(stream: bytes) -> None:
    with pytest.raises(frames.FrameError):
        list(frames.Decoder().feed(stream))


def test_structured_payloads_keep_their_value() -> None:
    value = ([b"echo", b"\xff"], {b"A": b"1"}, b"/tmp", 0o22, None)
    ((kind, payload),) = frames.Decoder().feed(frames.pack(frames.RUN, value))
    assert kind == frames.RUN
    assert frames.unpack(payload) == value
