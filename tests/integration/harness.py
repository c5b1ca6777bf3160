"""What the integration tests share: real processes that cannot outlive their test, pipes, Frames.

FIFOMQ_BIN is the folder of the programs, FIFOMQ_SOURCE the source tree, FIFOMQ_BUILD the build
tree.
"""
import contextlib
import fcntl
import functools
import importlib
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import termios
import threading
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = pathlib.Path(os.environ.get("FIFOMQ_SOURCE", HERE.parent.parent))
BUILD = pathlib.Path(os.environ.get("FIFOMQ_BUILD", SOURCE / "build/release"))
BIN = pathlib.Path(os.environ.get("FIFOMQ_BIN", BUILD / "bin"))
TEST_PROGRAMS = BUILD / "tests"
FIFOMQ = BIN / "fifomq"

SYNC = 0xC5FEF0F1
PIPE_BUF = 4096
MIB = 1 << 20


def cached(variable):
    """The value of a variable in the build tree's CMake cache; empty when it has none."""
    found = re.search(rf"^{variable}:\w+=(.*)$", (BUILD / "CMakeCache.txt").read_text(), re.M)
    return found.group(1) if found else ""


def installed_for(case_class):
    """A prefix into which the build is installed, as long as the cases of a class run."""
    folder = tempfile.TemporaryDirectory(prefix="fifomq_installed_")
    case_class.addClassCleanup(folder.cleanup)
    prefix = pathlib.Path(folder.name) / "prefix"
    subprocess.run(["cmake", "--install", BUILD, "--prefix", prefix], check=True, stdout=subprocess.PIPE,
                   timeout=TIMEOUT)
    return prefix


SANITIZED = "-fsanitize" in cached("CMAKE_CXX_FLAGS")
# Only what hangs ever takes so long.
TIMEOUT = 240 if SANITIZED else 90


def run(*command, **options):
    """What a tool prints that ends as it should, such as a compiler; building may take longer than anything else."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=10 * TIMEOUT,
                          **options)
    if done.returncode != 0:
        raise AssertionError(f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def scaled(count):
    """As much work as the build type can do in good time; FIFOMQ_TEST_SCALE divides it further."""
    divisor = int(os.environ.get("FIFOMQ_TEST_SCALE", "10" if SANITIZED else "1"))
    result = max(count // divisor, 1)
    print(f"{result} messages (of {count}; scale 1/{divisor})", file=sys.stderr)
    return result


@functools.cache
def frame_class():
    """The Python class that protoc makes from frame.proto."""
    folder = tempfile.TemporaryDirectory(prefix="fifomq_proto_")
    unittest.addModuleCleanup(folder.cleanup)
    generate_frame_class(folder.name)
    sys.path.insert(0, folder.name)
    return importlib.import_module("fifomq.v1.frame_pb2").Frame


def generate_frame_class(folder):
    subprocess.run(["protoc", f"--proto_path={SOURCE / 'proto'}", f"--python_out={folder}",
                    "fifomq/v1/frame.proto"], check=True, timeout=TIMEOUT)


def delimited(frame):
    """A frame as every Protobuf runtime writes it into a stream: behind its length."""
    body = frame.SerializeToString()
    length, prefix = len(body), bytearray()
    while length > 0x7F:
        prefix.append(length & 0x7F | 0x80)
        length >>= 7
    prefix.append(length)
    return bytes(prefix) + body


def foreign_frame(payload, **fields):
    """What a writer sends that knows nothing but the Protobuf runtime."""
    return delimited(frame_class()(sync=SYNC, payload=payload, **fields))


@functools.cache
def _crc_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


def crc32c(data):
    table, value = _crc_table(), 0xFFFFFFFF
    for byte in data:
        value = value >> 8 ^ table[(value ^ byte) & 0xFF]
    return value ^ 0xFFFFFFFF


def checked_frame(payload, **fields):
    rest = frame_class()(payload=payload, **fields).SerializeToString()
    return foreign_frame(payload, crc32c=crc32c(rest), **fields)


def wait_until(condition, what, timeout=TIMEOUT):
    """For what no descriptor announces: another process's state in /proc or in the file system."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {timeout} s")
        time.sleep(0.01)


def free_ports(count):
    """Of 127.0.0.1; all different, and given to nobody else soon."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def free_port():
    return free_ports(1)[0]


def free_address():
    return f"tcp://127.0.0.1:{free_port()}"


class Program:
    """A process whose outputs are collected while it runs, and which dies with its test."""

    def __init__(self, command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                 stderr=subprocess.PIPE, **options):
        self.command = [str(word) for word in command]
        self.process = subprocess.Popen(self.command, stdin=stdin, stdout=stdout,
                                        stderr=stderr, **options)
        self.pid = self.process.pid
        self.stdin = self.process.stdin
        self._news = threading.Condition()
        self._texts = {"stdout": bytearray(), "stderr": bytearray()}
        self._open = {name for name in self._texts if getattr(self.process, name)}
        for name in list(self._open):
            threading.Thread(target=self._collect, args=(name, getattr(self.process, name)),
                             daemon=True).start()

    def _collect(self, name, stream):
        with stream:
            while chunk := os.read(stream.fileno(), 1 << 16):
                with self._news:
                    self._texts[name] += chunk
                    self._news.notify_all()
        with self._news:
            self._open.remove(name)
            self._news.notify_all()

    @property
    def out(self):
        with self._news:
            return bytes(self._texts["stdout"])

    @property
    def err(self):
        with self._news:
            return self._texts["stderr"].decode(errors="replace")

    def wait_for(self, pattern, where="stderr", timeout=TIMEOUT):
        """Waits for a text in an output; fails when the program ends without it."""
        pattern = re.compile(pattern.encode())
        with self._news:
            ended = lambda: not self._open
            self._news.wait_for(lambda: pattern.search(self._texts[where]) or ended(), timeout)
            found = pattern.search(bytes(self._texts[where]))
        if not found:
            raise AssertionError(f"no {pattern.pattern!r} from {self.command}: {self.err}")
        return found

    def signal(self, number):
        self.process.send_signal(number)

    def signal_and_see_it_taken(self, number):
        """Two signals of a kind that are pending together would be one."""
        self.signal(number)

        def taken():
            status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
            pending = re.search(r"^ShdPnd:\s*(\w+)$", status, re.M)
            return pending and not int(pending.group(1), 16) >> (number - 1) & 1

        wait_until(taken, f"signal {number} taken by {self.command}")

    def is_running(self):
        return self.process.poll() is None

    def wait(self, timeout=TIMEOUT):
        """The exit status; what was printed is complete then."""
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"{self.command} has not ended in {timeout} s: {self.err}") from None
        with self._news:
            self._news.wait_for(lambda: not self._open, TIMEOUT)
        return status

    def stop(self):
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        if self.stdin:
            with contextlib.suppress(OSError):
                self.stdin.close()


class IntegrationCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="fifomq_")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.fifo = self.folder / "fifo"

    def start(self, *command, **options):
        program = Program(command, cwd=self.folder, **options)
        self.addCleanup(program.stop)
        return program

    def run_from_page(self, page, word):
        """The one block of commands on the page that has the word; returns the shell, ended."""
        blocks = re.findall(r"^```sh\n(.*?)^```$", (SOURCE / page).read_text(), re.M | re.S)
        (script,) = [block for block in blocks if word in block]
        shell = self.start("bash", "-euo", "pipefail", "-c", script,
                           env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"})
        self.assert_ends(shell, 0)
        return shell

    def fifomq(self, *arguments, **options):
        return self.start(FIFOMQ, *arguments, **options)

    def bridge(self, *arguments, **options):
        """A bridge that has opened both its ends."""
        program = self.fifomq("bridge", *arguments, **options)
        program.wait_for(r" -> .*: at-(most|least)-once")
        return program

    def run_fifomq(self, *arguments, status=0, **options):
        """Runs it to its end."""
        program = self.fifomq(*arguments, **options)
        self.assert_ends(program, status)
        return program

    def assert_ends(self, program, status, timeout=TIMEOUT):
        real = program.wait(timeout)
        self.assertEqual(real, status, f"{program.command}: {program.err}")

    def send_lines(self, endpoint, *lines):
        """Sends each line as a message with `fifomq send`."""
        source = self.folder / f"lines{time.monotonic_ns()}"
        source.write_bytes(b"".join(line + b"\n" for line in lines))
        return self.run_fifomq("send", endpoint, source)

    def ipc(self, name="socket"):
        return f"ipc://{self.folder / name}"

    def make_fifo(self, path=None):
        os.mkfifo(path or self.fifo, 0o600)
        return path or self.fifo

    def close_at_end(self, descriptor):
        self.addCleanup(os.close, descriptor)
        return descriptor

    def hold(self, path=None, capacity=None):
        """Keeps what is in the FIFO alive, and stands for a reader that does not read."""
        descriptor = self.close_at_end(os.open(path or self.fifo, os.O_RDWR | os.O_NONBLOCK))
        if capacity:
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, capacity)
        return descriptor

    def open_writer(self, path=None):
        """Opens a FIFO to write, as soon as somebody reads it."""
        return self.close_at_end(self._open_writer(path or self.fifo))

    def _open_writer(self, path):
        opened = []
        thread = threading.Thread(target=lambda: opened.append(os.open(path, os.O_WRONLY)),
                                  daemon=True)
        thread.start()
        thread.join(TIMEOUT)
        self.assertTrue(opened, f"nobody opened {path} to read within {TIMEOUT} s")
        return opened[0]

    def write(self, data, path=None):
        """Opens, writes and leaves, as a shell's redirection does."""
        descriptor = self._open_writer(path or self.fifo)
        try:
            self.assertEqual(os.write(descriptor, data), len(data))
        finally:
            os.close(descriptor)

    def backlog(self, path=None):
        """How many bytes wait in the FIFO."""
        descriptor = os.open(path or self.fifo, os.O_RDONLY | os.O_NONBLOCK)
        try:
            waiting = fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4))
            return int.from_bytes(waiting, sys.byteorder)
        finally:
            os.close(descriptor)

    def ledger(self, program, line):
        """The counters in a line of the report that a bridge prints at its end."""
        found = re.search(rf"^fifomq: \w+: ({line}.*)$", program.err, re.M)
        self.assertIsNotNone(found, f"no '{line}' in: {program.err}")
        return {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)(?=\s|$)",
                                                               found.group(1))}

    def assert_settles(self, ledger):
        """What came in is all accounted for."""
        reasons = ("too_large", "cancelled", "given_up", "over_memory", "undecodable", "full",
                   "unsubscribed")
        get = lambda name: ledger.get(name, 0)
        self.assertEqual(get("messages_received"), get("messages_delivered")
                         + get("messages_pending") + sum(get(name) for name in reasons), ledger)
        self.assertEqual(get("bytes_in"), get("bytes_in_messages") + get("bytes_skipped")
                         + get("bytes_pending"), ledger)


def zmq_socket(case, kind, address, bind=False, **options):
    """A ZeroMQ socket of the test's own, which never waits longer than TIMEOUT."""
    import zmq  # not every test needs it
    context = zmq.Context.instance()
    socket = context.socket(kind)
    socket.linger = 0
    socket.rcvtimeo = socket.sndtimeo = TIMEOUT * 1000
    for name, value in options.items():
        setattr(socket, name, value)
    if kind == zmq.SUB:
        socket.subscribe(b"")
    (socket.bind if bind else socket.connect)(address)
    case.addCleanup(socket.close)
    return socket
