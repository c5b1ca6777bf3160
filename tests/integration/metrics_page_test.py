"""bridge/METRICS.md: its commands run, its files are taken, its tables hold what there is."""
import os
import re
import socket
import subprocess
import unittest

import harness

PAGE = (harness.SOURCE / "bridge/METRICS.md").read_text()
SOURCES = {path.relative_to(harness.SOURCE): re.sub(r"(?m)^ *//.*\n", "", path.read_text())
           for folder in ("bridge", "transport") for path in sorted((harness.SOURCE / folder).rglob("*.[ch]pp"))
           if not path.stem.endswith("_test")}
STRING = r'"(?:[^"\\]|\\.)*"'
# Where a sentence goes into the log; and a function that is asked for one.
SAYS = (r"LogLevel::\w+,|\bnotice_\((?!std::move)|notice_, \{\}\)\(|\b(?:say|note)\(|\brefuse\(\s*&Counters::\w+,"
        r"|\breason = |\brefusals_\(")
GIVES = r"(?m)^[^ \n/#].*\b(?:why_(?:refused|not_taken)|describe_\w+)\([^;{]*\{\n(?: .*\n|\n)*"
PORT = "9107"
# What stands on the page for what differs from line to line.
PLACEHOLDER = re.compile(r"\b(?:VERSION|FROM|TO|GUARANTEE|WHY|ADDRESS|ENDPOINT|COUNTERS|SIZE|URL|FOLDER|FILE|KEY|SEGMENT|STREAM|TYPE|WHAT|N|M)\b")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.M | re.S)


def column(head):
    """The code in the first column of the table with that head."""
    (rows,) = re.findall(rf"^\| {head} \|.*\n\|---.*\n((?:\|.*\n)+)", PAGE, re.M)
    return re.findall(r"^\| `([^`]+)` \|", rows, re.M)


def sentences_in(text):
    """What a source file says in the log, with a gap where it says what differs from time to time."""
    said = re.findall(rf"(?:{SAYS})((?:[^;\"]|{STRING})*);", text)
    for body in re.findall(GIVES, text):
        said += re.findall(rf"return ((?:[^;\"]|{STRING})*);", body)
    for statement in said:
        for name in re.findall(r"\bk[A-Z]\w+", statement):
            statement += "".join(re.findall(rf" {name} =\s+({STRING});", "\n".join(SOURCES.values())))
        words = "...".join(literal[1:-1] for literal in
                           re.findall(STRING, re.sub(r'"\s+"', "", statement)))
        if len(words) > 8:
            yield words


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
        said = re.sub(r'"\s+"', "", "\n".join(SOURCES.values()))
        lines = column("line")
        self.assertGreater(len(lines), 20)
        for line in lines:
            for part in PLACEHOLDER.split(line):
                self.assertTrue(part.strip(" :()") in said, f"nobody says {part!r} of {line!r}")

    def test_every_log_line_that_the_program_says_stands_there(self):
        parts = {part.strip(" :()") for line in column("line") for part in PLACEHOLDER.split(line)}
        parts = {part for part in parts if len(part) > 5}
        found = 0
        for path, text in SOURCES.items():
            for sentence in sentences_in(text):
                found += 1
                with self.subTest(path=str(path)):
                    self.assertTrue(any(part in sentence for part in parts), f"{sentence!r} is not on the page")
        self.assertGreater(found, 40)


if __name__ == "__main__":
    unittest.main(verbosity=2)
