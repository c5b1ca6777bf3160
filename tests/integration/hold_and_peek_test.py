"""What waits in a pipe: kept while no service is there, and shown without being taken."""
import json
import os
import signal
import subprocess
import sys
import unittest

import harness


class Hold(harness.IntegrationCase):
    def holder(self, *arguments):
        holder = self.fifomq("hold", *arguments)
        holder.wait_for(r"^holding .*, \d+ bytes wait\n", "stdout")
        return holder

    def test_what_was_sent_outlives_sender_and_receiver(self):
        holder = self.holder(self.fifo)
        self.send_lines(f"fifo:{self.fifo}", b"one", b"two")
        self.assertEqual(self.run_fifomq("recv", f"fifo:{self.fifo}", "--count", 1).out, b"one\n")
        self.assertEqual(self.run_fifomq("recv", f"fifo:{self.fifo}", "--count", 1).out, b"two\n")
        for number in (signal.SIGTERM, signal.SIGINT):
            self.assertTrue(holder.is_running())
            holder.signal(number)
            self.assert_ends(holder, 128 + number)
            holder = self.holder(self.fifo)

    def test_a_full_pipe_makes_a_sender_wait(self):
        self.holder(self.fifo)
        lines = self.folder / "many"
        lines.write_bytes(b"x" * 1000 + b"\n")
        lines.write_bytes(lines.read_bytes() * 200)
        send = self.run_fifomq("send", f"fifo:{self.fifo}", lines, "--timeout", "50ms", status=1)
        self.assertIn("timed_out", send.err)

    def test_a_path_that_is_no_pipe_is_refused(self):
        self.fifo.write_bytes(b"")
        said = self.run_fifomq("hold", self.fifo, status=2).err
        self.assertIn("[wrong_type]", said)
        self.assertIn("regular file", said)


class Peek(harness.IntegrationCase):
    def peek(self, *options):
        out = self.run_fifomq("peek", f"fifo:{self.fifo}", "--format", "json", *options).out
        *messages, total = map(json.loads, out.decode().splitlines())
        return messages, total

    def test_shows_what_waits_and_takes_nothing(self):
        self.hold(self.make_fifo())
        self.write(harness.checked_frame(b"\x00first", writer=7, sequence=1, topic="t", type="a.B")
                   + harness.foreign_frame(b"second"))
        for _ in range(2):
            messages, total = self.peek()
            self.assertEqual(messages, [
                {"writer": 7, "sequence": 1, "topic": "t", "type": "a.B", "size": 6,
                 "first_bytes": b"\x00first".hex()},
                {"writer": None, "sequence": None, "topic": "", "type": "", "size": 6,
                 "first_bytes": b"second".hex()}])
            self.assertEqual(total["backlog_messages"], 2)
            self.assertEqual(total["backlog_bytes"], self.backlog())
        text = self.run_fifomq("peek", f"fifo:{self.fifo}").out.decode()
        self.assertRegex(text, r"0000000000000007 +1 +6  t  a\.B  \.first\n")
        self.assertIn(f"{self.backlog()} bytes wait, 2 messages\n", text)

    def test_beside_a_running_reader(self):
        recv = self.fifomq("recv", f"fifo:{self.fifo}")
        harness.wait_until(self.fifo.exists, "recv has made its pipe")
        lines = [b"line %d" % number for number in range(2000)]
        source = self.folder / "lines"
        source.write_bytes(b"".join(line + b"\n" for line in lines))
        send = self.fifomq("send", f"fifo:{self.fifo}", source)
        for _ in range(20):
            self.peek()
        self.assert_ends(send, 0)
        recv.wait_for("line 1999\n", "stdout")
        self.assertEqual(recv.out.splitlines(), lines)

    def test_a_pipe_that_nobody_has_open_is_not_opened(self):
        self.make_fifo()
        send = self.fifomq("send", f"fifo:{self.fifo}?create=no", "/dev/stdin",
                           stdin=subprocess.PIPE)
        self.assertEqual(self.peek(), ([], {"backlog_bytes": 0, "backlog_messages": 0,
                                            "half_messages": 0, "bytes_skipped": 0}))
        self.assertTrue(send.is_running())

    @unittest.skipUnless(os.geteuid() == 0, "only root can look at every process, and hide them")
    def test_where_every_process_can_be_seen(self):
        self.make_fifo()
        alone = ("unshare", "--pid", "--fork", "--mount-proc")
        tried = subprocess.run([*alone, "true"], stderr=subprocess.PIPE, text=True, check=False)
        if tried.returncode != 0:
            self.skipTest(f"no other processes can be hidden here: {tried.stderr.strip()}")
        program = self.start(*alone, str(harness.FIFOMQ), "peek", f"fifo:{self.fifo}")
        self.assert_ends(program, 0)
        self.assertIn(b"0 bytes wait", program.out)

    def test_mistakes(self):
        self.assertIn("[not_found]", self.run_fifomq("peek", self.fifo, status=2).err)
        self.assertFalse(self.fifo.exists())
        self.make_fifo()
        self.assertIn("text or json",
                      self.run_fifomq("peek", self.fifo, "--format", "xml", status=2).err)
        self.assertIn("for named pipes", self.run_fifomq("peek", "zmq+pull:x", status=2).err)


# Starts a program as a service manager does, with descriptors 3, 4 ...
LISTEN = """
import os, sys
names, paths, command = sys.argv[1], sys.argv[2].split(":"), sys.argv[3:]
for number, path in enumerate(paths, 3):
    opened = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    if opened != number:
        os.dup2(opened, number)
        os.close(opened)
    os.set_inheritable(number, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(paths)), LISTEN_FDNAMES=names)
os.execv(command[0], command)
"""


class Passed(harness.IntegrationCase):
    def setUp(self):
        super().setUp()
        self.hold(self.make_fifo())
        self.write(harness.foreign_frame(b"waited"))

    def passed(self, *command, status=0):
        program = self.start(sys.executable, "-c", LISTEN, "other:in", f"/dev/null:{self.fifo}",
                             str(harness.FIFOMQ), *command)
        self.assert_ends(program, status)
        return program

    def recv(self, endpoint, status=0):
        return self.passed("recv", endpoint, "--count", "1", status=status)

    def test_by_name_path_and_number(self):
        for way in ("in", self.fifo, 4):
            with self.subTest(way):
                self.assertEqual(self.recv(f"fifo:/not/used?fd={way}").out, b"waited\n")
                self.write(harness.foreign_frame(b"waited"))

    def test_by_the_path_of_the_endpoint(self):
        self.assertEqual(self.recv(f"fifo:{self.fifo}").out, b"waited\n")

    def test_mistakes(self):
        for way, said in (("out", "[not_found]"), ("other", "[wrong_type]"), ("99", "descriptor 99")):
            with self.subTest(way):
                self.assertIn(said, self.recv(f"fifo:/not/used?fd={way}", status=2).err)

    def test_a_dry_run_looks_for_it(self):
        self.assertIn(b"fifo:x?fd=in", self.passed("bridge", "fifo:x?fd=in", "-", "--dry-run").out)
        self.assertIn("[not_found]", self.passed("bridge", "fifo:x?fd=no", "-", "--dry-run", status=2).err)

    def test_waiting_for_more(self):
        program = self.passed("recv", "fifo:x?fd=in", "--idle-exit", "10ms")
        self.assertEqual(program.out, b"waited\n")

    def test_the_reader_is_the_only_one_as_ever(self):
        first = self.start(sys.executable, "-c", LISTEN, "in", str(self.fifo), str(harness.FIFOMQ),
                           "recv", "fifo:x?fd=in")
        first.wait_for("waited\n", "stdout")
        self.assertIn(f"in use by pid {first.pid}", self.recv(f"fifo:{self.fifo}", status=2).err)


if __name__ == "__main__":
    unittest.main(verbosity=2)
