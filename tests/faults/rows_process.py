"""Rows 22, 49 and 50: descriptors, forks, and system calls that are not there."""
import re

import history
from trial import Client, helper, row


@row(22, "no descriptor leaks to a child, none is left", seconds=8)
def descriptors(trial):
    count = trial.amount(10_000)
    with trial.attempt(count):
        ran = trial.run_helper("openings", trial.folder, count, timeout=3600 if trial.long else 240)
        lines = ran.out.decode().split("\n")
        first, last = (re.fullmatch(r"descriptors (\d+) threads (\d+)", line).groups() for line in lines[:2])
        trial.assertEqual(first, last)
        # 3 is that of the folder which ls looks into.
        trial.assertEqual(lines[2:], ["0", "1", "2", "3", ""])
    return f"{last[0]} descriptors and {last[1]} threads after the first and after the last"


@row(49, "fork() with a channel open: both go on", seconds=10)
def forks(trial):
    forked = 0
    for query, messages, count in (("", 40, trial.amount(100)), ("?coalesce=no", 40, trial.amount(100)),
                                   ("?coalesce=5ms", 400, trial.amount(30))):
        fifo, journal = trial.new_fifo(), trial.new_file("journal")
        # All may be in one pipe at once only if it is read meanwhile.
        receiver = trial.receiver(f"fifo:{fifo}")
        with trial.attempt(count):
            trial.run_helper("forks", f"fifo:{fifo}{query}", journal, count, messages, trial.seed(),
                             f"fifo:{trial.new_fifo()}", timeout=3600 if trial.long else 240)
            counters = receiver.finish()
            slots = history.read_slots(journal)
            sent = {writer: history.Sent(slot.begun, slot.settled) for writer, slot in enumerate(slots)}
            for writer, slot in enumerate(slots):
                trial.assertEqual(slot.settled, slot.accepted, f"writer {writer}")
            history.check_nothing_lost(receiver.check(sent), sent)
            arrivals = list(history.read_arrivals(receiver.arrivals))
            numbers = {(arrival.origin, arrival.sequence) for arrival in arrivals}
            trial.assertEqual(len(numbers), len(arrivals), "a sequence was used twice")
            trial.assertEqual(counters["bytes_in"], counters["bytes_in_messages"])
        forked += count
    return f"{forked} forks, gathered and not"


CALLS = ("tee", "vmsplice", "inotify")


@row(50, "no tee, vmsplice, inotify (ENOSYS, EPERM): said once", seconds=10)
def without_calls(trial):
    count = trial.amount(3000)
    for error in ("ENOSYS", "EPERM"):
        for calls in (*CALLS, ",".join(CALLS)):
            without = (helper("without"), error, calls)
            with trial.attempt():
                carry_all(trial, without, count)
            with trial.attempt():
                said = what_is_said(trial, without, calls)
                trial.assertEqual(len(said), len(calls.split(",")), said)
    return f"{count} messages each time through sender, bridge and receiver"


def carry_all(trial, without, count):
    fifo, second = trial.new_fifo("in"), trial.new_fifo("out")
    # The writer is there first: without inotify it has to find the readers some other way.
    client = Client(trial, f"fifo:{fifo}", wrapper=without)
    client.tell("flood", 1, 1, count, 16, 20_000, -1, trial.seed())
    receiver = trial.receiver(f"fifo:{second}", wrapper=without)
    bridge = trial.fifomq("bridge", f"fifo:{fifo}", f"fifo:{second}", wrapper=without)
    trial.assertEqual(client.answer(), f"accepted {count} refused")
    client.end()
    receiver.wait_for(count)
    trial.stop_bridge(bridge)
    receiver.finish()
    sent = {1: history.Sent(count, count)}
    history.check_nothing_lost(receiver.check(sent), sent)


def what_is_said(trial, without, calls):
    """Each call that is missing is named once by a bridge that would use it: the peeking of explicit
    commit, the pages that are given, the watch on the path."""
    source, target = trial.new_fifo("from"), trial.new_fifo("to")
    receiver = trial.receiver(f"fifo:{target}")
    bridge = trial.fifomq("bridge", f"fifo:{source}", f"fifo:{target}", wrapper=without)
    client = trial.client(f"fifo:{source}")
    trial.assertEqual(client.ask("flood", 1, 1, 500, 20_000, 200_000, -1, 1), "accepted 500 refused")
    client.end()
    receiver.wait_for(500)
    trial.stop_bridge(bridge)
    receiver.finish()
    guarantee = re.search(r" -> .*: (at-\w+-once)", bridge.err)
    trial.assertIsNotNone(guarantee, bridge.err)
    lines = [line for line in bridge.err.splitlines() if re.search(r"\b(tee|vmsplice|inotify)\b", line)]
    wanted = [name for name in CALLS if name in calls]
    return [name for name in wanted if sum(name in line for line in lines) == 1]
