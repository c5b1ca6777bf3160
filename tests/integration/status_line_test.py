"""The line on a terminal: what it says is true, nothing is left of it, and elsewhere there is none."""
import contextlib
import fcntl
import os
import pathlib
import re
import signal
import termios
import time
import unittest

import zmq

import harness
from terminal import COLOUR, Terminal

FIGURES = re.compile(r"^(?P<messages>\d+) messages  (?:dropped (?P<dropped>\d+)  )?"
                     r"(?:TO takes nothing  )?in  *(?P<rate_in>[\d.]+[kMG]?)/s"
                     r"(?:  *(?P<bytes_in>[\d.]+[KMG]?i?B)/s)?"
                     r"  out  *(?P<rate_out>[\d.]+[kMG]?)/s(?:  *[\d.]+[KMG]?i?B/s)?"
                     r"(?:  backlog (?P<backlog>[\d.]+[KMG]?i?B))?(?:  lag [\d.]+\w+)?"
                     r"(?:  peers (?P<peers>\d+))?(?:  unsent \d+)?$")
TERM = {"TERM": "xterm"}


def environment(**variables):
    kept = {name: value for name, value in os.environ.items()
            if name not in ("NO_COLOR", "JOURNAL_STREAM")}
    return {**kept, **TERM, **variables}


class StatusLine(harness.IntegrationCase):
    def on_terminal(self, *arguments, columns=120, env=None, **options):
        terminal = Terminal(self, columns)
        program = self.fifomq(*arguments, stderr=terminal.slave, env=env or environment(), **options)
        return program, terminal

    def bridge_to(self, to, *options, **more):
        program, terminal = self.on_terminal("bridge", f"fifo:{self.fifo}", to, *options, **more)
        terminal.wait_for(r"\r0 messages  in")
        return program, terminal

    def reader_fifo(self):
        """A FIFO for the far end; its reader is opened by the test."""
        return self.make_fifo(self.folder / "out")

    def stop(self, program):
        program.signal(signal.SIGTERM)
        self.assert_ends(program, 143)

    def report(self, terminal):
        """The ledgers that the bridge prints at its end."""
        return {end: {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", line)}
                for line in terminal.screen()
                if (end := next((word for word in ("from ", "to ", "relayed=")
                                 if line.startswith(f"fifomq: info: {word}")
                                 or line.startswith(f"fifomq: warning: {word}")), None))}

    def test_what_it_says_is_true_and_nothing_is_left_of_it(self):
        kept = self.folder / "kept"
        with kept.open("wb") as out:
            bridge, terminal = self.bridge_to("-", stdout=out)
            count = 1000
            self.send_lines(f"fifo:{self.fifo}", *(b"line %d" % number for number in range(count)))
            terminal.wait_for(rf"\r{count} messages  in")
            # When it has come to rest, the rates are nought.
            at_rest = terminal.wait_for(rf"\r({count} messages  in +0/s +0B/s  out +0/s +0B/s.*?)\x1b")
            self.assertIn(FIGURES.match(at_rest[1])["backlog"], (None, "0B"))
            self.stop(bridge)
        self.assertEqual(len(kept.read_bytes().splitlines()), count)
        drawn = [line for line in terminal.status_lines() if line]
        for line in drawn:
            self.assertRegex(line, FIGURES)
        report = self.report(terminal)
        self.assertEqual(int(FIGURES.match(drawn[-1])["messages"]), report["to "]["messages_delivered"])
        self.assertEqual(report["relayed="]["relayed"], count)
        # Some line had traffic in it.
        self.assertTrue(any(FIGURES.match(line)["rate_in"] != "0" for line in drawn), drawn)
        for line in terminal.screen()[:-1]:
            self.assertRegex(line, r"^fifomq: \w+: ")
        self.assertEqual(terminal.screen()[-1], "")

    def test_the_first_rates_are_those_since_the_beginning(self):
        self.make_fifo()
        self.hold()
        self.write(harness.foreign_frame(b"x") * 100)
        with (self.folder / "kept").open("wb") as out:
            bridge, terminal = self.on_terminal("bridge", f"fifo:{self.fifo}", "-", stdout=out)
            terminal.wait_for(r"\r100 messages  in")
            self.stop(bridge)
        first = next(line for line in terminal.status_lines() if line.startswith("100 messages"))
        self.assertNotEqual((FIGURES.match(first)["rate_in"], FIGURES.match(first)["rate_out"]), ("0", "0"))

    def test_what_it_cannot_know_is_left_out(self):
        spool = f"spool:{self.folder / 'spool'}"
        self.send_lines(spool, b"1", b"2")
        bridge, terminal = self.on_terminal("bridge", spool, "zmq+push:@" + self.ipc())
        terminal.wait_for(r"TO takes nothing  in +\d+/s")
        peer = harness.zmq_socket(self, zmq.PULL, self.ipc())
        terminal.wait_for(r"\r2 messages  in")
        self.stop(bridge)
        self.assertNotIn("backlog", terminal.written)

    def test_whatever_numbers_it_is_given(self):
        with (self.folder / "kept").open("wb") as out:
            recv, terminal = self.on_terminal("recv", f"fifo:{self.fifo}", "--count", 2**64 - 1, stdout=out)
            terminal.wait_for(r"\r0%  0 messages")
            self.write(harness.foreign_frame(b"x", sent_unix_nanos=2**64 - 1))
            terminal.wait_for(r"\r0% ETA over 99:00:00  1 messages  [^\r]*  lag 0ns")
            self.write(harness.foreign_frame(b"x", sent_unix_nanos=1))
            terminal.wait_for(r"2 messages  [^\r]*  lag \d{10}s")
            self.stop(recv)

    def test_without_flicker(self):
        bridge, terminal = self.bridge_to("zmq+push:@" + self.ipc())
        self.stop(bridge)
        # Drawn over what stands there, and never taken away first, but for a line of the log.
        self.assertNotIn("\x1b[2K", terminal.written)
        written = COLOUR.sub("", terminal.written)
        for taken_away in re.finditer(r"\r\x1b\[K", written):
            behind = written[taken_away.end():]
            self.assertTrue(behind == "" or behind.startswith("fifomq: "), behind)

    def test_nothing_is_left_of_it_when_a_second_signal_ends_the_program(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number=number):
                bridge, terminal = self.bridge_to("zmq+push:@" + self.ipc(f"socket{number}"),
                                                  "--drain-timeout", "10min")
                self.write(harness.foreign_frame(b"x"))
                terminal.wait_for("TO takes nothing")
                bridge.signal_and_see_it_taken(signal.SIGINT)
                bridge.signal(number)
                self.assert_ends(bridge, -number)
                *log, line = terminal.screen()
                self.assertEqual(line, "")
                for said in log:
                    self.assertRegex(said, r"^fifomq: ")

    def test_log_lines_stand_above_it(self):
        bridge, terminal = self.bridge_to("zmq+push:@" + self.ipc())
        peer = harness.zmq_socket(self, zmq.PULL, self.ipc())
        for number in range(3):
            self.fifo.unlink()
            os.mkfifo(self.fifo, 0o600)
            self.write(harness.foreign_frame(b"%d" % number))
            peer.recv()
        terminal.wait_for(r"\r3 messages  in")
        terminal.wait_for(r"leads to another FIFO[^\n]*\n[^\n]*3 messages  in")
        *log, line = terminal.screen()
        self.assertRegex(line, FIGURES)
        self.assertEqual(FIGURES.match(line)["peers"], "1", line)
        for said in log:
            self.assertRegex(said, r"^fifomq: info: [^\x1b]*$")
            self.assertNotIn("messages  in", said)
        self.stop(bridge)

    def test_drops_are_those_of_the_report_and_stand_out(self):
        for colour, env in (("\x1b[33m", environment()), ("", environment(NO_COLOR="1"))):
            with self.subTest(colour=colour):
                socket = self.ipc(f"socket{len(colour)}")
                bridge, terminal = self.on_terminal(
                    "bridge", f"fifo:{self.fifo}?max_message=1KiB", "zmq+push:@" + socket, env=env)
                peer = harness.zmq_socket(self, zmq.PULL, socket)
                terminal.wait_for(r"\r0 messages  in")
                for size in (1025, 5, 2000, 3000):
                    self.write(harness.checked_frame(b"x" * size))
                peer.recv()
                terminal.wait_for(r"\r1 messages  dropped 3  in")
                self.stop(bridge)
                self.assertEqual(self.report(terminal)["from "]["too_large"], 3)
                self.assertEqual(f"{colour}dropped 3\x1b[0m" in terminal.written, bool(colour))
                # Also where a drawing was cut off in the middle of a colour.
                self.assertEqual(len(re.findall(r"\r(?!\n)(?!\x1b\[0m)", terminal.written)) == 0, bool(colour))
                if not colour:
                    self.assertNotRegex(terminal.written, COLOUR)

    def test_the_width_is_respected_also_when_it_changes(self):
        bridge, terminal = self.bridge_to("zmq+push:@" + self.ipc(), columns=40)
        self.assertLess(max(map(len, terminal.status_lines())), 40)
        self.assertGreater(max(map(len, terminal.status_lines())), 20)
        terminal.resize(120)
        peer = harness.zmq_socket(self, zmq.PULL, self.ipc())
        terminal.wait_for(r"\r0 messages  in[^\r]*out[^\r]*peers 1")
        before = len(terminal.written)
        terminal.resize(12)
        terminal.wait_for(r"\r0 messages?\x1b|\r\x1b", before)
        self.stop(bridge)
        self.assertLessEqual(len(terminal.status_lines()[-2]), 11)

    def test_nobody_there_and_what_waits_in_the_pipe(self):
        bridge, terminal = self.bridge_to("zmq+push:@" + self.ipc(), "--metrics", "127.0.0.1:0")
        writer = self.open_writer()
        for number in range(5):
            os.write(writer, harness.foreign_frame(b"%d" % number))
        terminal.wait_for("TO takes nothing")
        # What is written now is not read before the first ones are gone.
        os.write(writer, harness.foreign_frame(bytes(50)) * 5)
        waiting = self.backlog()
        self.assertGreaterEqual(waiting, 5 * 50)
        terminal.wait_for(rf"backlog {waiting}B")
        url = terminal.wait_for(r"metrics: (http\S+)")[1]
        gauge = lambda: float(re.search(r'^fifomq_backlog_bytes\{.*end="from".*\} (\S+)$',
                                        self.scrape(url), re.M)[1])
        harness.wait_until(lambda: gauge() == waiting, "the gauge shows the backlog")
        peer = harness.zmq_socket(self, zmq.PULL, self.ipc())
        for _ in range(10):
            peer.recv()
        terminal.wait_for(r"\r10 messages  in[^\r]*backlog 0B  peers 1")
        self.assertEqual(gauge(), 0)
        self.stop(bridge)

    def scrape(self, url):
        curl = self.start("curl", "-sS", url)
        self.assert_ends(curl, 0)
        return curl.out.decode()

    def test_progress_of_files(self):
        files = []
        for number in range(2):
            files.append(self.folder / f"file{number}")
            files[-1].write_bytes(b"%099d\n" % number * 10_000)
        fifo = self.reader_fifo()
        reader = self.close_at_end(os.open(fifo, os.O_RDONLY | os.O_NONBLOCK))
        send, terminal = self.on_terminal("send", f"fifo:{fifo}?framing=line", *files)
        shares = []
        for upto in (500_000, 1_000_000, 1_500_000, 2_000_000):
            left = upto - sum(shares)
            while left > 0:
                try:
                    left -= len(os.read(reader, min(left, 1 << 16)) or b"")
                except BlockingIOError:
                    time.sleep(0.001)
            shares.append(500_000)
            if upto < 2_000_000:
                # The pipe holds half a MiB beyond what was read.
                found = terminal.wait_for(r"(\d+)% ETA \d+:\d\d  \d+ messages  TO takes nothing",
                                          after=len(terminal.written))
                self.assertTrue(upto / 20_000 <= int(found[1]) <= 100, found[0])
        self.assert_ends(send, 0)
        last = [line for line in terminal.status_lines() if line][-1]
        self.assertTrue(last.startswith("100%  20000 messages  "), last)
        self.assertEqual(terminal.screen(), [""])

    def test_progress_of_a_count(self):
        out = self.folder / "received"
        with out.open("wb") as file:
            recv, terminal = self.on_terminal("recv", f"fifo:{self.fifo}", "--count", 4, stdout=file)
            terminal.wait_for(r"\r0%  0 messages")
            for number in range(4):
                self.write(harness.foreign_frame(b"%d" % number))
                if number < 3:
                    terminal.wait_for(rf"\r{25 * (number + 1)}% ETA \d+:\d\d  {number + 1} messages")
            self.assert_ends(recv, 0)
        self.assertTrue([line for line in terminal.status_lines() if line][-1]
                        .startswith("100%  4 messages  "), terminal.status_lines())
        self.assertEqual(out.read_bytes(), b"0\n1\n2\n3\n")

    def drawn_within(self, terminal, program, sign):
        """The program has had the time for several lines when `sign` is true."""
        harness.wait_until(sign, "it came so far")
        time.sleep(0.6)
        self.stop(program)
        return re.findall(r"\d+ messages  |\r(?!\n)|\x1b\[K", COLOUR.sub("", terminal.written))

    def is_open(self, program):
        for link in pathlib.Path(f"/proc/{program.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                if link.readlink() == self.fifo:
                    return True
        return False

    def test_where_there_is_none(self):
        to = "zmq+push:@" + self.ipc()
        self.make_fifo()
        endpoint = f"fifo:{self.fifo}"
        for name, arguments, env in (
                ("quiet", ("--quiet", "bridge", endpoint, to), {}),
                ("json", ("--log-format", "json", "bridge", endpoint, to), {}),
                ("dumb", ("bridge", endpoint, to), {"TERM": "dumb"}),
                ("messages go into a pipe", ("recv", endpoint), {}),
                ("a bridge, too", ("bridge", endpoint, "-"), {})):
            with self.subTest(name):
                program, terminal = self.on_terminal(*arguments, env=environment(**env))
                self.assertEqual(self.drawn_within(terminal, program, lambda: self.is_open(program)), [])

    def test_none_when_messages_go_to_the_terminal(self):
        terminal = Terminal(self)
        self.make_fifo()
        recv = self.fifomq("recv", f"fifo:{self.fifo}", stdout=terminal.slave, stderr=terminal.slave,
                           env=environment())
        self.write(harness.foreign_frame(b"a message"))
        terminal.wait_for("a message\r\n")
        self.assertEqual(self.drawn_within(terminal, recv, lambda: True), [])

    def test_none_where_standard_error_is_no_terminal(self):
        bridge = self.bridge(f"fifo:{self.fifo}", "zmq+push:@" + self.ipc(), env=environment())
        time.sleep(0.6)
        self.stop(bridge)
        self.assertNotRegex(bridge.err, r"\r|\x1b|\d+ messages  ")
        for line in bridge.err.splitlines():
            self.assertRegex(line, r"^fifomq: info: (fifomq \d|from |to |relayed=)")

    def test_a_job_in_the_background_leaves_the_terminal_alone(self):
        terminal = Terminal(self)

        def control():
            fcntl.ioctl(terminal.slave, termios.TIOCSCTTY, 0)

        command = f"{harness.FIFOMQ} bridge fifo:{self.fifo} zmq+push:@{self.ipc()} & wait"
        shell = self.start("bash", "-mc", command, stderr=terminal.slave, start_new_session=True,
                           preexec_fn=control, env=environment())
        terminal.wait_for(r" -> .*: at-most-once")
        time.sleep(0.6)
        children = pathlib.Path(f"/proc/{shell.pid}/task/{shell.pid}/children").read_text().split()
        self.assertEqual(len(children), 1)
        self.assertEqual([line for line in terminal.status_lines() if line], [])
        os.kill(int(children[0]), signal.SIGTERM)
        terminal.wait_for(r"relayed=0")
        shell.wait()
        self.assertNotIn(" messages  ", terminal.written)

    def test_a_terminal_that_is_stopped_holds_nothing_up(self):
        out = self.folder / "out"
        with out.open("wb") as file:
            bridge, terminal = self.bridge_to("-", stdout=file)
            termios.tcflow(terminal.slave, termios.TCOOFF)
            try:
                drawn = len(terminal.written)
                for number in range(5):
                    self.write(harness.foreign_frame(b"%d" % number))
                    harness.wait_until(lambda: len(out.read_bytes()) == 2 * (number + 1),
                                       "the message went through")
                    time.sleep(0.3)  # for a line that would be drawn
                self.assertEqual(len(terminal.written), drawn)
            finally:
                termios.tcflow(terminal.slave, termios.TCOON)
            terminal.wait_for(r"\r5 messages  in")
            self.stop(bridge)

    def woken(self, program):
        status = pathlib.Path(f"/proc/{program.pid}/status").read_text()
        return int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)$", status, re.M)[1])

    def wakes_while_idle(self, program):
        began, before = time.monotonic(), self.woken(program)
        time.sleep(2)
        return self.woken(program) - before, time.monotonic() - began

    def test_idle_it_wakes_seldom_and_elsewhere_never(self):
        bridge, terminal = self.bridge_to("zmq+push:@" + self.ipc())
        peer = harness.zmq_socket(self, zmq.PULL, self.ipc())
        self.write(harness.foreign_frame(b"x"))
        peer.recv()
        terminal.wait_for(r"\r1 messages  in +0/s")
        wakes, seconds = self.wakes_while_idle(bridge)
        # A line a second, and a look at what was lost.
        self.assertLessEqual(wakes, 2 * seconds + 1)
        self.stop(bridge)
        bridge = self.bridge(f"fifo:{self.fifo}", "zmq+push:@" + self.ipc("another"))
        peer = harness.zmq_socket(self, zmq.PULL, self.ipc("another"))
        self.write(harness.foreign_frame(b"x"))
        peer.recv()
        time.sleep(1.5)  # the last look at what was lost
        self.assertEqual(self.wakes_while_idle(bridge)[0], 0)
        self.stop(bridge)


if __name__ == "__main__":
    unittest.main(verbosity=2)
