"""What a bridge says while it runs: for people, for machines, for the journal; and never too much."""
import datetime
import json
import os
import re
import signal
import subprocess
import unittest

import harness

LOST = re.compile(r"lost at (.*?):((?: \w+=\d+)+)$")


class Logs(harness.IntegrationCase):
    def started(self, *arguments, **options):
        program = self.fifomq("bridge", *arguments, **options)
        program.wait_for(r" -> .*: at-(most|least)-once")
        return program

    def lines(self, program):
        """Each line of a log in JSON."""
        return [json.loads(line) for line in program.err.splitlines()]

    def stopped(self, bridge):
        bridge.signal(signal.SIGTERM)
        self.assert_ends(bridge, 143)
        return bridge

    def times(self, lines, message):
        """How often it was said: each line stands for one, or for its count."""
        return sum(line.get("count", 1) for line in lines if line["message"] == message)

    def test_the_beginning_and_the_end(self):
        bridge = self.started(f"fifo:{self.fifo}", "-")
        self.write(harness.foreign_frame(b"x"))
        bridge.wait_for("x\n", "stdout")
        first, *_, last = self.stopped(bridge).err.splitlines()
        version = self.run_fifomq("--version").out.decode().strip()
        self.assertTrue(first.startswith(
            f"fifomq: info: {version}: fifo:{self.fifo} -> -: at-most-once ("), first)
        self.assertEqual(last, "fifomq: info: relayed=1 hop_limit=0 refused=0 unsent=0")
        self.assertEqual(self.ledger(bridge, "from ")["messages_received"], 1)

    def test_json(self):
        endpoint = f'fifo:{self.folder}/"odd"\\name'
        bridge = self.stopped(self.started(endpoint, "-", "--log-format", "json"))
        lines = self.lines(bridge)
        self.assertEqual({line["level"] for line in lines}, {"info"})
        self.assertTrue(any(line["message"].endswith(f"from {endpoint}: nothing")
                            for line in lines), lines)
        now = datetime.datetime.now(datetime.timezone.utc)
        for line in lines:
            self.assertEqual(set(line), {"time", "level", "message"})
            said = datetime.datetime.fromisoformat(line["time"].replace("Z", "+00:00"))
            self.assertLess(abs(now - said), datetime.timedelta(seconds=harness.TIMEOUT))

    def test_json_from_a_file_and_the_command_line_wins(self):
        file = self.folder / "bridge.toml"
        file.write_text(f'from = "fifo:{self.fifo}"\nto = "-"\nlog_format = "json"\n')
        self.assertTrue(self.lines(self.stopped(self.started("--config", file))))
        bridge = self.stopped(self.started("--config", file, "--log-format", "text"))
        self.assertTrue(bridge.err.startswith("fifomq: info: "), bridge.err)

    def test_an_error_in_json(self):
        self.fifo.write_text("a regular file")
        bridge = self.run_fifomq("--log-format", "json", "bridge", f"fifo:{self.fifo}", "-", status=2)
        (line,) = self.lines(bridge)
        self.assertEqual(line["level"], "error")
        self.assertIn("[wrong_type]", line["message"])

    def test_a_format_that_there_is_not(self):
        self.assertEqual(
            self.run_fifomq("bridge", "fifo:./a", "-", "--log-format", "jsn", status=2).err,
            "fifomq: --log-format: there is no log format 'jsn'; did you mean 'json'?\n")
        file = self.folder / "bridge.toml"
        file.write_text('log_format = "xml"\n')
        bridge = self.run_fifomq("bridge", "fifo:./a", "-", "--config", file, "--dry-run", status=2)
        self.assertTrue(bridge.err.startswith(f"fifomq: {file}:1: there is no log format 'xml'"))

    def to_journal(self, *arguments):
        """A bridge whose standard error is what the service manager says leads to the journal."""
        path = self.folder / "journal"
        with open(path, "w", encoding="utf-8") as journal:
            status = os.fstat(journal.fileno())
            stream = f"{status.st_dev}:{status.st_ino}"
            subprocess.run([harness.FIFOMQ, "bridge", "-", f"fifo:{self.fifo}?framing=varint",
                            *arguments], stdin=subprocess.DEVNULL, stderr=journal, check=True,
                           env={**os.environ, "JOURNAL_STREAM": stream}, timeout=harness.TIMEOUT)
        return path.read_text()

    def test_the_journal_gets_priorities_and_no_time(self):
        self.make_fifo()
        for line in self.to_journal().splitlines():
            self.assertRegex(line, r"^<6>(fifomq \d|from |to |relayed=)")
        for line in self.to_journal("--log-format", "json").splitlines():
            self.assertTrue(line.startswith("<6>"), line)
            self.assertEqual(set(json.loads(line[3:])), {"level", "message"})

    def test_another_stream_than_the_journal(self):
        bridge = self.started(f"fifo:{self.fifo}", "-",
                              env={**os.environ, "JOURNAL_STREAM": "1:1"})
        self.assertTrue(bridge.err.startswith("fifomq: info: "), bridge.err)

    def test_thousands_of_damaged_frames_make_few_lines(self):
        bridge = self.started(f"fifo:{self.fifo}", "-", "--log-format", "json")
        good = harness.checked_frame(b"good")
        damaged = bytearray(good)
        damaged[-1] ^= 1
        count = 5000
        descriptor = self.open_writer()
        for _ in range(count):
            os.write(descriptor, damaged + good)
        harness.wait_until(lambda: bridge.out.count(b"good\n") == count, "the good ones arrived")
        # Without an end: what is lost is said while the bridge runs.
        bridge.wait_for("lost at ")
        lines = self.lines(self.stopped(bridge))
        lost = [LOST.search(line["message"]) for line in lines if "lost at" in line["message"]]
        self.assertLess(len(lost), count / 100)
        said = {}
        for found in lost:
            self.assertEqual(found[1], f"fifo:{self.fifo}")
            for name, value in re.findall(r"(\w+)=(\d+)", found[2]):
                said[name] = said.get(name, 0) + int(value)
        self.assertEqual(said, {"frames_damaged": count, "bytes_skipped": count * len(damaged)})
        self.assertEqual({line["level"] for line in lines if "lost at" in line["message"]},
                         {"warning"})

    def test_what_repeats_is_said_once_a_second_with_its_count(self):
        bridge = self.started(f"fifo:{self.fifo}", "-", "--log-format", "json")
        replaced = 30
        for number in range(replaced):
            self.fifo.unlink()
            os.mkfifo(self.fifo, 0o600)
            self.write(harness.foreign_frame(b"number %d" % number))
            bridge.wait_for(f"number {number}\n", "stdout")
        lines = self.lines(self.stopped(bridge))
        (message,) = {line["message"] for line in lines if "leads to another FIFO" in line["message"]}
        (reopened,) = [int(found[1]) for line in lines
                       if (found := re.search(r"reopened=(\d+)", line["message"]))]
        self.assertEqual(self.times(lines, message), reopened)
        self.assertEqual(reopened, replaced)
        said = [line for line in lines if line["message"] == message]
        at = [datetime.datetime.fromisoformat(line["time"].replace("Z", "+00:00")) for line in said]
        # The last one may be what was kept back at the end.
        for earlier, later in zip(at, at[1:-1]):
            self.assertGreaterEqual(later - earlier, datetime.timedelta(milliseconds=990))


if __name__ == "__main__":
    unittest.main(verbosity=2)
