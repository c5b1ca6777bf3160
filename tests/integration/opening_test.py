"""What stands at a path or an address decides whether a bridge starts: statuses and sentences."""
import os
import signal
import socket
import stat
import sys
import unittest

import zmq

import harness

PUSH = "zmq+push:@ipc://./out"


class Opening(harness.IntegrationCase):
    def refused(self, *arguments, status=2, **options):
        """What the program says: one sentence, and nothing else."""
        program = self.run_fifomq(*arguments, status=status, **options)
        self.assertEqual(program.err.count("\n"), 1, program.err)
        self.assertEqual(program.out, b"")
        return program.err.removeprefix("fifomq: ").rstrip("\n")

    def mode(self):
        return stat.S_IMODE(self.fifo.stat().st_mode)

    def test_a_missing_path_with_create_no(self):
        endpoint = f"fifo:{self.fifo}?create=no"
        sentence = (f"{endpoint}: {self.fifo} does not exist; mkfifo makes it, and without "
                    "create=no so do we [not_found]")
        for command in (("bridge", endpoint, PUSH), ("bridge", endpoint, PUSH, "--dry-run"),
                        ("bridge", "-", endpoint), ("recv", endpoint), ("send", endpoint)):
            with self.subTest(command):
                self.assertEqual(self.refused(*command), sentence)
        self.assertFalse(self.fifo.exists())

    def test_a_missing_path_is_made_with_mode_0600_whatever_the_umask(self):
        for umask in (0o000, 0o077):
            for query, mode in (("", 0o600), ("?create=0622", 0o622)):
                with self.subTest(umask=oct(umask), query=query):
                    bridge = self.bridge(f"fifo:{self.fifo}{query}", PUSH, umask=umask)
                    self.assertTrue(self.fifo.is_fifo())
                    self.assertEqual(oct(self.mode()), oct(mode))
                    bridge.signal(signal.SIGTERM)
                    self.assert_ends(bridge, 143)
                    self.fifo.unlink()

    def test_a_pipe_that_stands_there_keeps_its_mode(self):
        self.make_fifo()
        self.fifo.chmod(0o640)
        self.bridge(f"fifo:{self.fifo}", PUSH)
        self.assertEqual(oct(self.mode()), oct(0o640))

    def test_dry_run_makes_nothing(self):
        plan = self.run_fifomq("bridge", f"fifo:{self.fifo}", PUSH, "--dry-run")
        self.assertIn(f"from      fifo:{self.fifo}", plan.out.decode())
        self.assertIn("guarantee at-most-once", plan.out.decode())
        self.assertEqual(os.listdir(self.folder), [])

    def test_a_path_that_is_something_else_is_named_and_left_alone(self):
        def regular():
            self.fifo.write_bytes(b"precious")

        def make_socket():
            listener = socket.socket(socket.AF_UNIX)
            self.addCleanup(listener.close)
            listener.bind(str(self.fifo))

        def device(kind, number):
            return lambda: os.mknod(self.fifo, kind | 0o600, os.makedev(*number))

        kinds = [("regular file", regular), ("directory", self.fifo.mkdir), ("socket", make_socket)]
        if os.geteuid() == 0:
            kinds += [("character device", device(stat.S_IFCHR, (1, 3))),
                      ("block device", device(stat.S_IFBLK, (7, 0)))]
        for kind, make in kinds:
            try:
                make()
            except PermissionError:
                print(f"not tried: a {kind} cannot be made here", file=sys.stderr)
                continue
            before = os.lstat(self.fifo)
            endpoint = f"fifo:{self.fifo}"
            for command in (("bridge", endpoint, PUSH), ("bridge", endpoint, PUSH, "--dry-run"),
                            ("bridge", "-", endpoint), ("recv", endpoint), ("send", endpoint)):
                with self.subTest(kind=kind, command=command):
                    self.assertEqual(self.refused(*command), f"{endpoint}: {self.fifo} is not a "
                                     f"FIFO ({kind}) [wrong_type]")
                    after = os.lstat(self.fifo)
                    # All but the time of access.
                    self.assertEqual((*before[:7], *before[8:]), (*after[:7], *after[8:]))
            if kind == "regular file":
                self.assertEqual(self.fifo.read_bytes(), b"precious")
            (self.fifo.rmdir if kind == "directory" else self.fifo.unlink)()

    def test_a_folder_that_does_not_exist(self):
        for command in (("recv", "fifo:./no/fifo"),
                        ("bridge", "fifo:./no/fifo", PUSH, "--dry-run")):
            self.assertRegex(self.refused(*command), "No such file or directory.*not_found")

    def test_mistakes_in_an_endpoint(self):
        for endpoint, said in (("fifo:", "a path must follow"),
                               (f"fifo:{self.fifo}?create=7777", "no, or an octal mode such as 0600"),
                               (f"fifo:{self.fifo}?create=yes", "no, or an octal mode such as 0600")):
            for command in (("recv", endpoint), ("bridge", endpoint, PUSH, "--dry-run")):
                with self.subTest(command):
                    self.assertIn(said, self.refused(*command))
                    self.assertFalse(self.fifo.exists())

    def test_a_capacity_that_the_system_gives_nobody(self):
        said = self.run_fifomq("recv", f"fifo:{self.fifo}?capacity=3GiB", "--idle-exit", "1ms").err
        self.assertRegex(said, r"warning: .*the pipe's capacity stays \d+ bytes; the system refuses")

    def test_no_reader_yet(self):
        self.make_fifo()
        source = self.folder / "line"
        source.write_bytes(b"line\n")
        for timeout in ("0ms", "200ms"):
            with self.subTest(timeout):
                program = self.run_fifomq("send", f"fifo:{self.fifo}", source,
                                          "--timeout", timeout, status=1)
                self.assertEqual(program.err.splitlines()[-1],
                                 f"fifomq: fifo:{self.fifo}: no_peer: nobody was there to take a "
                                 "message in time; 0 were sent before it")
                self.assertEqual(self.ledger(program, "relayed=")["unsent"], 1)

    def test_no_puller_yet(self):
        source = self.folder / "line"
        source.write_bytes(b"line\n")
        program = self.run_fifomq("send", "zmq+push:@ipc://./out", source, "--timeout", "200ms",
                                  status=1)
        self.assertIn("no_peer: nobody was there to take a message in time", program.err)

    def test_a_full_pipe_is_no_absent_reader(self):
        self.make_fifo()
        holder = self.hold()
        while True:
            try:
                os.write(holder, b"x" * harness.PIPE_BUF)
            except BlockingIOError:
                break
        source = self.folder / "line"
        source.write_bytes(b"line\n")
        program = self.run_fifomq("send", f"fifo:{self.fifo}", source, "--timeout", "100ms",
                                  status=1)
        self.assertEqual(program.err.splitlines()[-1],
                         f"fifomq: fifo:{self.fifo}: timed_out: there was no room for a message "
                         "in time; 0 were sent before it")

    def test_a_second_reader_is_told_who_the_first_is(self):
        pull = harness.zmq_socket(self, zmq.PULL, self.ipc("first"))
        bridge = self.bridge(f"fifo:{self.fifo}", f"zmq+push:@{self.ipc('first')}")
        for command in (("recv", f"fifo:{self.fifo}"), ("bridge", f"fifo:{self.fifo}", PUSH)):
            self.assertEqual(self.refused(*command), f"fifo:{self.fifo}: {self.fifo} is in use by "
                             f"pid {bridge.pid}; a FIFO has one reader [in_use]")
        self.send_lines(f"fifo:{self.fifo}", b"as before")
        self.assertEqual(harness.frame_class().FromString(pull.recv()).payload, b"as before")

    def test_the_next_reader_may_follow_one_that_was_killed(self):
        first = self.bridge(f"fifo:{self.fifo}", PUSH)
        first.signal(signal.SIGKILL)
        first.wait()
        self.bridge(f"fifo:{self.fifo}", PUSH)

    def first_on_a_tcp_port(self):
        """Another process may take the port between the question and the bind; then ask again."""
        for _ in range(20):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            try:
                return self.bridge(f"fifo:{self.fifo}", f"zmq+push:@tcp://127.0.0.1:{port}"), port
            except AssertionError as error:
                self.assertIn("in use", str(error))
        self.fail("no free port in 20 attempts")

    def test_a_tcp_port_in_use(self):
        first, port = self.first_on_a_tcp_port()
        address = f"tcp://127.0.0.1:{port}"
        endpoint = f"zmq+push:@{address}"
        self.assertRegex(self.refused("bridge", f"fifo:{self.folder / 'other'}", endpoint),
                         rf"^zmq\+push:@{address}: .*in use.*\[in_use\]$")
        self.assert_goes_on(first, address)

    def test_an_ipc_path_in_use(self):
        first = self.bridge(f"fifo:{self.fifo}", f"zmq+push:@{self.ipc()}")
        endpoint = f"zmq+push:@{self.ipc()}"
        for extra in ((), ("--dry-run",)):
            self.assertEqual(
                self.refused("bridge", f"fifo:{self.folder / 'other'}", endpoint, *extra),
                f"{endpoint}: {self.folder / 'socket'} is in use by pid {first.pid} [in_use]")
        self.assert_goes_on(first, self.ipc())

    def assert_goes_on(self, first, address):
        pull = harness.zmq_socket(self, zmq.PULL, address)
        self.send_lines(f"fifo:{self.fifo}", b"as before")
        self.assertEqual(harness.frame_class().FromString(pull.recv()).payload, b"as before")
        self.assertTrue(first.is_running())

    def test_an_ipc_path_that_a_dead_process_left_is_taken_over(self):
        first = self.bridge(f"fifo:{self.fifo}", f"zmq+push:@{self.ipc()}")
        first.signal(signal.SIGKILL)
        first.wait()
        self.assertTrue((self.folder / "socket").is_socket())
        self.assert_goes_on(self.bridge(f"fifo:{self.fifo}", f"zmq+push:@{self.ipc()}"),
                            self.ipc())

    def test_an_ipc_path_that_is_a_file_is_left_alone(self):
        path = self.folder / "socket"
        path.write_bytes(b"precious")
        endpoint = f"zmq+push:@{self.ipc()}"
        for extra in ((), ("--dry-run",)):
            self.assertEqual(self.refused("bridge", f"fifo:{self.fifo}", endpoint, *extra),
                             f"{endpoint}: {path} exists and is not a socket; it is left as it is "
                             "[wrong_type]")
        self.assertEqual(path.read_bytes(), b"precious")


if __name__ == "__main__":
    unittest.main(verbosity=2)
