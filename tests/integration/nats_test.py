"""Pipes over NATS JetStream with real processes: servers that are killed, a cluster, TLS, credentials.

FIFOMQ_SEED=N repeats a run. FIFOMQ_NATS_MESSAGES=200000 is the long run of the cluster.
"""
import json
import os
import random
import subprocess
import sys
import threading
import time
import unittest
import urllib.error
import urllib.request

import harness
from tcp_proxy import TcpProxy

THERE = "nats:" in subprocess.run([harness.FIFOMQ, "transports"], capture_output=True, text=True,
                                  check=True, timeout=harness.TIMEOUT).stdout
MESSAGES = int(os.environ.get("FIFOMQ_NATS_MESSAGES", "3000"))


class Server:
    """A nats-server on the loopback interface, which may be killed and started again."""

    def __init__(self, case, name="n1", more=""):
        self.case, self.name = case, name
        self.port, self.monitor = harness.free_ports(2)
        self.config = case.folder / f"{name}.conf"
        self.config.write_text(
            f'server_name: {name}\nlisten: "127.0.0.1:{self.port}"\nhttp: "127.0.0.1:{self.monitor}"\n'
            f'jetstream {{ store_dir: "{case.folder / name}", max_mem: 1GB, max_file: 4GB }}\n{more}\n')
        self.start()

    def start(self):
        # It does not outlive the test, whatever happens to that one.
        self.program = self.case.start("setpriv", "--pdeathsig", "KILL", "nats-server", "-c", self.config)
        self.program.wait_for("Server is ready")

    def kill(self):
        self.program.stop()

    def is_healthy(self):
        """All that it keeps copies of is up to date."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.monitor}/healthz", timeout=5) as answer:
                return json.load(answer)["status"] == "ok"
        except (OSError, urllib.error.URLError):
            return False

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"


class Reader:
    """Takes what `fifomq recv` prints, leaves out what came before, and checks that nothing is missing."""

    def __init__(self, case, endpoint):
        self.case = case
        self.news = threading.Condition()
        self.payloads, self.last, self.again, self.wrong = [], {}, 0, []
        self.program = subprocess.Popen([harness.FIFOMQ, "recv", endpoint, "--format", "json", "--quiet"],
                                        stdout=subprocess.PIPE, text=True, cwd=case.folder)
        case.addCleanup(self.stop)
        self.thread = threading.Thread(target=self.collect, daemon=True)
        self.thread.start()

    def collect(self):
        for line in self.program.stdout:
            message = json.loads(line)
            writer, sequence = message["writer"], message["sequence"]
            with self.news:
                # The filter of fifomq/duplicates.hpp.
                if sequence <= self.last.get(writer, 0):
                    self.again += 1
                else:
                    self.last[writer] = sequence
                    self.payloads.append(int(message["payload"]))
                self.news.notify_all()

    def await_count(self, count, timeout=harness.TIMEOUT):
        with self.news:
            done = self.news.wait_for(lambda: len(self.payloads) >= count, timeout)
            self.case.assertTrue(done, f"{len(self.payloads)} of {count} have come; {self.gaps()}")

    def gaps(self):
        """What did not come, before something that did."""
        pairs = zip([-1, *self.payloads], self.payloads)
        missing = [f"{before + 1} to {after - 1}" for before, after in pairs if after != before + 1]
        return f"{', '.join(missing) or 'none'} missing, the last one is {self.payloads[-1:]}"

    def stop(self):
        self.program.kill()
        self.program.wait()
        self.thread.join()
        self.program.stdout.close()

    def check(self, count):
        self.await_count(count)
        self.stop()
        self.case.assertEqual(self.payloads, list(range(count)))


@unittest.skipUnless(THERE, "built without libnats")
class NatsCase(harness.IntegrationCase):
    def writer(self, fifo):
        """One writer for the whole test, to whose standard input lines are given."""
        self.make_fifo(fifo)
        self.hold(fifo)
        return self.fifomq("send", f"fifo:{fifo}", stdin=subprocess.PIPE)

    def feed(self, writer, first, end):
        writer.stdin.write(b"".join(b"%d\n" % number for number in range(first, end)))
        writer.stdin.flush()

    def assert_refused(self, sentence, *arguments):
        refused = self.run_fifomq(*arguments, status=2)
        self.assertRegex(refused.err, sentence)
        return refused.err


class OneServer(NatsCase):
    def test_from_pipe_to_pipe(self):
        server = Server(self)
        stream = f"nats:readings@{server.address}?stream=READINGS"
        out = self.make_fifo(self.folder / "out")
        reader = Reader(self, f"fifo:{out}")
        self.bridge(f"fifo:{self.fifo}", f"{stream}&create=queue", "--require", "at-least-once")
        self.bridge(stream, f"fifo:{out}")
        self.send_lines(f"fifo:{self.fifo}", *(b"%d" % number for number in range(1000)))
        reader.check(1000)
        self.assertEqual(reader.again, 0)

    def test_a_server_that_is_killed_and_comes_back(self):
        """Once while nothing flows, once while both ends are busy, once before the ends are opened."""
        self.kill_one_server("")

    def test_the_same_with_batches(self):
        self.kill_one_server("&batch=64KiB")

    def kill_one_server(self, options):
        server = Server(self)
        stream = f"nats:readings@{server.address}?stream=READINGS&create=log{options}"
        writer = self.writer(self.fifo)
        bridge = self.bridge(f"fifo:{self.fifo}", stream)
        reader = Reader(self, stream)
        self.feed(writer, 0, 500)
        reader.await_count(500)
        server.kill()
        self.feed(writer, 500, 1000)
        server.start()
        reader.await_count(1000)
        self.feed(writer, 1000, 3000)
        reader.await_count(1200)
        server.kill()
        server.start()
        reader.await_count(3000)
        server.kill()
        bridge.stop()
        bridge = self.fifomq("bridge", f"fifo:{self.fifo}", stream)
        bridge.wait_for("no server answers yet")
        self.feed(writer, 3000, 3500)
        server.start()
        reader.check(3500)

    def test_a_message_that_takes_longer_than_silence_may(self):
        """The first of them are given up on the way, as if nothing came."""
        server = Server(self, more="max_payload: 32MB")
        size, seconds, piece = 24 << 20, 6, 16 << 10
        stream = "stream=S&create=queue"
        large = self.folder / "large"
        large.write_bytes(b"l" * size)
        self.run_fifomq("send", f"nats:large@{server.address}?{stream}", large)
        link = TcpProxy(self, server.port)
        link.slowness = seconds * piece / size
        got = self.run_fifomq("recv", f"nats:large@127.0.0.1:{link.port}?{stream}", "--count", "1", "--format", "raw")
        self.assertEqual(len(got.out), size)

    def test_what_is_wrong_is_said_before_anything_is_moved(self):
        server = Server(self, more="max_payload: 64KB")
        at = server.address
        err = self.assert_refused(r"there is no stream 'S'; create=queue or create=log makes it",
                                  "send", f"nats:a@{at}?stream=S")
        self.assertIn("[not_found]", err)
        self.send_lines(f"nats:a@{at}?stream=S&create=log", b"first")
        self.assert_refused(r"keeps no messages of the subject 'b'; it takes 'a'", "send", f"nats:b@{at}?stream=S")
        self.assert_refused(r"creds=FILE", "send", f"nats:a@user:secret@{at}?stream=S")
        self.assert_refused(r"no/such/file", "send", f"nats:a@{at}?stream=S&creds=no/such/file")
        self.assert_refused(r"replicas", "send", f"nats:a@{at}?stream=T&create=log&replicas=3")
        self.assert_refused(r"no TLS", "send", f"nats:a@{at}?stream=S&tls=yes")
        large = self.folder / "large"
        large.write_bytes(b"x" * 70_000 + b"\n")
        refused = self.run_fifomq("send", f"nats:a@{at}?stream=S", large, status=1)
        self.assertRegex(refused.err, r"message too large \(7\d{4} bytes .*takes 65536\); max_payload")
        self.assertEqual(self.ledger(refused, "relayed=")["refused"], 1)
        reader = self.fifomq("recv", f"nats:a@{at}?stream=S")
        reader.wait_for("first", "stdout")
        self.assert_refused(r"'fifomq' has a receiver, and it takes one", "recv", f"nats:a@{at}?stream=S")
        other = self.run_fifomq("recv", f"nats:a@{at}?stream=S&durable=other", "--count", "1")
        self.assertEqual(other.out, b"first\n")

    def test_tls(self):
        def openssl(*arguments):
            subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, cwd=self.folder,
                           timeout=harness.TIMEOUT)
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "key",
                "-out", "certificate", "-days", "2", "-subj", "/CN=localhost", "-addext",
                "subjectAltName=IP:127.0.0.1")
        server = Server(self, more=f'tls {{ cert_file: "{self.folder}/certificate", key_file: "{self.folder}/key" }}')
        stream = f"nats:a@{server.address}?stream=S&create=queue"
        self.assert_refused(r"no TLS connection.*\[permission_denied\]", "send", stream)
        self.assert_refused(r"no TLS connection", "send", f"{stream}&tls=yes")
        trusted = f"{stream}&tls=yes&ca={self.folder}/certificate"
        self.send_lines(trusted, b"over", b"TLS")
        got = self.run_fifomq("recv", trusted, "--count", "2")
        self.assertEqual(got.out, b"over\nTLS\n")

    def test_a_server_that_knows_nobody(self):
        server = Server(self, more="authorization { user: somebody, password: secret }")
        self.assert_refused(r"does not let us in: .*creds=FILE .*\[permission_denied\]", "recv",
                            f"nats:a@{server.address}?stream=S")


class Cluster(NatsCase):
    """Three servers that all keep all; each of them and both bridges are killed again and again."""

    def setUp(self):
        super().setUp()
        self.seed = int(os.environ.get("FIFOMQ_SEED", random.randrange(1 << 32)))
        print(f"FIFOMQ_SEED={self.seed} repeats this", file=sys.stderr)
        self.random = random.Random(self.seed)
        ports = harness.free_ports(3)
        routes = ", ".join(f'"nats://127.0.0.1:{port}"' for port in ports)
        self.servers = [
            Server(self, f"n{number}", f'cluster {{ name: c, listen: "127.0.0.1:{port}", routes: [{routes}] }}')
            for number, port in enumerate(ports)]
        self.await_health()

    def await_health(self):
        for server in self.servers:
            harness.wait_until(server.is_healthy, f"{server.name} is up to date")

    def endpoint(self):
        """A log: of a replicated queue, nats-server 2.9 loses what it has acknowledged (the plugin's page)."""
        servers = ",".join(server.address for server in self.servers)
        return f"nats:readings@{servers}?stream=READINGS&create=log&replicas=3"

    def start_bridge(self, name):
        ends = {"in": (f"fifo:{self.fifo}", self.endpoint()), "out": (self.endpoint(), f"spool:{self.folder}/out")}
        self.bridges[name] = self.fifomq("bridge", *ends[name], "--require", "at-least-once")

    def kill(self, victim):
        if isinstance(victim, Server):
            victim.kill()
            victim.start()
            self.await_health()
        else:
            self.bridges[victim].stop()
            self.start_bridge(victim)

    def test_nothing_is_lost(self):
        self.bridges = {}
        self.start_bridge("in")
        self.start_bridge("out")
        writer = self.writer(self.fifo)
        reader = Reader(self, f"spool:{self.folder}/out")
        self.feed(writer, 0, 1)
        reader.await_count(1)
        victims = [*self.servers, "in", "out"]
        rounds = max(1, MESSAGES // 10_000)
        order = [victim for _ in range(rounds) for victim in self.random.sample(victims, len(victims))]
        share, sent = (MESSAGES - 1) // len(order), 1
        for number, victim in enumerate(order):
            end = MESSAGES if number + 1 == len(order) else sent + share
            self.feed(writer, sent, end)
            reader.await_count(sent + self.random.randrange(share // 2))
            self.kill(victim)
            sent = end
        reader.check(MESSAGES)
        print(f"{MESSAGES} messages, {len(order)} kills, {reader.again} came again before the filter",
              file=sys.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
