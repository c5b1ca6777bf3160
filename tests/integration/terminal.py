"""A terminal for a program under test: a real pty, and what stands on its screen."""
import fcntl
import os
import re
import struct
import termios
import threading

import harness

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
ERASE_TO_END = "\x1b[K"


class Terminal:
    """`slave` is for the program. What it writes is read as it comes."""

    def __init__(self, case, columns=120):
        self.master, self.slave = os.openpty()
        case.addCleanup(self._close)
        self.resize(columns)
        self._news = threading.Condition()
        self._written = bytearray()
        self._reader = threading.Thread(target=self._collect, daemon=True)
        self._reader.start()

    def _collect(self):
        try:
            while chunk := os.read(self.master, 1 << 16):
                with self._news:
                    self._written += chunk
                    self._news.notify_all()
        except OSError:
            pass  # nobody has the other end open any more
        finally:
            os.close(self.master)

    def _close(self):
        os.close(self.slave)
        self._reader.join(harness.TIMEOUT)  # it ends by that

    def resize(self, columns):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    @property
    def written(self):
        with self._news:
            return self._written.decode()

    def wait_for(self, pattern, after=0):
        """Waits for a text in what was written, colours left out; returns the match."""
        find = lambda: re.search(pattern, COLOUR.sub("", self._written[after:].decode()))
        with self._news:
            self._news.wait_for(find, harness.TIMEOUT)
            found = find()
        assert found, f"no {pattern!r} on the terminal: ...{self.written[-1000:]!r}"
        return found

    def status_lines(self):
        """Each line that was drawn in place, colours left out; "" where it was taken away."""
        return [COLOUR.sub("", text) for text in
                re.findall(r"\r([^\r\n]*?)" + re.escape(ERASE_TO_END), self.written)]

    def screen(self):
        """The lines that stand there, as a terminal with endless lines shows them."""
        lines, column = [""], 0
        for token in re.findall(r"\x1b\[K|\r|\n|[^\x1b\r\n]+", COLOUR.sub("", self.written)):
            if token == "\r":
                column = 0
            elif token == "\n":
                lines.append("")
            elif token == ERASE_TO_END:
                lines[-1] = lines[-1][:column]
            else:
                lines[-1] = lines[-1][:column].ljust(column) + token + \
                    lines[-1][column + len(token):]
                column += len(token)
        return lines
