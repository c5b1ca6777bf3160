#!/usr/bin/python3 -B
"""The receiving end of `zmq+reliable:` with nothing of fifomq but its .proto files.

    protoc --python_out=. -I proto proto/fifomq/v1/frame.proto proto/fifomq/v1/reliable.proto
    reliable_receiver.py ENDPOINT FILE      binds ENDPOINT, such as ipc://socket or tcp://127.0.0.1:5555

Appends each message to FILE as a line, `WRITER SEQUENCE PAYLOAD`, and commits it when the line has been written. It
may be killed at any instant: what it had not committed comes again to the next one, so a line may stand there twice,
and none is missing. transport/plugins/zmq/RELIABLE.md is the protocol, section by section as below.
"""
import sys

import zmq

from fifomq.v1.frame_pb2 import Frame
from fifomq.v1.reliable_pb2 import Reliable

VERSION = 1
CREDIT = 16 << 20  # bytes that a sender may have on the way


class Stream:
    """One sender's run of messages."""

    def __init__(self, first):
        self.epoch = 0
        self.next = first           # the message that is taken next
        self.committed = first - 1  # all up to it
        self.asked_for = 0          # NACK was said for it


def frames(body):
    """What stands in the second part of DATA: frames, each behind its length as a varint."""
    at = 0
    while at < len(body):
        size = shift = 0
        while True:
            digit = body[at]
            at += 1
            size |= (digit & 127) << shift
            shift += 7
            if digit < 128:
                break
        yield Frame.FromString(body[at:at + size])
        at += size


def unknown(said):
    return Reliable(kind=Reliable.NACK, stream=said.stream, epoch=said.epoch)


class Receiver:
    def __init__(self, take):
        self.streams, self.take = {}, take

    def hear(self, said, body):
        """The answer to one message of a sender, or None."""
        stream = self.streams.get(said.stream)
        if said.kind == Reliable.HELLO:
            return self.hello(said, stream)
        if said.kind == Reliable.DATA:
            return self.data(said, stream, body) if stream else unknown(said)
        if said.kind == Reliable.PING:
            return self.ping(said, stream)
        if said.kind == Reliable.GAP and stream and said.epoch == stream.epoch:
            self.skip(stream, said.sequence)
        return None  # other kinds are ignored

    def hello(self, said, stream):
        if said.version != VERSION:
            return Reliable(kind=Reliable.REFUSED, stream=said.stream, epoch=said.epoch, version=VERSION,
                            reason=f"the receiver speaks version {VERSION}, and the sender {said.version}")
        stream = self.streams.setdefault(said.stream, stream or Stream(said.sequence))
        if said.epoch < stream.epoch:
            return None
        stream.epoch = said.epoch
        self.skip(stream, said.sequence)
        return self.welcome(said.stream, stream)

    def ping(self, said, stream):
        if stream is None or said.epoch > stream.epoch:
            return unknown(said)
        if said.epoch < stream.epoch:
            return None
        return self.ask(said, stream) if said.sequence > stream.next else self.welcome(said.stream, stream)

    def welcome(self, number, stream):
        stream.asked_for = 0
        return Reliable(kind=Reliable.WELCOME, stream=number, epoch=stream.epoch, sequence=stream.committed,
                        next=stream.next, credit=CREDIT)

    def data(self, said, stream, body):
        if said.sequence > stream.next:
            return None if stream.asked_for == stream.next else self.ask(said, stream)
        for sequence, frame in enumerate(frames(body), said.sequence):
            if sequence < stream.next:
                continue  # it was had before
            self.take(frame)
            stream.next, stream.committed = sequence + 1, sequence
        return Reliable(kind=Reliable.ACK, stream=said.stream, sequence=stream.committed)

    def ask(self, said, stream):
        stream.asked_for = stream.next
        return Reliable(kind=Reliable.NACK, stream=said.stream, epoch=stream.epoch, next=stream.next)

    def skip(self, stream, first):
        """What comes before is settled: it is not waited for."""
        stream.next = max(stream.next, first)
        stream.committed = max(stream.committed, first - 1)


def main(endpoint, path):
    with open(path, "ab", buffering=0) as file, zmq.Context() as context, context.socket(zmq.ROUTER) as socket:
        def take(frame):
            file.write(b"%d %d %s\n" % (frame.writer, frame.sequence, frame.payload))

        socket.setsockopt(zmq.ROUTER_HANDOVER, 1)
        socket.bind(endpoint)
        receiver = Receiver(take)
        while True:
            route, header, *body = socket.recv_multipart()
            if answer := receiver.hear(Reliable.FromString(header), body[0] if body else b""):
                socket.send_multipart([route, answer.SerializeToString()])


if __name__ == "__main__":
    main(*sys.argv[1:])
