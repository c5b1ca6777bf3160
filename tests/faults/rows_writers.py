"""Rows 11-13: writers that die, and writers that write at once."""
import os
import random
import re

import harness
import history
from trial import row


class Pipeline:
    """Writers, a bridge, a second pipe or what is named instead, and a receiver that writes the history."""

    def __init__(self, trial, query="", fifo=None, wrapper=(), out=None):
        self.trial, self.fifo = trial, fifo or trial.new_fifo("in")
        to, receives_at = out or (f"fifo:{trial.new_fifo('out')}",) * 2
        self.receiver = trial.receiver(receives_at)
        self.bridge = trial.bridge(f"fifo:{self.fifo}{query}", to, wrapper=wrapper)

    def hold_writing(self):
        """As a writer that is there and says nothing."""
        return os.open(self.fifo, os.O_WRONLY)

    def settle_at_end(self):
        """With eof=exit the bridge has ended when the last writer has."""
        self.trial.assert_ends(self.bridge, 0)
        came_in = self.trial.ledger(self.bridge, "from ")
        self.trial.assert_settles(came_in)
        self.receiver.finish()
        return came_in

    def settle(self):
        came_in = self.trial.stop_bridge(self.bridge)
        self.receiver.finish()
        return came_in


def carry_with_failing_calls(trial, calls, error):
    """Through a bridge of which every third of these calls fails, by way of strace; how many did."""
    trace, count = trial.new_file("trace"), trial.amount(1500)
    # Not before the program has been loaded.
    wrapper = ("strace", "-f", "-o", trace, "-e", f"trace={calls}", "-e",
               f"inject={calls}:error={error}:when=60+3", "setpriv", "--pdeathsig", "KILL")
    pipeline = Pipeline(trial, wrapper=wrapper)
    client = trial.client(f"fifo:{pipeline.fifo}")
    with trial.attempt(count):
        trial.assertEqual(client.ask("flood", 1, 1, count, 16, 20_000, -1, trial.seed()),
                          f"accepted {count} refused")
        client.end()
        pipeline.receiver.wait_for(count)
        pipeline.receiver.finish()
        sent = {1: history.Sent(count, count)}
        history.check_nothing_lost(pipeline.receiver.check(sent), sent)
    failed = len(re.findall(rf"{error} .*\(INJECTED\)", trace.read_text()))
    trial.assertGreater(failed, 50)
    return failed


def killed_writers(trial, kind, target, first, count, **options):
    """A nursery of writers that are killed one after another; what each had done."""
    journal = trial.new_file("journal")
    words = [f"{key}={value}" for key, value in options.items()]
    trial.run_helper("nursery", kind, target, journal, first, count, trial.seed(), *words,
                     timeout=3600 if trial.long else 240)
    return dict(enumerate(history.read_slots(journal), first))


def last_word(trial, pipeline, writer):
    """A writer that is not killed: its message comes, and so what was before it has been decided."""
    before = pipeline.receiver.count()
    frame = harness.checked_frame(history.payload(writer, 1, 1000), writer=writer + 1, sequence=1)
    trial.write(frame, pipeline.fifo)
    harness.wait_until(lambda: any(
        arrival.writer == writer for arrival in history.latest_arrivals(pipeline.receiver.arrivals)),
        f"the message behind {before} others")
    return len(frame)


@row(11, "foreign writers killed inside frames of 512 B to 1 MiB", seconds=40)
def foreign_killed(trial):
    kills, figures = trial.amount(1000), []
    for checked in (True, False):
        for query, held in (("?eof=exit", True), ("", False)):
            count = kills // 4
            pipeline = Pipeline(trial, query)
            holder = pipeline.hold_writing() if held else None
            slots = {}
            for exact in (0, 1):
                slots |= killed_writers(trial, "foreign", pipeline.fifo, len(slots) + 1, count // 2,
                                        least=512, most=harness.MIB, exact=exact, checked=int(checked),
                                        life=4000)
            good_bytes = sum(slot.good_bytes for slot in slots.values())
            sent = {writer: history.Sent(slot.begun, slot.accepted) for writer, slot in slots.items()}
            if held:
                os.close(holder)
                came_in = pipeline.settle_at_end()
            else:
                sent[0] = history.Sent(1, 1)
                good_bytes += last_word(trial, pipeline, 0)
                came_in = pipeline.settle()
            with trial.attempt(len(slots)):
                figures.append(check_foreign(trial, pipeline, sent, came_in, checked, good_bytes))
    (lost, good, _), (lost_unchecked, good_unchecked, mixed) = (
        [sum(column) for column in zip(*half)] for half in (figures[:2], figures[2:]))
    return (f"with checksum {good} good, {lost} lost; without {good_unchecked} good, {lost_unchecked} lost, "
            f"{mixed} torn ones handed out")


def check_foreign(trial, pipeline, sent, came_in, checked, good_bytes):
    """How many good ones were lost, of how many, and how many came that were none. Without a checksum
    a torn frame that another torn one fills up to its length is a frame to whoever looks at it."""
    mixed = []
    got = pipeline.receiver.check(sent, damaged=None if checked else mixed)
    lost = sum(got[writer].lost(source) for writer, source in sent.items())
    good = sum(source.acknowledged for source in sent.values())
    came = sum(source.count for source in got.values())
    gaps = sum(source.missing for source in got.values())
    trial.assertGreater(came_in["bytes_skipped"], 0, "no writer was killed inside a frame")
    trial.assertEqual(came_in["messages_delivered"], came + len(mixed))
    trial.assertLessEqual(abs(came_in.get("sequence_gaps", 0) - gaps), len(mixed))
    if checked:
        trial.assertEqual(lost, 0)
        # A frame may be whole of which its writer did not live to say so.
        trial.assertGreaterEqual(came_in["bytes_in_messages"], good_bytes)
        if came == good:
            trial.assertEqual(came_in["bytes_in_messages"], good_bytes)
    trial.assertLessEqual(lost, good // 100)
    return lost, good, len(mixed)


# Up to here the numbers of messages take one byte on the wire, so that messages of one size do too.
FEW, MANY = 127, 1_000_000


@row(12, "library writers killed at any instant", seconds=40)
def library_killed(trial):
    kills, figures = trial.amount(1000), []
    for least, most, query in ((16, 3000, ""), (65536, 65536, ""), (16, 3 * harness.MIB, ""),
                               (65536, 65536, "?coalesce=no")):
        for exact in (0, 1):
            pipeline = Pipeline(trial, "?eof=exit")
            holder = pipeline.hold_writing()
            slots = killed_writers(trial, "library", f"fifo:{pipeline.fifo}{query}", 1,
                                   kills // 4, least=least, most=most, exact=exact,
                                   messages=FEW if least == most else MANY)
            os.close(holder)
            came_in = pipeline.settle_at_end()
            with trial.attempt(len(slots)):
                figures.append(check_library(trial, pipeline, slots, came_in, bool(exact),
                                             least == most, "coalesce=no" in query))
    nothing_held_up(trial, kills // 4)
    delivered, halves = (sum(column) for column in zip(*figures))
    return f"{delivered} messages came, 0 torn; {halves} halves, each counted"


def check_library(trial, pipeline, slots, came_in, exact, fixed, owes_accepted):
    """The first so many of each writer came: all that had left it, none beyond what it had begun.
    What else it had put into the pipe is half a message, and counted."""
    owed = lambda slot: slot.accepted if owes_accepted else slot.settled
    sent = {writer: history.Sent(slot.begun, owed(slot)) for writer, slot in slots.items()}
    got = pipeline.receiver.check(sent)
    history.check_nothing_lost(got, sent)
    trial.assertEqual(sum(source.missing for source in got.values()), 0)
    trial.assertNotIn("frames_damaged", came_in)
    trial.assertNotIn("sequence_gaps", came_in)
    trial.assertEqual(came_in["messages_delivered"], sum(source.count for source in got.values()))
    if exact:
        check_bytes(trial, came_in, slots)
    halves = came_in.get("given_up", 0)
    least, most = halves_of(slots, got, came_in, fixed)
    trial.assertLessEqual(least, halves)
    trial.assertLessEqual(halves, least if exact and fixed else most)
    return came_in["messages_delivered"], halves


def check_bytes(trial, came_in, slots):
    """What killed itself between two calls has counted what the pipe took, exactly."""
    trial.assertEqual(came_in["bytes_in"], sum(slot.bytes for slot in slots.values()))


def halves_of(slots, got, came_in, fixed):
    """How many writers had a part of a message in the pipe: the least and the most, as far as they
    lived to say. Where all messages have one size, what is not in whole ones is a half one."""
    each, rest = divmod(came_in["bytes_in_messages"], came_in["messages_delivered"])
    assert rest == 0 or not fixed, "messages of one size took different numbers of bytes"
    most = sum(got[writer].count < slot.begun for writer, slot in slots.items())
    least = sum(fixed and slot.bytes > got[writer].count * each for writer, slot in slots.items())
    return least, most


def nothing_held_up(trial, kills):
    """No holder, and the next writer may come before anybody has seen the last one leave."""
    pipeline = Pipeline(trial, "?frame_timeout=500ms")
    slots = killed_writers(trial, "library", f"fifo:{pipeline.fifo}", 1, kills, least=65536, most=65536)
    sent = {writer: history.Sent(slot.begun, slot.settled) for writer, slot in slots.items()}
    with trial.attempt(kills):
        last_word(trial, pipeline, 0)
        sent[0] = history.Sent(1, 1)
        came_in = pipeline.settle()
        got = pipeline.receiver.check(sent)
        history.check_nothing_lost(got, sent)
        trial.assertNotIn("frames_damaged", came_in)


@row(13, "1 to 16 writers at once, 16 B to 1 MiB", seconds=60)
def writers_at_once(trial):
    total, rounds = trial.amount(1_000_000), (1, 2, 4, 8, 16)
    received = 0
    for writers in rounds:
        count = total // len(rounds) // writers
        fifo, numbers = trial.new_fifo(), random.Random(trial.seed())
        receiver = trial.receiver(f"fifo:{fifo}", capacity=2 * total)
        clients = [trial.client(f"fifo:{fifo}") for _ in range(writers)]
        # Most are small, and one in a hundred may have any size.
        parts = [(count * 15 // 100, 16, 8192), (count * 4 // 100, 16, 65536),
                 (count // 100, 16, harness.MIB)]
        parts.append((count - sum(part[0] for part in parts), 16, 512))
        for writer, client in enumerate(clients):
            first = 1
            for amount, least, most in numbers.sample(parts, len(parts)):
                client.tell("flood", writer, first, amount, least, most, -1, trial.seed())
                first += amount
        with trial.attempt(count * writers):
            for client in clients:
                for _ in parts:
                    trial.assertRegex(client.answer(3600 if trial.long else 240), "^accepted [0-9]+ refused$")
                client.end()
            counters = receiver.finish()
            sent = {writer: history.Sent(count, count) for writer in range(writers)}
            history.check_nothing_lost(receiver.check(sent), sent)
            trial.assertEqual(counters["bytes_in"], counters["bytes_in_messages"])
            trial.assertNotIn("sequence_gaps", counters)
        received += count * writers
    return f"{received} messages, by {', '.join(map(str, rounds))} writers"
