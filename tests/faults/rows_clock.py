"""Row 46: the wall clock jumps."""
import datetime
import glob
import json
import os
import pathlib
import signal
import types

import harness
import history
from trial import Skip, row

HOUR = 3600  # seconds
SIZE = 3000


class JumpingClock:
    """The wall clock of the processes that are started with `environment`; every other clock goes on as it does."""

    def __init__(self, trial):
        libraries = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
        if not libraries:
            raise Skip("needs Debian's libfaketime")
        self.file = trial.new_file("clock")
        self.environment = {**os.environ, "LD_PRELOAD": libraries[0], "FAKETIME_TIMESTAMP_FILE": str(self.file),
                            "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        self.jump(0)

    def jump(self, seconds):
        fresh = self.file.with_suffix(".new")
        fresh.write_text(f"{seconds:+d}\n")
        fresh.rename(self.file)


@row(46, "the wall clock jumps an hour either way: no effect", seconds=15)
def jumps(trial):
    """From a pipe by way of a spool and a link that acknowledges, while the clocks of all processes jump, under load
    and with half a message in the pipe."""
    clock, fifo, address = JumpingClock(trial), trial.new_fifo(), trial.ipc("out")
    receiver = trial.receiver(f"zmq+reliable:@{address}", "commit=1", env=clock.environment)
    bridge = trial.bridge(f"fifo:{fifo}?frame_timeout=4s", f"zmq+reliable:{address}", "--spool",
                          trial.new_file("spool"), "--log-format", "json", env=clock.environment)
    sent, halves = 0, 0
    for _ in range(trial.amount(2)):
        for offset in (HOUR, 0, -HOUR, HOUR):
            with trial.attempt():
                client = trial.client(f"fifo:{fifo}", env=clock.environment)
                sent += jump_under_load(trial, clock, offset, client, receiver, sent)
                client.end()
                halves += 1
                jump_with_half_a_message(trial, clock, -offset, bridge, fifo, halves)
                receiver.wait_for(sent + halves)
    clock.jump(HOUR)
    came_in = settle(trial, bridge)
    receiver.finish()
    trial.assertEqual(came_in.get("given_up", 0), 0)
    owed = {1: history.Sent(sent, sent), 2: history.Sent(halves, halves)}
    history.check_nothing_lost(receiver.check(owed), owed)
    return f"{sent + halves} messages, none lost, none twice, none given up"


def jump_under_load(trial, clock, offset, client, receiver, sent):
    """How many were sent meanwhile. Some came before the jump, and some behind it."""
    client.tell("flood", 1, sent + 1, 1 << 30, 16, 20_000, -1, trial.seed())
    receiver.wait_for(receiver.count() + 100)
    clock.jump(offset)
    receiver.wait_for(receiver.count() + 100)
    client.process.send_signal(signal.SIGTERM)
    return int(client.answer().split()[1])


def jump_with_half_a_message(trial, clock, offset, bridge, fifo, number):
    frame = harness.checked_frame(history.payload(2, number, SIZE), writer=2, sequence=number)
    with open(fifo, "wb", buffering=0) as pipe:
        pipe.write(frame[:SIZE // 2])
        harness.wait_until(lambda: trial.backlog(fifo) == SIZE // 2, "half a message, read and not taken")
        clock.jump(offset)
        # Whoever waits for the rest looks at the time once in a while.
        before = wakeups(bridge)
        harness.wait_until(lambda: wakeups(bridge) > before + 1, "looks at the clock")
        pipe.write(frame[SIZE // 2:])


def wakeups(program):
    return sum(int(line.split()[1]) for task in pathlib.Path(f"/proc/{program.pid}/task").iterdir()
               for line in (task / "status").read_text().splitlines()
               if line.startswith("voluntary_ctxt_switches"))


def settle(trial, bridge):
    """What came in, by its report, which the jumped clock dates."""
    bridge.signal(signal.SIGTERM)
    trial.assert_ends(bridge, 128 + signal.SIGTERM)
    lines = [json.loads(line) for line in bridge.err.splitlines()]
    dated = datetime.datetime.fromisoformat(lines[-1]["time"].replace("Z", "+00:00"))
    ahead = (dated - datetime.datetime.now(datetime.timezone.utc)).total_seconds()
    trial.assertAlmostEqual(ahead, HOUR, delta=HOUR / 10)
    report = types.SimpleNamespace(err="".join(f"fifomq: {line['level']}: {line['message']}\n" for line in lines))
    return trial.ledger(report, "from fifo:")
