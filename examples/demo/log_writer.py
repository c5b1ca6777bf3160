"""Writes a log file into a pipe, line by line, and goes on with what is appended to it.

    /usr/bin/python3 log_writer.py /var/log/dpkg.log /run/app/log

It knows nothing of fifomq: `cat` would do as well, but for the pace and the count at the end. The digest is
that of all bytes written, so that a reader can tell whether it got the very same lines in the same order.
"""
import hashlib
import os
import signal
import sys

INTERVAL = 0.01  # seconds between two lines: a pace that the eye can follow
STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT}


def main(log_path, pipe_path):
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)  # they are taken between two lines, below
    pipe = os.open(pipe_path, os.O_WRONLY)  # waits until a reader is there
    sent = 0
    digest = hashlib.sha256()
    with open(log_path, "rb") as log:
        beginning = b""  # of a line whose end is not in the file yet
        while signal.sigtimedwait(STOP_SIGNALS, INTERVAL) is None:
            beginning += log.readline()
            if not beginning.endswith(b"\n"):
                continue
            line, beginning = beginning, b""
            rest = line
            while rest:
                rest = rest[os.write(pipe, rest):]
            digest.update(line)
            sent += 1
            if sent == 1:
                print("started", flush=True)
    print("sent", sent, "sha256", digest.hexdigest())


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: log_writer.py LOG PIPE")
    main(*sys.argv[1:])
