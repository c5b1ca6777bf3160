"""Messages of every size that matters are exact, and those too large are refused."""
import os
import signal
import subprocess
import unittest

import zmq

import harness

LIMIT = harness.MIB
SIZES = (0, 1, 15, 16, 127, 128, 4000, 4095, 4096, 4097, 8192, 65535, 65536, 65537,
         LIMIT - 1, LIMIT)


class Sizes(harness.IntegrationCase):
    def chain(self, limit_in="", limit_out=""):
        """Standard input to a pipe, and the pipe to a socket: the writer is the library's."""
        pull = harness.zmq_socket(self, zmq.PULL, self.ipc())
        out = self.bridge(f"fifo:{self.fifo}{limit_out}", f"zmq+push:@{self.ipc()}")
        into = self.bridge("--", "-?framing=u32le", f"fifo:{self.fifo}{limit_in}",
                           stdin=subprocess.PIPE)
        return into, out, pull

    def feed(self, program, payloads):
        for payload in payloads:
            program.stdin.write(len(payload).to_bytes(4, "little") + payload)
        program.stdin.close()

    def payload(self, pull):
        return harness.frame_class().FromString(pull.recv()).payload

    def check_exact(self, limit):
        into, _, pull = self.chain(limit, limit)
        payloads = [os.urandom(size) for size in SIZES]
        self.feed(into, payloads)
        for sent in payloads:
            self.assertTrue(self.payload(pull) == sent, f"{len(sent)} bytes have changed")
        self.assert_ends(into, 0)

    def test_exact_up_to_the_limit(self):
        self.check_exact("?max_message=1MiB")

    def test_exact_with_the_default_limit(self):
        self.check_exact("")

    def test_exact_from_a_foreign_writer(self):
        pull = harness.zmq_socket(self, zmq.PULL, self.ipc())
        self.bridge(f"fifo:{self.fifo}?max_message=1MiB", f"zmq+push:@{self.ipc()}")
        writer = self.open_writer()
        for size in SIZES:
            payload = os.urandom(size)
            data = harness.foreign_frame(payload)
            self.assertEqual(os.write(writer, data), len(data))
            self.assertTrue(self.payload(pull) == payload, f"{size} bytes have changed")

    def test_too_large_at_the_sender(self):
        into, _, pull = self.chain(limit_in="?max_message=1MiB")
        self.feed(into, [b"before", bytes(LIMIT + 1), bytes(LIMIT + 2), b"behind"])
        self.assertEqual([self.payload(pull), self.payload(pull)], [b"before", b"behind"])
        into.wait()
        self.assertIn(f"message too large ({LIMIT + 1} bytes, limit {LIMIT}); max_message= raises "
                      "the limit [too_large]", into.err)
        report = self.ledger(into, "relayed=")
        self.assertEqual((report["relayed"], report["refused"]), (2, 2))
        self.assertEqual(self.ledger(into, "to ")["messages_received"], 2)

    def test_too_large_at_the_reader_costs_that_message_alone(self):
        into, out, pull = self.chain(limit_out="?max_message=64KiB")
        self.feed(into, [b"before", bytes(65537), b"x" * 65536, b"behind"])
        self.assertEqual([self.payload(pull) for _ in range(3)],
                         [b"before", b"x" * 65536, b"behind"])
        self.assert_ends(into, 0)
        out.signal(signal.SIGTERM)
        self.assert_ends(out, 143)
        came_in = self.ledger(out, "from ")
        self.assertEqual((came_in["messages_received"], came_in["messages_delivered"],
                          came_in["too_large"]), (4, 3, 1))
        self.assert_settles(came_in)

    def test_too_large_from_a_foreign_writer(self):
        pull = harness.zmq_socket(self, zmq.PULL, self.ipc())
        bridge = self.bridge(f"fifo:{self.fifo}?max_message=64KiB", f"zmq+push:@{self.ipc()}")
        writer = self.open_writer()
        for size in (10, 65537, LIMIT, 65536):
            os.write(writer, harness.foreign_frame(b"y" * size))
        self.assertEqual([len(self.payload(pull)) for _ in range(2)], [10, 65536])
        bridge.signal(signal.SIGTERM)
        self.assert_ends(bridge, 143)
        self.assertEqual(self.ledger(bridge, "from ")["too_large"], 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
