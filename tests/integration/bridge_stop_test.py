"""How a bridge ends: at a signal, when idle; and that messages do not go round for ever."""
import os
import re
import signal
import time
import unittest

import zmq

import harness

STOPPING = (signal.SIGINT, signal.SIGTERM)


class BridgeStop(harness.IntegrationCase):
    def frames(self, count, size=1000):
        return [harness.foreign_frame(b"%06d" % number * (size // 6)) for number in range(count)]

    def test_idle_it_ends_at_once_with_128_plus_the_signal(self):
        for number in STOPPING:
            with self.subTest(number.name):
                bridge = self.bridge(f"fifo:{self.fifo}",
                                     f"zmq+push:@{self.ipc(number.name)}")
                bridge.signal(number)
                self.assert_ends(bridge, 128 + number)
                self.assertEqual(self.ledger(bridge, "relayed="), {
                    "relayed": 0, "hop_limit": 0, "refused": 0, "unsent": 0})

    def test_recv_and_send_end_with_128_plus_the_signal(self):
        for number in STOPPING:
            with self.subTest(number.name):
                recv = self.fifomq("recv", f"fifo:{self.fifo}")
                self.send_lines(f"fifo:{self.fifo}", b"there")
                recv.wait_for("there\n", "stdout")
                recv.signal(number)
                self.assert_ends(recv, 128 + number)

    def test_a_backlog_is_carried_over_first(self):
        for number in STOPPING:
            with self.subTest(number.name):
                self.check_backlog(number)

    def check_backlog(self, number):
        fifo, address = self.folder / number.name, self.ipc(number.name + ".zmq")
        pull = harness.zmq_socket(self, zmq.PULL, address)
        bridge = self.bridge(f"fifo:{fifo}", f"zmq+push:@{address}")
        self.write(self.frames(1)[0], fifo)
        pull.recv()
        bridge.signal(signal.SIGSTOP)
        backlog = self.frames(60)
        self.write(b"".join(backlog), fifo)
        bridge.signal(number)
        bridge.signal(signal.SIGCONT)
        self.assert_ends(bridge, 128 + number)
        self.assertEqual(self.ledger(bridge, "relayed="), {
            "relayed": 61, "hop_limit": 0, "refused": 0, "unsent": 0})
        for index in range(60):
            payload = harness.frame_class().FromString(pull.recv()).payload
            self.assertEqual(payload, b"%06d" % index * 166)

    def blocked_bridge(self, *arguments):
        """Its receiver is there and does not read; the pipe to it is full."""
        second = self.make_fifo(self.folder / "second")
        self.hold(second)
        bridge = self.bridge(f"fifo:{self.fifo}", f"fifo:{second}", *arguments)
        writer = self.open_writer()
        for frame in self.frames(100):
            os.write(writer, frame)
        # Pages that were given to the pipe are full but for what the next message did not fit into.
        harness.wait_until(lambda: self.backlog(second) > 45_000, "the second pipe is full")
        return bridge, second

    def test_a_second_signal_ends_it_at_once_where_it_cannot_drain(self):
        for first, second in ((signal.SIGTERM, signal.SIGINT), (signal.SIGTERM, signal.SIGTERM)):
            with self.subTest(f"{first.name} {second.name}"):
                bridge, path = self.blocked_bridge("--drain-timeout", "10min")
                bridge.signal_and_see_it_taken(first)
                self.assertTrue(bridge.is_running())
                bridge.signal(second)
                self.assert_ends(bridge, -second)
                path.unlink()

    def test_what_could_not_be_drained_is_said(self):
        bridge, second = self.blocked_bridge("--drain-timeout", "200ms")
        bridge.signal(signal.SIGTERM)
        self.assert_ends(bridge, 143)
        report = self.ledger(bridge, "relayed=")
        self.assertGreaterEqual(report["unsent"], 1)
        recv = self.fifomq("recv", f"fifo:{second}", "--idle-exit", "200ms")
        self.assert_ends(recv, 0)
        self.assertEqual(len(recv.out.splitlines()), report["relayed"])
        self.assertIn("fifomq: warning: relayed=", bridge.err)

    def test_idle_exit(self):
        self.make_fifo()
        self.hold()
        self.send_lines(f"fifo:{self.fifo}", b"one", b"two")
        bridge = self.bridge(f"fifo:{self.fifo}", "-", "--idle-exit", "300ms")
        self.assert_ends(bridge, 0)
        self.assertEqual(bridge.out, b"one\ntwo\n")

    def test_idle_exit_counts_from_the_last_message(self):
        bridge = self.bridge(f"fifo:{self.fifo}", "-", "--idle-exit", "3s")
        writer = self.open_writer()
        began = time.monotonic()
        while time.monotonic() < began + 4:
            self.assertTrue(bridge.is_running(), bridge.err)
            os.write(writer, harness.foreign_frame(b"tick"))
            bridge.wait_for("tick", "stdout")
            time.sleep(0.1)  # a flow of messages, slower than the pipe
        self.assert_ends(bridge, 0)

    def test_the_end_of_the_input_ends_it(self):
        pull = harness.zmq_socket(self, zmq.PULL, self.ipc())
        bridge = self.bridge(f"fifo:{self.fifo}?eof=exit&framing=line", f"zmq+push:@{self.ipc()}")
        self.write(b"one\ntwo\nhalf")
        self.assert_ends(bridge, 0)
        got = [harness.frame_class().FromString(pull.recv()).payload for _ in range(3)]
        self.assertEqual(got, [b"one", b"two", b"half"])

    def test_a_ring_of_pipes_drops_at_hop_8(self):
        first, second = (self.make_fifo(self.folder / name) for name in ("first", "second"))
        for path in (first, second):
            self.hold(path)
        self.check_ring((f"fifo:{first}", f"fifo:{second}"), (f"fifo:{second}", f"fifo:{first}"),
                        f"fifo:{first}")

    def test_a_ring_of_sockets_drops_at_hop_8(self):
        first, second = self.ipc("first"), self.ipc("second")
        self.check_ring((f"zmq+pull:@{first}", f"zmq+push:{second}"),
                        (f"zmq+pull:@{second}", f"zmq+push:{first}"), f"zmq+push:{first}")

    def check_ring(self, one, other, entrance):
        bridges = [self.bridge(*ends) for ends in (one, other)]
        self.send_lines(entrance, b"round and round", b"again")
        dropped = lambda: sum(map(int, re.findall(r"lost at the relay: hop_limit=(\d+)", bridges[0].err)))
        harness.wait_until(lambda: dropped() == 2, "both are dropped")
        for bridge in bridges:
            bridge.signal(signal.SIGTERM)
            self.assert_ends(bridge, 128 + signal.SIGTERM)
        reports = [self.ledger(bridge, "relayed=") for bridge in bridges]
        # Each message passes four times through either bridge, and is dropped at the entrance of
        # the first.
        self.assertEqual([report["relayed"] for report in reports], [8, 8])
        self.assertEqual([report["hop_limit"] for report in reports], [2, 0])


if __name__ == "__main__":
    unittest.main(verbosity=2)
