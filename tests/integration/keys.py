"""Keys for a server and its clients."""
import zmq.auth

import harness


def patience(scheme):
    """What makes a sender of that scheme wait for somebody; a reliable one does so anyhow."""
    return "" if scheme == "zmq+reliable" else "wait_peers=1&"


class KeysCase(harness.IntegrationCase):
    def keygen(self, name):
        """A folder with a pair of keys."""
        self.run_fifomq("keygen", name, "--name", name)
        return self.folder / name

    def make_keys(self):
        for name in ("server", "right", "wrong"):
            self.keygen(name)
        clients = self.folder / "clients"
        clients.mkdir(mode=0o700)
        self.allow("right")

    def allow(self, name):
        (self.folder / "clients" / f"{name}.key").write_bytes((self.folder / name / f"{name}.key").read_bytes())

    serving = "curve_key=server/server.key_secret&curve_clients=clients"

    @staticmethod
    def key_of(name, server="server"):
        return f"curve_key={name}/{name}.key_secret&curve_server={server}/{server}.key"

    def assert_no_secret(self, *programs):
        """Not in what they say, nor in their arguments."""
        secrets = [zmq.auth.load_certificate(self.folder / name / f"{name}.key_secret")[1]
                   for name in ("server", "right", "wrong")]
        for program in programs:
            said = program.out + program.err.encode() + " ".join(program.command).encode()
            for secret in secrets:
                self.assertNotIn(secret, said)
