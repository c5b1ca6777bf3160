"""Writes frames into a pipe with nothing but the Protobuf runtime: what a writer in any language does.

    protoc --python_out=. -I proto proto/fifomq/v1/frame.proto
    PYTHONPATH=. /usr/bin/python3 python_writer.py /run/app/in

A frame on the pipe is its length as a varint, then the serialized Frame: what Protobuf calls "delimited".
`sync` is the one field that must be set. The writer id and the sequence are for whoever wants to see that
nothing is missing.

The frames here go out in one write each and are no longer than 4096 bytes (PIPE_BUF): such a write is atomic,
so any number of writers may share the pipe. A larger frame is for a writer that is alone on its pipe.
"""
import os
import secrets
import signal
import sys
import time

from fifomq.v1 import frame_pb2

SYNC = 0xC5FEF0F1
MOST_IN_ONE_WRITE = 4096
INTERVAL = 0.05  # seconds
STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT}


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


class FrameWriter:
    def __init__(self, path):
        self.pipe = os.open(path, os.O_WRONLY)  # waits until a reader is there
        self.writer = secrets.randbits(64) or 1
        self.sent = 0

    def write(self, topic, payload):
        frame = frame_pb2.Frame(sync=SYNC, writer=self.writer, sequence=self.sent + 1, topic=topic,
                                sent_unix_nanos=time.time_ns(), payload=payload)
        body = frame.SerializeToString()
        delimited = varint(len(body)) + body
        if len(delimited) > MOST_IN_ONE_WRITE:
            raise ValueError(f"a frame of {len(delimited)} bytes would not go into a shared pipe in one piece")
        os.write(self.pipe, delimited)
        self.sent += 1


def read_text(path):
    with open(path, "rb") as file:
        return file.read()


def main(path):
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)  # they are taken between two frames, below
    writer = FrameWriter(path)
    while signal.sigtimedwait(STOP_SIGNALS, INTERVAL) is None:
        writer.write("python/loadavg", read_text("/proc/loadavg").strip())
        if writer.sent == 1:
            print("started", flush=True)
        writer.write("python/meminfo", read_text("/proc/meminfo"))
    print("sent", writer.sent)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python_writer.py PIPE")
    main(sys.argv[1])
