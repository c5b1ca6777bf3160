"""Writes each line of its standard input into a pipe as a message, with nothing but the Protobuf runtime.

    protoc --python_out=. -I proto proto/fifomq/v1/frame.proto
    PYTHONPATH=. /usr/bin/python3 frame_writer.py PIPE [TOPIC]

A frame is its length as a varint, then the serialized Frame: what Protobuf calls "delimited". Each goes out in one write of at
most 4096 bytes (PIPE_BUF), which the kernel never mixes with another writer's; a larger message goes as fragments.
"""
import os
import secrets
import sys

from fifomq.v1.frame_pb2 import Frame

SYNC = 0xC5FEF0F1
PIPE_BUF = 4096
FRAGMENT = 2900  # bytes of payload: leaves room for the other fields, and for a topic of 1 KiB


def delimited(frame):
    length, prefix = frame.ByteSize(), bytearray()
    while length > 0x7F:
        prefix.append(length & 0x7F | 0x80)
        length >>= 7
    prefix.append(length)
    return bytes(prefix) + frame.SerializeToString()


class FrameWriter:
    def __init__(self, path):
        self.pipe = os.open(path, os.O_WRONLY)  # waits until a reader is there
        self.writer = secrets.randbits(64) or 1
        self.stream = secrets.randbits(32)
        self.sequence = self.fragmented = 0

    def send(self, payload, topic=""):
        self.sequence += 1
        fields = {"topic": topic, "writer": self.writer, "sequence": self.sequence}
        whole = delimited(Frame(sync=SYNC, payload=payload, **fields))
        if len(whole) <= PIPE_BUF:
            os.write(self.pipe, whole)
            return
        self.fragmented += 1
        for offset in range(0, len(payload), FRAGMENT):
            os.write(self.pipe, delimited(Frame(
                sync=SYNC, payload=payload[offset:offset + FRAGMENT], offset=offset, total_size=len(payload),
                stream=self.stream, fragment_of=self.fragmented, **fields)))
            fields = {}  # they stand in the first fragment only


def main(path, topic=""):
    writer = FrameWriter(path)
    for line in sys.stdin.buffer:
        writer.send(line.rstrip(b"\n"), topic)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: frame_writer.py PIPE [TOPIC]")
    main(*sys.argv[1:])
