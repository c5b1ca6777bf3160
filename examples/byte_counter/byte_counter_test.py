"""Runs the byte counter over real pipes, against itself and against programs in other languages.

FIFOMQ_BIN names the directory that byte_counter_reader and byte_counter_writer are in.
"""
import ctypes
import os
import pathlib
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import unittest

HERE = pathlib.Path(__file__).resolve().parent
BIN = pathlib.Path(os.environ.get("FIFOMQ_BIN", "build/release/bin")).resolve()
READER = BIN / "byte_counter_reader"
WRITER = BIN / "byte_counter_writer"
TIMEOUT = 60  # seconds; only a program that hangs ever takes it
BUILD_TIMEOUT = 300
NOBODY = 65534


def lines_read(values):
    return [f"read : {value}" for value in values]


def lines_written(values):
    return [f"{value} written to the fifo" for value in values]


class ByteCounterCase(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="byte_counter_")
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        self.fifo = self.directory / "fifo"

    def start(self, *command, **options):
        """Starts a program that is killed after TIMEOUT, so that no test can wait for ever."""
        process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, cwd=self.directory, **options)
        watchdog = threading.Timer(TIMEOUT, process.kill)
        watchdog.start()

        def end():
            process.kill()
            process.wait()
            watchdog.cancel()
            process.stdout.close()
            process.stderr.close()

        self.addCleanup(end)
        return process

    def finish(self, process, status=0):
        """What the process still prints, by lines: standard output and standard error."""
        # Not communicate(): it would pass over what next_line() has already buffered.
        output, errors = process.stdout.read(), process.stderr.read()
        process.wait(timeout=TIMEOUT)
        self.assertEqual(process.returncode, status, f"{process.args}\n{output[-500:]}{errors}")
        return output.splitlines(), errors.splitlines()

    def next_line(self, process):
        return process.stdout.readline().rstrip("\n")

    def open_for_test(self, flags):
        descriptor = os.open(self.fifo, flags)
        self.addCleanup(self.close, descriptor)
        return descriptor

    def close(self, descriptor):
        try:
            os.close(descriptor)
        except OSError:
            pass  # the test has closed it

    def hold_open(self):
        """Both ends of the FIFO, as an open that never blocks, so that a test cannot hang in it."""
        return self.open_for_test(os.O_RDWR)

    def assert_refused(self, command, *words, status=2, **options):
        """One sentence on standard error, which holds all the words and no bare errno."""
        output, errors = self.finish(self.start(*command, **options), status)
        self.assertEqual(output, [])
        self.assertEqual(len(errors), 1, errors)
        for word in words:
            self.assertIn(str(word), errors[0])
        self.assertNotIn("errno", errors[0])


class PairTest(ByteCounterCase):
    def test_counts_past_255(self):
        os.mkfifo(self.fifo)
        expected = [value % 256 for value in range(600)]
        reader = self.start(READER, self.fifo)
        writer = self.start(WRITER, self.fifo, "--interval", "0", "--count", 600)
        self.assertEqual(self.finish(reader), (lines_read(expected), []))
        self.assertEqual(self.finish(writer), (lines_written(expected), []))

    def test_default_path_is_fifo_in_the_current_directory(self):
        os.mkfifo(self.fifo)
        reader = self.start(READER)
        writer = self.start(WRITER, "--interval=0", "--count=2")
        self.finish(writer)
        self.assertEqual(self.finish(reader)[0], lines_read([0, 1]))

    def test_a_link_to_a_fifo_is_as_good_as_the_fifo(self):
        os.mkfifo(self.fifo)
        link = self.directory / "link"
        link.symlink_to(self.fifo)
        reader = self.start(READER, link)
        self.finish(self.start(WRITER, link, "--count", 1))
        self.assertEqual(self.finish(reader)[0], lines_read([0]))


class ReaderTest(ByteCounterCase):
    def wait_for_fifo(self, start):
        """Returns once something has been created in the directory after `start` was called."""
        libc = ctypes.CDLL(None, use_errno=True)
        watch = libc.inotify_init1(os.O_CLOEXEC)
        self.assertGreaterEqual(watch, 0, os.strerror(ctypes.get_errno()))
        self.addCleanup(os.close, watch)
        in_create = 0x100
        added = libc.inotify_add_watch(watch, os.fsencode(self.directory), in_create)
        self.assertGreaterEqual(added, 0, os.strerror(ctypes.get_errno()))
        process = start()
        ready, _, _ = select.select([watch], [], [], TIMEOUT)
        self.assertTrue(ready, "no FIFO was created")
        return process

    def test_creates_the_fifo_with_mode_0600_whatever_the_umask(self):
        for umask in (0o000, 0o077, 0o777):
            with self.subTest(umask=oct(umask)):
                reader = self.wait_for_fifo(lambda: self.start(READER, self.fifo, umask=umask))
                found = self.fifo.stat()
                self.assertTrue(stat.S_ISFIFO(found.st_mode))
                self.assertEqual(stat.S_IMODE(found.st_mode), 0o600)
                keep = self.hold_open()
                os.write(keep, b"\x2a")
                self.assertEqual(self.next_line(reader), "read : 42")
                os.close(keep)
                self.assertEqual(self.finish(reader), ([], []))
                self.fifo.unlink()

    def test_prints_at_once_and_ends_when_the_last_writer_has_left(self):
        os.mkfifo(self.fifo)
        first = self.hold_open()
        reader = self.start(READER, self.fifo)
        os.write(first, b"\x07\xff")
        self.assertEqual(self.next_line(reader), "read : 7")
        self.assertEqual(self.next_line(reader), "read : 255")
        second = self.open_for_test(os.O_WRONLY)
        os.close(first)
        os.write(second, b"\x08")
        self.assertEqual(self.next_line(reader), "read : 8")
        os.close(second)
        self.assertEqual(self.finish(reader), ([], []))

    def test_ends_when_the_writer_is_killed(self):
        os.mkfifo(self.fifo)
        for number in (signal.SIGTERM, signal.SIGKILL):  # a background job may ignore SIGINT
            with self.subTest(number=number):
                reader = self.start(READER, self.fifo)
                writer = self.start(WRITER, self.fifo, "--interval", "60min")
                self.assertEqual(self.next_line(writer), "0 written to the fifo")
                writer.send_signal(number)
                self.finish(writer, -number)
                self.assertEqual(self.finish(reader), (lines_read([0]), []))

    def test_takes_a_burst_larger_than_its_buffer(self):
        os.mkfifo(self.fifo)
        burst = bytes(value % 251 for value in range(30_000))
        keep = self.hold_open()
        os.write(keep, burst)
        reader = self.start(READER, self.fifo)
        self.assertEqual(self.next_line(reader), "read : 0")
        os.close(keep)
        self.assertEqual(self.finish(reader), (lines_read(burst[1:]), []))

    def test_says_when_it_cannot_print(self):
        os.mkfifo(self.fifo)
        keep = self.hold_open()
        os.write(keep, b"\x01")
        with open("/dev/full", "wb") as full:
            reader = subprocess.run([READER, self.fifo], stdin=subprocess.DEVNULL, stdout=full,
                                    stderr=subprocess.PIPE, text=True, timeout=TIMEOUT)
        self.assertEqual(reader.returncode, 1)
        self.assertIn("standard output", reader.stderr)


class WriterTest(ByteCounterCase):
    def test_prints_at_once_and_starts_without_a_pause(self):
        os.mkfifo(self.fifo)
        keep = self.hold_open()
        writer = self.start(WRITER, self.fifo, "--interval", "60min")
        self.assertEqual(self.next_line(writer), "0 written to the fifo")
        self.assertEqual(os.read(keep, 100), b"\x00")

    def test_takes_every_unit(self):
        os.mkfifo(self.fifo)
        keep = self.hold_open()
        for interval in ("0", "0s", "0min", "2ns", "2us", "2ms"):
            with self.subTest(interval=interval):
                self.finish(self.start(WRITER, self.fifo, "--interval", interval, "--count", 3))
                self.assertEqual(os.read(keep, 100), b"\x00\x01\x02")
        for interval in ("1s", "1min"):  # there is no pause after the last byte
            with self.subTest(interval=interval):
                self.finish(self.start(WRITER, self.fifo, "--interval", interval, "--count", 1))
                self.assertEqual(os.read(keep, 100), b"\x00")

    def test_count_0_writes_nothing(self):
        os.mkfifo(self.fifo)
        self.hold_open()
        self.assertEqual(self.finish(self.start(WRITER, self.fifo, "--count", 0)), ([], []))

    def test_says_that_the_reader_has_left(self):
        os.mkfifo(self.fifo)
        keep = self.hold_open()
        writer = self.start(WRITER, self.fifo, "--interval", "0")
        for value in range(3):
            self.assertEqual(self.next_line(writer), f"{value} written to the fifo")
        os.close(keep)
        _, errors = self.finish(writer, status=1)
        self.assertEqual(len(errors), 1, errors)
        self.assertIn(f"the reader of '{self.fifo}' has left", errors[0])

    def test_a_closed_standard_output_does_not_let_text_into_the_fifo(self):
        os.mkfifo(self.fifo)
        keep = self.hold_open()
        self.finish(self.start("/bin/sh", "-c", 'exec "$0" "$1" --interval 0 --count 2 >&-',
                               WRITER, self.fifo))
        self.assertEqual(os.read(keep, 100), b"\x00\x01")


class RefusalTest(ByteCounterCase):
    def standing_things(self):
        """Paths that both programs refuse, and the words that say why."""
        regular = self.directory / "regular"
        regular.write_text("precious")
        yield regular, "it is a regular file, not a FIFO"
        directory = self.directory / "directory"
        directory.mkdir()
        yield directory, "it is a directory, not a FIFO"
        address = self.directory / "socket"
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(str(address))
        yield address, "it is a socket, not a FIFO"
        yield "/dev/null", "it is a device, not a FIFO"
        dangling = self.directory / "dangling"
        dangling.symlink_to(self.directory / "nowhere")
        yield dangling, "it is a symbolic link that points to nothing"
        circle = self.directory / "circle"
        circle.symlink_to(circle)
        yield circle, "symbolic links lead round in a circle"
        yield regular / "fifo", "a part of the path that should be a directory is none"
        yield self.directory / ("n" * 300), "File name too long"
        yield "", "the path is empty"

    def test_what_stands_at_the_path(self):
        for path, reason in self.standing_things():
            for program, verb in ((READER, "cannot read from"), (WRITER, "cannot write to")):
                with self.subTest(program=program.name, reason=reason):
                    self.assert_refused([program, path], f"{verb} '{path}'", reason, "; give the")
        self.assertEqual((self.directory / "regular").read_text(), "precious")
        self.assertFalse((self.directory / "nowhere").exists())

    def test_nothing_at_the_path(self):
        self.assert_refused([WRITER, self.fifo], self.fifo, "neither a FIFO nor anything else",
                            "byte_counter_reader")
        self.assertFalse(self.fifo.exists())
        path = self.directory / "missing" / "fifo"
        self.assert_refused([READER, path], path, "the directory it would be in does not exist")
        self.assert_refused([WRITER, path], path, "neither a FIFO nor anything else")

    def as_somebody_without_rights(self):
        """Options for `start`, and copies of the programs that such a user can reach."""
        self.directory.chmod(0o755)
        programs = [pathlib.Path(shutil.copy(program, self.directory))
                    for program in (READER, WRITER)]
        if os.geteuid() != 0:
            return {}, programs
        options = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        try:
            self.finish(self.start(programs[0], "--help", **options))
        except (OSError, AssertionError) as error:
            self.skipTest(f"root has every right, and cannot become another user here: {error}")
        return options, programs

    def closed_directory(self, mode):
        path = self.directory / f"closed_{mode:o}"
        path.mkdir()
        os.mkfifo(path / "fifo")
        path.chmod(mode)
        self.addCleanup(path.chmod, 0o700)
        return path

    def test_permissions(self):
        options, programs = self.as_somebody_without_rights()
        os.mkfifo(self.fifo)
        self.fifo.chmod(0)
        unsearchable = self.closed_directory(0o000) / "fifo"
        unwritable = self.closed_directory(0o555) / "new"
        reader, writer = programs
        for program in programs:
            with self.subTest(program=program.name):
                self.assert_refused([program, self.fifo], self.fifo,
                                    "its permissions do not let you", **options)
                self.assert_refused([program, unsearchable], unsearchable,
                                    "the permissions of its directory do not let you", **options)
        self.assert_refused([reader, unwritable], unwritable,
                            "the permissions of its directory do not let you", **options)
        self.assert_refused([writer, unwritable], unwritable, "neither a FIFO", **options)

    def test_intervals(self):
        for interval in ("1", "5", "", "s", "ms", "-1s", "+1s", " 1s", "1 s", "1s ", "1.5s", "1h",
                         "1S", "1sec", "0x1s", "1m", "99999999999999999999s"):
            with self.subTest(interval=interval):
                self.assert_refused([WRITER, self.fifo, "--interval", interval], f"'{interval}'",
                                    "--interval wants a whole number and a unit", "(ns, us, ms")
        self.assert_refused([WRITER, "--interval", "99999999999min"], "longer than a century")

    def test_counts(self):
        for count in ("-1", "", "many", "1.5", "1k", "0x10", " 1", "99999999999999999999"):
            with self.subTest(count=count):
                self.assert_refused([WRITER, self.fifo, "--count", count], f"'{count}'",
                                    "--count wants a whole number")

    def test_options(self):
        for program in (READER, WRITER):
            with self.subTest(program=program.name):
                self.assert_refused([program, "--bogus"], "option", "--bogus")
                self.assert_refused([program, "-x"], "option", "x")
                self.assert_refused([program, "one", "two"], "'two' is one too many")
        for option in ("--interval", "--count"):
            self.assert_refused([WRITER, option], option, "requires an argument")
            self.assert_refused([READER, option, "1"], option)
        self.assertFalse(self.fifo.exists())

    def test_help(self):
        for program in (READER, WRITER):
            for option in ("--help", "-h"):
                output, errors = self.finish(self.start(program, option))
                self.assertTrue(output[0].startswith(f"Usage: {program.name} [PATH]"))
                self.assertEqual(errors, [])


class PythonTest(ByteCounterCase):
    def test_the_python_reader_understands_the_writer(self):
        os.mkfifo(self.fifo)
        expected = [value % 256 for value in range(300)]
        reader = self.start(sys.executable, HERE / "reader.py", self.fifo)
        writer = self.start(WRITER, self.fifo, "--interval", "0", "--count", 300)
        self.assertEqual(self.finish(reader), (lines_read(expected), []))
        self.finish(writer)

    def test_the_page_shows_the_python_reader_as_it_is(self):
        page = (HERE / "README.md").read_text(encoding="utf-8")
        self.assertIn((HERE / "reader.py").read_text(encoding="utf-8"), page)


class GoTest(ByteCounterCase):
    @classmethod
    def setUpClass(cls):
        if shutil.which("go") is None:
            raise unittest.SkipTest("the Go programs are not tried: there is no `go` on the PATH")
        directory = tempfile.TemporaryDirectory(prefix="byte_counter_go_")
        cls.addClassCleanup(directory.cleanup)
        cls.programs = pathlib.Path(directory.name)
        environment = {**os.environ, "GO111MODULE": "off", "CGO_ENABLED": "0", "GOFLAGS": "",
                       "GOCACHE": f"{directory.name}/cache", "GOPATH": f"{directory.name}/path"}
        for name in ("reader", "writer"):
            build = subprocess.run(
                ["go", "build", "-o", cls.programs / name, HERE / "go" / name / "main.go"],
                env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, timeout=BUILD_TIMEOUT)
            if build.returncode != 0:
                raise AssertionError(f"go/{name}/main.go does not build:\n{build.stdout}")

    def test_the_go_reader_understands_the_writer(self):
        os.mkfifo(self.fifo)
        expected = [value % 256 for value in range(300)]
        reader = self.start(self.programs / "reader", self.fifo)
        writer = self.start(WRITER, self.fifo, "--interval", "0", "--count", 300)
        self.assertEqual(self.finish(reader), (lines_read(expected), []))
        self.finish(writer)

    def test_the_reader_understands_the_go_writer(self):
        os.mkfifo(self.fifo)
        expected = [value % 256 for value in range(300)]
        reader = self.start(READER, self.fifo)
        writer = self.start(self.programs / "writer", "-interval", "0", "-count", "300", self.fifo)
        self.assertEqual(self.finish(reader), (lines_read(expected), []))
        self.assertEqual(self.finish(writer)[0], lines_written(expected))


if __name__ == "__main__":
    unittest.main(verbosity=2)
