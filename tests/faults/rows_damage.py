"""Rows 14, 15, 21, 24, 26: a stream that is damaged, or was never right."""
import bisect
import os
import re
import signal
import struct
import subprocess

import harness
import history
from rows_writers import Pipeline, last_word
from trial import counters_in, helper, memory_peak, row


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out) + bytes([number])


def spans_of(stream):
    """Where the frames of a sound stream stand, and of which of one writer's messages each is a part:
    (start, end, number)."""
    spans, start, number, message = [], 0, 0, None
    while start < len(stream):
        size = shift = 0
        at = start
        while True:
            size |= (stream[at] & 0x7F) << shift
            shift, at = shift + 7, at + 1
            if not stream[at - 1] & 0x80:
                break
        frame = harness.frame_class().FromString(stream[at:at + size])
        if frame.fragment_of == 0 or frame.fragment_of != message:
            number = frame.sequence
        message = frame.fragment_of or None
        spans.append((start, at + size, number))
        start = at + size
    return spans


def recorded_stream(trial, count, least, most):
    """What a library writer writes: messages 1 ... count of writer 1."""
    fifo, file = trial.new_fifo(), trial.new_file("stream")
    with open(file, "wb") as stream:
        reader = trial.start("cat", fifo, stdout=stream)
        client = trial.client(f"fifo:{fifo}")
        trial.assertEqual(client.ask("flood", 1, 1, count, least, most, -1, trial.seed()),
                          f"accepted {count} refused")
        client.end()
        trial.assert_ends(reader, 0)
    return file.read_bytes()


def feed(trial, pipeline, data):
    writer = trial._open_writer(pipeline.fifo)
    trial.write_all(writer, data)
    os.close(writer)


def check_hit(trial, pipeline, came_in, spans, hit, garbage):
    """All that was not hit came, nothing that was, and the ledger has both to the byte."""
    total = spans[-1][2]
    sent = {1: history.Sent(total, total, frozenset(hit)), 0: history.Sent(1, 1)}
    got = pipeline.receiver.check(sent)
    history.check_nothing_lost(got, sent)
    trial.assertEqual(came_in["sequence_gaps"], len(hit))
    lost = sum(end - start for start, end, number in spans if number in hit)
    trial.assertEqual(came_in["bytes_skipped"], lost + garbage)


@row(14, "a bit flipped in each million bytes; 1 MiB of garbage", seconds=15)
def damage(trial):
    flips = hit_messages = 0
    for least, most, count in ((16, 3000, trial.amount(12_000)), (16, 200_000, trial.amount(1_000))):
        stream = bytearray(recorded_stream(trial, count, least, most))
        spans = spans_of(bytes(stream))
        starts = [start for start, _, _ in spans]
        hit = set()
        for _ in range(len(stream) // 1_000_000 + 4):
            place = trial.random.randrange(len(stream))
            number = spans[bisect.bisect(starts, place) - 1][2]
            # The first message and the last stay, so that what is missing lies between.
            if number not in (1, count):
                stream[place] ^= 1 << trial.random.randrange(8)
                hit.add(number)
                flips += 1
        pipeline = Pipeline(trial)
        with trial.attempt(len(hit)):
            feed(trial, pipeline, stream)
            last_word(trial, pipeline, 0)
            check_hit(trial, pipeline, pipeline.settle(), spans, hit, 0)
        hit_messages += len(hit)
    garbage = put_garbage_between(trial)
    return f"{flips} flips hit {hit_messages} messages, and these were lost; {garbage} MiB of garbage: none"


def put_garbage_between(trial):
    count, places = 2000, trial.amount(8, 80)
    stream = recorded_stream(trial, count, 16, 20_000)
    spans = spans_of(stream)
    pipeline, at = Pipeline(trial), 0
    with trial.attempt(places):
        writer = trial._open_writer(pipeline.fifo)
        for start in sorted(trial.random.sample([span[0] for span in spans[1:]], places)):
            trial.write_all(writer, stream[at:start])
            trial.write_all(writer, trial.random.randbytes(harness.MIB))
            at = start
        trial.write_all(writer, stream[at:])
        os.close(writer)
        last_word(trial, pipeline, 0)
        came_in = pipeline.settle()
        trial.assertEqual(came_in["bytes_skipped"], places * harness.MIB)
        sent = {1: history.Sent(count, count), 0: history.Sent(1, 1)}
        history.check_nothing_lost(pipeline.receiver.check(sent), sent)
    return places


# 5 is the truth, where nothing but sync follows.
LIES = (0, 1, 4, 6, 64 << 20, (64 << 20) + 4096, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32,
        (1 << 63) - 1, 1 << 63, (1 << 64) - 1)


def good_frame(number):
    return harness.checked_frame(history.payload(1, number, 500), writer=1, sequence=number)


@row(15, "lengths that lie: nothing is allocated, the next is found", seconds=15)
def lying_lengths(trial):
    sync = struct.pack("<BI", 0x0D, harness.SYNC)
    liars = [varint(lie) + tail for lie in LIES for tail in (b"", sync, sync + b"\x15abcd", sync + b"\x7a")]
    liars += [varint(100) + sync + b"\x7a" + varint(lie) for lie in LIES]
    liars += [b"\xff" * 10 + b"\x7f", b"\x80" * 200, b"\x80" * 9 + b"\x02"]
    pipeline = Pipeline(trial, "?frame_timeout=200ms")
    feed(trial, pipeline, good_frame(1))
    pipeline.receiver.wait_for(1)
    before, number = memory_peak(pipeline.bridge.pid), 1
    for liar in liars:
        with trial.attempt():
            feed(trial, pipeline, liar + good_frame(number + 1))
            number += 1
            pipeline.receiver.wait_for(number)
    grown = memory_peak(pipeline.bridge.pid) - before
    trial.assertLess(grown, 8 * harness.MIB)
    came_in = pipeline.settle()
    history.check_nothing_lost(pipeline.receiver.check({1: history.Sent(number, number)}),
                               {1: history.Sent(number, number)})
    trial.assertGreater(came_in["bytes_skipped"], 0)
    worst = claims_of_fragments(trial)
    for framing in ("u16be", "u32be", "u32le", "varint"):
        lies_in_foreign_framing(trial, framing)
    return f"memory grew by {grown >> 10} KiB; with fragments to {worst >> 20} MiB of 16"


def claims_of_fragments(trial):
    """1,000 messages that say they will be 64 MiB, and have begun: their bytes are there, no more."""
    count, piece = trial.amount(1000), b"f" * 3900
    limit = 16 * harness.MIB
    pipeline = Pipeline(trial, "?reassembly_memory=16MiB")
    feed(trial, pipeline, good_frame(1))
    pipeline.receiver.wait_for(1)
    before = memory_peak(pipeline.bridge.pid)
    writer = trial._open_writer(pipeline.fifo)
    frames = []
    for stream in range(1, count + 1):
        fields = dict(stream=stream, fragment_of=1, total_size=64 << 20)
        frames.append(harness.foreign_frame(piece, offset=0, **fields))
        frames.append(harness.foreign_frame(piece, offset=len(piece), **fields))
    with trial.attempt(count):
        trial.write_all(writer, b"".join(frames) + good_frame(2))
        pipeline.receiver.wait_for(2)
        grown = memory_peak(pipeline.bridge.pid) - before
        trial.assertLess(grown, limit + 8 * harness.MIB)
        os.close(writer)
        came_in = pipeline.settle()
        trial.assertEqual(came_in["messages_received"], count + 2)
    return grown


def lies_in_foreign_framing(trial, framing):
    """There is nothing to find the next message by; but the memory stays, and when the liar has left
    the next writer is heard."""
    pack = {"u16be": lambda size: struct.pack(">H", size & 0xFFFF), "varint": varint,
            "u32be": lambda size: struct.pack(">I", size & 0xFFFFFFFF),
            "u32le": lambda size: struct.pack("<I", size & 0xFFFFFFFF)}[framing]
    fifo = trial.new_fifo()
    reader = trial.fifomq("recv", f"fifo:{fifo}?framing={framing}&max_message=32KiB")
    trial.write(pack(5) + b"first", fifo)
    reader.wait_for("first\n", "stdout")
    at_rest, heard = descriptors_of(reader, fifo), 0
    for lie in LIES:
        with trial.attempt():
            trial.write(pack(lie) + b"x" * 10, fifo)
            # Not before the reader has seen the liar leave; then this one's message is its own.
            harness.wait_until(lambda: has_seen_it_leave(trial, reader, fifo, at_rest),
                               "the liar is forgotten")
            text = b"heard %d" % heard
            heard += 1
            trial.write(pack(len(text)) + text, fifo)
            reader.wait_for(text.decode() + "\n", "stdout")
    trial.assertLess(memory_peak(reader.pid), 64 * harness.MIB)


def has_seen_it_leave(trial, reader, fifo, at_rest):
    """It has taken all that was there, sleeps, and holds the pipe itself again, which it lets go while
    something is half done."""
    def sleeps():
        state = open(f"/proc/{reader.pid}/stat").read().rpartition(")")[2].split()[0]
        return state == "S" and descriptors_of(reader, fifo) == at_rest

    return sleeps() and trial.backlog(fifo) == 0 and sleeps()


def descriptors_of(program, fifo):
    folder = f"/proc/{program.pid}/fd"
    return sum(os.path.realpath(f"{folder}/{fd}") == str(fifo) for fd in os.listdir(folder))


@row(21, "someone else reads from the pipe (head -c 5000)", seconds=6)
def thief(trial):
    stolen, gaps = 0, {True: 0, False: 0}
    for turn in range(trial.amount(10)):
        # A bridge to what keeps messages leaves them in the pipe until they are there: what is stolen
        # meanwhile has been read, or else as much of what follows is taken for it.
        keeps = turn % 2 == 0
        address = trial.ipc(f"out{turn}")
        out = None if keeps else (f"zmq+push:{address}", f"zmq+pull:@{address}")
        pipeline = Pipeline(trial, out=out)
        client = trial.client(f"fifo:{pipeline.fifo}?coalesce=no")
        sizes = (16, trial.random.choice((2000, 6000, 100_000)))
        # What is missing before a writer's first message may have gone to an earlier reader.
        trial.assertEqual(client.send(1, 1, 16, -1), "sent")
        pipeline.receiver.wait_for(1)
        with trial.attempt():
            client.tell("flood", 1, 2, 1 << 30, *sizes, -1, trial.seed())
            took = subprocess.run(["head", "-c", "5000", pipeline.fifo], stdout=subprocess.PIPE,
                                  timeout=harness.TIMEOUT, check=True).stdout
            # Bytes of a message that its writer does not finish are missing to nobody.
            pipeline.receiver.wait_for(pipeline.receiver.count() + 2)
            client.process.send_signal(signal.SIGTERM)
            last = int(re.fullmatch(r"accepted (\d+) refused", client.answer())[1]) + 1
            last = send_until_one_arrives(trial, client, pipeline, last)
            client.end()
            came_in = pipeline.settle()
            got = pipeline.receiver.check({1: history.Sent(last, 0)})[1]
            trial.assertEqual(came_in.get("sequence_gaps", 0), got.missing)
            trial.assertRegex(pipeline.bridge.err, r"warning: .*(another|other|second) (reader|process)|somebody else")
            if not keeps:
                trial.assertGreater(got.missing, 0, f"{len(took)} bytes were taken")
        stolen += len(took)
        gaps[keeps] += got.missing
    return f"{stolen} bytes stolen, {gaps[False]} messages lost, and {gaps[True]} where they are kept, each counted"


def send_until_one_arrives(trial, client, pipeline, last):
    """As long as nothing else is in the pipe, the first ones may be taken for what was stolen."""
    for number in range(last + 1, last + 10):
        trial.assertEqual(client.send(1, number, 16, -1), "sent")
        try:
            harness.wait_until(lambda: last_number(pipeline) == number, f"message {number}", timeout=3)
            return number
        except AssertionError:
            continue
    raise AssertionError(f"none of 9 messages behind {last} arrives")


def last_number(pipeline):
    numbers = [arrival.number for arrival in history.latest_arrivals(pipeline.receiver.arrivals)]
    return numbers[-1] if numbers else 0


@row(24, "every split point, pieces of every size", seconds=20)
def splits(trial):
    file = trial.new_file("stream")
    sound = recorded_stream(trial, 12, 16, 9000)
    torn = harness.checked_frame(b"torn" * 100)[:150]
    parts = [sound, harness.foreign_frame(b"unchecked"), b"garbage", harness.checked_frame(b"checked" * 70),
             torn, harness.checked_frame(b"behind the torn one", topic="t", writer=5, sequence=1),
             harness.checked_frame(b"", topic="empty"),
             harness.checked_frame(b"a" * 4000, stream=9, fragment_of=1, total_size=9000),
             harness.checked_frame(b"", stream=9, fragment_of=1, total_size=9000),
             harness.checked_frame(b"whole", stream=9, fragment_of=2, total_size=5),
             harness.foreign_frame(harness.foreign_frame(b"inside")[:4] + b"no frame"),
             harness.checked_frame(b"last", writer=5, sequence=4)]
    file.write_bytes(b"".join(parts))
    most = trial.amount(4200, 20_000)
    # It opens a receiver for each way; without inotify, whose descriptor takes the kernel long to close.
    ran = trial.start(helper("without"), "ENOSYS", "inotify", helper("splitter"), trial.new_fifo(), file,
                      most)
    trial.assert_ends(ran, 0, 250)
    ways, counters = ran.out.decode().splitlines()
    pieces, places = map(int, re.findall(r"\d+", ways))
    with trial.attempt(pieces + places):
        trial.assertEqual(counters_in(counters)["messages_delivered"], 12 + 7)
    return f"{pieces} sizes of pieces, {places} split points, 19 messages each time"


@row(26, "over the limit from a foreign peer: that message alone", seconds=4)
def too_large_from_others(trial):
    limit = 64 << 10
    for checked in (True, False):
        make = harness.checked_frame if checked else harness.foreign_frame
        pipeline = Pipeline(trial, "?max_message=64KiB")
        sizes = [16, limit + 1, limit, 2 * limit, limit - 1, 20 * limit, 17]
        good = [number for number, size in enumerate(sizes, 1) if size <= limit]
        with trial.attempt(len(sizes)):
            writer = trial._open_writer(pipeline.fifo)
            for number, size in enumerate(sizes, 1):
                trial.write_all(writer, make(history.payload(1, number, size), writer=2, sequence=number))
            os.close(writer)
            pipeline.receiver.wait_for(len(good))
            came_in = pipeline.settle()
            sent = {1: history.Sent(len(sizes), len(sizes), frozenset(range(1, 8)) - set(good))}
            history.check_nothing_lost(pipeline.receiver.check(sent), sent)
            trial.assertEqual((came_in["too_large"], came_in["sequence_gaps"]), (3, 3))
    for framing, width in (("u16be", 2), ("u32be", 4), ("u32le", 4)):
        fifo = trial.new_fifo()
        reader = trial.fifomq("recv", f"fifo:{fifo}?framing={framing}&max_message=10KiB")
        order = "little" if framing == "u32le" else "big"
        with trial.attempt(3):
            trial.write(b"".join(len(data).to_bytes(width, order) + data
                                 for data in (b"one", b"x" * 20_000, b"y" * 10_240, b"two")), fifo)
            reader.wait_for("two\n", "stdout")
            trial.assertEqual([len(line) for line in reader.out.splitlines()], [3, 10_240, 3])
            reader.signal(15)
            reader.wait()
            trial.assertEqual(trial.ledger(reader, "from ")["too_large"], 1)
    return "frames with and without checksum, u16be, u32be, u32le"
