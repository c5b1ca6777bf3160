"""An end that connects comes back by itself, however its connection has ended; where libzmq gives an address up, too."""
import signal
import socket
import unittest

import harness
import keys

LINE = b"at last"
# The ends that connect to each other, sender first.
PAIRS = (("push", "pull"), ("pub", "sub"), ("pair", "pair"), ("reliable", "reliable"))


class LetInLater(keys.KeysCase):
    """Refused at first: its key is put among those that are allowed only then."""

    def setUp(self):
        super().setUp()
        self.make_keys()
        self.lines = self.folder / "lines"
        self.lines.write_bytes(LINE + b"\n")

    def refused_and_let_in(self, server, client):
        client.wait_for("refuses this end: the key in curve_key is not among those allowed there")
        server.wait_for("its key is not in clients")
        self.allow("wrong")

    def again(self):
        (self.folder / "clients/wrong.key").unlink(missing_ok=True)
        return harness.free_address()

    def test_senders(self):
        for sends, receives in PAIRS:
            with self.subTest(sends):
                address = self.again()
                server = self.bridge(f"zmq+{receives}:@{address}?{self.serving}", "-")
                client = self.fifomq("send", f"zmq+{sends}:{address}?{keys.patience(f'zmq+{sends}')}"
                                     f"{self.key_of('wrong')}", self.lines)
                self.refused_and_let_in(server, client)
                server.wait_for(LINE.decode(), "stdout")
                self.assert_ends(client, 0)

    def test_receivers(self):
        for sends, receives in PAIRS:
            with self.subTest(receives):
                address = self.again()
                fifo = self.make_fifo(self.folder / receives)
                server = self.bridge(f"fifo:{fifo}", f"zmq+{sends}:@{address}?{self.serving}")
                client = self.fifomq("recv", f"zmq+{receives}:{address}?{self.key_of('wrong')}", "--count", "1")
                self.refused_and_let_in(server, client)
                if sends == "pub":
                    self.keep_publishing(fifo, client)
                else:
                    self.send_lines(f"fifo:{fifo}", LINE)
                self.assert_ends(client, 0)
                self.assertEqual(client.out, LINE + b"\n")

    def keep_publishing(self, fifo, client):
        """What is published before the client has subscribed is not for it."""
        def heard():
            if client.is_running():
                self.send_lines(f"fifo:{fifo}", LINE)
            return not client.is_running()

        harness.wait_until(heard, "the client gets a line")

    def test_where_the_end_that_lets_in_is_the_one_that_connects(self):
        address = self.again()
        server = self.bridge(f"zmq+pull:{address}?{self.serving}", "-")
        client = self.fifomq("send", f"zmq+push:@{address}?wait_peers=1&{self.key_of('wrong')}", self.lines)
        self.refused_and_let_in(server, client)
        server.wait_for(LINE.decode(), "stdout")
        self.assert_ends(client, 0)
        self.assertNotIn("refuses this end", server.err)
        server.signal(signal.SIGTERM)
        self.assert_ends(server, 128 + signal.SIGTERM)
        self.assertGreaterEqual(self.ledger(server, "from ")["peers_refused"], 1)


class Server:
    """Speaks ZMTP 3.0 without keys, and not for long."""

    GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)

    def __init__(self, case):
        self.listener = socket.create_server(("127.0.0.1", 0))
        case.addCleanup(self.listener.close)
        self.listener.settimeout(harness.TIMEOUT)
        self.address = "tcp://127.0.0.1:%d" % self.listener.getsockname()[1]

    def accept(self, kind):
        """The next connection, after its handshake."""
        connection, _ = self.listener.accept()
        connection.settimeout(harness.TIMEOUT)
        connection.sendall(self.GREETING)
        self.read(connection, len(self.GREETING))
        ready = b"\x05READY\x0bSocket-Type" + len(kind).to_bytes(4, "big") + kind
        connection.sendall(bytes((4, len(ready))) + ready)
        _, size = self.read(connection, 2)
        self.read(connection, size)
        return connection

    @staticmethod
    def read(connection, size):
        data = b""
        while len(data) < size:
            chunk = connection.recv(size - len(data))
            if not chunk:
                raise AssertionError(f"hung up after {data!r}")
            data += chunk
        return data


class BrokenOff(harness.IntegrationCase):
    """By a peer that was one: after the handshake."""

    def breaks_off(self, end, connection):
        with connection:
            if end == "nonsense":  # a message of 2^64 - 1 bytes
                connection.sendall(b"\x02" + b"\xff" * 8)
                while connection.recv(4096):
                    pass

    def test_of_receivers(self):
        for kind, theirs in (("pull", b"PUSH"), ("sub", b"PUB"), ("pair", b"PAIR"), ("reliable", b"DEALER")):
            for end in ("hung up", "nonsense"):
                with self.subTest(kind=kind, end=end):
                    server = Server(self)
                    client = self.bridge(f"zmq+{kind}:{server.address}", "-")
                    self.breaks_off(end, server.accept(theirs))
                    server.accept(theirs).close()
                    client.stop()

    def test_of_senders(self):
        """As soon as there is something to be sent."""
        for kind, theirs in (("push", b"PULL"), ("pub", b"SUB"), ("pair", b"PAIR"), ("reliable", b"ROUTER")):
            for end in ("hung up", "nonsense"):
                with self.subTest(kind=kind, end=end):
                    server = Server(self)
                    fifo = self.make_fifo(self.folder / f"{kind} {end}")
                    client = self.bridge(f"fifo:{fifo}", f"zmq+{kind}:{server.address}?{keys.patience(f'zmq+{kind}')}")
                    self.breaks_off(end, server.accept(theirs))
                    self.write(harness.foreign_frame(LINE), fifo)
                    server.accept(theirs).close()
                    client.stop()


if __name__ == "__main__":
    unittest.main(verbosity=2)
