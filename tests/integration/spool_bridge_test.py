"""A bridge with a spool between its ends: what TO cannot take now waits on the disk, not in FROM."""
import json
import os
import re
import signal
import socket
import unittest
import urllib.request

import harness


class SpoolBridge(harness.IntegrationCase):
    def setUp(self):
        super().setUp()
        self.out = f"fifo:{self.folder}/out"
        self.spool = self.folder / "spool"

    def spooled(self, source, to, *arguments, **options):
        bridge = self.bridge(source, to, "--spool", self.spool, *arguments, **options)
        bridge.wait_for(f"{re.escape(source)} -> spool:{self.spool} -> ")
        return bridge

    def waiting(self):
        return json.loads(self.run_fifomq("spool", self.spool, "--format", "json").out)["messages"]

    def received(self, count):
        return self.run_fifomq("recv", self.out, "--count", str(count)).out.decode().split()

    def numbers(self, *span):
        path = self.folder / "numbers"
        path.write_text("".join(f"{number:01000}\n" for number in range(*span)))
        return path

    def test_the_page(self):
        self.assertEqual(self.run_from_page("bridge/README.md", "--spool").out, b"20000\n")

    def test_the_pipe_is_emptied_while_nobody_reads(self):
        """Much more than both pipes hold."""
        bridge = self.spooled(f"fifo:{self.fifo}", self.out)
        self.run_fifomq("send", f"fifo:{self.fifo}", self.numbers(5000))
        harness.wait_until(lambda: self.backlog() == 0, "all is out of the pipe")
        self.assertEqual(list(map(int, self.received(5000))), list(range(5000)))
        bridge.signal(signal.SIGTERM)
        self.assert_ends(bridge, 128 + signal.SIGTERM)

    def test_what_waits_outlives_the_bridge_and_its_death(self):
        first = self.spooled(f"fifo:{self.fifo}", self.out, "--drain-timeout", "100ms")
        self.run_fifomq("send", f"fifo:{self.fifo}", self.numbers(1000))
        harness.wait_until(lambda: self.backlog() == 0, "all is out of the pipe")
        first.signal(signal.SIGTERM)
        self.assert_ends(first, 128 + signal.SIGTERM)
        second = self.spooled(f"fifo:{self.fifo}", self.out)
        self.run_fifomq("send", f"fifo:{self.fifo}", self.numbers(1000, 2000))
        harness.wait_until(lambda: self.waiting() > 1500, "all is in the spool")
        second.signal(signal.SIGKILL)
        second.wait()
        self.spooled(f"fifo:{self.fifo}", self.out)
        self.assertEqual(list(map(int, self.received(2000))), list(range(2000)))

    def test_an_input_that_ends_is_carried_to_its_end(self):
        receiver = self.fifomq("recv", self.out, "--count", "3000")
        with open(self.numbers(3000)) as lines:
            bridge = self.spooled("-", self.out, stdin=lines)
        self.assert_ends(bridge, 0)
        self.assert_ends(receiver, 0)
        self.assertEqual(list(map(int, receiver.out.split())), list(range(3000)))
        reports = re.findall(r"relayed=(\d+)", bridge.err)
        self.assertEqual(reports, ["3000", "3000"], "both legs report")

    def test_it_ends_when_nothing_has_come_for_so_long(self):
        receiver = self.fifomq("recv", self.out, "--count", "3")
        self.run_fifomq("send", f"spool:{self.spool}", self.numbers(3))
        bridge = self.spooled(f"fifo:{self.fifo}", self.out, "--idle-exit", "50ms")
        self.assert_ends(bridge, 0)
        self.assert_ends(receiver, 0)

    def test_so_many_and_no_more(self):
        receiver = self.fifomq("recv", self.out, "--count", "5")
        sender = self.fifomq("send", f"fifo:{self.fifo}", self.numbers(8))
        self.assert_ends(self.spooled(f"fifo:{self.fifo}", self.out, "--count", "5"), 0)
        self.assert_ends(receiver, 0)
        self.assert_ends(sender, 0)

    def test_both_legs_are_one_hop(self):
        self.spooled(f"fifo:{self.fifo}", self.out)
        receiver = self.fifomq("recv", self.out, "--count", "1", "--format", "json")
        self.write(harness.checked_frame(b"once", writer=7, sequence=1, hops=3))
        self.assert_ends(receiver, 0)
        self.assertEqual(json.loads(receiver.out)["hops"], 4)

    def test_the_plan(self):
        to = "zmq+reliable:@ipc://" + self.ipc()
        def plan(*arguments, status=0):
            return self.run_fifomq("bridge", f"fifo:{self.fifo}", to, "--spool", self.spool, "--dry-run", *arguments,
                                   status=status)
        self.assertIn(f"\nbetween   spool:{self.spool}  (durable queue", plan().out.decode())
        self.assertRegex(plan().out.decode(), r"\nguarantee at-least-once: fifo:.* -> spool:.*: what the far end")
        plan("--require", "at-least-once")
        self.assertRegex(plan("--require", "at-least-once across power loss", status=2).err,
                         "this pair gives at-least-once, because fifo:.* -> spool:")
        self.assertFalse(self.spool.exists())
        to = self.out
        self.assertRegex(plan("--require", "at-least-once").out.decode(),
                         "at-least-once: spool:.* -> fifo:.*: what has not reached TO is read again")
        to = "zmq+push:@ipc://" + self.ipc()
        self.assertRegex(plan("--require", "at-least-once", status=2).err,
                         "gives at-most-once, because spool:.* -> zmq.*: TO does not learn")

    def test_the_file(self):
        settings = self.folder / "bridge.toml"
        text = f"from = 'fifo:{self.fifo}'\nto = '{self.out}'\nspool = '{self.spool}'\n"
        settings.write_text(text)
        bridge = self.bridge("--config", settings)
        bridge.wait_for(f" -> spool:{self.spool} -> ")
        settings.write_text(text.replace(str(self.spool), "./other"))
        bridge.signal(signal.SIGHUP)
        bridge.wait_for(f"{settings}:3: 'spool' cannot change while the bridge runs; not reloaded")
        settings.write_text(text + "idle_exit = '10ms'\n")
        bridge.signal(signal.SIGHUP)
        self.assert_ends(bridge, 0)
        self.fifo.touch()
        settings.write_text(text.replace(str(self.spool), str(self.fifo)))
        self.assertRegex(self.run_fifomq("bridge", "--config", settings, "--dry-run", status=2).err,
                         rf"{settings}:3: .*not a (directory|folder).*\[wrong_type\]")

    def test_a_second_bridge_on_the_spool_is_refused(self):
        bridge = self.spooled(f"fifo:{self.fifo}", self.out)
        second = self.run_fifomq("bridge", f"fifo:{self.folder}/in2", f"fifo:{self.folder}/out2", "--spool", self.spool,
                                 status=2)
        self.assertIn(f"in use by pid {bridge.pid}", second.err)
        self.assertFalse((self.folder / "in2").exists(), "FROM is opened last")

    @unittest.skipIf(harness.SANITIZED, "the sanitizers do not run under strace")
    def test_a_disk_that_fails_ends_both_legs(self):
        self.hold(self.make_fifo())
        bridge = self.start("strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=fdatasync:error=EIO:when=2+",
                            harness.FIFOMQ, "bridge", f"fifo:{self.fifo}", self.out, "--spool", self.spool)
        bridge.wait_for(" -> .*: at-least-once")
        sender = self.fifomq("send", f"fifo:{self.fifo}", self.numbers(2000))
        self.assert_ends(bridge, 1)
        self.assertRegex(bridge.err, r"\nfifomq: .*cannot bring (what was sent )?to the disk.*\[system_failure\]\n$")
        self.spooled(f"fifo:{self.fifo}", self.out)
        self.assert_ends(sender, 0)
        receiver = self.fifomq("recv", self.out)
        receiver.wait_for(f"{1999:01000}", "stdout")
        # What was in the spool and not settled comes again.
        self.assertEqual(set(map(int, receiver.out.split())), set(range(2000)))

    def test_both_legs_are_watched(self):
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(manager.close)
        manager.settimeout(harness.TIMEOUT)
        manager.bind(str(self.folder / "notify"))
        self.spooled(f"fifo:{self.fifo}", self.out,
                     env={**os.environ, "NOTIFY_SOCKET": str(self.folder / "notify"), "WATCHDOG_USEC": "100000"})
        told = [manager.recv(4096) for _ in range(6)]
        self.assertTrue(told[0].startswith(b"READY=1\nSTATUS=fifo:"), told)
        self.assertTrue(all(text.startswith(b"WATCHDOG=1\n") for text in told[1:]), told)

    def test_metrics_tell_of_both_legs(self):
        bridge = self.spooled(f"fifo:{self.fifo}", self.out, "--metrics", "127.0.0.1:0")
        url = re.search(r"metrics: (\S+)", bridge.err)[1]
        self.run_fifomq("send", f"fifo:{self.fifo}", self.numbers(200))

        def scraped():
            with urllib.request.urlopen(url) as page:
                return dict(re.findall(r"^(\w+(?:\{.*\})?) (\S+)$", page.read().decode(), re.M))

        relayed = 'fifomq_messages_relayed_total{leg="%s"}'
        harness.wait_until(lambda: scraped()[relayed % "in"] == "200", "all is in the spool")
        self.assertEqual(self.received(200)[-1], f"{199:01000}")
        figures = scraped()
        self.assertEqual(figures[relayed % "out"], "200")
        for endpoint, end in ((f"fifo:{self.fifo}", "from"), (f"spool:{self.spool}", "to"),
                              (f"spool:{self.spool}", "from"), (self.out, "to")):
            labels = f'{{endpoint="{endpoint}",end="{end}"}}'
            self.assertEqual(figures["fifomq_messages_received_total" + labels], "200", labels)
        with urllib.request.urlopen(url.replace("metrics", "healthz")) as page:
            self.assertEqual(page.read(), b"ok\n")


if __name__ == "__main__":
    unittest.main(verbosity=2)
