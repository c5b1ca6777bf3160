"""The examples of examples/services, built outside the tree against an installed copy, and run.

By g++ through find_package and by clang++ through pkg-config, each linked with the shared and with the static library.
FIFOMQ_EXAMPLES=all adds g++ through pkg-config and clang++ through find_package.
"""
import functools
import importlib
import os
import pathlib
import select
import signal
import subprocess
import sys
import threading
import unittest

import zmq

import harness
import nats_test
from built_examples import PROGRAMS, SERVICES, built_with_find_package, built_with_pkg_config, installed, run


@functools.cache
def python_modules():
    """The classes that protoc makes, and the example programs in Python, which use them."""
    run("protoc", f"--proto_path={SERVICES}", f"--python_out={python_path()}", "messages.proto")
    harness.generate_frame_class(python_path())
    sys.path[:0] = [str(python_path()), str(SERVICES)]
    return {name: importlib.import_module(name) for name in ("messages_pb2", "frame_reader", "frame_writer")}


def python_path():
    return installed().folder


def write_lines(path, count):
    with open(path, "wb") as pipe:
        for number in range(count):
            pipe.write(b"line %d\n" % number)


def is_full(pipe):
    """For who has more to write than the little that its last page may have room for."""
    return not select.select([], [pipe], [], 0)[1]


@unittest.skipIf(harness.SANITIZED, "what is installed is built without sanitizers")
class ExampleCase(harness.IntegrationCase):
    build = None  # the function that builds, compiler and library
    programs = None

    @classmethod
    def setUpClass(cls):
        how, compiler, library = cls.build
        cls.programs = how(compiler)[library]

    def example(self, name, *arguments, **options):
        return self.start(self.programs / name, *arguments, env=installed().environment, **options)

    def run_example(self, name, *arguments, **options):
        program = self.example(name, *arguments, **options)
        self.assert_ends(program, 0)
        return program.out.decode()

    def pair(self, kind="zmq+push", other="zmq+pull", name="socket"):
        """Where to receive, where to send."""
        return f"{other}:@{self.ipc(name)}", f"{kind}:{self.ipc(name)}"


class Examples:
    """The cases; each class below runs them with programs that were built in another way."""

    def test_the_right_library_is_linked(self):
        for program in PROGRAMS:
            needed = run("readelf", "--dynamic", self.programs / program)
            self.assertEqual("[libfifomq.so.0]" in needed, self.build[-1] == "shared", needed)

    def test_hello_over_every_transport(self):
        for ends in (["memory:hello"], [f"fifo:{self.fifo}"], self.pair()):
            with self.subTest(ends):
                self.assertEqual(self.run_example("hello", *ends), "greeting: hello\n")
        refused = self.example("hello", "nowhere:hello")
        self.assert_ends(refused, 2)
        self.assertRegex(refused.err, r"^hello: nowhere:hello: .*\[invalid_endpoint\]\n$")

    @unittest.skipUnless(nats_test.THERE, "built without libnats")
    def test_hello_and_a_service_over_nats(self):
        server = nats_test.Server(self).address
        self.assertEqual(self.run_example("hello", f"nats:hello@{server}?stream=HELLO&create=queue"),
                         "greeting: hello\n")
        self.check_service("epoll_service", *(f"nats:{name}@{server}?stream={name}&create=queue" for name in ("IN", "OUT")))

    def test_typed_messages(self):
        for ends in (["memory:typed"], [f"fifo:{self.fifo}"], self.pair()):
            with self.subTest(ends):
                self.assertEqual(self.run_example("typed", *ends),
                                 "house/cellar: cellar 11.5\nalarm: water in the cellar\n")

    def check_service(self, name, to_service, from_service, service_in=None, service_out=None):
        service = self.example(name, service_in or to_service, service_out or from_service)
        reader = self.fifomq("recv", from_service, "--count", "3")
        self.send_lines(to_service, b"one", b"two", b"three")
        self.assert_ends(reader, 0)
        self.assertEqual(reader.out, b"ONE\nTWO\nTHREE\n")
        return service

    def check_services_over_pipes_and_sockets(self, name):
        pipes = [f"fifo:{self.folder}/{end}" for end in ("in", "out")]
        service = self.check_service(name, *pipes)
        service.signal(signal.SIGTERM)
        self.assert_ends(service, 0)
        (service_in, to_service), (from_service, service_out) = self.pair(name="a"), self.pair(name="b")
        self.check_service(name, to_service, from_service, service_in, service_out)

    def test_a_service_on_epoll(self):
        self.check_services_over_pipes_and_sockets("epoll_service")

    def test_a_service_on_asio(self):
        self.check_services_over_pipes_and_sockets("asio_service")
        service = self.check_service("asio_service", *(f"fifo:{self.folder}/{end}" for end in ("in", "out")))
        service.wait_for(r"asio_service: \d messages\n")

    def test_services_pass_back_pressure_on(self):
        """Full pipes on both sides, and nobody who reads; then all comes, once and in order."""
        count = 20_000
        for name in ("epoll_service", "asio_service"):
            with self.subTest(name):
                ends = [self.folder / f"{name}_{end}" for end in ("in", "out")]
                for end in ends:
                    self.make_fifo(end)
                pipes = [self.hold(end, capacity=4096) for end in ends]
                service = self.example(name, f"fifo:{ends[0]}?framing=line&capacity=4096B", f"fifo:{ends[1]}?framing=line")
                feeder = threading.Thread(target=write_lines, args=(ends[0], count), daemon=True)
                feeder.start()
                harness.wait_until(lambda: all(map(is_full, pipes)), "both pipes are full")
                self.assertTrue(feeder.is_alive())
                with open(ends[1], "rb") as out:
                    for number in range(count):
                        self.assertEqual(out.readline(), b"LINE %d\n" % number)
                feeder.join(harness.TIMEOUT)
                service.signal(signal.SIGINT)
                self.assert_ends(service, 0)

    def test_a_channel_and_a_socket_in_one_zmq_poll(self):
        service = self.example("zmq_poll_service", f"fifo:{self.fifo}", self.ipc())
        asker = harness.zmq_socket(self, zmq.REQ, self.ipc())
        self.assertEqual(self.asked(asker, b"count"), b"0")
        self.send_lines(f"fifo:{self.fifo}", b"one", b"two")
        harness.wait_until(lambda: self.asked(asker, b"count") == b"2", "two messages are counted")
        self.assertEqual(self.asked(asker, b"stop"), b"2")
        self.assert_ends(service, 0)

    def asked(self, socket, question):
        socket.send(question)
        return socket.recv()

    def client(self, *ends):
        """Asks what is written into its standard input."""
        client = self.example("requests", "ask", *ends, stdin=subprocess.PIPE)

        def ask(line, answer):
            client.stdin.write(line + b"\n")
            client.stdin.flush()
            client.wait_for(f"(?m)^{answer}$", "stdout")
        client.ask = ask
        return client

    def test_requests_in_time_and_too_late(self):
        ends = [f"fifo:{self.folder}/{end}" for end in ("requests", "replies")]
        service = self.example("requests", "serve", *ends)
        client = self.client(*ends)
        client.ask(b"60000 one", "you said one")
        service.signal(signal.SIGSTOP)
        state = pathlib.Path(f"/proc/{service.pid}/stat")
        harness.wait_until(lambda: state.read_text().rpartition(")")[2].split()[0] == "T", "the service stands still")
        client.ask(b"50 two", "no reply: timed_out")
        service.signal(signal.SIGCONT)
        service.wait_for("(?m)^requests: left out 'two', which came too late$")
        client.ask(b"60000 three", "you said three")
        client.stdin.close()
        self.assert_ends(client, 0)

    def test_a_reply_that_comes_too_late_is_known(self):
        """The service is played here."""
        modules = python_modules()
        pipes = [self.make_fifo(self.folder / end) for end in ("requests", "replies")]
        self.hold(pipes[0])
        client = self.client(*(f"fifo:{pipe}" for pipe in pipes))
        replies = modules["frame_writer"].FrameWriter(pipes[1])
        self.addCleanup(os.close, replies.pipe)
        pb = modules["messages_pb2"]
        with open(pipes[0], "rb") as pipe:
            requests = (pb.Request.FromString(payload) for _, payload in modules["frame_reader"].messages(pipe))
            client.ask(b"1 slow", "no reply: timed_out")
            replies.send(pb.Reply(id=next(requests).id, text="late").SerializeToString())
            client.stdin.write(b"60000 next\n")
            client.stdin.flush()
            replies.send(pb.Reply(id=next(requests).id, text="in time").SerializeToString())
            client.wait_for("(?m)^in time$", "stdout")
        client.wait_for("(?m)^requests: left out the late reply 'late'$")

    def test_many_writers_on_one_pipe(self):
        self.assertEqual(self.run_example("fan_in", f"fifo:{self.fifo}", "8", "2000"),
                         "16000 messages of 8 writers, 0 gaps\n")

    def test_many_writers_and_one_that_lost_something(self):
        self.hold(self.make_fifo())
        self.write(harness.checked_frame(b"2", writer=7, sequence=2))
        spoilt = self.example("fan_in", f"fifo:{self.fifo}", "1", "1")
        self.assert_ends(spoilt, 1)
        self.assertIn("message 2 of a writer came as its number 1", spoilt.err)

    def test_faults_are_what_the_seed_says(self):
        seen = {}
        for seed in ("1", "2"):
            for ends in (["memory:faults"], [f"fifo:{self.fifo}"], self.pair()):
                with self.subTest(seed=seed, ends=ends):
                    out = self.run_example("faults", seed, *ends)
                    self.assertRegex(out, r"^done: (\d+ lost, \d+ repeated, \d+ late)\nseen: \1\n$")
                    self.assertEqual(seen.setdefault(seed, out), out)
        self.assertNotEqual(seen["1"], seen["2"])

    def script(self, name, *arguments, **options):
        python_modules()
        return self.start("/usr/bin/python3", "-B", SERVICES / name, *arguments,
                          env={**os.environ, "PYTHONPATH": str(python_path())}, **options)

    def test_python_on_both_sides_of_a_service(self):
        ends = [self.folder / end for end in ("in", "out")]
        for end in ends:
            self.make_fifo(end)
        service = self.example("epoll_service", *(f"fifo:{end}" for end in ends))
        reader = self.script("frame_reader.py", ends[1])
        writer = self.script("frame_writer.py", ends[0], "greek", stdin=subprocess.PIPE)
        large = b"omega" * 50_000
        writer.stdin.write(b"alpha\n\n" + large + b"\n")
        writer.stdin.close()
        self.assert_ends(writer, 0)
        reader.wait_for("OMEGA\n", "stdout")
        service.signal(signal.SIGTERM)
        self.assert_ends(reader, 0)
        self.assertEqual(reader.out, b"greek: ALPHA\ngreek: \ngreek: " + large.upper() + b"\n")

    def test_python_is_told_what_is_no_frame(self):
        self.make_fifo()
        reader = self.script("frame_reader.py", self.fifo)
        self.write(b"\x02\x7a\x00")
        self.assert_ends(reader, 1)
        self.assertRegex(reader.err, "a frame without sync")

    def test_a_shell_as_client_of_a_service(self):
        self.example("epoll_service", "fifo:./in?framing=line", "fifo:./out?framing=line")
        harness.wait_until((self.folder / "in").exists, "the service has made its pipe")
        client = self.start(SERVICES / "line_client.sh", "in", "out", "one", "two words")
        self.assert_ends(client, 0)
        self.assertEqual(client.out, b"ONE\nTWO WORDS\n")
        self.assert_ends(self.start(SERVICES / "line_client.sh", "nowhere", "out", "one"), 2)


def classes():
    builds = [(built_with_find_package, "g++"), (built_with_pkg_config, "clang++")]
    if os.environ.get("FIFOMQ_EXAMPLES") == "all":
        builds += [(built_with_pkg_config, "g++"), (built_with_find_package, "clang++")]
    for how, compiler in builds:
        for library in ("shared", "static"):
            name = f"{how.__name__}_{compiler}_{library}".replace("+", "x")
            yield name, type(name, (Examples, ExampleCase), {"build": (how, compiler, library)})


globals().update(classes())

if __name__ == "__main__":
    unittest.main(verbosity=2)
