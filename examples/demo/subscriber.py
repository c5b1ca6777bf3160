"""Subscribes to the bridges, shows what comes, and at the end holds it against what the writers have sent.

    /usr/bin/python3 subscriber.py zmq-address...

On standard input comes one line of JSON when the writers have ended: what each has sent, by the first part
of its topic, such as {"host": {"sent": 360}, "log": {"sent": 1200, "sha256": "..."}}. Exit status 0 means
that every writer's messages arrived: all, once, in order.
"""
import collections
import hashlib
import json
import os
import shutil
import sys
import time

import zmq
from google.protobuf import message_factory, symbol_database

import reading_pb2  # noqa: F401  registers the types of reading.proto
from fifomq.v1 import frame_pb2

SHOW_INTERVAL = 0.25  # seconds, on a terminal
PRINT_INTERVAL = 1.0  # seconds, elsewhere
PATIENCE = 5.0        # seconds without a message, while some are still missing
MIB = 1 << 20
GIB = 1 << 30


class Writer:
    """What has come from one writer. Its size does not depend on how much has come."""

    def __init__(self):
        self.received = 0
        self.ids = set()
        self.last = 0     # the highest sequence number so far
        self.skipped = 0  # numbers below it that did not come in their turn
        self.behind = 0   # messages that came late or twice
        self.digest = hashlib.sha256()
        self.delays = collections.deque(maxlen=1000)  # seconds from writer to here, since last shown

    def take(self, frame):
        self.received += 1
        self.digest.update(frame.payload + b"\n")
        if frame.sent_unix_nanos:
            self.delays.append((time.time_ns() - frame.sent_unix_nanos) / 1e9)
        if not frame.writer:  # a line of a log bears no number
            return
        self.ids.add(frame.writer)
        if frame.sequence <= self.last:
            self.behind += 1
        else:
            self.skipped += frame.sequence - self.last - 1
            self.last = frame.sequence

    def complaints(self, report):
        """What is wrong, compared with what the writer says it has sent; nothing if all is well."""
        sent = report["sent"]
        found = []
        if sent == 0:
            found.append("it has sent nothing")
        if self.received != sent:
            found.append(f"{sent} sent, {self.received} received")
        if "sha256" in report:
            if self.digest.hexdigest() != report["sha256"]:
                found.append("the lines are not those that were sent, or not in that order")
            return found
        if len(self.ids) > 1:
            found.append(f"{len(self.ids)} writer ids under one name")
        if self.skipped:
            found.append(f"{self.skipped} numbers were skipped")
        if self.behind:
            found.append(f"{self.behind} came late or twice")
        if self.last != sent:
            found.append(f"the last number was {self.last}")
        return found


class View:
    """The latest of everything: a block that is redrawn on a terminal, one line a second elsewhere."""

    def __init__(self):
        self.started = time.monotonic()
        self.shown = 0.0
        self.lines_on_screen = 0
        self.latest = {}
        self.terminal = sys.stdout.isatty()

    def take(self, topic, frame):
        if frame.type:
            self.latest[topic] = describe(decode(frame))
        else:
            text = frame.payload.decode("utf-8", "replace").splitlines()
            self.latest[topic] = printable(text[0]) if text else ""

    def wait_left(self):
        interval = SHOW_INTERVAL if self.terminal else PRINT_INTERVAL
        return max(0.0, self.shown + interval - time.monotonic())

    def show(self, writers):
        self.shown = time.monotonic()
        elapsed = self.shown - self.started
        if self.terminal:
            self.redraw(elapsed, writers)
            return
        counts = "  ".join(f"{name} {writer.received}" for name, writer in sorted(writers.items()))
        readings = " | ".join(text for topic, text in sorted(self.latest.items()) if topic.startswith("host/"))
        print(f"{elapsed:5.1f} s  received: {counts or 'nothing yet'}  | {readings}", flush=True)

    def redraw(self, elapsed, writers):
        lines = [f"{elapsed:.1f} s, received:"]
        for name, writer in sorted(writers.items()):
            lines.append(f"  {name:<8}{writer.received:>8} messages{delay(writer)}")
        lines += [f"  {topic:<16}{text}" for topic, text in sorted(self.latest.items())]
        columns, rows = shutil.get_terminal_size()
        lines = [line[:columns - 1] for line in lines[:rows - 1]]
        back = f"\x1b[{self.lines_on_screen}A" if self.lines_on_screen else ""
        sys.stdout.write(back + "".join(f"{line}\x1b[K\n" for line in lines))
        sys.stdout.flush()
        self.lines_on_screen = len(lines)


def delay(writer):
    if not writer.delays:
        return ""
    middle = sorted(writer.delays)[len(writer.delays) // 2]
    writer.delays.clear()
    return f", {1000 * middle:.1f} ms on the way"


def printable(text):
    """A log line may hold what would upset a terminal."""
    return "".join(character if character.isprintable() else " " for character in text)


def decode(frame):
    """The payload as the Protobuf message that the frame's type names."""
    descriptor = symbol_database.Default().pool.FindMessageTypeByName(frame.type)
    message = message_factory.MessageFactory().GetPrototype(descriptor)()
    message.ParseFromString(frame.payload)
    return message


def describe(reading):
    name = reading.DESCRIPTOR.name
    if name == "CpuReading":
        return f"cpu {reading.busy_percent:.0f} % of {reading.processors}"
    if name == "MemoryReading":
        used = reading.total_bytes - reading.available_bytes
        return f"memory {used / GIB:.2f} of {reading.total_bytes / GIB:.2f} GiB"
    return (f"{printable(reading.device)} reads {reading.read_bytes_per_second / MIB:.1f}, "
            f"writes {reading.written_bytes_per_second / MIB:.1f} MiB/s")


def connect(addresses):
    socket = zmq.Context.instance().socket(zmq.SUB)
    socket.rcvhwm = 0
    socket.linger = 0
    socket.subscribe(b"")
    for address in addresses:
        socket.connect(address)
    return socket


def take_all(socket, writers, view):
    """Takes what is there, at most a screenful at once, and returns how many messages that was."""
    for taken in range(1000):
        try:
            topic, body = socket.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            return taken
        topic = topic.decode()
        frame = frame_pb2.Frame.FromString(body)
        writers.setdefault(topic.split("/")[0], Writer()).take(frame)
        view.take(topic, frame)
    return 1000


def receive(socket, writers):
    """Returns what the writers say they have sent, once as much has come or nothing comes any more."""
    view = View()
    reports = None
    last_message = time.monotonic()
    poller = zmq.Poller()
    poller.register(socket, zmq.POLLIN)
    poller.register(sys.stdin.fileno(), zmq.POLLIN)
    while True:
        ready = dict(poller.poll(1000 * view.wait_left()))
        if socket in ready and take_all(socket, writers, view):
            last_message = time.monotonic()
        if sys.stdin.fileno() in ready:
            poller.unregister(sys.stdin.fileno())
            line = sys.stdin.readline()
            if not line:
                sys.exit("subscriber.py: nobody says what was sent")
            reports = json.loads(line)
            last_message = time.monotonic()
        if view.wait_left() == 0:
            view.show(writers)
        if reports is None:
            continue
        missing = sum(report["sent"] for report in reports.values()) - sum(w.received for w in writers.values())
        # What comes beyond the sum, such as a message that came twice, has had its time by then.
        quiet = time.monotonic() - last_message
        if quiet > PATIENCE or (missing <= 0 and quiet > PRINT_INTERVAL):
            if view.terminal:
                view.show(writers)
            return reports


def summarize(reports, writers):
    """Prints the summary and returns whether every writer's messages arrived."""
    good = True
    print(f"\n{'writer':<10}{'sent':>10}{'received':>10}")
    for name in sorted(set(reports) | set(writers)):
        writer = writers.get(name, Writer())
        report = reports.get(name, {"sent": 0})
        complaints = writer.complaints(report)
        good = good and not complaints
        verdict = "; ".join(complaints) or "all, once, in order"
        print(f"{name:<10}{report['sent']:>10}{writer.received:>10}   {verdict}")
    print("sent = received, for every writer" if good else "NOT everything that was sent was received as it was sent")
    return good


def main(addresses):
    socket = connect(addresses)
    writers = {}
    reports = receive(socket, writers)
    good = summarize(reports, writers)
    sys.stdout.flush()
    return 0 if good else 1


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: subscriber.py ZMQ-ADDRESS...")
    try:
        sys.exit(main(sys.argv[1:]))
    except BrokenPipeError:  # whoever read our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
