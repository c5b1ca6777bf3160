"""As a service: the manager holds the pipe, is told how it goes, and restarts the bridge.

From a pipe into a pipe, both held: asked to stop (SIGTERM), the bridge loses nothing, and nothing comes twice. Killed
(SIGKILL), it loses nothing, and what it had in hand may come again. What waits in the pipe is there for the next one
either way.
"""
import contextlib
import itertools
import json
import os
import random
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

import harness

RESTARTS = 100
# Its own descriptor 3 is the pipe, as sd_listen_fds(3) has it. $0 is the number it has here.
LISTEN = 'export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=in; exec "$@" 3<&$0'
# What a bridge may have taken over and not committed: all that fits into either pipe.
MOST_IN_HAND = 2 * (512 << 10)


class Manager:
    """The service manager's end of NOTIFY_SOCKET: all that it was told."""

    def __init__(self, case, path):
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        case.addCleanup(self._socket.close)
        self._news = threading.Condition()
        self._told = []
        threading.Thread(target=self._listen, daemon=True).start()
        case.addCleanup(self._end)

    def _listen(self):
        while text := self._socket.recv(1 << 16).decode():
            with self._news:
                self._told.append(text.splitlines())
                self._news.notify_all()

    def _end(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"", str(self.path))

    def count(self, line):
        with self._news:
            return sum(line in told for told in self._told)

    def wait_for(self, line, times=1):
        with self._news:
            come = self._news.wait_for(
                lambda: sum(line in told for told in self._told) >= times, harness.TIMEOUT)
            if not come:
                raise AssertionError(f"{line} was not told {times} times: {self._told[-20:]}")

    def told(self, key):
        """The values of a key, in order."""
        with self._news:
            return [line.partition("=")[2] for told in self._told for line in told
                    if line.startswith(key + "=")]


class Writer:
    """Writes frames into the pipe until it is told to end, and counts them."""

    def __init__(self, path, number):
        self.number, self.written = number, 0
        self._path, self._ends = path, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        pipe = os.open(self._path, os.O_WRONLY)
        payload = b"x" * 400
        for first in itertools.count(1, 8):
            # Some 80,000 messages a second of all three at most, which fill the pipe while nobody reads. Faster,
            # they would only keep Python's lock from who starts and stops the bridge.
            if self._ends.wait(0.0002):
                break
            os.write(pipe, b"".join(
                harness.foreign_frame(payload, writer=self.number, sequence=sequence)
                for sequence in range(first, first + 8)))
            self.written = first + 7
        os.close(pipe)

    def end(self):
        self._ends.set()
        self._thread.join(harness.TIMEOUT)
        if self._thread.is_alive():
            raise AssertionError(f"writer {self.number} waits for room")


class Service(harness.IntegrationCase):
    def setUp(self):
        super().setUp()
        self.pipe = self.hold(self.make_fifo())
        self.out = self.folder / "out"
        self.manager = Manager(self, self.folder / "notify")

    def service(self, to, *arguments, watchdog=None, ready=True):
        """A bridge from the pipe that was passed, which has told that it is ready."""
        environment = {**os.environ, "NOTIFY_SOCKET": str(self.manager.path)}
        if watchdog:
            environment["WATCHDOG_USEC"] = str(int(watchdog * 1e6))
        before = self.manager.count("READY=1")
        bridge = self.start("sh", "-c", LISTEN, str(self.pipe), str(harness.FIFOMQ), "bridge",
                            "fifo:/not/there?fd=in&create=no", to, *arguments, env=environment,
                            pass_fds=(self.pipe,))
        if ready:
            self.manager.wait_for("READY=1", before + 1)
        return bridge

    def receiver(self):
        """Writes down all that comes out of the far pipe."""
        self.make_fifo(self.out)
        self.hold(self.out)
        log = self.folder / "received"
        with open(log, "wb") as lines:
            return self.fifomq("recv", f"fifo:{self.out}", "--format", "json", stdout=lines), log

    def received(self, log):
        """By writer, the sequences as they came."""
        by_writer = {}
        for line in log.read_text().splitlines():
            message = json.loads(line)
            by_writer.setdefault(message["writer"], []).append(message["sequence"])
        return by_writer

    def restart_under_load(self, signals):
        """Returns what each writer wrote, what came of it, how many were killed, and what recv said."""
        seed = int(os.environ.get("FIFOMQ_TEST_SEED", time.time_ns() % 1_000_000))
        print(f"seed {seed} (FIFOMQ_TEST_SEED)", file=sys.stderr)
        chance, killed = random.Random(seed), 0
        receiver, log = self.receiver()
        writers = [Writer(self.fifo, number) for number in (1, 2, 3)]
        written = lambda: sum(writer.written for writer in writers)
        for _ in range(RESTARTS // 10 if harness.SANITIZED else RESTARTS):
            # It carries over what is there for half of the time, and the writers write on.
            patience = "4s" if harness.SANITIZED else "1s"
            bridge = self.service(f"fifo:{self.out}", "--drain-timeout", patience)
            enough = written() + chance.randrange(1, 2000)
            harness.wait_until(lambda: written() >= enough, "the writers write on")
            number = chance.choice(signals)
            bridge.signal(number)
            self.assertIn(bridge.wait(), (-number, 128 + number), bridge.err)
            killed += number == signal.SIGKILL
        bridge = self.service(f"fifo:{self.out}")
        for writer in writers:
            writer.end()
        self.stop_in_order(bridge)
        harness.wait_until(lambda: self.backlog(self.out) == 0, "the far pipe is read")
        receiver.signal(signal.SIGTERM)
        receiver.wait()
        return ({writer.number: writer.written for writer in writers}, self.received(log), killed,
                receiver)

    def stop_in_order(self, bridge):
        bridge.signal(signal.SIGTERM)
        self.assert_ends(bridge, 128 + signal.SIGTERM)

    def test_restarted_under_load_it_loses_nothing(self):
        written, received, _, _ = self.restart_under_load([signal.SIGTERM])
        for writer, last in written.items():
            self.assertEqual(received[writer], list(range(1, last + 1)), f"writer {writer}")

    def test_killed_under_load_it_loses_nothing(self):
        written, received, killed, _ = self.restart_under_load([signal.SIGTERM, signal.SIGKILL])
        again = 0
        for writer, last in written.items():
            # As a consumer has it that leaves out what came before.
            came, new = 0, []
            for number in received[writer]:
                if number > came:
                    came = number
                    new.append(number)
            self.assertEqual(new, list(range(1, last + 1)), f"writer {writer}")
            again += len(received[writer]) - last
        print(f"{killed} killed, {again} messages came again", file=sys.stderr)
        self.assertLessEqual(again * 400, killed * MOST_IN_HAND)

    def test_a_crash_loop_leaves_what_waits_in_the_pipe(self):
        self.send_lines(f"fifo:{self.fifo}", *(b"%d" % number for number in range(100)))
        before = self.backlog()
        for _ in range(20):
            crashed = self.service("nowhere:", ready=False)
            self.assert_ends(crashed, 2)
        self.assertEqual(self.backlog(), before)
        self.assertEqual(self.manager.count("READY=1"), 0)
        bridge = self.service("-")
        bridge.wait_for("99\n", "stdout")
        self.assertEqual(bridge.out.split(), [b"%d" % number for number in range(100)])

    def test_what_it_tells(self):
        bridge = self.service("-", "--drain-timeout", "3s")
        self.assertRegex(self.manager.told("STATUS")[0], r"^fifo:.* -> -: at-most-once$")
        self.stop_in_order(bridge)
        self.manager.wait_for("STOPPING=1")
        self.assertEqual(self.manager.told("EXTEND_TIMEOUT_USEC"), ["6000000"])
        self.assertEqual(self.manager.count("WATCHDOG=1"), 0)

    def test_a_reload_is_told(self):
        settings = self.folder / "bridge.toml"
        settings.write_text("")
        bridge = self.service("-", "--config", settings)
        bridge.signal(signal.SIGHUP)
        self.manager.wait_for("READY=1", 2)
        self.assertEqual(self.manager.count("RELOADING=1"), 1)
        (when,) = map(int, self.manager.told("MONOTONIC_USEC"))
        self.assertLess(0, when)
        self.assertLess(when, time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000)

    def test_it_ends_by_itself_and_says_so(self):
        self.assert_ends(self.service("-", "--idle-exit", "10ms"), 0)
        self.manager.wait_for("STOPPING=1")

    def test_a_sign_of_life_comes_while_it_is_idle(self):
        self.service("-", watchdog=0.2)
        self.manager.wait_for("WATCHDOG=1", 5)

    def test_a_sign_of_life_comes_while_it_waits_for_room(self):
        self.make_fifo(self.out)
        self.hold(self.out)
        bridge = self.service(f"fifo:{self.out}", watchdog=0.2)
        writer = Writer(self.fifo, 1)
        harness.wait_until(lambda: self.backlog() > 400_000, "both pipes are full")
        self.manager.wait_for("WATCHDOG=1", self.manager.count("WATCHDOG=1") + 5)
        self.assertTrue(bridge.is_running())
        receiver = self.fifomq("recv", f"fifo:{self.out}")
        receiver.wait_for("x", "stdout")
        writer.end()

    def test_a_sign_of_life_holds_up_no_large_message(self):
        """A slow peer takes longer for it than the manager waits."""
        self.make_fifo(self.out)
        slow = self.hold(self.out)
        self.service(f"fifo:{self.out}", watchdog=0.2)
        size = 2 * harness.MIB
        receiver = self.fifomq("recv", "-?framing=frame", "--count", "1", "--format", "raw",
                               stdin=subprocess.PIPE)
        source = self.folder / "large"
        source.write_bytes(b"L" * size + b"\n")
        send = self.fifomq("send", f"fifo:{self.fifo}", source)
        while receiver.is_running():
            if select.select([slow], [], [], 0.01)[0]:
                with contextlib.suppress(BrokenPipeError):  # it has its message
                    os.write(receiver.stdin.fileno(), os.read(slow, 8192))
            time.sleep(0.002)  # this is how slow it is
        self.assert_ends(receiver, 0)
        self.assertEqual(receiver.out, b"L" * size)
        self.assert_ends(send, 0)
        self.assertGreater(self.manager.count("WATCHDOG=1"), 1)
        # The manager is asked to wait longer meanwhile, and as long as ever afterwards.
        harness.wait_until(lambda: self.manager.told("WATCHDOG_USEC")[-1:] == ["200000"], "as ever")
        self.assertGreater(max(map(int, self.manager.told("WATCHDOG_USEC"))), 200_000)

    def test_without_a_manager_nobody_is_woken(self):
        environment = {name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"}
        bridge = self.bridge(f"fifo:{self.fifo}", "-",
                             env={**environment, "WATCHDOG_USEC": "20000"})
        status = f"/proc/{bridge.pid}/task/{bridge.pid}/status"

        def switches():
            with open(status) as lines:
                return re.findall(r"ctxt_switches:\s*(\d+)", lines.read())

        time.sleep(0.2)  # until it has gone to sleep after opening
        before = switches()
        time.sleep(0.5)  # in which nothing happens
        self.assertEqual(switches(), before)

    def test_a_manager_that_is_gone_is_a_warning(self):
        bridge = self.bridge(f"fifo:{self.fifo}", "-",
                             env={**os.environ, "NOTIFY_SOCKET": str(self.folder / "gone"),
                                  "WATCHDOG_USEC": "20000"})
        bridge.wait_for("cannot be told: No such file or directory")
        self.stop_in_order(bridge)
        self.assertEqual(bridge.err.count("cannot be told"), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
