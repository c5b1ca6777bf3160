"""Rows 16-20 and 23: readers that die, stop, are slow or keep what they got; writers that leave."""
import fcntl
import os
import re
import signal
import time

import harness
import history
from rows_writers import Pipeline, carry_with_failing_calls
from trial import helper, processor_seconds, row


@row(16, "last writer leaves: no CPU is used; the next is served", alone=True, seconds=8)
def idle(trial):
    seconds, worst = 5, 0.0
    pipeline = Pipeline(trial)
    plain = trial.new_fifo()
    reader = trial.fifomq("recv", f"fifo:{plain}")
    lonely = trial.client(f"fifo:{trial.folder}/nobody")
    trial.assertEqual(lonely.send(1, 1, 100, 0), "no_peer")
    for number in range(1, 4):
        trial.write(harness.checked_frame(history.payload(1, number, 100)), pipeline.fifo)
        trial.write(harness.foreign_frame(b"%d" % number), plain)
        pipeline.receiver.wait_for(number)
        reader.wait_for(f"{number}\n", "stdout")
        programs = {"bridge": pipeline.bridge.pid, "recv": reader.pid, "sender without a reader": lonely.pid}
        before = {name: processor_seconds(pid) for name, pid in programs.items()}
        began = time.monotonic()
        time.sleep(seconds / 3 if number < 3 else seconds)  # the row is about a span of time
        took = time.monotonic() - began
        for name, pid in programs.items():
            with trial.attempt():
                used = (processor_seconds(pid) - before[name]) / took
                trial.assertLess(used, 0.01, name)
                worst = max(worst, used)
    return f"at most {worst:.2%} of a processor"


@row(17, "reader killed while a writer writes: no_peer in time", seconds=12)
def reader_dies(trial):
    worst, rounds = 0.0, trial.amount(15)
    for held in (False, True):
        for query in ("?coalesce=no", ""):
            fifo = trial.new_fifo()
            holder = trial.hold(fifo) if held else None
            client, number, refused = trial.client(f"fifo:{fifo}{query}"), 0, set()
            for _ in range(rounds):
                receiver = trial.receiver(f"fifo:{fifo}")
                # What an absent reader leaves room for: nothing; what a sender gathers; what a pipe holds.
                room = 128 << 10 if query == "" else 0
                room += fcntl.fcntl(holder, fcntl.F_GETPIPE_SZ) if held else 0
                trial.assertEqual(client.ask("flood", 1, number + 1, 50, 16, 20_000, -1, trial.seed()),
                                  "accepted 50 refused")
                number += 50
                receiver.program.signal(signal.SIGKILL)
                receiver.program.wait()
                for milliseconds in (0, 50):
                    with trial.attempt():
                        number, late = send_until_refused(trial, client, number, room, milliseconds,
                                                          "timed_out" if held else "no_peer")
                        refused.add(number)
                        worst = max(worst, late)
                        receiver.check({1: history.Sent(number, 0, frozenset(refused))})
            check_sigpipe(trial, client.pid)
            client.stop()
    return f"latest by {worst * 1000:.1f} ms; SIGPIPE at its default"


def send_until_refused(trial, client, number, room, milliseconds, wanted):
    size = 10_000
    for _ in range(room // size + 1):
        number += 1
        result, took, late = client.send_by(1, number, size, milliseconds)
        if result != "sent":
            trial.assertEqual(result, wanted)
            trial.assertGreaterEqual(took, milliseconds / 1000)
            trial.assertLess(late, 0.05, f"{milliseconds} ms took {took} s")
            return number, late
    raise AssertionError(f"more than {room} bytes were accepted without a reader")


def check_sigpipe(trial, pid):
    """Neither ignored nor blocked."""
    status = open(f"/proc/{pid}/status").read()
    for line in ("SigIgn", "SigBlk"):
        mask = int(re.search(rf"^{line}:\t(\w+)$", status, re.M)[1], 16)
        trial.assertEqual(mask >> (signal.SIGPIPE - 1) & 1, 0, line)


@row(18, "reader restarted and killed, one writer stays", seconds=110)
def reader_restarts(trial):
    times = trial.amount(1000)
    restarted(trial, times // 2)
    killed_without_commit(trial, times // 4)
    again = killed_with_commit(trial, times)
    again += killed_while_held(trial, times // 20)
    return f"{times} kills with explicit commit, {again} messages came again and were left out, 0 lost"


def restarted(trial, times):
    """Readers that take so many messages and leave: each message comes, to one of them."""
    fifo, arrivals = trial.new_fifo(), trial.new_file("arrivals")
    client, taken = trial.client(f"fifo:{fifo}"), 0
    client.tell("flood", 1, 1, 1 << 30, 500, 20_000, -1, trial.seed())
    for _ in range(times):
        with trial.attempt():
            take = trial.random.randint(1, 60)
            trial.receiver(f"fifo:{fifo}", f"take={take}", arrivals=arrivals).finish(told=False)
            taken += take
            trial.assertEqual(history.count_arrivals(arrivals), taken)
    last = finish_flood(trial, client, fifo, arrivals)
    sent = {1: history.Sent(last, last)}
    history.check_nothing_lost(history.check(history.read_arrivals(arrivals), sent), sent)


def finish_flood(trial, client, fifo, arrivals, *options):
    """The writer is told to stop, and the last reader takes what is there. How many were accepted."""
    last_reader = trial.receiver(f"fifo:{fifo}", *options, arrivals=arrivals)
    client.process.send_signal(signal.SIGTERM)
    accepted = int(re.fullmatch(r"accepted (\d+) refused", client.answer())[1])
    client.end()
    last_reader.finish()
    return accepted


def kill_readers(trial, times, endpoint, arrivals, *options, **how):
    """Each at a random instant, after it has got something."""
    for _ in range(times):
        with trial.attempt():
            before = history.count_arrivals(arrivals)
            receiver = trial.receiver(endpoint, *options, arrivals=arrivals, **how)
            receiver.wait_for(before + 1)
            time.sleep(trial.random.uniform(0, 0.004))  # a random instant is no event
            receiver.program.signal(signal.SIGKILL)
            receiver.program.wait()


def killed_without_commit(trial, times):
    """What was in the pipe is there for the next one: no more is missing than a reader holds."""
    fifo, arrivals = trial.new_fifo(), trial.new_file("arrivals")
    client = trial.client(f"fifo:{fifo}")
    client.tell("flood", 1, 1, 1 << 30, 1000, 1000, -1, trial.seed())
    arrivals.touch()
    kill_readers(trial, times, f"fifo:{fifo}", arrivals)
    last = finish_flood(trial, client, fifo, arrivals)
    got = history.check(history.read_arrivals(arrivals), {1: history.Sent(last, last)})[1]
    trial.assertEqual(got.last, last)
    trial.assertLessEqual(got.missing, times * (64 << 10) // 1000)


def killed_with_commit(trial, times):
    fifo, arrivals = trial.new_fifo(), trial.new_file("arrivals")
    client = trial.client(f"fifo:{fifo}")
    client.tell("flood", 1, 1, 1 << 30, 500, 20_000, -1, trial.seed())
    arrivals.touch()
    kill_readers(trial, times, f"fifo:{fifo}", arrivals, "commit=7")
    last = finish_flood(trial, client, fifo, arrivals, "commit=7")
    return check_filtered(trial, arrivals, {1: history.Sent(last, last)})


def check_filtered(trial, arrivals, sent):
    """Nothing is lost, and what the library's filter lets through came once. How often a message came
    again."""
    got = history.check(history.read_arrivals(arrivals), sent, repeats=True)
    history.check_nothing_lost(got, sent)
    different = sum(source.count for source in got.values())
    trial.assertEqual(int(trial.run_helper("filter", arrivals).out), different)
    return history.count_arrivals(arrivals) - different


def killed_while_held(trial, times):
    """No writer stays, but `fifomq hold` does, or whoever passes the pipe to its readers as a service
    manager would: the messages outlive all else."""
    again = 0
    for passed in (False, True):
        fifo, arrivals, count = trial.new_fifo(), trial.new_file("arrivals"), 0
        if passed:
            held = trial.hold(fifo)
            wrapper = ("/usr/bin/python3", "-c", PASS_ON, str(held), "in")
            passing, endpoint = dict(wrapper=wrapper, pass_fds=[held]), "fifo:./nothing?fd=in"
        else:
            trial.fifomq("hold", fifo).wait_for(r"^holding .* bytes wait\n", "stdout")
            passing, endpoint = {}, f"fifo:{fifo}"
        arrivals.touch()
        for _ in range(times):
            client = trial.client(f"fifo:{fifo}")
            trial.assertEqual(client.ask("flood", 1 + count, 1, 10, 16, 4000, -1, trial.seed()),
                              "accepted 10 refused")
            client.end()
            count += 1
            kill_readers(trial, 1, endpoint, arrivals, "commit=3", **passing)
        trial.receiver(endpoint, "commit=3", arrivals=arrivals, **passing).finish()
        sent = {writer: history.Sent(10, 10) for writer in range(1, count + 1)}
        again += check_filtered(trial, arrivals, sent)
    return again


# Becomes a command that has been passed a descriptor: number, name, command.
PASS_ON = """
import os, sys
os.dup2(int(sys.argv[1]), 3, inheritable=True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES=sys.argv[2])
os.execv(sys.argv[3], sys.argv[3:])
"""


@row(19, "reader stopped, pipe full: timed_out, nothing half; resumes", seconds=15)
def reader_stopped(trial):
    worst, rounds = 0.0, trial.amount(12)
    for endpoint in ("", "?coalesce=no"):
        pipeline = Pipeline(trial)
        client, number, refused = trial.client(f"fifo:{pipeline.fifo}{endpoint}"), 0, set()
        for _ in range(rounds):
            pipeline.bridge.signal(signal.SIGSTOP)
            with trial.attempt():
                # Until it is full, then messages of all sizes, up to the largest that there may be.
                for size in (30_000, 1000, 1, 4000, 70_000, 64 << 20):
                    result, size = "sent", max(size, 8)
                    while result == "sent":
                        number += 1
                        result, took, late = client.send_by(1, number, size, 30)
                    trial.assertEqual(result, "timed_out")
                    refused.add(number)
                    trial.assertGreaterEqual(took, 0.03)
                    trial.assertLess(late, 0.05, f"30 ms took {took} s")
                    worst = max(worst, late)
                pipeline.bridge.signal(signal.SIGCONT)
                number += 1
                size = 64 << 20 if number % 3 == 0 else 100_000
                trial.assertEqual(client.send(1, number, size, -1), "sent")
        trial.assertEqual(client.ask("flush", -1).split()[0], "sent")
        abandoned = client.counters().get("abandoned", 0)
        client.end()
        pipeline.receiver.wait_for(number - len(refused))
        came_in = pipeline.settle()
        sent = {1: history.Sent(number, number, frozenset(refused))}
        history.check_nothing_lost(pipeline.receiver.check(sent), sent)
        trial.assertEqual(came_in.get("cancelled", 0), abandoned)
        trial.assertEqual(came_in.get("sequence_gaps", 0), 0)
    return f"latest by {worst * 1000:.1f} ms; {2 * rounds} times 64 MiB refused whole"


@row(20, "signals at 1 kHz: nothing lost, no deadline missed", alone=True, seconds=15)
def storm(trial):
    count, worst = trial.amount(30_000), 0.0
    fifo, quiet = trial.new_fifo(), trial.new_fifo("quiet")
    receiver = trial.receiver(f"fifo:{fifo}", "storm=1000")
    client = trial.client(f"fifo:{fifo}", "storm=1000")
    with trial.attempt(count):
        trial.assertEqual(client.ask("flood", 1, 1, count, 16, 20_000, -1, trial.seed()),
                          f"accepted {count} refused")
        trial.assertEqual(client.send(1, count + 1, 8 << 20, -1), "sent")
        client.end()
        counters = receiver.finish()
        sent = {1: history.Sent(count + 1, count + 1)}
        history.check_nothing_lost(receiver.check(sent), sent)
        trial.assertEqual(counters["bytes_in"], counters["bytes_in_messages"])
    trial.hold(quiet)
    for endpoint, wanted in ((f"fifo:{quiet}", "timed_out"), (f"fifo:{trial.folder}/nobody", "no_peer")):
        client = trial.client(endpoint, "storm=1000")
        client.ask("flood", 1, 1, 200, 4000, 4000, 0, 1)
        for milliseconds in [0, 1, 10, 30, 100] * trial.amount(8):
            with trial.attempt():
                result, took, late = client.send_by(1, 1, 4000, milliseconds)
                trial.assertEqual(result, wanted)
                trial.assertGreaterEqual(took, milliseconds / 1000)
                trial.assertLess(late, 0.05, f"{milliseconds} ms took {took} s")
                worst = max(worst, late)
    interrupted = interrupted_calls(trial)
    return f"{count} messages; latest by {worst * 1000:.1f} ms; {interrupted} calls of a bridge cut short"


def interrupted_calls(trial):
    return carry_with_failing_calls(trial, "read,readv,write,pwritev2,vmsplice,splice,tee,poll,ppoll,epoll_wait,"
                                           "epoll_pwait", "EINTR")


@row(23, "a reader that keeps spliced or teed pages for 10 s", seconds=30)
def kept_pages(trial):
    flow, seconds, past = trial.amount(harness.MIB << 10), 10, 0
    keepers = []
    for how, most in (("splice", 100_000), ("tee", 100_000), ("splice", 1000), ("tee", 1000)):
        fifo = trial.new_fifo()
        kept, now = trial.new_file("kept"), trial.new_file("now")
        keeper = trial.start(helper("keeper"), how, fifo, kept, now, seconds)
        client = trial.client(f"fifo:{fifo}")
        # A quarter of what flows goes by each of them.
        mean = most / 8 if most > 1000 else 240
        client.tell("flood", 1, 1, int(flow / 4 / mean), 16, most, -1, trial.seed())
        keepers.append((how, keeper, client, kept, now))
    for how, keeper, client, kept, now in keepers:
        with trial.attempt():
            trial.assertRegex(client.answer(3600 if trial.long else 240), r"^accepted \d+ refused$")
            client.end()
            trial.assert_ends(keeper, 0)
            past += int(keeper.out.split()[1])
            if how == "tee":
                trial.assertTrue(kept.read_bytes() == now.read_bytes(), "teed pages have changed")
            check_kept(trial, kept)
    trial.assertGreater(past, flow * 0.8)
    return f"{past / (1 << 30):.2f} GiB flowed past"


def check_kept(trial, kept):
    """The front of a stream, and nothing in it is other than it was sent: all but its last message,
    which was cut."""
    # So that a part of it is memory of the sender's, which it must not use again.
    trial.assertGreater(kept.stat().st_size, 5 * harness.MIB)
    pipeline = Pipeline(trial, "?eof=exit")
    writer = os.open(pipeline.fifo, os.O_WRONLY)
    trial.write_all(writer, kept.read_bytes())
    os.close(writer)
    came_in = pipeline.settle_at_end()
    delivered = came_in["messages_delivered"]
    trial.assertGreater(delivered, 5)
    got = pipeline.receiver.check({1: history.Sent(delivered, delivered)})
    trial.assertEqual((got[1].last, got[1].missing), (delivered, 0))
    trial.assertLessEqual(came_in.get("given_up", 0), 1)
    trial.assertLess(came_in.get("bytes_skipped", 0), 110_000)
