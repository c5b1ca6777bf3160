"""Rows 34 and 35: who comes over the network, without the right key, or without a word."""
import contextlib
import os
import socket

import harness
import history
from trial import processor_seconds, row

DESCRIPTORS = 64


def make_keys(trial):
    """What the server and a client of each name say in their endpoints."""
    for name in ("server", "good", "bad"):
        trial.run_fifomq("keygen", ".", "--name", name)
    clients = trial.folder / "clients"
    clients.mkdir(mode=0o700)
    (clients / "good.key").write_bytes((trial.folder / "good.key").read_bytes())

    def client(name, server="server"):
        return f"curve_key={name}.key_secret&curve_server={server}.key"

    return "curve_key=server.key_secret&curve_clients=clients", client


class Service:
    """A bridge from the network into a pipe, what comes out of it, and one good peer."""

    def __init__(self, trial, keys="", key="", wrapper=()):
        self.trial, self.port = trial, harness.free_port()
        self.address = f"tcp://127.0.0.1:{self.port}"
        fifo = trial.new_fifo()
        self.receiver = trial.receiver(f"fifo:{fifo}")
        self.bridge = trial.fifomq("bridge", f"zmq+pull:@{self.address}?{keys}", f"fifo:{fifo}",
                                   wrapper=wrapper)
        self.bridge.wait_for(" -> .*: at-most-once")
        self.key, self.sent, self.clients = key, {}, []
        self.good = self.join()

    def join(self):
        """Another good peer; which writer of the history it is."""
        self.clients.append(self.trial.client(f"zmq+push:{self.address}?linger=20s&{self.key}"))
        self.sent[len(self.clients)] = 0
        return len(self.clients)

    def send(self, writer, count):
        """All of it arrives now, whatever else is going on."""
        first = self.sent[writer] + 1
        answer = self.clients[writer - 1].ask("flood", writer, first, count, 16, 4096, -1,
                                              self.trial.seed())
        self.trial.assertEqual(answer, f"accepted {count} refused")
        self.sent[writer] += count
        self.receiver.wait_for(sum(self.sent.values()))

    def finish(self):
        """The bridge's own ledger of what came in."""
        for client in self.clients:
            client.end()
        came_in = self.trial.stop_bridge(self.bridge)
        self.receiver.finish()
        sent = {writer: history.Sent(count, count) for writer, count in self.sent.items()}
        history.check_nothing_lost(self.receiver.check(sent), sent)
        return came_in


@row(34, "a wrong key, no key, another server's: refused, named", seconds=10)
def strangers(trial):
    keys, client = make_keys(trial)
    service = Service(trial, keys, client("good"))
    line = trial.new_file("line")
    line.write_bytes(b"from a stranger\n")
    kinds = ((client("bad"), "its key is not in clients", "refuses this end"),
             ("body=frame", "it (does not use CURVE|has hung up)", "uses CURVE|has hung up"),
             (client("good", "bad"), "it takes this end for one with another key", "has hung up"))
    tried = 0
    for _ in range(trial.amount(5)):
        for options, of_client, of_server in kinds:
            with trial.attempt():
                stranger = trial.fifomq("send", f"zmq+push:{service.address}?{options}", line,
                                        "--timeout", "300ms")
                service.send(service.good, 100)
                trial.assert_ends(stranger, 1)
                trial.assertRegex(stranger.err, of_server)
                service.bridge.wait_for(rf"refused 127\.0\.0\.1: {of_client}")
                tried += 1
    with trial.attempt():
        service.send(service.join(), 100)
    came_in = service.finish()
    trial.assertGreaterEqual(came_in["peers_refused"], tried)
    return f"{came_in['peers_refused']} refusals counted; {sum(service.sent.values())} good messages meanwhile"


@row(35, f"idle connects, a port scan, HTTP, {DESCRIPTORS} descriptors", alone=True, seconds=20)
def noise(trial):
    keys, client = make_keys(trial)
    used = []
    for options in (("", ""), (keys, client("good"))):
        service = Service(trial, *options, wrapper=("prlimit", f"--nofile={DESCRIPTORS}:{DESCRIPTORS}"))
        service.send(service.good, 100)
        for noise_of in (scan, idle, http):
            count = trial.amount(1000, long=4000)  # the kernel keeps 4096 of them
            with trial.attempt(count):
                before = processor_seconds(service.bridge.pid)
                with noise_of(service.port, count):
                    for _ in range(10):
                        service.send(service.good, 100)
                    used.append(processor_seconds(service.bridge.pid) - before)
                    if noise_of is idle:
                        taken = len(os.listdir(f"/proc/{service.bridge.pid}/fd"))
                        trial.assertLess(taken, DESCRIPTORS - 16)
        # Whoever comes when the noise is over is served.
        with trial.attempt():
            service.send(service.join(), 100)
        came_in = service.finish()
        trial.assertGreater(came_in["peers_refused"], DESCRIPTORS)
    return f"at most {max(used):.1f} s of a processor for 1000 messages beside the noise"


@contextlib.contextmanager
def scan(port, count):
    for _ in range(count):
        with contextlib.closing(knock(port)):
            pass
    yield


@contextlib.contextmanager
def idle(port, count, says=b""):
    """All of them at once, until the end."""
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            connection = stack.enter_context(knock(port))
            with contextlib.suppress(OSError):
                connection.send(says)
        yield


def http(port, count):
    return idle(port, count, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")


def knock(port):
    """A connection that need not be taken."""
    connection = socket.socket()
    connection.setblocking(False)
    connection.connect_ex(("127.0.0.1", port))
    return connection
