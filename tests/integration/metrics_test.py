"""What a bridge tells Prometheus: exact at any moment, under load and while it waits for room."""
import os
import re
import signal
import socket
import subprocess
import threading
import unittest
import urllib.error
import urllib.request

import zmq

import harness

SAMPLE = re.compile(r'^(\w+)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Scrape:
    """The samples of one answer, by name and labels."""

    def __init__(self, text):
        self.text = text
        self.samples = {}
        for line in text.splitlines():
            if line and not line.startswith("#"):
                name, labels, value = SAMPLE.match(line).groups()
                key = (name, *sorted(LABEL.findall(labels or "")))
                assert key not in self.samples, line
                self.samples[key] = float(value)

    def sum(self, name, **labels):
        """Of all samples of that name that have these labels."""
        found = [value for (each, *have), value in self.samples.items()
                 if each == f"fifomq_{name}" and labels.items() <= dict(have).items()]
        assert found, f"no {name} {labels} in {self.text}"
        return sum(found)


class Metrics(harness.IntegrationCase):
    def start_bridge(self, *arguments, **options):
        """A bridge with a port that the system picks."""
        bridge = self.bridge(*arguments, "--metrics", "127.0.0.1:0", **options)
        self.url = bridge.wait_for(r"metrics: (http://127.0.0.1:\d+)/metrics\n").group(1).decode()
        return bridge

    def get(self, page):
        try:
            with urllib.request.urlopen(self.url + page, timeout=harness.TIMEOUT) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def scrape(self):
        status, text = self.get("/metrics")
        self.assertEqual(status, 200, text)
        return Scrape(text)

    def scrape_until(self, holds, what):
        last = []

        def look():
            last[:] = [self.scrape()]
            return holds(last[0])

        harness.wait_until(look, what)
        return last[0]

    def assert_adds_up(self, scrape):
        for end in ("from", "to"):
            get = lambda name, end=end: scrape.sum(name, end=end)
            self.assertEqual(get("messages_received_total"),
                             get("messages_delivered_total") + get("messages_pending")
                             + get("messages_dropped_total"), scrape.text)
            self.assertEqual(get("bytes_received_total"),
                             get("bytes_in_messages_total") + get("bytes_skipped_total")
                             + get("bytes_pending"), scrape.text)
        passed_on = sum(scrape.sum(f"messages_{name}_total")
                        for name in ("relayed", "hop_limit", "refused", "unsent"))
        in_hand = scrape.sum("messages_delivered_total", end="from") - passed_on
        self.assertIn(in_hand, (0, 1), scrape.text)
        self.assertEqual(scrape.sum("messages_received_total", end="to"),
                         scrape.sum("messages_relayed_total"), scrape.text)

    def test_every_message_is_counted(self):
        endpoint = f"fifo:{self.fifo}?framing=line"
        self.start_bridge(endpoint, "-")
        self.write("".join(f"{number}\n" for number in range(1, 1001)).encode())
        scrape = self.scrape_until(
            lambda scrape: scrape.sum("messages_delivered_total", end="to") == 1000, "1000 relayed")
        self.assertIn('fifomq_messages_received_total{'
                      f'endpoint="{endpoint}",end="from"}} 1000\n', scrape.text)
        self.assertEqual(scrape.sum("messages_relayed_total"), 1000)
        self.assert_adds_up(scrape)
        version = self.run_fifomq("--version").out.decode().split()[1]
        self.assertIn(f'fifomq_build_info{{version="{version}"}} 1\n', scrape.text)
        subprocess.run(["promtool", "check", "metrics"], input=scrape.text, text=True, check=True,
                       timeout=harness.TIMEOUT)

    def test_every_counter_of_the_ledger_is_there(self):
        header = (harness.SOURCE / "transport/include/fifomq/counters.hpp").read_text()
        self.start_bridge(f"fifo:{self.fifo}", "-")
        values = sum(scrape_key[0] != "fifomq_build_info" and ("end", "from") in scrape_key
                     for scrape_key in self.scrape().samples)
        self.assertEqual(values, len(re.findall(r'\{"(\w+)", &Counters::', header)))

    def test_a_hundred_scrapes_under_load_add_up(self):
        second = self.make_fifo(self.folder / "second")
        self.start_bridge(f"fifo:{self.fifo}", f"fifo:{second}")
        self.fifomq("recv", f"fifo:{second}", "--format", "raw", stdout=subprocess.DEVNULL)
        frame = harness.checked_frame(b"x" * 200)
        whole = frame * (harness.PIPE_BUF // len(frame))
        damaged = bytearray(frame)
        damaged[-1] ^= 1
        large = harness.checked_frame(b"y" * 3900)
        stop = threading.Event()
        writers = [threading.Thread(target=self.write_on, args=(piece, stop), daemon=True)
                   for piece in (whole, whole, large, bytes(damaged) + frame)]
        for writer in writers:
            writer.start()
        try:
            scrapes = [self.scrape() for _ in range(100)]
            # Four writers wait for room in one pipe: it may take a while until each has had its turn.
            while not self.damage(scrapes[0]) < self.damage(scrapes[-1]) and len(scrapes) < 10_000:
                scrapes.append(self.scrape())
        finally:
            stop.set()
            for writer in writers:
                writer.join(harness.TIMEOUT)
        for scrape in scrapes:
            self.assert_adds_up(scrape)
        for name in ("messages_received_total", "frames_damaged_total", "bytes_skipped_total"):
            with self.subTest(name):
                values = [scrape.sum(name, end="from") for scrape in scrapes]
                self.assertEqual(values, sorted(values))
                self.assertLess(values[0], values[-1])

    @staticmethod
    def damage(scrape):
        return scrape.sum("frames_damaged_total", end="from")

    def write_on(self, piece, stop):
        descriptor = os.open(self.fifo, os.O_WRONLY)
        try:
            while not stop.is_set():
                os.write(descriptor, piece)
        finally:
            os.close(descriptor)

    def test_a_scrape_is_answered_while_there_is_no_room(self):
        for size in (1000, 20_000):
            with self.subTest(size):
                fifo, second = self.folder / f"first{size}", self.folder / f"second{size}"
                self.make_fifo(second)
                self.hold(second)
                bridge = self.start_bridge(f"fifo:{fifo}", f"fifo:{second}")
                frame, count = harness.foreign_frame(b"x" * size), 120_000 // size
                self.write(frame * count, fifo)
                harness.wait_until(lambda: self.backlog(second) > 45_000, "the second pipe is full")
                # No more goes in; so what a scrape shows from here on does not change.
                before = self.scrape_until(
                    lambda scrape: scrape.sum("messages_delivered_total", end="from")
                    == scrape.sum("messages_relayed_total") + 1, "a message waits for room")
                self.assert_adds_up(before)
                self.assertEqual(self.get("/healthz"), (200, "ok\n"))
                reader = self.fifomq("recv", f"fifo:{second}", stdout=subprocess.DEVNULL)
                after = self.scrape_until(
                    lambda scrape: scrape.sum("messages_relayed_total") == count, "all relayed")
                self.assert_adds_up(after)
                self.assertEqual(after.sum("messages_abandoned_total"), 0)
                bridge.stop()
                reader.stop()

    def test_what_is_told_while_a_message_waits_is_not_old(self):
        self.start_bridge(f"fifo:{self.fifo}", "zmq+push:@" + self.ipc())
        self.write(harness.foreign_frame(b"waits"))
        self.scrape_until(lambda scrape: scrape.sum("messages_delivered_total", end="from") == 1,
                          "a message waits for a peer")
        writer = self.open_writer()
        for number in range(1, 3):
            os.write(writer, harness.foreign_frame(b"behind it"))
            backlog = self.backlog()
            self.assertGreater(backlog, 0)
            self.scrape_until(lambda scrape: scrape.sum("backlog_bytes", end="from") == backlog,
                              f"it shows what waits, for the {number}. time")

    def test_what_is_observed_leaves_whole_when_nothing_more_comes(self):
        """A stream takes a part of a message when it is tried; nobody but the relay sends the rest."""
        theirs, ours = socket.socketpair()
        self.addCleanup(ours.close)
        ours.settimeout(harness.TIMEOUT)
        # As small as there is: a long message goes in two parts, of which the second finds no room.
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        theirs.setblocking(False)
        self.start_bridge(f"fifo:{self.fifo}?framing=line", "-?format=raw", stdout=theirs)
        theirs.close()
        short, long = b"x" * 100, b"y" * 2700
        self.write(short + b"\n" + long + b"\n")
        scrape = self.scrape_until(
            lambda scrape: scrape.sum("messages_relayed_total") == 2, "both are accepted")
        self.assertEqual(scrape.sum("messages_pending", end="to"), 1)
        got = b""
        while len(got) < len(short + long):
            got += ours.recv(harness.PIPE_BUF)
        self.assertEqual(got, short + long)

    def test_the_age_of_stamped_messages(self):
        self.start_bridge(f"fifo:{self.fifo}", "-")
        # Long ago, in a later time zone, and never.
        for stamp in (1, 2**63, 0):
            self.write(harness.foreign_frame(b"x", sent_unix_nanos=stamp))
        scrape = self.scrape_until(lambda scrape: scrape.sum("messages_relayed_total") == 3, "all")
        self.assertEqual(scrape.sum("relay_latency_seconds_count"), 2)
        self.assertEqual(scrape.sum("relay_latency_seconds_bucket", le="300"), 1)
        self.assertGreater(scrape.sum("relay_latency_seconds_sum"), 1.7e9)

    def test_health(self):
        """It is well while it waits for a peer, and is not once it only finishes what it began."""
        pull = harness.zmq_socket(self, zmq.PULL, self.ipc(), bind=True, rcvhwm=1)
        bridge = self.start_bridge(f"fifo:{self.fifo}", f"zmq+push:{self.ipc()}",
                                   "--drain-timeout", "10min")
        self.assertEqual(self.get("/healthz"), (200, "ok\n"))
        self.assertEqual(self.get("/other")[0], 404)
        # More than what the two kernels' ends of the socket hold, less than what the bridge does.
        count = 10
        for _ in range(count):
            self.write(harness.foreign_frame(b"x" * 150_000))
        self.scrape_until(lambda scrape: scrape.sum("messages_relayed_total") == count, "accepted")
        bridge.signal(signal.SIGTERM)
        harness.wait_until(lambda: self.get("/healthz")[0] == 503, "it is stopping")
        self.assertEqual(self.get("/healthz"), (503, "the bridge was asked to stop\n"))
        self.assert_adds_up(self.scrape())
        for _ in range(count):
            pull.recv()
        self.assert_ends(bridge, 143)

    def test_a_port_that_is_taken(self):
        with socket.create_server(("127.0.0.1", 0)) as other:
            address = f"127.0.0.1:{other.getsockname()[1]}"
            for more in ((), ("--dry-run",)):
                bridge = self.run_fifomq("bridge", "fifo:./fifo", "-", "--metrics", address, *more,
                                         status=2)
                self.assertEqual(bridge.err, f"fifomq: --metrics: cannot listen on {address}: "
                                             "Address already in use\n")
        self.assertFalse(self.fifo.exists())
        plan = self.run_fifomq("bridge", "fifo:./fifo", "-", "--metrics", address, "--dry-run")
        self.assertIn(f"http://{address}/metrics\n", plan.out.decode())

    def test_what_is_no_address(self):
        for text in ("9100", "127.0.0.1", ":9100", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:65536",
                     "[::1]:9100", "300.0.0.1:9100"):
            with self.subTest(text):
                for more in ((), ("--dry-run",)):
                    bridge = self.run_fifomq("bridge", "fifo:./fifo", "-", "--metrics", text, *more,
                                             status=2)
                    self.assertRegex(bridge.err, rf"^fifomq: --metrics: '{re.escape(text)}' is n.*\n$")
        file = self.folder / "bridge.toml"
        file.write_text('from = "fifo:./fifo"\nto = "-"\nmetrics = "here"\n')
        bridge = self.run_fifomq("bridge", "--config", file, status=2)
        self.assertTrue(bridge.err.startswith(f"fifomq: {file}:3: 'here' is not "), bridge.err)

    def test_an_address_that_others_reach_is_warned_of_once(self):
        bridge = self.bridge("fifo:./fifo", "-", "--metrics", "0.0.0.0:0")
        self.assertEqual(bridge.err.count("warning"), 1, bridge.err)
        self.assertIn("open to other machines", bridge.err)
        self.start_bridge("fifo:./another", "-")

    def test_whoever_asks_and_does_not_listen_ends_nothing(self):
        bridge = self.start_bridge(f"fifo:{self.fifo}", "-")
        port = int(self.url.rpartition(":")[2])
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", port)) as visitor:
                visitor.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        self.scrape()
        self.assertTrue(bridge.is_running())
        bridge.signal(signal.SIGTERM)
        self.assert_ends(bridge, 143)


if __name__ == "__main__":
    unittest.main(verbosity=2)
