"""Rows 25 and 27-29: messages that are too large, exact in size, hostile, or from a later version."""
import importlib
import os
import struct
import subprocess
import sys

import harness
import history
from rows_damage import varint
from rows_writers import Pipeline
from trial import helper, memory_peak, row


@row(25, "over the limit at the sender: nothing leaves, it lives on")
def too_large(trial):
    for limit in (1000, 64 << 10, 64 << 20):
        fifo = trial.new_fifo()
        client = trial.client(f"fifo:{fifo}?coalesce=no&max_message={limit}B")
        holder = trial.hold(fifo)
        trial.assertEqual(client.send(1, 1, 500, 0), "sent")
        waiting = trial.backlog(fifo)
        for number, size in enumerate((limit + 1, limit + 4096, 2 * limit), 2):
            with trial.attempt():
                said = client.ask("send", 1, number, size, 0)
                trial.assertIn(f"message too large ({size} bytes, limit {limit})", said)
                trial.assertEqual(trial.backlog(fifo), waiting)
        receiver = trial.receiver(f"fifo:{fifo}?max_message={limit}B")
        # The number of the next one shows that none was used up.
        for number, size in ((5, 500), (6, limit)):
            trial.assertEqual(client.send(1, number, size, -1), "sent")
        client.end()
        receiver.wait_for(3)
        counters = receiver.finish()
        trial.assertNotIn("sequence_gaps", counters)
        receiver.check({1: history.Sent(6, 6, frozenset({2, 3, 4}))})
        os.write(holder, b"")
    return "limits of 1000 B, 64 KiB, 64 MiB"


def samples_class(trial):
    """The Python class of the typed messages that the C++ tests use."""
    folder = trial.folder / "generated"
    folder.mkdir()
    support = harness.SOURCE / "tests/support"
    subprocess.run(["protoc", f"--proto_path={support}", f"--python_out={folder}", "typed_sample.proto"],
                   check=True, timeout=harness.TIMEOUT)
    sys.path.insert(0, str(folder))
    return importlib.import_module("typed_sample_pb2").Sample


def field(number, wire_type, data):
    return varint(number << 3 | wire_type) + data


def block(number, data):
    return field(number, 2, varint(len(data)) + data)


def nested(depth):
    data = b""
    for _ in range(depth):
        data = block(9, data)
    return data


def hostile_payloads(sample):
    """(payload, type, the error's name)."""
    whole = sample(name="a name", words=["one", "two"], numbers=range(50)).SerializeToString()
    cases = [(whole[:cut], "", "undecodable") for cut in range(1, len(whole))
             if not decodes(sample, whole[:cut])]
    cases += [(nested(depth), "", "over_decode_limit") for depth in (101, 1000, 20_000)]
    # 2 bytes each on the wire, some hundred in memory.
    cases += [(block(10, b"") * 400_000, "", "over_decode_limit"),
              (block(11, b"") * 600_000, "", "over_decode_limit"),
              (block(19, block(2, b"")) * 300_000, "", "over_decode_limit")]
    cases += [(whole, "fifomq.test.v1.Other", "other_message_type"), (b"\xff" * 20, "", "undecodable"),
              (block(1, b"\xc3\x28"), "", "undecodable"), (field(1, 2, varint(1 << 31)), "", "undecodable"),
              (b"\x00", "", "undecodable"), (field(1, 7, b""), "", "undecodable")]
    return cases


def decodes(sample, data):
    try:
        sample.FromString(data)
    except Exception:  # Protobuf's own
        return False
    return True


@row(27, "truncated, deep, amplifying, wrong-typed Protobuf", seconds=8)
def hostile_protobuf(trial):
    sample = samples_class(trial)
    cases = hostile_payloads(sample)
    first, second = trial.new_fifo("in"), trial.new_fifo("out")
    limit = 32 << 20
    typed = trial.start(helper("typed"), f"fifo:{second}", 2 * len(cases), f"memory={limit}",
                        stdin=subprocess.PIPE)
    typed.wait_for("open\n", "stdout")
    before = memory_peak(typed.pid)
    bridge = trial.bridge(f"fifo:{first}", f"fifo:{second}")
    bridge_before = memory_peak(bridge.pid)
    writer = trial._open_writer(first)
    largest = 0
    for number, (payload, type_, name) in enumerate(cases):
        with trial.attempt():
            good = sample(name=f"good {number}").SerializeToString()
            trial.write_all(writer, harness.foreign_frame(payload, type=type_))
            trial.write_all(writer, harness.checked_frame(good))
            typed.wait_for(rf"received good {number}\n", "stdout")
            bad = typed.out.decode().splitlines()[1 + 2 * number]
            trial.assertRegex(bad, rf"^error .*\[{name}\]$", payload[:100])
            largest = max(largest, len(payload))
    os.close(writer)
    grown, of_bridge = memory_peak(typed.pid) - before, memory_peak(bridge.pid) - bridge_before
    # The payload itself, a few times over, and what decoding may take.
    trial.assertLess(grown, limit + 6 * largest + (4 << 20))
    trial.assertLess(of_bridge, 6 * largest + (4 << 20))
    typed.stdin.close()
    trial.assert_ends(typed, 0)
    came_in = trial.stop_bridge(bridge)
    trial.assertEqual(came_in["messages_delivered"], 2 * len(cases))
    return (f"{largest >> 10} KiB hostile; memory grew by {grown >> 20} MiB, "
            f"in the bridge by {of_bridge >> 20} MiB")


@row(28, "0, 1, 4096, 4097, 65536 bytes ... max_message: exact", seconds=8)
def exact_sizes(trial):
    limit = 64 << 20
    small = [8, 9, 15, 16, 127, 128, 4000, *range(4030, 4110), 8192, 65535, 65536, 65537, harness.MIB]
    for query, sizes in (("", [*small, limit - 1, limit]), ("?coalesce=no", [*small, limit])):
        pipeline = Pipeline(trial)
        client = trial.client(f"fifo:{pipeline.fifo}{query}")
        with trial.attempt(len(sizes)):
            for number, size in enumerate(sizes, 1):
                trial.assertEqual(client.send(1, number, size, -1), "sent")
            client.end()
            pipeline.receiver.wait_for(len(sizes))
            pipeline.settle()
            arrivals = list(history.read_arrivals(pipeline.receiver.arrivals))
            pipeline.receiver.check({1: history.Sent(len(sizes), len(sizes))})
            trial.assertEqual([arrival.size for arrival in arrivals], sizes)
    tiny_ones(trial)
    return f"{len(small) + 3} sizes up to 64 MiB"


def tiny_ones(trial):
    """Below what a header of the history takes: by a foreign writer, and through the program."""
    fifo = trial.new_fifo()
    recv = trial.fifomq("recv", f"fifo:{fifo}", "--format", "hex", "--count", "16")
    payloads = [b"", b"x", bytes(7), b"\xff" * 3] * 2
    with trial.attempt(2 * len(payloads)):
        for make in (harness.foreign_frame, harness.checked_frame):
            trial.write(b"".join(make(payload, sequence=1) for payload in payloads), fifo)
        trial.assert_ends(recv, 0)
        trial.assertEqual(recv.out.decode().splitlines(), [payload.hex() for payload in payloads] * 2)


@row(29, "a frame from a later version: carried through unchanged", seconds=4)
def later_version(trial):
    first, second, third = (trial.new_fifo(name) for name in ("a", "b", "c"))
    for source, target in ((first, second), (second, third)):
        trial.bridge(f"fifo:{source}", f"fifo:{target}")
    reader = os.open(third, os.O_RDWR | os.O_NONBLOCK)
    trial.close_at_end(reader)
    for number in range(1, trial.amount(200) + 1):
        with trial.attempt():
            unknown = random_fields(trial.random)
            known = dict(writer=9, sequence=number, topic="t", type="a.Type", sent_unix_nanos=number, hops=1)
            payload = trial.random.randbytes(trial.random.choice((0, 1, 100, 3000)))
            body = harness.frame_class()(payload=payload, **known).SerializeToString() + unknown
            head = struct.pack("<BI", 0x0D, harness.SYNC)
            if number % 2:
                head += struct.pack("<BI", 0x15, harness.crc32c(body))
            trial.write(varint(len(head + body)) + head + body, first)
            came = read_frame(trial, reader)
            known["hops"] += 2
            trial.assertEqual({name: getattr(came, name) for name in known}, known)
            trial.assertEqual((came.payload, came.sync), (payload, harness.SYNC))
            trial.assertEqual(unknown_bytes(came), unknown)
    return "through two bridges, every wire type"


def random_fields(numbers):
    """Up to 900 bytes of fields that nobody knows yet, numbered in order as a Protobuf runtime would."""
    fields, number = b"", 15
    while len(fields) < numbers.randrange(600):
        number += numbers.randint(1, 1000)
        fields += numbers.choice((lambda: field(number, 0, varint(numbers.getrandbits(64))),
                                  lambda: field(number, 1, numbers.randbytes(8)),
                                  lambda: block(number, numbers.randbytes(numbers.randrange(200))),
                                  lambda: field(number, 5, numbers.randbytes(4))))()
    return fields


def read_frame(trial, reader):
    """The next frame, which fits into one piece of a pipe."""
    data = b""

    def has_come():
        nonlocal data
        try:
            data += os.read(reader, harness.PIPE_BUF)
        except BlockingIOError:
            pass
        return data

    harness.wait_until(has_come, "a frame")
    size = data[0] if data[0] < 128 else data[0] & 127 | data[1] << 7
    body = data[1 if data[0] < 128 else 2:]
    trial.assertEqual(len(body), size)
    return harness.frame_class().FromString(body)


def unknown_bytes(frame):
    """What the runtime keeps of fields that it does not know, as they were."""
    known = type(frame)()
    known.CopyFrom(frame)
    known.DiscardUnknownFields()
    whole = frame.SerializeToString()
    return whole[len(known.SerializeToString()):]
