"""Prints each message that comes out of a pipe, with nothing but the Protobuf runtime, until the last writer has left.

    protoc --python_out=. -I proto proto/fifomq/v1/frame.proto
    PYTHONPATH=. /usr/bin/python3 frame_reader.py PIPE

Large messages come as fragments, those of several writers in between each other. What the library's reader does besides: it
checks the checksums (CRC-32C, which Python's own library does not have), and after damage finds the next whole frame.
"""
import fcntl
import sys

from fifomq.v1.frame_pb2 import Frame

SYNC = 0xC5FEF0F1
MOST = 64 << 20  # bytes, of a frame and of a message


def read_length(pipe):
    """None at the end of the stream."""
    length = shift = 0
    while byte := pipe.read(1):
        length |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return length
        shift += 7
    return None


def frames(pipe):
    while (length := read_length(pipe)) is not None:
        if length > MOST:
            sys.exit(f"frame_reader.py: {length} is no length of a frame; what is in the pipe are no frames")
        frame = Frame.FromString(pipe.read(length))
        if frame.sync != SYNC:
            sys.exit("frame_reader.py: a frame without sync; what is in the pipe are no frames")
        yield frame


def messages(pipe):
    """The first frame of each message, with the whole payload."""
    begun = {}  # first frame and payload so far, by stream and number
    for frame in frames(pipe):
        if frame.fragment_of == 0:
            yield frame, frame.payload
            continue
        key = frame.stream, frame.fragment_of
        first, payload = begun.pop(key, (frame, b""))
        if not frame.payload or frame.offset != len(payload) or frame.total_size > MOST:
            continue  # its sender has given it up, or we have not seen its beginning
        payload += frame.payload
        if len(payload) == frame.total_size:
            yield first, payload
        else:
            begun[key] = first, payload


def main(path):
    with open(path, "rb") as pipe:  # waits until a writer is there
        fcntl.flock(pipe, fcntl.LOCK_EX | fcntl.LOCK_NB)  # a pipe has one reader
        for frame, payload in messages(pipe):
            print(f"{frame.topic}: {payload.decode(errors='replace')}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: frame_reader.py PIPE")
    main(sys.argv[1])
