"""Runs the demo with programs that are built already; ../demo.sh builds them first.

    host_readings ----\\
                       > pipe `frames` -> fifomq bridge -> zmq+pub \\
    python_writer.py -/                                             > subscriber.py
    log_writer.py --------> pipe `lines` -> fifomq bridge -> zmq+pub /

The writers end first, then the bridges, which carry over what is still in the pipes, and last the subscriber,
which is told what was sent and compares.
"""
import argparse
import json
import os
import pathlib
import select
import signal
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parent.parent
PYTHON = "/usr/bin/python3"  # Debian's, which has the packages
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
START_TIME = 20  # seconds within which a writer must have sent its first message
END_TIME = 20    # seconds within which a part that was told to end must have ended
STARTED = b"started\n"  # what a writer says after its first message; at the end it says how many it has sent
LOGS = ("syslog", "messages", "kern.log", "dpkg.log", "apt/history.log", "bootstrap.log", "alternatives.log")
LOG_COMMANDS = (["journalctl", "--no-pager", "--lines=5000"], ["dmesg"])


class DemoError(Exception):
    pass


class Signals:
    """SIGINT, SIGTERM and SIGHUP as something that can be waited for together with processes. The first one
    ends the demo in good order, a second one at once."""

    def __init__(self):
        self.seen = False
        self.descriptor, wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        for number in STOP_SIGNALS:
            signal.signal(number, self.handle)

    def handle(self, *_):
        if self.seen:
            raise DemoError("interrupted")
        self.seen = True


class Part:
    """A program of the demo."""

    def __init__(self, name, command, folder, stdout=None, stdin=subprocess.DEVNULL):
        self.name = name
        self.errors = folder / f"{name}.stderr"
        environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
        with open(self.errors, "wb") as errors:
            # In a session of its own, so that Ctrl-C reaches only this program, which ends the parts one after
            # the other. Should this program be killed, the kernel ends them.
            self.process = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *map(str, command)],
                                            stdin=stdin, stdout=stdout, stderr=errors, env=environment,
                                            start_new_session=True)
        self.pidfd = os.pidfd_open(self.process.pid)

    def end(self, number, expected_status):
        """Ends it with a signal and returns what it said on standard output."""
        self.process.send_signal(number)
        return self.wait(expected_status)

    def wait(self, expected_status):
        try:
            output, _ = self.process.communicate(timeout=END_TIME)
        except subprocess.TimeoutExpired:
            raise DemoError(f"{self.name} did not end within {END_TIME} s") from None
        if self.process.returncode != expected_status:
            raise self.error()
        return (output or b"").decode()

    def error(self):
        said = self.errors.read_text(errors="replace").strip()
        return DemoError(f"{self.name} ended with status {self.process.wait()}" + (f":\n{said}" if said else ""))

    def kill(self):
        self.process.kill()
        self.process.wait()
        os.close(self.pidfd)


class Demo:
    def __init__(self, programs, folder, signals):
        self.programs = programs
        self.folder = folder
        self.signals = signals
        self.parts = []

    def start(self, name, *command, **pipes):
        part = Part(name, command, self.folder, **pipes)
        self.parts.append(part)
        return part

    def wait(self, seconds, awaited=None):
        """Waits until the awaited file is readable, a signal has come, or the time is over, and returns whether
        the file is readable. That a part ends is an error."""
        poller = select.poll()
        poller.register(self.signals.descriptor, select.POLLIN)
        if awaited is not None:
            poller.register(awaited, select.POLLIN)
        parts = {part.pidfd: part for part in self.parts}
        for descriptor in parts:
            poller.register(descriptor, select.POLLIN)
        ready = [descriptor for descriptor, _ in poller.poll(None if seconds is None else 1000 * seconds)]
        for descriptor in ready:
            if descriptor in parts:
                raise parts[descriptor].error()
        return awaited is not None and awaited.fileno() in ready

    def wait_for_first_message(self, writer):
        output = writer.process.stdout
        if not self.wait(START_TIME, output):
            raise DemoError("interrupted" if self.signals.seen else f"{writer.name} could not send in {START_TIME} s")
        os.read(output.fileno(), len(STARTED))

    def bridge(self, name, source, topic_of_log=""):
        to = f"zmq+pub:@ipc://{self.folder}/{name}.zmq?hwm=0&wait_peers=1"
        print(f"  fifomq bridge '{source}' '{to}'")
        return self.start(f"bridge-{name}", self.programs / "fifomq", "bridge", source, to)

    def run(self, seconds):
        frames, lines = self.folder / "frames", self.folder / "lines"
        os.mkfifo(frames, 0o600)
        os.mkfifo(lines, 0o600)
        print("bridges:")
        bridges = [self.bridge("frames", f"fifo:{frames}"),
                   self.bridge("lines", f"fifo:{lines}?framing=line&topic=log")]
        log, log_name = find_log(self.folder)
        print(f"writers:\n  host   typed readings of /proc, from C++\n  log    {log_name}, line by line\n"
              "  python frames from Python with nothing but the Protobuf runtime\n", flush=True)
        subscriber = self.start("subscriber", PYTHON, HERE / "subscriber.py",
                                *(f"ipc://{self.folder}/{name}.zmq" for name in ("frames", "lines")),
                                stdin=subprocess.PIPE)
        writers = {
            "host": self.start("host_readings", self.programs / "host_readings", f"fifo:{frames}",
                               stdout=subprocess.PIPE),
            "log": self.start("log_writer", PYTHON, HERE / "log_writer.py", log, lines,
                              stdout=subprocess.PIPE),
            "python": self.start("python_writer", PYTHON, HERE / "python_writer.py", frames,
                                 stdout=subprocess.PIPE),
        }
        for writer in writers.values():
            self.wait_for_first_message(writer)
        self.wait(seconds)
        self.finish(writers, bridges, subscriber)

    def finish(self, writers, bridges, subscriber):
        reports = {name: parse_report(writer.end(signal.SIGTERM, 0)) for name, writer in writers.items()}
        for bridge in bridges:
            bridge.end(signal.SIGTERM, 128 + signal.SIGTERM)
        subscriber.process.stdin.write(json.dumps(reports).encode() + b"\n")
        subscriber.process.stdin.flush()
        subscriber.wait(0)

    def clean_up(self):
        for part in self.parts:
            part.kill()


def parse_report(text):
    """`sent 12` or `sent 12 sha256 ...`"""
    words = text.split()
    report = dict(zip(words[::2], words[1::2]))
    return {**report, "sent": int(report["sent"])}


def find_log(folder):
    """A readable log of this host: its path, and what to call it."""
    for name in LOGS:
        path = pathlib.Path("/var/log") / name
        try:
            with open(path, "rb") as file:
                beginning = file.read(4096)
        except OSError:
            continue
        if b"\n" in beginning and b"\0" not in beginning:
            return path, str(path)
    path = folder / "log"
    for command in LOG_COMMANDS:
        try:
            output = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                    stderr=subprocess.DEVNULL, timeout=END_TIME, check=True).stdout
        except (OSError, subprocess.SubprocessError):
            continue
        if b"\n" in output:
            path.write_bytes(output)
            return path, f"what `{' '.join(command)}` says"
    raise DemoError("there is no log to read: nothing in /var/log, no journal, no dmesg")


def generate_classes(folder):
    for root, file in ((SOURCE / "proto", "fifomq/v1/frame.proto"), (HERE, "reading.proto")):
        if subprocess.run(["protoc", f"--python_out={folder}", f"-I{root}", file]).returncode != 0:
            raise DemoError(f"protoc did not make the Python classes of {file}")


def main():
    parser = argparse.ArgumentParser(description="Runs the demo with programs that are built already.")
    parser.add_argument("--programs", type=pathlib.Path, default=SOURCE / "build/release/bin",
                        help="folder of fifomq and host_readings (default: build/release/bin)")
    parser.add_argument("--seconds", type=float, default=12, help="how long the writers write (default: 12)")
    parser.add_argument("--forever", action="store_true", help="until Ctrl-C")
    options = parser.parse_args()
    signals = Signals()
    with tempfile.TemporaryDirectory(prefix="fifomq-demo-") as name:
        folder = pathlib.Path(name)
        demo = Demo(options.programs.resolve(), folder, signals)
        try:
            generate_classes(folder)
            demo.run(None if options.forever else options.seconds)
        finally:
            demo.clean_up()


if __name__ == "__main__":
    try:
        main()
    except DemoError as error:
        sys.exit(f"demo: {error}")
