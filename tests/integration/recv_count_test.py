"""`recv --count N` ends by itself and takes N messages: the next recv gets the next one."""
import contextlib
import os
import signal
import subprocess
import unittest

import harness

LARGE = [bytes([65 + number]) * (9_000 + number) for number in range(6)]
SMALL = [b"message %d" % number for number in range(20)]


class RecvCount(harness.IntegrationCase):
    def setUp(self):
        super().setUp()
        self.holder = self.hold(self.make_fifo(), capacity=harness.MIB)

    def recv(self, framing, count, *arguments):
        return self.run_fifomq("recv", f"fifo:{self.fifo}?framing={framing}", "--count", count,
                               *arguments).out

    def check_one_after_another(self, framing, messages):
        """In shares of 1, 2, 3 ... messages, until none is left."""
        rest, share = list(messages), 1
        while rest:
            taken, rest = rest[:share], rest[share:]
            self.assertEqual(self.recv(framing, len(taken)), b"".join(m + b"\n" for m in taken))
            share += 1
        self.assertEqual(self.backlog(), 0)

    def test_frames_of_the_library(self):
        self.send_lines(f"fifo:{self.fifo}", *SMALL)
        self.check_one_after_another("frame", SMALL)

    def test_fragmented_frames_of_the_library(self):
        self.send_lines(f"fifo:{self.fifo}", *LARGE)
        self.check_one_after_another("frame", LARGE)

    def test_small_and_large_frames_in_turn(self):
        mixed = [message for pair in zip(SMALL, LARGE) for message in pair]
        self.send_lines(f"fifo:{self.fifo}", *mixed)
        self.check_one_after_another("frame", mixed)

    def test_frames_of_a_foreign_writer(self):
        mixed = [message for pair in zip(LARGE, SMALL) for message in pair] + [b"", b"the end"]
        for message in mixed:
            os.write(self.holder, harness.foreign_frame(message))
        self.check_one_after_another("frame", mixed)

    def test_lines(self):
        mixed = [message for pair in zip(SMALL, LARGE) for message in pair] + [b"", b"the end"]
        self.send_lines(f"fifo:{self.fifo}?framing=line", *mixed)
        self.check_one_after_another("line", mixed)

    def test_bytes(self):
        os.write(self.holder, b"abcdefghij")
        self.check_one_after_another("byte", [b"%c" % byte for byte in b"abcdefghij"])

    def test_length_prefixes(self):
        for framing in ("varint", "u16be", "u32be", "u32le"):
            with self.subTest(framing):
                self.send_lines(f"fifo:{self.fifo}?framing={framing}", *SMALL, *LARGE)
                self.check_one_after_another(framing, SMALL + LARGE)

    def test_waits_for_messages_that_have_not_come_yet(self):
        recv = self.fifomq("recv", f"fifo:{self.fifo}", "--count", "3")
        for message in (b"one", b"two"):
            os.write(self.holder, harness.foreign_frame(message))
            recv.wait_for(message.decode(), "stdout")
        self.assertTrue(recv.is_running())
        os.write(self.holder, harness.foreign_frame(b"three"))
        self.assert_ends(recv, 0)
        self.assertEqual(recv.out, b"one\ntwo\nthree\n")

    def test_a_bridge_that_counts_leaves_the_rest(self):
        self.send_lines(f"fifo:{self.fifo}", *SMALL[:5])
        second = self.make_fifo(self.folder / "second")
        self.hold(second)
        bridge = self.bridge(f"fifo:{self.fifo}", f"fifo:{second}", "--count", "3")
        self.assert_ends(bridge, 0)
        self.assertEqual(self.ledger(bridge, "relayed=")["relayed"], 3)
        self.assertEqual(self.recv("frame", 2), b"message 3\nmessage 4\n")

    @unittest.skipIf(harness.cached("FIFOMQ_BUILD_EXAMPLES") == "OFF", "the writer is an example")
    def test_the_byte_counter(self):
        writer = self.start(harness.BIN / "byte_counter_writer", self.fifo, "--interval", "10ms")
        recv = self.run_fifomq("recv", "fifo:./fifo?framing=byte", "--count", "3",
                               "--format", "hex")
        self.assertEqual(recv.out, b"00\n01\n02\n")
        self.assertTrue(writer.is_running(), writer.err)

    def recv_into_head(self, lines):
        head = subprocess.Popen(["head", "-n", str(lines)], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE)
        self.addCleanup(head.wait, harness.TIMEOUT)
        self.addCleanup(head.kill)
        self.addCleanup(head.stdout.close)
        recv = self.fifomq("recv", f"fifo:{self.fifo}", stdout=head.stdin)
        head.stdin.close()
        return recv, head

    def test_recv_into_head_ends_while_messages_come(self):
        recv, head = self.recv_into_head(2)
        for number in range(100):
            os.write(self.holder, harness.foreign_frame(b"%d" % number))
        self.assertEqual(head.stdout.read(), b"0\n1\n")
        for _ in range(harness.TIMEOUT * 5):
            os.write(self.holder, harness.foreign_frame(b"more"))
            with contextlib.suppress(subprocess.TimeoutExpired):
                recv.process.wait(0.05)
                break
        self.assertNotEqual(recv.wait(), -signal.SIGPIPE)


if __name__ == "__main__":
    unittest.main(verbosity=2)
