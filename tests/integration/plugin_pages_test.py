"""Each transport's page says what the transport itself says (`fifomq transports`).

What the test reads on a page: its inline code, the rows of its option table (`key=VALUES`, of which
schemes if not of all, meaning, default), its guarantee table (a row for each capability, a column
for schemes that send or receive), and the paragraphs that begin with "Limits:" and "Errors:".
"""
import dataclasses
import re
import subprocess
import unittest

import harness

PLUGINS = harness.SOURCE / "transport/plugins"
HEADERS = harness.SOURCE / "transport/include/fifomq"
DIRECTIONS = {"send": "sends", "sends": "sends", "receive": "receives", "receives": "receives"}


@dataclasses.dataclass
class Scheme:
    form: str
    capabilities: dict = dataclasses.field(default_factory=dict)  # by direction
    options: dict = dataclasses.field(default_factory=dict)  # values and default by key

    @property
    def name(self):
        return self.form.partition(":")[0]


def schemes_of_the_program():
    text = subprocess.run([harness.FIFOMQ, "transports"], check=True, capture_output=True, text=True,
                          timeout=harness.TIMEOUT).stdout
    schemes = []
    for block in text.strip("\n").split("\n\n"):
        form, _, *lines = block.splitlines()
        scheme = Scheme(form)
        for line in lines:
            if said := re.fullmatch(r"    (sends|receives):((?: \w+)*)", line):
                scheme.capabilities[said[1]] = set(said[2].split())
            else:
                said = re.fullmatch(r"    (\w+)=(\S+)  .*?(?: \(default: (.*)\))?", line)
                scheme.options[said[1]] = (said[2], said[3] or "")
        schemes.append(scheme)
    return schemes


def cells(row):
    """What stands between the bars of a table's row; a bar that is text has a backslash."""
    return [each.strip().replace(r"\|", "|") for each in re.split(r"(?<!\\)\|", row)[1:-1]]


class Page:
    def __init__(self, path):
        self.path = path
        self.text = path.read_text()
        self.tables = [[cells(row) for row in table.splitlines()]
                       for table in re.findall(r"(?:^\|.*\|\n)+", self.text, re.M)]

    def code(self):
        return set(re.findall(r"`([^`]+)`", self.text))

    def paragraph(self, title):
        found = re.search(rf"^{title}: (.*?)(?:\n\n|\Z)", self.text, re.M | re.S)
        return found[1] if found else ""

    def table(self, first_head):
        (rows,) = [table for table in self.tables if table[0][0] == first_head]
        return rows[0], rows[2:]

    def options(self, scheme):
        """Of the rows that apply to a scheme: (key, values, default)."""
        head, rows = self.table("option")
        for row in rows:
            row = dict(zip(head, row))
            of = row.get("of", "all")
            if (of == "all" or of == "senders" and "sends" in scheme.capabilities
                    or scheme.name.rpartition("+")[2] in of.split(", ")):
                key, _, values = row["option"].strip("`").partition("=")
                yield key, values, row["default"].strip("`")

    def guarantees(self):
        """(scheme, direction, capability, cell) of the whole table."""
        head, rows = self.table("")
        for column, title in enumerate(head[1:], 1):
            for row in rows:
                capability = re.search(r"\(`(\w+)`\)$", row[0])[1]
                for scheme in re.findall(r"`([^`]+)`", title):
                    yield scheme, DIRECTIONS[title.split()[-1]], capability, row[column]


class PluginPages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pages = [Page(folder / "README.md") for folder in sorted(PLUGINS.iterdir())
                     if folder.is_dir()]
        cls.schemes = schemes_of_the_program()
        assert len(cls.schemes) >= len(cls.pages) > 0

    def page_of(self, scheme):
        (page,) = [page for page in self.pages if scheme.form in page.code()]
        return page

    def test_every_form_stands_on_one_page(self):
        for scheme in self.schemes:
            with self.subTest(scheme.form):
                pages = [page.path for page in self.pages if scheme.form in page.code()]
                self.assertEqual(len(pages), 1, pages)

    def test_every_option_stands_there_with_its_default_and_no_other(self):
        for scheme in self.schemes:
            with self.subTest(scheme.form):
                said = sorted(self.page_of(scheme).options(scheme))
                self.assertEqual(said, sorted((key, *more) for key, more in scheme.options.items()))

    def test_every_cell_of_the_guarantee_tables(self):
        names = set(re.findall(r'\{"(\w+)", &Capabilities::', (HEADERS / "capabilities.hpp").read_text()))
        self.assertGreaterEqual(len(names), 8)
        for scheme in self.schemes:
            guarantees = [each for each in self.page_of(scheme).guarantees()
                          if each[0] == scheme.name]
            self.assertEqual({direction for _, direction, _, _ in guarantees},
                             set(scheme.capabilities), scheme.form)
            for direction, offered in scheme.capabilities.items():
                said = {capability: cell for _, of, capability, cell in guarantees
                        if of == direction}
                self.assertEqual(set(said), names, (scheme.form, direction))
                for capability, cell in said.items():
                    with self.subTest(scheme=scheme.form, direction=direction,
                                      capability=capability):
                        self.assertEqual(re.match(r"\w+", cell)[0],
                                         "yes" if capability in offered else "no", cell)

    def test_no_table_has_a_scheme_that_is_not_there(self):
        there = {scheme.name for scheme in self.schemes}
        for page in self.pages:
            with self.subTest(page.path):
                self.assertLessEqual({each[0] for each in page.guarantees()}, there)

    def test_limits(self):
        for page in self.pages:
            with self.subTest(page.path):
                self.assertIn("`max_message`", page.paragraph("Limits"))

    def test_errors_are_those_that_there_are_and_all_that_the_transport_throws_by_name(self):
        (enum,) = re.findall(r"enum class Errc \{(.*?)\};", (HEADERS / "error.hpp").read_text(), re.S)
        names = set(re.findall(r"^  (\w+)", enum, re.M))
        for page in self.pages:
            with self.subTest(page.path):
                code = re.findall(r"`([^`]+)`", page.paragraph("Errors"))
                said = {each for each in code if "=" not in each}
                self.assertLessEqual(said, names)
                thrown = {"unknown_option", "invalid_option", "too_large"}
                for file in page.path.parent.glob("*.cpp"):
                    if not file.name.endswith(("_test.cpp", "conformance.cpp")):
                        thrown |= set(re.findall(r"Errc::(\w+)", file.read_text()))
                self.assertLessEqual(thrown, said)


if __name__ == "__main__":
    unittest.main(verbosity=2)
