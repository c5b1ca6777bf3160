"""Row 45: memory and descriptors that end."""
import contextlib
import os
import re
import signal
import time
import urllib.request

import harness
import history
from rows_network import idle
from trial import processor_seconds, row

STORIES = ("memory", "fifo", "fifo, committed", "fifo of lines", "full fifo", "full fifo of lines",
           "fifo of pages", "replaced fifo", "replaced fifo, committed", "fifo without a reader",
           "spool", "spool opened again", "relay", "standard streams", "lines of standard streams")
MOST_FREE = 12  # more descriptors than it takes to follow the path
MANY, FEW = 1024, 64  # limits on them


@row(45, "no memory at the Nth allocation; no descriptor left", seconds=60)
def used_up(trial):
    allocations, told = memory_ends_everywhere(trial)
    little_memory(trial)
    big_message(trial)
    starts_without_descriptors(trial)
    replaced_without_descriptors(trial, f"fifo:{trial.new_fifo()}")
    replaced_without_descriptors(trial, f"spool:{trial.new_file('spool')}")
    spool_without_descriptors(trial)
    acknowledged_without_descriptors(trial)
    half_message_without_descriptors(trial)
    visitors_of_metrics(trial)
    return f"{allocations} allocations failed, {told} of them with an exception; nothing lost"


def memory_ends_everywhere(trial):
    """Each story on its own, all at once: they wait for the disk, and for the kernel."""
    helpers = [trial.helper("memory", trial.new_file("stories"), story)
               for story in STORIES]
    allocations = told = 0
    for story, program in zip(STORIES, helpers):
        trial.assert_ends(program, 0)
        found = re.fullmatch(rf"{story}: (\d+) (\d+)\n", program.out.decode())
        trial.assertTrue(found, program.out)
        trial.assertGreater(int(found[2]), 10, f"{story}: {found[0]}")
        with trial.attempt(int(found[1])):
            allocations, told = allocations + int(found[1]), told + int(found[2])
    return allocations, told


# Behind what a bridge says of its beginning, if it comes so far; or the loader says it.
SENTENCE = (r"\A(fifomq: (info|warning): [^\n]*\n)*"
            r"(fifomq: ([^\n]*cannot [^\n]*|out of memory)|"
            r"out of memory|[^\n]*error while loading shared libraries: [^\n]+)\n\Z")


def check_refused(trial, program, status):
    """It has said why in a sentence, as far as it was loaded at all."""
    trial.assertIn(status, (1, 2, 127), program.err)
    trial.assertRegex(program.err, SENTENCE)
    trial.assertNotRegex(program.err, "bad_alloc|terminate|what\\(\\)")


def memory_of(pid, name):
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(rf"^{name}:\s*(\d+) kB$", status.read(), re.M)[1]) << 10


def memory_to_be_loaded(trial):
    """By bisection, with a margin for where the kernel puts what is mapped."""
    low, high = 0, 1 << 30
    while high - low > 64 << 10:
        middle = (low + high) // 2
        loaded = trial.fifomq("--version", wrapper=("prlimit", f"--as={middle}")).wait() == 0
        low, high = (low, middle) if loaded else (middle, high)
    return high + (256 << 10)


def little_memory(trial):
    """The program, with less memory than it takes to do its work. With less than it takes to be loaded, the
    libraries' own beginning ends it, of which we know nothing."""
    endpoints = [f"fifo:{trial.new_fifo()}" for _ in range(2)]
    least, a_stack = memory_to_be_loaded(trial), 8 * harness.MIB
    for _ in range(trial.amount(30)):
        with trial.attempt():
            limit = trial.random.randrange(least, least + 2 * a_stack)
            program = trial.fifomq("--quiet", "bridge", *endpoints, "--count", "0",
                                   wrapper=("prlimit", f"--as={limit}"))
            status = program.wait()
            if status != 0:
                check_refused(trial, program, status)


def big_message(trial):
    """A bridge that has memory for itself, and none for what comes."""
    for options in ((), ("--metrics", "127.0.0.1:0")):
        fifo, target = trial.new_fifo(), trial.new_fifo()
        bridge = trial.bridge(f"fifo:{fifo}", f"fifo:{target}", *options)
        with trial.attempt():
            limit = memory_of(bridge.pid, "VmSize") + 16 * harness.MIB
            trial.assert_ends(trial.start("prlimit", f"--pid={bridge.pid}", f"--as={limit}"), 0)
            client = trial.client(f"fifo:{fifo}")
            client.tell("send", 1, 1, 60 * harness.MIB, -1)
            trial.assert_ends(bridge, 1)
            trial.assertEqual(bridge.err.splitlines()[-1], "fifomq: out of memory")
            client.stop()


def starts_without_descriptors(trial):
    """What waits in the pipe stays there until there are enough of them."""
    fifo, spool = trial.new_fifo(), f"spool:{trial.new_file('spool')}"
    holder = trial.hold(fifo)
    frame = harness.checked_frame(b"kept", writer=1, sequence=1)
    trial.write_all(holder, frame)
    limit, status = 4, None
    while status != 0:
        program = trial.fifomq("bridge", f"fifo:{fifo}", spool, "--idle-exit", "200ms",
                               wrapper=("prlimit", f"--nofile={limit}:{limit}"))
        status = program.wait()
        if status != 0:
            with trial.attempt():
                check_refused(trial, program, status)
                trial.assertEqual(trial.backlog(fifo), len(frame))
        limit += 1
    trial.assertEqual(trial.backlog(fifo), 0)
    got = trial.run_fifomq("recv", spool, "--idle-exit", "200ms")
    # It comes again where one was in the spool, and had not been committed.
    trial.assertEqual(set(got.out.splitlines()), {b"kept"})


def leave_free(trial, pid, count):
    """So many descriptors can still be had."""
    taken = {int(name) for name in os.listdir(f"/proc/{pid}/fd")}
    limit = 0
    while len(set(range(limit + 1)) - taken) <= count:
        limit += 1
    set_limit(trial, pid, limit)


def set_limit(trial, pid, limit):
    trial.assert_ends(trial.start("prlimit", f"--pid={pid}", f"--nofile={limit}:{MANY}"), 0)


def open_files(pid):
    files = []
    for name in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            files.append(os.readlink(f"/proc/{pid}/fd/{name}"))
    return files


def comes_soon(trial, pid, has_come):
    """Whether it has within a while, in which the process is to rest."""
    before, end = processor_seconds(pid), time.monotonic() + 1.5
    while not has_come() and time.monotonic() < end:
        time.sleep(0.01)
    trial.assertLess(processor_seconds(pid) - before, 0.3)
    return has_come()


COMPLAINT = "the path is looked at again and again: .*: Too many open files"


class Replaced:
    """A bridge whose FIFO is replaced when it has only so many descriptors left."""

    def __init__(self, trial, target):
        self.trial, self.path = trial, trial.new_fifo()
        self.receiver = trial.receiver(target)
        self.bridge = trial.bridge(f"fifo:{self.path}", target,
                                   wrapper=("prlimit", f"--nofile={MANY}:{MANY}"))
        self.writer, self.old = 0, trial.client(f"fifo:{self.path}")
        trial.assertEqual(self.old.send(0, 1, 100, 20_000), "sent")
        self.receiver.wait_for(1)
        self.arrived = 1

    def replace(self, free):
        """Whether it had too few."""
        leave_free(self.trial, self.bridge.pid, free)
        self.path.unlink()
        os.mkfifo(self.path, 0o600)
        new = self.trial.client(f"fifo:{self.path}")
        new.tell("send", self.writer + 1, 1, 100, 60_000)
        followed = comes_soon(self.trial, self.bridge.pid, lambda: self.receiver.count() > self.arrived)
        self.arrived += followed
        # The former FIFO is read on.
        state = f"{free} free, followed at once: {followed}; {self.bridge.err}"
        self.trial.assertEqual(self.old.send(self.writer, 2, 100, 20_000), "sent", state)
        self.arrived += 1
        self.receiver.wait_for(self.arrived)
        set_limit(self.trial, self.bridge.pid, MANY)
        self.trial.assertEqual(new.answer().split()[0], "sent", state)
        self.arrived += not followed
        self.receiver.wait_for(self.arrived)
        self.old.end()
        self.old, self.writer = new, self.writer + 1
        harness.wait_until(lambda: f"{self.path} (deleted)" not in open_files(self.bridge.pid),
                           "the former FIFO closed")
        return not followed

    def finish(self):
        self.old.end()
        came_in = self.trial.stop_bridge(self.bridge)
        self.receiver.finish()
        sent = {writer: history.Sent(2, 2) for writer in range(self.writer)}
        sent[self.writer] = history.Sent(1, 1)
        history.check_nothing_lost(self.receiver.check(sent), sent)
        self.trial.assertEqual(came_in["reopened"], self.writer)


def replaced_without_descriptors(trial, target):
    replaced = Replaced(trial, target)
    too_few = []
    for free in range(MOST_FREE):
        with trial.attempt():
            too_few.append(replaced.replace(free))
    trial.assertTrue(too_few[0])
    trial.assertFalse(too_few[-1])
    replaced.finish()
    # Once each time, in one line where the log gathers them.
    said = re.findall(rf"{COMPLAINT}[^\n(]*(?:\((\d+) times\))?", replaced.bridge.err)
    trial.assertEqual(sum(int(times or 1) for times in said), sum(too_few))


def spool_without_descriptors(trial):
    """Bridges into a spool and out of it have none left when the next segment is to be begun."""
    fifo, out = trial.new_fifo(), trial.new_fifo()
    spool = f"spool:{trial.new_file('spool')}?size=512KiB"  # in segments of 64 KiB
    receiver = trial.receiver(f"fifo:{out}")
    into, outof = (trial.bridge(*pair, wrapper=("prlimit", f"--nofile={MANY}:{MANY}"))
                   for pair in ((f"fifo:{fifo}", spool), (spool, f"fifo:{out}")))
    client = trial.client(f"fifo:{fifo}")
    sent = 0
    for bridges in ([into], [outof], [into], [into, outof]):
        with trial.attempt():
            for bridge in bridges:
                leave_free(trial, bridge.pid, 0)
            for _ in range(3):
                trial.assertEqual(client.send(0, sent + 1, 40_000, 20_000), "sent")
                sent += 1
            for bridge in bridges:
                # It may: what it closes meanwhile, a segment that is on the disk, can be had again.
                comes_soon(trial, bridge.pid, lambda: receiver.count() == sent)
            for bridge in bridges:
                set_limit(trial, bridge.pid, MANY)
            receiver.wait_for(sent)
    client.end()
    for bridge in (into, outof):
        trial.stop_bridge(bridge)
        trial.assertIn("no descriptor is left", bridge.err)
        trial.assertIn("there are descriptors and memory again", bridge.err)
    receiver.finish()
    everything = {0: history.Sent(sent, sent)}
    history.check_nothing_lost(receiver.check(everything), everything)


def acknowledged_without_descriptors(trial):
    """A bridge has none left when it has to wait for the first acknowledgement."""
    for _ in range(5):
        with trial.attempt():
            fifo, address = trial.new_fifo(), f"ipc://{trial.new_file('socket')}"
            receiver = trial.receiver(f"zmq+reliable:@{address}")
            alone = len(open_files(receiver.pid))
            bridge = trial.bridge(f"fifo:{fifo}", f"zmq+reliable:{address}",
                                  wrapper=("prlimit", f"--nofile={MANY}:{MANY}"))
            harness.wait_until(lambda: len(open_files(receiver.pid)) > alone, "the connection")
            leave_free(trial, bridge.pid, 0)
            os.kill(receiver.pid, signal.SIGSTOP)
            client = trial.client(f"fifo:{fifo}")
            trial.assertEqual(client.send(0, 1, 100, 20_000), "sent")
            trial.assertFalse(comes_soon(trial, bridge.pid, receiver.count))
            os.kill(receiver.pid, signal.SIGCONT)
            receiver.wait_for(1)
            set_limit(trial, bridge.pid, MANY)
            client.end()
            trial.stop_bridge(bridge)
            receiver.finish()


def half_message_without_descriptors(trial):
    """While it waits for the rest, a bridge lets go of a descriptor, and cannot have it back."""
    fifo, target = trial.new_fifo(), trial.new_fifo()
    bridge = trial.bridge(f"fifo:{fifo}", f"fifo:{target}",
                          wrapper=("prlimit", f"--nofile={MANY}:{MANY}"))
    out = trial.hold(target)
    frame = harness.checked_frame(b"halves", writer=1, sequence=1)

    def wait_for_descriptors(count):
        """On the FIFO itself."""
        harness.wait_until(lambda: open_files(bridge.pid).count(str(fifo)) == count,
                           f"{count} descriptors")

    def arrives():
        harness.wait_until(lambda: trial.backlog(target) > 0, "the message")
        trial.assertIn(b"halves", os.read(out, 1 << 16))

    with trial.attempt():
        wait_for_descriptors(3)  # to find it by, to read, and to hold it
        writer = os.open(fifo, os.O_WRONLY)
        trial.write_all(writer, frame[:10])
        wait_for_descriptors(2)
        leave_free(trial, bridge.pid, 0)
        trial.write_all(writer, frame[10:])
        # TO's pipe is opened when there is something to write.
        comes_soon(trial, bridge.pid, lambda: trial.backlog(target) > 0)
        bridge.wait_for("what is sent waits: cannot open .* for want of a descriptor")
        leave_free(trial, bridge.pid, 1)
        arrives()
        os.close(writer)
        comes_soon(trial, bridge.pid, lambda: False)
        trial.write(frame, fifo)
        arrives()
        set_limit(trial, bridge.pid, MANY)
        wait_for_descriptors(3)
    trial.stop_bridge(bridge)


def visitors_of_metrics(trial):
    """Those who come to look do not take what the relay needs."""
    fifo, address = trial.new_fifo(), harness.free_address()
    receiver = trial.receiver(f"fifo:{fifo}")
    bridge = trial.bridge(f"zmq+pull:@{address}", f"fifo:{fifo}", "--metrics", "127.0.0.1:0",
                          wrapper=("prlimit", f"--nofile={FEW}:{FEW}"))
    url, port = bridge.wait_for(r"(http://127\.0\.0\.1:(\d+)/metrics)").groups()
    client = trial.client(f"zmq+push:{address}?linger=20s")
    count, visitors = 0, trial.amount(200)
    with trial.attempt(visitors), idle(int(port), visitors):
        before = processor_seconds(bridge.pid)
        for _ in range(10):
            trial.assertEqual(client.ask("flood", 1, count + 1, 100, 16, 4096, -1, trial.seed()),
                              "accepted 100 refused")
            count += 100
            receiver.wait_for(count)
        trial.assertLess(processor_seconds(bridge.pid) - before, 2)
    with trial.attempt(), urllib.request.urlopen(url.decode(), timeout=harness.TIMEOUT) as answer:
        trial.assertIn("fifomq_", answer.read().decode())
    client.end()
    trial.stop_bridge(bridge)
    receiver.finish()
    sent = {1: history.Sent(count, count)}
    history.check_nothing_lost(receiver.check(sent), sent)
