"""The whole way: writers -> pipe -> bridge with a spool -> network -> bridge -> pipe -> reader, hit everywhere."""
import collections
import contextlib
import itertools
import os
import pathlib
import signal
import sys
import time

import harness
import history
from hosts import Cable
from rows_readers import check_filtered
from rows_spool import can_trace, small_disk

WRITERS, LEAST, MOST = 3, 16, 256 << 10
PORT, DISK = 5555, 64 << 20
AT_LEAST_ONCE = ("--require", "at-least-once")


class Chain:
    def __init__(self, trial, disk, total):
        self.trial, self.disk, self.total = trial, disk, total
        self.cable = Cable(trial)
        self.start_of, self.end_of = trial.new_fifo("in"), trial.new_fifo("out")
        for fifo in (self.start_of, self.end_of):
            trial.hold(fifo)
        self.bridges = {}
        for name in ("A", "B"):
            self.start(name)
        # Half a million messages and more may come again.
        self.reader = trial.receiver(f"fifo:{self.end_of}?capacity=1MiB", "commit=1", capacity=1 << 26)
        self.progress = Progress(self)
        self.clients = [trial.client(f"fifo:{self.start_of}") for _ in range(WRITERS)]

    def start(self, name, wrapper=()):
        far = self.cable.far.address
        if name == "A":
            ends = (f"fifo:{self.start_of}?capacity=1MiB", f"zmq+reliable:tcp://{far}:{PORT}",
                    "--spool", f"{self.disk}/spool?size=1GiB")
            wrapper = (*self.cable.near.wrapper, *wrapper)
        else:
            ends = (f"zmq+reliable:@tcp://{far}:{PORT}?plaintext=yes", f"fifo:{self.end_of}")
            wrapper = self.cable.far.wrapper
        self.bridges[name] = self.trial.fifomq("bridge", *ends, *AT_LEAST_ONCE, wrapper=wrapper)

    def kill(self, *names):
        for name in names:
            self.end(name)
        for name in names:
            self.start(name)

    def end(self, name):
        bridge = self.bridges[name]
        self.trial.assertTrue(bridge.is_running(), f"{name} has ended: {bridge.err[-2000:]}")
        bridge.signal(signal.SIGKILL)
        bridge.wait()

    def fill_disk(self):
        """Until there is no room at all, for a moment."""
        ballast = pathlib.Path(self.disk) / "ballast"
        with contextlib.suppress(OSError), open(ballast, "wb") as file:
            while True:
                file.write(bytes(1 << 20))
                file.flush()
        time.sleep(self.trial.random.uniform(0, 0.05))  # so long it is full
        ballast.unlink()

    def fail_disk(self):
        """The next life of A ends with an error of its disk, at some call, if there are so many still."""
        self.end("A")
        self.start("A", wrapper=("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync", "-e",
                                 f"inject=fdatasync:error=EIO:when={self.trial.random.randint(1, 30)}"))
        failed = self.bridges["A"]
        idle = lambda: "fifomq: info: " in failed.err and self.progress.look() == self.total
        harness.wait_until(lambda: not failed.is_running() or idle(), "an error of the disk")
        if failed.is_running():
            # strace ends with what it traces, not the other way round.
            traced = pathlib.Path(f"/proc/{failed.pid}/task/{failed.pid}/children").read_text()
            os.kill(int(traced), signal.SIGKILL)
            failed.wait()
        else:
            self.trial.assert_ends(failed, 1)
            self.trial.assertRegex(failed.err, r"cannot bring .*to the disk.*\[system_failure\]")
        self.start("A")

    def break_link(self, how):
        with how():
            time.sleep(self.trial.random.uniform(0, 0.3))  # so long it is broken

    def hit(self):
        chance = self.trial.random
        what = chance.choices(("A", "B", "both", "link", "full", "fail"), (30, 30, 15, 15, 8, 2))[0]
        if what == "link":
            self.break_link(chance.choice((self.cable.silent, self.cable.pulled, self.cable.without_address)))
        elif what in ("full", "fail"):
            {"full": self.fill_disk, "fail": self.fail_disk}[what]()
        else:
            self.kill(*{"both": "AB"}.get(what, what))
        return what


def run_chain(trial, messages, hits):
    can_trace()
    with small_disk(trial, DISK) as disk:
        share = messages // WRITERS
        total = share * WRITERS
        chain = Chain(trial, disk, total)
        for number, client in enumerate(chain.clients, 1):
            client.tell("flood", number, 1, share, LEAST, MOST, -1, trial.seed())
        counts, progress = collections.Counter(), chain.progress
        for done in range(hits):
            with trial.attempt():
                # Something gets through after each hit, and the hits are spread over all messages.
                progress.wait_for(min(max(progress.look(), total * done // hits) + 1, total))
                time.sleep(trial.random.uniform(0, 0.02))  # a random instant is no event
                counts[chain.hit()] += 1
        for client in chain.clients:
            trial.assertEqual(client.answer(3600), f"accepted {share} refused")
            client.end()
        progress.wait_for(total, 600)
        chain.reader.finish()
        sent = {number: history.Sent(share, share) for number in range(1, WRITERS + 1)}
        again = check_filtered(trial, chain.reader.arrivals, sent)
    hit = ", ".join(f"{what} {count}" for what, count in sorted(counts.items()))
    return f"{total} messages ({total + again} before the filter), 0 lost, 0 twice; hit: {hit}"


class Progress:
    """How many different messages have arrived, without reading anything twice."""

    def __init__(self, chain):
        # What is read ahead would be what has not been written yet.
        self.chain, self.file = chain, open(chain.reader.arrivals, "rb", buffering=0)
        self.last, self.seen = {number: 0 for number in range(1, WRITERS + 1)}, 0

    def look(self):
        block = os.pread(self.file.fileno(), history.ARRIVAL.size << 12, self.seen * history.ARRIVAL.size)
        for arrival in itertools.takewhile(lambda each: each.status != 0,
                                           map(history.Arrival._make, history.ARRIVAL.iter_unpack(block))):
            self.seen += 1
            self.last[arrival.writer] = max(self.last[arrival.writer], arrival.number)
        return sum(self.last.values())

    def wait_for(self, count, timeout=120):
        try:
            harness.wait_until(lambda: self.look() >= count, f"message {count}", timeout)
        except AssertionError:
            for name, bridge in self.chain.bridges.items():
                print(f"bridge {name}: running {bridge.is_running()}\n{bridge.err[-3000:]}", file=sys.stderr)
            raise
