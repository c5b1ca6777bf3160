"""Rows 22, 49 and 50: descriptors, forks, and system calls that are not there."""
import re

import history
from trial import helper, row


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


def calls_that_matter():
    """Pages are given to a pipe only where the system has huge ones."""
    huge = open("/sys/kernel/mm/transparent_hugepage/enabled").read()
    return ["tee", "inotify"] + (["vmsplice"] if "[never]" not in huge else [])


@row(50, "no tee, vmsplice, inotify (ENOSYS, EPERM): said once", seconds=10)
def without_calls(trial):
    count, calls = trial.amount(3000), calls_that_matter()
    for error in ("ENOSYS", "EPERM"):
        for missing in (*([call] for call in calls), calls):
            with trial.attempt():
                without = (helper("without"), error, ",".join(missing))
                check_said(trial, missing, carry_all(trial, without, "tee" not in missing, count))
    return f"{count} messages each time through sender, bridge and receiver"


def carry_all(trial, without, commits, count):
    """A sender, a bridge, and a receiver with explicit commit; what each of them says."""
    fifo, second = trial.new_fifo("in"), trial.new_fifo("out")
    # The writer is there first: without inotify it has to find the reader some other way.
    complaints = trial.new_file("complaints")
    with open(complaints, "wb") as stderr:
        client = trial.client(f"fifo:{fifo}", wrapper=without, stderr=stderr)
    client.tell("flood", 1, 1, count, 16, 20_000, -1, trial.seed())
    receiver = trial.receiver(f"fifo:{second}", "commit=10", wrapper=without)
    bridge = trial.fifomq("bridge", f"fifo:{fifo}", f"fifo:{second}", wrapper=without)
    trial.assertEqual(client.answer(), f"accepted {count} refused")
    client.end()
    receiver.wait_for(count)
    trial.stop_bridge(bridge)
    receiver.finish()
    sent = {1: history.Sent(count, count)}
    history.check_nothing_lost(receiver.check(sent), sent)
    trial.assertRegex(bridge.err, rf" -> .*: at-{'least' if commits else 'most'}-once")
    return complaints.read_text(), bridge.err, receiver.program.err


def check_said(trial, missing, texts):
    """What is missing is named by whoever would use it, and nobody says a thing twice."""
    for call in ("tee", "vmsplice", "inotify"):
        lines = [re.findall(rf"^.*\b{call}\b.*$", text, re.M) for text in texts]
        trial.assertEqual(any(lines), call in missing, (call, texts))
        for said in lines:
            trial.assertEqual(len(said), len(set(said)), said)
