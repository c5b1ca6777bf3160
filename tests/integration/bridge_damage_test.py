"""What a bridge does about garbage in the pipe, and about peers that come and go on either side."""
import os
import signal
import subprocess
import unittest

import zmq

import harness


class BridgeDamage(harness.IntegrationCase):
    def start_bridge(self, *arguments, query=""):
        self.pull = harness.zmq_socket(self, zmq.PULL, self.ipc())
        return self.bridge(f"fifo:{self.fifo}{query}", f"zmq+push:@{self.ipc()}", *arguments)

    def payload(self, socket=None):
        return harness.frame_class().FromString((socket or self.pull).recv()).payload

    def check_garbage_between(self, first, second):
        bridge = self.start_bridge()
        writer = self.open_writer()
        data = memoryview(first + os.urandom(harness.MIB) + second)
        while data:
            data = data[os.write(writer, data):]
        self.assertEqual([self.payload(), self.payload()], [b"before" * 9, b"behind" * 900])
        bridge.signal(signal.SIGTERM)
        self.assert_ends(bridge, 143)
        came_in = self.ledger(bridge, "from ")
        self.assertEqual(came_in["bytes_skipped"], harness.MIB)
        self.assertEqual(came_in["messages_delivered"], 2)
        self.assertEqual(came_in["bytes_in"], harness.MIB + len(first) + len(second))
        self.assert_settles(came_in)

    def test_a_mebibyte_of_garbage_between_unchecked_frames(self):
        self.check_garbage_between(harness.foreign_frame(b"before" * 9),
                                   harness.foreign_frame(b"behind" * 900))

    def test_a_mebibyte_of_garbage_between_checked_frames(self):
        self.check_garbage_between(harness.checked_frame(b"before" * 9),
                                   harness.checked_frame(b"behind" * 900))

    def test_a_changed_byte_costs_one_checked_frame(self):
        bridge = self.start_bridge("--count", "2")
        good = [harness.checked_frame(text) for text in (b"one", b"three")]
        damaged = bytearray(harness.checked_frame(b"two"))
        damaged[-1] ^= 1
        self.write(good[0] + damaged + good[1])
        self.assertEqual([self.payload(), self.payload()], [b"one", b"three"])
        self.assert_ends(bridge, 0)
        came_in = self.ledger(bridge, "from ")
        self.assertEqual(came_in["frames_damaged"], 1)
        self.assertEqual(came_in["bytes_skipped"], len(damaged))

    def test_who_forgets_sync_is_told_what_would_fit(self):
        bridge = self.start_bridge()
        self.write(harness.delimited(harness.frame_class()(payload=b"no sync in front")) * 3)
        bridge.wait_for("framing=varint")

    def test_a_writer_of_lines_is_told_what_would_fit(self):
        bridge = self.start_bridge()
        self.write(b"plain text\nline by line\n")
        bridge.wait_for("framing=line")

    def test_a_writer_killed_inside_a_frame_costs_that_frame(self):
        bridge = self.start_bridge()
        self.write(harness.foreign_frame(b"whole"))
        self.assertEqual(self.payload(), b"whole")
        self.kill_writer_inside(harness.foreign_frame(b"x" * 20_000)[:12_345])
        self.write(harness.checked_frame(b"the next writer's"))
        self.assertEqual(self.payload(), b"the next writer's")
        bridge.signal(signal.SIGTERM)
        self.assert_ends(bridge, 143)
        self.assertEqual(self.ledger(bridge, "from ")["bytes_skipped"], 12_345)

    def kill_writer_inside(self, part):
        """Leaves a part of a frame in the pipe, as a writer does that dies of SIGKILL."""
        child = os.fork()
        if child == 0:
            os.write(os.open(self.fifo, os.O_WRONLY), part)
            os.kill(os.getpid(), signal.SIGKILL)
        self.assertEqual(os.waitpid(child, 0)[1], signal.SIGKILL)

    def test_library_writers_come_and_go(self):
        bridge = self.start_bridge()
        for round_ in range(5):
            writer = self.fifomq("send", f"fifo:{self.fifo}", stdin=subprocess.PIPE)
            writer.stdin.write(b"round %d\n" % round_)
            writer.stdin.flush()
            self.assertEqual(self.payload(), b"round %d" % round_)
            writer.signal(signal.SIGKILL)
            self.assert_ends(writer, -signal.SIGKILL)
        self.assertTrue(bridge.is_running())

    def test_a_puller_leaves_and_comes_back(self):
        bridge = self.start_bridge()
        self.send_lines(f"fifo:{self.fifo}", b"to the first")
        self.assertEqual(self.payload(), b"to the first")
        self.pull.close()
        second = harness.zmq_socket(self, zmq.PULL, self.ipc())
        # What libzmq had handed to the first puller when it left is lost, as in every such socket;
        # what comes after that arrives.
        for number in range(harness.TIMEOUT * 5):
            self.send_lines(f"fifo:{self.fifo}", b"to the second %d" % number)
            if second.poll(200):
                break
        self.assertTrue(self.payload(second).startswith(b"to the second"))
        self.assertTrue(bridge.is_running())

    def test_a_reader_of_the_second_pipe_leaves_and_comes_back(self):
        second = self.make_fifo(self.folder / "second")
        bridge = self.bridge(f"fifo:{self.fifo}", f"fifo:{second}")
        reader = self.fifomq("recv", f"fifo:{second}", "--count", "1")
        self.send_lines(f"fifo:{self.fifo}", b"one")
        self.assert_ends(reader, 0)
        # Nobody holds the second pipe but the bridge: the message waits until somebody comes.
        self.send_lines(f"fifo:{self.fifo}", b"two", b"three")
        reader = self.fifomq("recv", f"fifo:{second}", "--count", "2")
        self.assert_ends(reader, 0)
        self.assertEqual(reader.out, b"two\nthree\n")
        self.assertTrue(bridge.is_running())


if __name__ == "__main__":
    unittest.main(verbosity=2)
