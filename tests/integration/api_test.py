"""The API reference is made without a warning, so every public name has its words; and Doxygen sees where words are missing."""
import re
import shutil
import subprocess
import unittest

import harness

HEADERS = ("transport/include/fifomq", "bridge/include/fifomq")

WORDLESS_VALUE = re.compile(r"(?:\{ |\n, )<b>(\w+)</b>")


class Api(harness.IntegrationCase):
    def setUp(self):
        super().setUp()
        for part in ("docs", *HEADERS):
            shutil.copytree(harness.SOURCE / part, self.folder / part)

    def doxygen(self):
        """As docs/api.md says."""
        (commands,) = re.findall(r"^```sh\n(.*?)^```$", (harness.SOURCE / "docs/api.md").read_text(), re.M | re.S)
        return subprocess.run(["bash", "-c", commands], cwd=self.folder, capture_output=True, text=True,
                              timeout=harness.TIMEOUT)

    def test_every_public_name_has_its_words(self):
        made = self.doxygen()
        self.assertEqual((made.returncode, made.stdout, made.stderr), (0, "", ""))
        pages = self.folder / "build/api/html"
        for header in [path for part in HEADERS for path in (self.folder / part).rglob("*.hpp")]:
            # How Doxygen spells the names of files.
            self.assertTrue((pages / f"{header.stem.replace('_', '__')}_8hpp.html").exists(), header)
        # Of the values of an enumeration Doxygen 1.9.4 does not complain. It has those without words in bold.
        wordless = [value for page in pages.glob("*.html") for value in WORDLESS_VALUE.findall(page.read_text())]
        self.assertEqual(wordless, [])
        channel = (pages / "classfifomq_1_1Receiver.html").read_text()
        self.assertIn("the view is valid until the next call", re.sub(r"\s+", " ", channel))

    def spoilt(self, part, words):
        """What Doxygen says when these words of a header are missing."""
        header = self.folder / part
        text = header.read_text()
        spoilt, times = re.subn(words, "", text)
        self.assertEqual(times, 1)
        header.write_text(spoilt)
        made = self.doxygen()
        header.write_text(text)
        return made

    def test_a_value_without_words_is_found(self):
        made = self.spoilt("transport/include/fifomq/channel.hpp", r"  // nothing came until the deadline")
        self.assertEqual(made.returncode, 0)
        page = (self.folder / "build/api/html/channel_8hpp.html").read_text()
        self.assertEqual(WORDLESS_VALUE.findall(page), ["timed_out"])

    def test_a_name_without_words_is_found(self):
        for part, words in (("transport/include/fifomq/transport.hpp", r"// From scheme to transport\..*\n"),
                            ("bridge/include/fifomq/relay.hpp", r"  // Nothing more will come: .*\n")):
            with self.subTest(part):
                made = self.spoilt(part, words)
                self.assertNotEqual(made.returncode, 0)
                self.assertRegex(made.stderr, rf"/{part}:\d+: error: .* is not documented")


if __name__ == "__main__":
    unittest.main(verbosity=2)
