"""Idle costs nothing: connected, after a writer came and left."""
import os
import pathlib
import time
import unittest

import zmq

import harness

SECONDS = 5
MOST = 0.05 if harness.SANITIZED else 0.01  # of a processor


def cpu_seconds(program):
    """What all threads of the process have used, from fields 14 and 15 of its stat."""
    fields = pathlib.Path(f"/proc/{program.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Idle(harness.IntegrationCase):
    def test_programs_at_rest_use_no_processor(self):
        programs = {
            "bridge to a puller": self.after_a_writer("pull", "push", zmq.PULL),
            "bridge to a subscriber": self.after_a_writer("sub", "pub", zmq.SUB, "?wait_peers=1"),
            "recv": self.recv_after_a_writer(),
            "bridge to a pipe whose reader has left": self.after_a_reader(),
            "send whose reader has not come": self.waiting_send(),
            "bridge whose reliable receiver has left": self.after_a_reliable_receiver(),
            "send whose reliable receiver has left": self.send_after_a_reliable_receiver(),
        }
        before = {name: cpu_seconds(program) for name, program in programs.items()}
        began = time.monotonic()
        time.sleep(SECONDS)  # the contract is about a span of time
        took = time.monotonic() - began
        for name, program in programs.items():
            with self.subTest(name):
                self.assertTrue(program.is_running(), program.err)
                used = cpu_seconds(program) - before[name]
                self.assertLess(used / took, MOST, f"{used} s of CPU in {took:.1f} s")
        self.assert_next_writer_is_served(programs["recv"])

    def after_a_writer(self, name, socket, kind, query=""):
        fifo = self.folder / name
        bridge = self.bridge(f"fifo:{fifo}", f"zmq+{socket}:@{self.ipc(name + '.zmq')}{query}")
        peer = harness.zmq_socket(self, kind, self.ipc(name + ".zmq"))
        self.send_lines(f"fifo:{fifo}", b"one", b"two")
        for _ in range(2):
            peer.recv_multipart()
        return bridge

    def recv_after_a_writer(self):
        recv = self.fifomq("recv", f"fifo:{self.make_fifo()}")
        self.write(harness.foreign_frame(b"one"))
        recv.wait_for("one\n", "stdout")
        return recv

    def assert_next_writer_is_served(self, recv):
        self.write(harness.foreign_frame(b"two"))
        recv.wait_for("two\n", "stdout")

    def after_a_reader(self):
        first, second = self.folder / "in", self.folder / "out"
        bridge = self.bridge(f"fifo:{first}", f"fifo:{second}")
        reader = self.fifomq("recv", f"fifo:{second}", "--count", "1")
        self.send_lines(f"fifo:{first}", b"one")
        self.assert_ends(reader, 0)
        # It stays in the first pipe as long as the second one has nobody to take it.
        self.send_lines(f"fifo:{first}", b"two")
        return bridge

    def first_of(self, address):
        """A reliable receiver that takes one message, and leaves."""
        return self.fifomq("recv", f"zmq+reliable:@{address}", "--count", "1")

    def after_a_reliable_receiver(self):
        """Something is not acknowledged, and nobody calls."""
        fifo, address = self.folder / "reliable", self.ipc("reliable.zmq")
        bridge = self.bridge(f"fifo:{fifo}", f"zmq+reliable:{address}")
        receiver = self.first_of(address)
        self.send_lines(f"fifo:{fifo}", b"one", b"two")
        self.assert_ends(receiver, 0)
        return bridge

    def send_after_a_reliable_receiver(self):
        """A call waits for what is not acknowledged."""
        source = self.folder / "two lines"
        source.write_bytes(b"one\ntwo\n")
        address = self.ipc("waiting.zmq")
        send = self.fifomq("send", f"zmq+reliable:{address}?linger=1h", source)
        self.assert_ends(self.first_of(address), 0)
        return send

    def waiting_send(self):
        source = self.folder / "lines"
        source.write_bytes(b"line\n")
        send = self.fifomq("send", f"fifo:{self.folder / 'nobody'}", source)
        harness.wait_until((self.folder / "nobody").exists, "send has made its pipe")
        return send


if __name__ == "__main__":
    unittest.main(verbosity=2)
