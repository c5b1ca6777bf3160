"""A TCP connection that can be harmed: what stands between two ends, beside the test."""
import contextlib
import select
import socket
import struct
import threading
import time


class Background:
    """Something that runs beside the test until it is stopped."""

    def __init__(self, trial):
        self.stopping = False
        self.failure = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        trial.addCleanup(self.stop)

    def _run(self):
        try:
            self.run()
        except Exception as failure:  # told to whoever stops it
            self.failure = failure

    def stop(self):
        self.stopping = True
        if self.thread.is_alive():
            self.thread.join()
        if self.failure:
            raise self.failure


class TcpProxy(Background):
    """Passes a port's connections on to another one, a few bytes at a time where it is told to. What it is told holds
    for those that are there."""

    def __init__(self, trial, to_port):
        super().__init__(trial)
        self.to_port = to_port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.pairs = {}  # a socket and its other side
        self.carried = self.accepted = 0
        self.frozen = False
        self.slowness = 0.0  # seconds for each chunk
        self.wanted = None   # how the connections are to end
        self.thread.start()

    def harm(self, how):
        """reset: RST to both sides; drop: what is on its way in here is thrown away, then FIN."""
        self.wanted = how
        while self.wanted and self.thread.is_alive():
            time.sleep(0.001)

    def run(self):
        with self.listener:
            while not self.stopping:
                watched = [self.listener, *([] if self.frozen else self.pairs)]
                for readable in select.select(watched, [], [], 0.005)[0]:
                    self.accept() if readable is self.listener else self.carry(readable)
                if self.wanted:
                    self.end_all(self.wanted)
                    self.wanted = None
            self.end_all("reset")

    def accept(self):
        near, _ = self.listener.accept()
        try:
            far = socket.create_connection(("127.0.0.1", self.to_port), timeout=1)
        except OSError:
            return near.close()
        far.settimeout(None)
        self.accepted += 1
        self.pairs |= {near: far, far: near}

    def carry(self, side):
        if side not in self.pairs:
            return
        if self.slowness:
            time.sleep(self.slowness)
        with contextlib.suppress(OSError):
            if data := side.recv(1 << 14 if self.slowness else 1 << 18):
                self.pairs[side].settimeout(1)
                self.pairs[side].sendall(data)
                self.carried += len(data)
                return
        self.end(side, "fin")

    def end(self, side, how):
        other = self.pairs.pop(side)
        del self.pairs[other]
        for each in (side, other):
            with contextlib.suppress(OSError):
                if how == "drop":
                    each.setblocking(False)
                    each.recv(1 << 20)
                if how == "reset":
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            each.close()

    def end_all(self, how):
        while self.pairs:
            self.end(next(iter(self.pairs)), how)
