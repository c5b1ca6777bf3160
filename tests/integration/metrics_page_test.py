"""bridge/METRICS.md: its commands run, its files are taken, its tables hold what there is."""
import os
import re
import socket
import subprocess
import unittest

import harness

PAGE = (harness.SOURCE / "bridge/METRICS.md").read_text()
SOURCES = [path.read_text() for folder in ("bridge", "transport")
           for path in sorted((harness.SOURCE / folder).rglob("*.cpp"))]
PORT = "9107"
# What stands on the page for what differs from line to line.
PLACEHOLDER = re.compile(r"\b(?:VERSION|FROM|TO|GUARANTEE|WHY|ADDRESS|ENDPOINT|COUNTERS|SIZE|URL|N|M)\b")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.M | re.S)


def column(head):
    """The code in the first column of the table with that head."""
    (rows,) = re.findall(rf"^\| {head} \|.*\n\|---.*\n((?:\|.*\n)+)", PAGE, re.M)
    return re.findall(r"^\| `([^`]+)` \|", rows, re.M)


class MetricsPage(harness.IntegrationCase):
    def run_shell(self, script):
        """With a port that is free here in place of the page's."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            free = str(server.getsockname()[1])
        result = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script.replace(PORT, free)], cwd=self.folder,
            env={**os.environ, "PATH": f"{harness.BIN}:{os.environ['PATH']}"}, text=True,
            capture_output=True, timeout=harness.TIMEOUT)
        self.assertEqual(result.returncode, 0, f"{script}\n{result.stdout}\n{result.stderr}")
        return result.stdout

    def test_commands(self):
        metrics, log = (self.run_shell(script) for script in blocks("sh"))
        self.assertRegex(metrics, r'fifomq_messages_received_total\{endpoint="fifo:.*\} 1000\n')
        self.assertTrue(metrics.endswith("ok\n"), metrics)
        self.assertRegex(log, r'^\{"time":".*","level":"info","message":"relayed=3 .*"\}\n$')

    def test_settings(self):
        (settings,) = blocks("toml")
        file = self.folder / "bridge.toml"
        file.write_text(settings.replace(PORT, "0"))
        self.assertIn("metrics ", self.run_fifomq("bridge", "--config", file, "--dry-run")
                      .out.decode())

    def test_what_prometheus_reads(self):
        for kind, text in zip(("config", "rules"), blocks("yaml"), strict=True):
            file = self.folder / f"{kind}.yml"
            file.write_text(text)
            subprocess.run(["promtool", "check", kind, file], check=True, timeout=harness.TIMEOUT)

    def test_every_metric_stands_there_and_no_other(self):
        bridge = self.bridge(f"fifo:{self.fifo}", "-", "--metrics", "127.0.0.1:0")
        url = bridge.wait_for(r"metrics: (http\S+)").group(1).decode()
        text = subprocess.run(["curl", "-sS", url], check=True, capture_output=True, text=True,
                              timeout=harness.TIMEOUT).stdout
        self.assertEqual(sorted(column("metric")), sorted(re.findall(r"^# TYPE (\w+)", text, re.M)))
        self.assertEqual(set(column("reason")), set(re.findall(r'reason="(\w+)"', text)))

    def test_every_log_line_is_one_that_the_program_says(self):
        said = re.sub(r'"\s+"', "", "\n".join(SOURCES))
        lines = column("line")
        self.assertGreater(len(lines), 20)
        for line in lines:
            for part in PLACEHOLDER.split(line):
                self.assertTrue(part.strip(" :()") in said, f"nobody says {part!r} of {line!r}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
