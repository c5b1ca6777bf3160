"""What a row's test is made of: processes, pipes, the history, and how much is tried."""
import contextlib
import os
import pathlib
import random
import select
import signal
import subprocess
import time

import harness
import history

ROWS = {}
SOMEBODY = 54321  # a user id that nobody has


class Skip(Exception):
    """Why a row cannot be tried here."""


class Row:
    def __init__(self, number, what, test, alone, seconds):
        self.number, self.what, self.test = number, what, test
        self.alone = alone      # measures time or load: nothing else runs beside it
        self.seconds = seconds  # about; the long ones are begun first


def row(number, what, alone=False, seconds=2):
    """Makes a function the test of a row. It gets a Trial, and returns the figure to be shown."""
    def declare(test):
        assert number not in ROWS, f"row {number} is there already"
        ROWS[number] = Row(number, what, test, alone, seconds)
        return test
    return declare


def needs_root():
    if os.geteuid() != 0:
        raise Skip("needs another user id, which only root can take on")


def helper(name):
    return harness.TEST_PROGRAMS / f"fault_{name}"


class Client:
    """A fault_sender, asked line by line."""

    def __init__(self, trial, endpoint, *options, wrapper=(), **popen):
        self.process = subprocess.Popen([*map(str, wrapper), helper("sender"), endpoint, *options],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        cwd=trial.folder, **popen)
        trial.addCleanup(self.stop)
        self.pid = self.process.pid
        self._answers = b""
        self._expect("open", harness.TIMEOUT)

    def _expect(self, what, timeout):
        answer = self.answer(timeout)
        if answer != what:
            raise AssertionError(f"fault_sender says {answer!r}")

    def tell(self, *words):
        self.process.stdin.write(" ".join(map(str, words)).encode() + b"\n")
        self.process.stdin.flush()

    def answer(self, timeout=harness.TIMEOUT):
        deadline = time.monotonic() + timeout
        while b"\n" not in self._answers:
            left = deadline - time.monotonic()
            if not select.select([self.process.stdout], [], [], max(left, 0))[0]:
                raise AssertionError(f"fault_sender gives no answer within {timeout} s")
            chunk = os.read(self.process.stdout.fileno(), 1 << 16)
            if not chunk:
                raise AssertionError(f"fault_sender has ended: {self.process.wait()}")
            self._answers += chunk
        line, _, self._answers = self._answers.partition(b"\n")
        return line.decode()

    def ask(self, *words, timeout=harness.TIMEOUT):
        self.tell(*words)
        return self.answer(timeout)

    def send(self, writer, number, size, milliseconds):
        return self.ask("send", writer, number, size, milliseconds).split()[0]

    def send_by(self, writer, number, size, milliseconds):
        """The result, how many seconds the call took, and how late it was, less what it had to wait
        for a processor."""
        result, took, waited = self.ask("send", writer, number, size, milliseconds).split()
        return result, int(took) / 1e6, (int(took) - int(waited)) / 1e6 - milliseconds / 1e3

    def counters(self):
        return counters_in(self.ask("counters"))

    def end(self):
        """It ends as it should, and what it had gathered leaves."""
        self.process.stdin.close()
        status = self.process.wait(harness.TIMEOUT)
        assert status == 0, f"fault_sender has ended with {status}"

    def stop(self):
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        with contextlib.suppress(OSError):
            self.process.stdin.close()


def counters_in(line):
    return {name: int(value) for name, _, value in
            (word.partition("=") for word in line.split()[1:])}


class Receiver:
    """A fault_receiver, and the history that it writes."""

    def __init__(self, trial, endpoint, *options, arrivals=None, capacity=None, wrapper=(), **popen):
        self.arrivals = arrivals or trial.new_file("arrivals")
        capacity = capacity or trial.amount(1 << 22)  # sparse
        self.program = trial.start(*wrapper, helper("receiver"), endpoint, self.arrivals, capacity,
                                   *options, **popen)
        self.pid = self.program.pid
        self.program.wait_for("open\n", "stdout")

    def count(self):
        return history.count_arrivals(self.arrivals)

    def wait_for(self, count, timeout=harness.TIMEOUT):
        harness.wait_until(lambda: self.count() >= count or not self.program.is_running(),
                           f"{count} arrivals", timeout)
        assert self.count() >= count, f"the receiver has ended: {self.program.err}"

    def finish(self, told=True):
        """Takes what is there, ends, and tells its counters."""
        if told:
            self.program.signal(signal.SIGTERM)
        status = self.program.wait()
        assert status == 0, f"fault_receiver has ended with {status}: {self.program.err}"
        return counters_in(self.program.out.decode().splitlines()[-1])

    def check(self, sent, **how):
        return history.check(history.read_arrivals(self.arrivals), sent, **how)


class Trial(harness.IntegrationCase):
    """One run of one row."""

    def __init__(self, seed, long):
        super().__init__("run_row")
        self.long = long
        self.random = random.Random(seed)
        self.tried = self.held = 0
        self._files = 0

    def run_row(self):
        """The runner calls the row's test itself."""

    def amount(self, normal, long=None):
        """How much is tried: ten times as much with --long, unless said otherwise."""
        return (long if long is not None else 10 * normal) if self.long else normal

    @contextlib.contextmanager
    def attempt(self, count=1):
        """What is done inside is tried, and has held when nothing was raised."""
        self.tried += count
        yield
        self.held += count

    def seed(self):
        """For a helper."""
        return self.random.getrandbits(32)

    def new_file(self, name):
        self._files += 1
        return self.folder / f"{name}.{self._files}"

    def new_fifo(self, name="fifo"):
        return self.make_fifo(self.new_file(name))

    def fifomq(self, *arguments, wrapper=(), **options):
        """The program, which does not outlive this process."""
        return self.start("setpriv", "--pdeathsig", "KILL", *wrapper, harness.FIFOMQ, *arguments,
                          **options)

    def client(self, endpoint, *options, **how):
        return Client(self, endpoint, *options, **how)

    def receiver(self, endpoint, *options, **how):
        return Receiver(self, endpoint, *options, **how)

    def helper(self, name, *arguments, **options):
        return self.start(helper(name), *arguments, **options)

    def run_helper(self, name, *arguments, timeout=harness.TIMEOUT, **options):
        program = self.helper(name, *arguments, **options)
        self.assert_ends(program, 0, timeout)
        return program

    def stop_bridge(self, bridge):
        """Asked to stop it carries over what is there, and tells its ledger."""
        bridge.signal(signal.SIGTERM)
        self.assert_ends(bridge, 128 + signal.SIGTERM)
        came_in = self.ledger(bridge, "from ")
        self.assert_settles(came_in)
        return came_in

    def write_all(self, descriptor, data):
        data = memoryview(data)
        while data:
            data = data[os.write(descriptor, data[:1 << 16]):]


def processor_seconds(pid):
    """What all threads of a process have used."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_peak(pid):
    """The most memory a process has had at once, in bytes."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) << 10
    raise AssertionError(f"no VmHWM of {pid}")
