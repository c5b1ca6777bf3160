"""Rows 39 and 51: a bridge that is told to stop with a backlog; one that crashes in a loop."""
import configparser
import math
import signal

import harness
import history
from trial import row

SECONDS = 0.4  # drain timeout
PAYLOAD = 3000  # bytes of each message but the first


@row(39, "SIGTERM, SIGINT with a backlog: drained, or printed; 128+n", seconds=12)
def told_to_stop(trial):
    """The far end takes everything, or nothing at all; what it has not got is in the pipe, or printed."""
    left = []
    for turn in range(trial.amount(3)):
        for number in (signal.SIGTERM, signal.SIGINT):
            with trial.attempt(3):
                drains(trial, number)
                left.append(stuck(trial, number))
                second_signal(trial, number)
    return f"up to {max(left)} messages printed as unsent"


class Backlog:
    """A pipe that is held, with messages in it, and a bridge from there to somebody who stands still."""

    def __init__(self, trial, messages, stopped):
        self.trial, self.messages = trial, messages
        self.fifo, self.address = trial.new_fifo(), trial.ipc(f"push{trial.seed()}")
        trial.hold(self.fifo)
        self.receiver = trial.receiver(f"zmq+pull:@{self.address}")
        self.bridge = trial.fifomq("bridge", f"fifo:{self.fifo}", f"zmq+push:{self.address}?hwm=10", "--drain-timeout",
                                   f"{int(SECONDS * 1000)}ms")
        self.bridge.wait_for(" -> .*: at-most-once")
        # What it accepts is in the pipe: each message is one piece.
        client = trial.client(f"fifo:{self.fifo}?coalesce=no")
        trial.assertEqual(client.send(1, 1, 16, -1), "sent")
        self.receiver.wait_for(1)
        if stopped:
            self.receiver.program.signal(signal.SIGSTOP)
        # More than the sockets and the kernel between them have room for.
        answer = client.ask("flood", 1, 2, messages - 1, PAYLOAD, PAYLOAD, 1 if stopped else -1, trial.seed(),
                            timeout=300).split()
        self.accepted = 1 + int(answer[1])
        self.refused = frozenset(map(int, answer[3:]))
        client.end()

    def check(self):
        """Each message has left, is unsent, was read and not looked at (all three printed), or is the next
        one's in the pipe. Returns how many are unsent."""
        trial, unsent = self.trial, self.trial.ledger(self.bridge, "relayed=")["unsent"]
        rest = trial.receiver(f"fifo:{self.fifo}")
        rest.finish()
        left = trial.ledger(self.bridge, "to ").get("messages_delivered", 0)
        # Read, and not looked at yet, the last of it cut: a frame is a few bytes more than its payload.
        read = math.ceil(trial.ledger(self.bridge, "from ").get("bytes_pending", 0) / (PAYLOAD + 40))
        trial.assertEqual(left + unsent + read + rest.count(), self.accepted)
        self.receiver.program.signal(signal.SIGCONT)
        self.receiver.finish()
        trial.assertLessEqual(self.receiver.count(), left)
        for each in (self.receiver, rest):
            each.check({1: history.Sent(self.messages, 0, self.refused)})
        return unsent


def drains(trial, number):
    backlog = Backlog(trial, 1000, stopped=False)
    backlog.bridge.signal(number)
    trial.assert_ends(backlog.bridge, 128 + number)
    trial.assertEqual(backlog.check(), 0)


def stuck(trial, number):
    backlog = Backlog(trial, 1000, stopped=True)
    backlog.bridge.signal(number)
    trial.assert_ends(backlog.bridge, 128 + number)
    unsent = backlog.check()
    trial.assertGreater(unsent, 0)
    return unsent


def second_signal(trial, number):
    """At once, by that signal, though it may take an hour."""
    fifo, address = trial.new_fifo(), trial.ipc(f"nobody{trial.seed()}")
    trial.hold(fifo)
    bridge = trial.fifomq("bridge", f"fifo:{fifo}", f"zmq+push:{address}", "--drain-timeout", "1h")
    bridge.wait_for(" -> .*: at-most-once")
    client = trial.client(f"fifo:{fifo}")
    trial.assertEqual(client.send(1, 1, 16, -1), "sent")
    client.end()
    harness.wait_until(lambda: trial.backlog(fifo) == 0, "it has a message in hand")
    bridge.signal_and_see_it_taken(number)
    trial.assertTrue(bridge.is_running())
    bridge.signal(number)
    trial.assertEqual(bridge.wait(), -number)


@row(51, "a crash loop that nobody ends: the pipe and what waits stay", seconds=6)
def crash_loop(trial):
    """The socket unit's part is played by whoever holds the pipe. Its settings are those of the unit files."""
    check_units()
    fifo, loops, share = trial.new_fifo(), trial.amount(60), 5
    trial.hold(fifo)
    client, sent = trial.client(f"fifo:{fifo}"), 0
    for _ in range(loops):
        with trial.attempt():
            crashed = trial.fifomq("bridge", f"fifo:{fifo}", "nowhere:") if trial.random.random() < 0.5 else None
            trial.assertEqual(client.ask("flood", 1, sent + 1, share, 16, 1000, -1, trial.seed()),
                              f"accepted {share} refused")
            sent += share
            if crashed:
                trial.assert_ends(crashed, 2)
                continue
            # This one comes up, and crashes before it gets rid of anything.
            killed = trial.fifomq("bridge", f"fifo:{fifo}", f"zmq+reliable:{trial.ipc('nobody')}")
            killed.wait_for(" -> .*: at-least-once")
            killed.signal(signal.SIGKILL)
            killed.wait()
    client.end()
    receiver = trial.receiver(f"fifo:{fifo}", "commit=1")
    receiver.wait_for(sent)
    receiver.finish()
    wanted = {1: history.Sent(sent, sent)}
    history.check_nothing_lost(receiver.check(wanted), wanted)
    return f"{sent} messages waited through {loops} crashes"


def check_units():
    """Nothing makes the service manager give up (systemd.unit(5), systemd.socket(5))."""
    folder = harness.SOURCE / "bridge/systemd"
    for name, wanted in (("fifomq-bridge@.service.in", {("Unit", "StartLimitIntervalSec"): "0",
                                                        ("Service", "Restart"): "always"}),
                         ("fifomq-bridge@.socket", {("Unit", "StartLimitIntervalSec"): "0",
                                                    ("Socket", "TriggerLimitIntervalSec"): "0"})):
        unit = configparser.RawConfigParser(strict=False)
        unit.optionxform = str
        unit.read(folder / name)
        for (section, key), value in wanted.items():
            assert unit[section][key] == value, f"{name}: {key}={unit[section][key]}"
