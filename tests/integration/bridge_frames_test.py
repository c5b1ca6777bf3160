"""The main job: frames that any Protobuf program wrote into a pipe, at any ZeroMQ subscriber."""
import os
import signal
import sys
import tempfile
import unittest

import zmq

import frame_writer
import harness

SEED = 20240229


class BridgeFrames(harness.IntegrationCase):
    def setUp(self):
        super().setUp()
        self.generated = tempfile.mkdtemp(dir=self.folder)
        harness.generate_frame_class(self.generated)
        self.frame = harness.frame_class()

    def start_writer(self, count):
        return self.start("/usr/bin/python3", "-B", harness.HERE / "frame_writer.py",
                          self.generated, self.fifo, SEED, count)

    def subscribe(self):
        return harness.zmq_socket(self, zmq.SUB, self.ipc(), rcvhwm=0)

    def probe(self, subscriber):
        """Sends until something arrives: then the subscription has reached the publisher."""
        pipe = self.open_writer()
        for _ in range(harness.TIMEOUT * 20):
            os.write(pipe, harness.foreign_frame(b"probe"))
            if subscriber.poll(50):
                break
        os.write(pipe, harness.foreign_frame(b"last probe"))
        while b"last probe" not in subscriber.recv_multipart()[1]:
            pass

    def check_arrival(self, subscriber, count, unpack):
        for index, sent in enumerate(frame_writer.random_payloads(SEED, count)):
            topic, body = subscriber.recv_multipart()
            self.assertEqual(topic, b"")
            if unpack(body) != sent:
                self.fail(f"message {index} of {len(sent)} bytes is not what was sent")

    def unpack_frame(self, body):
        frame = self.frame.FromString(body)
        self.assertEqual(frame.sync, harness.SYNC)
        self.assertEqual(frame.hops, 1)
        return frame.payload

    def end(self, bridge, writer):
        self.assert_ends(writer, 0)
        bridge.signal(signal.SIGTERM)
        self.assert_ends(bridge, 128 + signal.SIGTERM)
        came_in = self.ledger(bridge, "from ")
        self.assertNotIn("bytes_skipped", came_in)
        self.assert_settles(came_in)
        return came_in

    def test_a_connected_subscriber_gets_every_frame(self):
        count = harness.scaled(10_000)
        bridge = self.bridge(f"fifo:{self.fifo}", f"zmq+pub:@{self.ipc()}?hwm=0")
        subscriber = self.subscribe()
        self.probe(subscriber)
        writer = self.start_writer(count)
        self.check_arrival(subscriber, count, self.unpack_frame)
        self.end(bridge, writer)

    def test_with_wait_peers_the_writer_may_be_first(self):
        count = harness.scaled(2_000)
        bridge = self.bridge(f"fifo:{self.fifo}", f"zmq+pub:@{self.ipc()}?hwm=0&wait_peers=1")
        writer = self.start_writer(count)
        harness.wait_until(lambda: self.backlog() > harness.PIPE_BUF, "the writer's first messages")
        subscriber = self.subscribe()
        self.check_arrival(subscriber, count, self.unpack_frame)
        self.assertEqual(self.end(bridge, writer)["messages_received"], count)

    def test_body_payload_is_the_bare_payload(self):
        count = harness.scaled(2_000)
        bridge = self.bridge(f"fifo:{self.fifo}",
                             f"zmq+pub:@{self.ipc()}?hwm=0&wait_peers=1&body=payload")
        subscriber = self.subscribe()
        writer = self.start_writer(count)
        self.check_arrival(subscriber, count, lambda body: body)
        self.end(bridge, writer)

    def test_topic_is_the_first_part_and_origin_is_kept(self):
        self.bridge(f"fifo:{self.fifo}", f"zmq+pub:@{self.ipc()}?wait_peers=1")
        subscriber = self.subscribe()
        fields = dict(topic="weather/oslo", type="demo.Reading", writer=77, sequence=4,
                      sent_unix_nanos=123456789)
        self.write(harness.checked_frame(b"-4", **fields))
        topic, body = subscriber.recv_multipart()
        self.assertEqual(topic, b"weather/oslo")
        frame = self.frame.FromString(body)
        self.assertEqual({name: getattr(frame, name) for name in fields}, fields)
        rest = self.frame.FromString(body)
        rest.ClearField("sync")
        rest.ClearField("crc32c")
        self.assertEqual(frame.crc32c, harness.crc32c(rest.SerializeToString()))


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
