"""Who may connect: keys, refusals named and counted on both sides, and what is open to others."""
import os
import pathlib
import re
import signal
import socket
import subprocess
import unittest

import zmq
import zmq.auth

import harness
import keys

PAGE = (harness.SOURCE / "bridge/SECURITY.md").read_text()
PORT = "9555"  # on that page
SOMEBODY = 12345  # a user id that nobody has

# Who comes: the options, what the server says of him, what he says of the server.
RIGHT = keys.KeysCase.key_of("right")
STRANGERS = {
    "wrong key": (keys.KeysCase.key_of("wrong"), "its key is not in clients",
                  "refuses this end: the key in curve_key is not among those allowed there"),
    "no key": ("max_message=1MiB", "it (does not use CURVE, which this end asks for|has hung up during the handshake)",
               "(uses CURVE, and this end has no curve_key|has hung up during the handshake)"),
    "another server's key": (keys.KeysCase.key_of("right", server="wrong"),
                             "it takes this end for one with another key",
                             "perhaps the key in curve_server is not its own"),
}
LINES = [b"line %d" % number for number in range(50)]


class Matrix(keys.KeysCase):
    """A server that binds, and a client of each kind, over each pair of socket types."""

    def setUp(self):
        super().setUp()
        self.make_keys()

    def serving_receiver(self, server_type, client_type, address):
        server = self.bridge(f"{server_type}:@{address}?{self.serving}", "-")
        source = self.folder / "lines"
        source.write_bytes(b"\n".join(LINES) + b"\n")
        strangers = self.folder / "strange"
        strangers.write_bytes(b"strange\n" * 50)
        endpoint = f"{client_type}:{address}?{keys.patience(client_type)}"
        clients = {name: self.fifomq("send", endpoint + options, strangers)
                   for name, (options, _, _) in STRANGERS.items()}
        self.see_refused(server, clients)
        right = self.fifomq("send", endpoint + RIGHT, source)
        server.wait_for("line 49\n", "stdout")
        self.assert_ends(right, 0)
        self.finish(server, clients)
        self.assertEqual(server.out.splitlines(), LINES)
        self.assert_no_secret(server, right, *clients.values())

    def serving_sender(self, server_type, client_type, address):
        fifo = self.make_fifo()
        server = self.bridge(f"fifo:{fifo}", f"{server_type}:@{address}?{keys.patience(server_type)}{self.serving}")
        clients = {name: self.fifomq("recv", f"{client_type}:{address}?{options}")
                   for name, (options, _, _) in STRANGERS.items()}
        self.see_refused(server, clients)
        right = self.fifomq("recv", f"{client_type}:{address}?{RIGHT}")
        self.send_lines(f"fifo:{fifo}", *LINES)
        right.wait_for("line 49\n", "stdout")
        self.finish(server, clients)
        self.assertEqual(right.out.splitlines(), LINES)
        for client in clients.values():
            self.assertEqual(client.out, b"")
        self.assert_no_secret(server, right, *clients.values())

    def see_refused(self, server, clients):
        for name, (_, of_client, of_server) in STRANGERS.items():
            server.wait_for(rf"refused (127\.0\.0\.1|pid \d+): {of_client}")
            clients[name].wait_for(of_server)

    def finish(self, server, clients):
        server.signal(signal.SIGTERM)
        self.assert_ends(server, 128 + signal.SIGTERM)
        ends = [self.ledger(server, "from "), self.ledger(server, "to ")]
        self.assertGreaterEqual(sum(end.get("peers_refused", 0) for end in ends), len(clients))
        for client in clients.values():
            client.stop()

    def test_pull_takes_from_push(self):
        self.serving_receiver("zmq+pull", "zmq+push", harness.free_address())

    def test_push_gives_to_pull(self):
        self.serving_sender("zmq+push", "zmq+pull", harness.free_address())

    def test_pub_gives_to_sub(self):
        self.serving_sender("zmq+pub", "zmq+sub", harness.free_address())

    def test_sub_takes_from_pub(self):
        self.serving_receiver("zmq+sub", "zmq+pub", harness.free_address())

    def test_pair_takes_from_pair_over_ipc(self):
        self.serving_receiver("zmq+pair", "zmq+pair", self.ipc())

    def test_pair_gives_to_pair(self):
        self.serving_sender("zmq+pair", "zmq+pair", harness.free_address())

    def test_reliable_takes_from_reliable(self):
        self.serving_receiver("zmq+reliable", "zmq+reliable", harness.free_address())

    def test_reliable_gives_to_reliable(self):
        self.serving_sender("zmq+reliable", "zmq+reliable", harness.free_address())


class Keys(keys.KeysCase):
    def setUp(self):
        super().setUp()
        self.make_keys()
        self.address = harness.free_address()

    def server(self, *options):
        return self.bridge(f"zmq+pull:@{self.address}?{self.serving}", "-", *options)

    def test_a_key_that_is_allowed_later_is_let_in_by_itself(self):
        server = self.server()
        source = self.folder / "line"
        source.write_bytes(b"at last\n")
        client = self.fifomq("send", f"zmq+push:{self.address}?{self.key_of('wrong')}", source)
        client.wait_for("refuses this end")
        self.allow("wrong")
        server.wait_for("at last\n", "stdout")
        self.assert_ends(client, 0)

    def test_a_key_that_is_taken_out_is_not_let_in_again(self):
        server = self.server()
        endpoint = f"zmq+push:{self.address}?{RIGHT}"
        self.send_lines(endpoint, b"welcome")
        server.wait_for("welcome\n", "stdout")
        (self.folder / "clients/right.key").unlink()
        client = self.fifomq("send", endpoint, self.folder / "server/server.key")
        client.wait_for("refuses this end")
        server.wait_for("its key is not in clients")
        self.assertEqual(server.out, b"welcome\n")

    def test_the_end_that_connects_may_be_the_one_that_lets_in(self):
        server = self.bridge(f"zmq+pull:{self.address}?{self.serving}", "-")
        self.send_lines(f"zmq+push:@{self.address}?wait_peers=1&{RIGHT}", *LINES)
        server.wait_for("line 49\n", "stdout")

    def test_a_server_without_keys_and_a_client_with(self):
        server = self.bridge(f"zmq+pull:@{self.address}", "-")
        client = self.fifomq("send", f"zmq+push:{self.address}?{RIGHT}", self.folder / "server/server.key")
        client.wait_for("(does not use CURVE, which this end asks for|has hung up)")
        server.signal(signal.SIGTERM)
        self.assert_ends(server, 128 + signal.SIGTERM)
        self.assertGreaterEqual(self.ledger(server, "from ")["peers_refused"], 1)
        self.assertEqual(server.out, b"")

    def test_refusals_are_a_metric_and_no_key_is(self):
        server = self.server("--metrics", "127.0.0.1:0")
        url = server.wait_for(r"metrics: (http\S+)").group(1).decode()
        client = self.fifomq("send", f"zmq+push:{self.address}?{self.key_of('wrong')}",
                             self.folder / "server/server.key")
        client.wait_for("refuses this end")
        text = b""

        def counted():
            nonlocal text
            text = subprocess.run(["curl", "-sS", url], check=True, capture_output=True,
                                  timeout=harness.TIMEOUT).stdout
            return re.search(rb'^fifomq_peers_refused_total\{.*end="from"\} [1-9]', text, re.M)

        harness.wait_until(counted, "the refusal is counted")
        arguments = pathlib.Path(f"/proc/{server.pid}/cmdline").read_bytes()
        for name in ("server", "right", "wrong"):
            for key in zmq.auth.load_certificate(self.folder / name / f"{name}.key_secret"):
                self.assertNotIn(key, text + arguments + server.err.encode())

    def test_with_keys_of_pyzmq_and_its_sockets(self):
        zmq.auth.create_certificates(self.folder / "clients", "python")
        public, secret = zmq.auth.load_certificate(self.folder / "clients/python.key_secret")
        ours, _ = zmq.auth.load_certificate(self.folder / "server/server.key")
        os.chmod(self.folder / "clients/python.key_secret", 0o600)
        server = self.server()
        push = harness.zmq_socket(self, zmq.PUSH, self.address, curve_publickey=public,
                                  curve_secretkey=secret, curve_serverkey=ours)
        push.send(harness.frame_class()(sync=harness.SYNC, payload=b"from Python").SerializeToString())
        server.wait_for("from Python\n", "stdout")
        os.rename(self.folder / "clients/python.key_secret", self.folder / "python.key_secret")
        self.send_lines(f"zmq+push:{self.address}?curve_key=python.key_secret&curve_server=server/server.key",
                        b"with a key of Python's")
        server.wait_for("with a key of Python's\n", "stdout")

    def test_a_file_that_is_no_key_keeps_nobody_else_out(self):
        (self.folder / "clients/broken.key").write_text("curve\n    public-key = \"short\"\n")
        (self.folder / "clients/open.key").write_bytes((self.folder / "wrong/wrong.key").read_bytes())
        os.chmod(self.folder / "clients/open.key", 0o666)
        server = self.server()
        self.send_lines(f"zmq+push:{self.address}?{RIGHT}", b"let in")
        server.wait_for("let in\n", "stdout")
        server.wait_for(r"clients/broken\.key holds no public-key")
        server.wait_for(r"clients/open\.key has mode 0666")
        client = self.fifomq("send", f"zmq+push:{self.address}?{self.key_of('wrong')}",
                             self.folder / "server/server.key")
        client.wait_for("refuses this end")


class Mistakes(keys.KeysCase):
    def setUp(self):
        super().setUp()
        self.make_keys()

    def assert_refused(self, endpoint, *parts, secret=True):
        for extra in ((), ("--dry-run",)):
            said = self.run_fifomq("bridge", endpoint, "-", *extra, status=2).err
            self.assertEqual(said.count("\n"), 1, said)
            for part in parts:
                self.assertIn(part, said)

    def test_beyond_loopback(self):
        for host in ("*", "0.0.0.0", "[::]", "192.0.2.1", "[2001:db8::1]", "eth0", "localhost.example.org"):
            with self.subTest(host):
                address = f"tcp://{host}:5555"
                self.assert_refused(f"zmq+pull:@{address}", f"other machines can reach {address}",
                                    "curve_key=", "fifomq keygen", "plaintext=yes", "[permission_denied]")
        for kind in ("push", "pub", "pair"):
            said = self.run_fifomq("bridge", "-", f"zmq+{kind}:@tcp://*:5555", status=2).err
            self.assertIn("plaintext=yes", said)
        for endpoint in ("@tcp://*:5555?plaintext=yes", f"@tcp://*:5555?{self.serving}",
                         f"@tcp://*:5555?{RIGHT}", "@tcp://127.0.0.1:5555", "@tcp://127.1.2.3:5555",
                         "@tcp://[::1]:5555", "@tcp://lo:5555", "@ipc://./x", "tcp://192.0.2.1:5555"):
            with self.subTest(endpoint):
                self.run_fifomq("bridge", f"zmq+pull:{endpoint}", "-", "--dry-run")

    def test_bound_beyond_loopback_with_the_word(self):
        server = self.bridge("zmq+pull:@tcp://*:0?plaintext=yes", "-")
        self.assertTrue(server.is_running())

    def test_options_that_do_not_go_together(self):
        own = "curve_key=server/server.key_secret"
        for options, said in ((own, "curve_clients=DIR"), ("curve_clients=clients", "curve_key=FILE"),
                              ("curve_server=right/right.key", "curve_key=FILE"),
                              (f"{self.serving}&curve_server=right/right.key", "one end asks"),
                              (f"{self.serving}&plaintext=yes", "no curve_key beside it"),
                              ("plaintext=maybe", "yes|no"), ("curve_kye=x", "did you mean 'curve_key'?")):
            with self.subTest(options):
                self.assert_refused(f"zmq+pull:@ipc://./x?{options}", said)

    def test_key_files(self):
        key = self.folder / "server/server.key_secret"
        endpoint = f"zmq+pull:@ipc://./x?{self.serving}"
        for mode in (0o640, 0o604, 0o620, 0o666):
            key.chmod(mode)
            self.assert_refused(endpoint, f"server.key_secret has mode 0{mode:o}", "chmod 600")
        key.chmod(0o400)
        self.run_fifomq("bridge", endpoint, "-", "--dry-run")
        key.chmod(0o600)
        whole = key.read_text()
        for damaged in ("", whole.replace("secret-key", "secret"), whole.replace("curve\n", "metadata\n"),
                        re.sub(r'(secret-key = ".{39}).', r"\1", whole),
                        re.sub(r'(secret-key = ".{39}).', r"\1~", whole)):
            key.write_text(damaged)
            self.assert_refused(endpoint, "server.key_secret holds no secret-key", "fifomq keygen")
        key.unlink()
        self.assert_refused(endpoint, "server.key_secret", "[not_found]")
        os.mkfifo(key, 0o600)
        self.assert_refused(endpoint, "is no file")

    def test_public_keys_that_others_could_change(self):
        server = self.folder / "server/server.key"
        server.chmod(0o664)
        self.assert_refused(f"zmq+pull:ipc://./x?{RIGHT}", "server.key has mode 0664", "chmod go-w")
        server.chmod(0o644)
        clients = self.folder / "clients"
        clients.chmod(0o770)
        self.assert_refused(f"zmq+pull:@ipc://./x?{self.serving}", "clients has mode 0770")
        os.rename(clients, self.folder / "elsewhere")
        self.assert_refused(f"zmq+pull:@ipc://./x?{self.serving}", "clients", "[not_found]")

    @unittest.skipUnless(os.geteuid() == 0, "only root can give a file to another user")
    def test_keys_of_another_user(self):
        for path, endpoint in (("server/server.key_secret", f"zmq+pull:@ipc://./x?{self.serving}"),
                               ("server/server.key", f"zmq+pull:ipc://./x?{RIGHT}"),
                               ("clients", f"zmq+pull:@ipc://./x?{self.serving}")):
            os.chown(self.folder / path, SOMEBODY, SOMEBODY)
            self.assert_refused(endpoint, f"{path} is owned by uid {SOMEBODY}")
            os.chown(self.folder / path, 0, 0)


class Keygen(keys.KeysCase):
    def mode(self, path):
        return (self.folder / path).stat().st_mode & 0o7777

    def test_modes_whatever_the_umask(self):
        for umask in (0o000, 0o022, 0o777):
            name = f"umask{umask:o}"
            program = self.start(harness.FIFOMQ, "keygen", ".", "--name", name, umask=umask)
            self.assert_ends(program, 0)
            self.assertEqual((self.mode(f"{name}.key_secret"), self.mode(f"{name}.key")), (0o600, 0o644))
            public, secret = zmq.auth.load_certificate(self.folder / f"{name}.key_secret")
            self.assertEqual(zmq.auth.load_certificate(self.folder / f"{name}.key"), (public, None))
            self.assertEqual(zmq.curve_public(secret), public)
            self.assertNotIn(secret, program.out)

    def test_nothing_is_overwritten(self):
        self.keygen("a")
        before = {path.name: path.read_bytes() for path in (self.folder / "a").iterdir()}
        self.assertEqual(len(before), 2)
        said = self.run_fifomq("keygen", "a", "--name", "a", status=2).err
        self.assertIn("a/a.key_secret exists already, and is left as it is", said)
        (self.folder / "a/a.key_secret").unlink()
        self.run_fifomq("keygen", "a", "--name", "a", status=2)
        del before["a.key_secret"]
        self.assertEqual({path.name: path.read_bytes() for path in (self.folder / "a").iterdir()}, before)

    def test_the_name_is_the_hosts_unless_given(self):
        self.run_fifomq("keygen", "here")
        self.assertTrue((self.folder / f"here/{socket.gethostname()}.key").exists())
        for name in ("", ".x", "a/b"):
            self.assertIn("--name cannot be", self.run_fifomq("keygen", "here", "--name", name, status=2).err)

    def test_where_nothing_can_be_written(self):
        self.assertIn("no/such", self.run_fifomq("keygen", "no/such/folder", status=2).err)
        (self.folder / "file").write_text("")
        self.assertIn("file", self.run_fifomq("keygen", "file", status=2).err)
        # No room for a file: nothing is left behind.
        program = self.start("bash", "-c", f"ulimit -f 0; trap '' XFSZ; exec {harness.FIFOMQ} keygen full")
        self.assertNotEqual(program.wait(), 0)
        self.assertEqual(os.listdir(self.folder / "full"), [])


class SecurityPage(harness.IntegrationCase):
    def test_commands(self):
        (script,) = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.M | re.S)
        script = script.replace(f"tcp://127.0.0.1:{PORT}", harness.free_address())
        ran = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=self.folder, text=True,
                             env={**os.environ, "PATH": f"{harness.BIN}:{os.environ['PATH']}"},
                             capture_output=True, timeout=harness.TIMEOUT, check=False)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertTrue(ran.stdout.endswith("for your eyes only\n"), ran.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
