"""Hosts of their own on this machine: network namespaces, joined by a cable that can be pulled."""
import contextlib
import os
import shutil

import harness
from harness import run
from trial import Skip


class Host:
    """A network namespace, there for as long as the row is."""

    def __init__(self, trial, address):
        self.address = address
        self.holder = trial.start("setpriv", "--pdeathsig", "KILL", "unshare", "--net", "sleep", "infinity")
        self.file = f"/proc/{self.holder.pid}/ns/net"
        own = os.readlink("/proc/self/ns/net")
        harness.wait_until(lambda: not self.holder.is_running() or os.readlink(self.file) != own,
                           "a network of its own")
        if not self.holder.is_running():
            raise Skip(f"cannot make a network namespace here: {self.holder.err.strip()}")
        self.wrapper = ("nsenter", f"--net={self.file}")
        self.run("ip", "link", "set", "lo", "up")

    def run(self, *command):
        return run(*self.wrapper, *command)

    def connections(self, port):
        """Those that are open, by both their ends."""
        return {(near, far) for _, _, near, far in self._established(port)}

    def bytes_on_their_way(self, port):
        """What has been sent from here, and not been acknowledged by the other kernel."""
        return sum(int(sent) for _, sent, _, _ in self._established(port))

    def _established(self, port):
        lines = self.run("ss", "-Htn", "state", "established", f"( sport = :{port} or dport = :{port} )").splitlines()
        return [line.split()[:4] for line in lines]


class Cable:
    """Joins two hosts, and can be harmed, for a while."""

    def __init__(self, trial):
        if missing := [tool for tool in ("ip", "ss", "tc", "unshare", "nsenter") if not shutil.which(tool)]:
            raise Skip(f"needs {', '.join(missing)} (Debian: iproute2, util-linux)")
        self.near, self.far = Host(trial, "10.77.0.1"), Host(trial, "10.77.0.2")
        try:
            run("ip", "link", "add", "cable", "netns", self.near.holder.pid, "type", "veth", "peer", "name", "cable",
                "netns", self.far.holder.pid)
        except AssertionError as refused:
            raise Skip(f"cannot join network namespaces here: {refused}") from None
        for host in (self.near, self.far):
            self.give_address(host)
            host.run("ip", "link", "set", "cable", "up")

    def give_address(self, host):
        host.run("ip", "address", "add", f"{host.address}/24", "dev", "cable")

    @contextlib.contextmanager
    def silent(self):
        """What is sent goes to somebody who is not there; the cable looks sound at both ends."""
        ends = ((self.near, self.far), (self.far, self.near))
        for here, there in ends:
            here.run("ip", "neighbour", "replace", there.address, "lladdr", "02:00:00:00:00:99", "dev", "cable")
        yield
        for here, there in ends:
            here.run("ip", "neighbour", "del", there.address, "dev", "cable")

    @contextlib.contextmanager
    def pulled(self):
        """Down at the far end; at the near one the carrier is gone."""
        self.far.run("ip", "link", "set", "cable", "down")
        yield
        self.far.run("ip", "link", "set", "cable", "up")

    @contextlib.contextmanager
    def slow(self, rate):
        """What goes from the near end."""
        self.near.run("tc", "qdisc", "add", "dev", "cable", "root", "tbf", "rate", rate, "burst", "64kb", "latency",
                      "100ms")
        yield
        self.near.run("tc", "qdisc", "del", "dev", "cable", "root")

    @contextlib.contextmanager
    def without_address(self):
        self.near.run("ip", "address", "del", f"{self.near.address}/24", "dev", "cable")
        yield
        self.give_address(self.near)
