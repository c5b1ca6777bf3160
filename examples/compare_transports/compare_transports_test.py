"""Runs compare_transports with its smallest budget, and sees that it tells all and leaves nothing.

FIFOMQ_BIN names the folder of the program, FIFOMQ_BUILD the build tree.
"""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

import harness

PROGRAM = pathlib.Path(os.environ.get("FIFOMQ_BIN", "build/release/bin")).resolve() / "compare_transports"
TIMEOUT = harness.TIMEOUT
SMALLEST = ("--seconds", "0.005", "--repetitions", "1")
SIZES = (64, 1024, 65536, 1048576)
ALWAYS = {"fifo", "fifo busy_poll", "fifo pages=reused", "zmq ipc", "zmq tcp", "memory", "raw pipe", "raw pipe 4 KiB",
          "raw pipe 1 B", "libzmq ipc", "libzmq tcp", "unix seqpacket", "posix mq"}
# Rows that depend on which libraries the build found.
SOMETIMES = {"nng ipc", "nanomsg ipc", "boost message_queue"}
WITHOUT_ROUND_TRIP = {"fifo pages=reused", "raw pipe 4 KiB", "raw pipe 1 B"}
MEASURED = ("messages_per_second", "megabytes_per_second", "sender_cpu_ns", "receiver_cpu_ns")


def children_of(pid):
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(stat.parent.name))
    return found


def shared_memory():
    return {path.name for path in pathlib.Path("/dev/shm").glob("*compare_transports*")}


@unittest.skipIf(harness.SANITIZED, "not built with sanitizers: one changes every figure")
class CompareCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="compare_test_")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        # What the program makes for itself comes here, where it can be looked for.
        self.scratch = self.folder / "scratch"
        self.scratch.mkdir()

    def start(self, *arguments, environment=()):
        program = harness.Program([PROGRAM, *arguments], cwd=self.folder,
                                  env={**os.environ, "TMPDIR": str(self.scratch), **dict(environment)})
        self.addCleanup(program.stop)
        return program

    def finish(self, program, status=0):
        self.assertEqual(program.wait(TIMEOUT), status, program.err)
        self.assert_nothing_left(program)
        return program.out.decode()

    def run_program(self, *arguments, status=0, **options):
        return self.finish(self.start(*arguments, **options), status)

    def assert_nothing_left(self, program):
        self.assertEqual(list(self.scratch.iterdir()), [])
        self.assertEqual(children_of(program.pid), [])
        self.assertFalse([name for name in shared_memory() if str(program.pid) in name])


class ComparisonTest(CompareCase):
    def test_everything_is_measured_and_told(self):
        program = self.start(*SMALLEST, "--json", "figures.json", "--html", "page.html", "--svg", "plots")
        text = self.finish(program)
        figures = json.loads((self.folder / "figures.json").read_text())
        self.assert_rows(figures)
        self.assert_other_runs(figures)
        for row in figures["rows"]:
            self.assertIn(row["transport"], text)
        self.assertIn("Ratios", text)
        self.assertTrue(figures["ratios"])
        self.assertTrue(figures["machine"]["processor"])
        self.assertNotIn("\x1b", program.err)
        self.assertNotIn("[#", program.err)  # no bar where there is no terminal
        self.assert_page((self.folder / "page.html").read_text())
        self.assert_plots(program)

    def assert_rows(self, figures):
        rows = {(row["transport"], row["size"]): row for row in figures["rows"]}
        self.assertEqual(len(rows), len(figures["rows"]), "more than one row of a transport and size")
        left_out = {each["transport"] for each in figures["left_out"]}
        named = {name for name, _ in rows}
        self.assertEqual(named, ALWAYS | (SOMETIMES - left_out))
        for name in named - left_out:
            self.assertEqual({size for other, size in rows if other == name}, set(SIZES), name)
        for key, row in rows.items():
            for figure in MEASURED:
                self.assertGreaterEqual(row[figure + "_max"], row[figure], key)
                self.assertGreaterEqual(row[figure], row[figure + "_min"], key)
            self.assertGreater(row["messages_per_second"], 0, key)
            measured = row["size"] == 64 and row["transport"] not in WITHOUT_ROUND_TRIP
            for percentile in ("rtt_us_p50", "rtt_us_p99"):
                self.assertEqual(row[percentile] is not None, measured, key)

    def assert_other_runs(self, figures):
        self.assertIn("raw pipe spinning", [row["transport"] for row in figures["rtt"]])
        for row in figures["rtt"] + figures["one_way"] + figures["open_loop"]:
            self.assertLessEqual(row["us_p50"], row["us_p99"], row)
            self.assertLessEqual(row["us_p99"], row["us_p999"], row)
        self.assertEqual([row["transport"] for row in figures["one_way"]], ["fifo", "raw pipe"])
        self.assertEqual([row["writers"] for row in figures["writers"]], [1, 4, 16, 64])
        self.assertEqual({(row["transport"], row["wanted_per_second"]) for row in figures["open_loop"]},
                         {(name, rate) for name in ("fifo", "libzmq ipc", "zmq ipc")
                          for rate in (10_000, 100_000, 500_000)})
        bridged = [row for row in figures["bridge"] if "bridge" in row["transport"]]
        self.assertTrue(bridged)
        for row in bridged:
            self.assertGreater(row["bridge_cpu_ns"], 0, row)

    def assert_page(self, page):
        self.assertGreaterEqual(page.count("<svg"), len(SIZES))
        self.assertIsNone(re.search(r"<(script|link|img)\b", page), "the page needs something beside it")
        for part in ("Machine", "Method", "Ratios", "boost message_queue"):
            self.assertIn(part, page)

    def assert_plots(self, program):
        plots = sorted(path.name for path in (self.folder / "plots").glob("*.svg"))
        if shutil.which("gnuplot"):
            self.assertEqual(plots, ["open_loop.svg", "round_trip.svg", "throughput_bytes.svg",
                                     "throughput_messages.svg", "writers.svg"])
        else:
            self.assertIn("gnuplot", program.err)

    def test_only_what_was_asked_for(self):
        self.run_program(*SMALLEST, "--only", "fifo,raw pipe", "--sizes", "100,1KiB", "--parts", "throughput,rtt",
                         "--json", "figures.json")
        figures = json.loads((self.folder / "figures.json").read_text())
        self.assertEqual([(row["transport"], row["size"]) for row in figures["rows"]],
                         [("fifo", 100), ("raw pipe", 100), ("fifo", 1024), ("raw pipe", 1024)])
        self.assertEqual([row["transport"] for row in figures["rtt"]], ["fifo", "raw pipe"])
        for part in ("one_way", "writers", "open_loop", "bridge"):
            self.assertEqual(figures[part], [])

    def endless(self):
        """A comparison that is under way, and would take a minute."""
        program = self.start("--seconds", "10", "--only", "raw pipe")
        harness.wait_until(lambda: len(children_of(program.pid)) == 2, "two processes")
        self.assertTrue(list(self.scratch.iterdir()))
        return program

    def test_signals_leave_nothing_behind(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number=number):
                program = self.endless()
                program.signal(number)
                self.finish(program, 128 + number)

    def test_children_die_with_the_program(self):
        program = self.endless()
        children = children_of(program.pid)
        program.signal(signal.SIGKILL)
        program.wait()
        harness.wait_until(lambda: not any(pathlib.Path(f"/proc/{pid}").exists() for pid in children),
                           "the children's end")

    def test_a_child_that_dies_fails_the_comparison(self):
        program = self.endless()
        os.kill(children_of(program.pid)[0], signal.SIGKILL)
        self.finish(program, 1)
        self.assertRegex(program.err, r"^compare_transports: raw pipe: the (sender|receiver) was killed by signal 9\n$")

    def test_plots_without_gnuplot(self):
        program = self.start(*SMALLEST, "--only", "memory", "--sizes", "64", "--parts", "throughput", "--svg", "plots",
                             environment={"PATH": str(self.scratch)})
        self.finish(program)
        self.assertIn("there is no gnuplot", program.err)


class CommandLineTest(CompareCase):
    def assert_refused(self, arguments, *words):
        program = self.start(*arguments)
        self.assertEqual(self.finish(program, 2), "")
        lines = program.err.splitlines()
        self.assertEqual(len(lines), 1, program.err)
        self.assertTrue(lines[0].startswith("compare_transports: "), lines)
        for word in words:
            self.assertIn(word, lines[0])

    def test_wrong_input_is_one_sentence(self):
        for arguments, words in (
                (["--bogus"], ["--bogus"]),
                (["extra"], ["extra"]),
                (["--only", "carrier pigeon"], ["'carrier pigeon'", "raw pipe", "zmq tcp"]),
                (["--parts", "lunch"], ["'lunch'", "open_loop"]),
                (["--sizes", "many"], ["--sizes", "many"]),
                (["--sizes", "8"], ["--sizes", "8 B", "24 B"]),
                (["--sizes", "1GiB"], ["--sizes", "32 MiB"]),
                (["--seconds", "0"], ["--seconds"]),
                (["--seconds", "soon"], ["--seconds", "soon"]),
                (["--repetitions", "0"], ["--repetitions"]),
                (["--repetitions", "-1"], ["--repetitions"]),
                (["--json"], ["--json"]),
                (["--json", "missing/file"], ["missing/file", "'missing'"]),
                (["--html", "."], ["'.'", "folder"]),
                (["--svg", "missing/plots"], ["'missing'"])):
            with self.subTest(arguments=arguments):
                self.assert_refused(arguments, *words)

    def test_a_folder_for_temporary_files_that_is_missing(self):
        program = self.start(environment={"TMPDIR": "/missing"})
        self.finish(program, 2)
        self.assertRegex(program.err, r"^compare_transports: TMPDIR .*\n$")

    def test_help(self):
        text = self.run_program("--help")
        for option in ("--quick", "--json", "--html", "--svg", "--only", "--parts", "--sizes", "--seconds",
                       "--repetitions"):
            self.assertIn(option, text)


if __name__ == "__main__":
    unittest.main(verbosity=2)
