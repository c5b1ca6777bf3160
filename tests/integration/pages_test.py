"""The pages in docs/ name files and functions that are there, and each list of headers is complete."""
import pathlib
import re
import unittest

import harness

DOCS = harness.SOURCE / "docs"
HEADERS = [path for folder in ("transport", "bridge") for path in (harness.SOURCE / folder / "include/fifomq").glob("*.hpp")]


def paragraphs(page):
    """The texts between empty lines, and each item of a list and row of a table by itself."""
    text = re.sub(r"^ *```.*?^ *```$", "", (DOCS / page).read_text(), flags=re.M | re.S)
    return re.split(r"\n\n|\n(?=\d+\. |\| )", text)


def missing(page):
    """What is named in code marks and stands in none of the files that the same paragraph leads to."""
    found = []
    for paragraph in paragraphs(page):
        files = [DOCS / link for link in re.findall(r"\]\(([^)#:]+\.[ch]pp)\)", paragraph)]
        text = "".join(file.read_text() for file in files)
        for name in re.findall(r"`([\w:]+)`", paragraph) if files else ():
            if not all(re.search(rf"\b{part}\b", text) for part in name.split("::")):
                found.append(name)
    return found


class Pages(unittest.TestCase):
    def test_every_name_is_where_the_page_says(self):
        for page in ("how_it_works.md", "add_a_transport.md"):
            with self.subTest(page):
                self.assertEqual(missing(page), [])

    def test_how_it_works_leads_to_files_alone_that_are_there(self):
        links = re.findall(r"\]\(([^)#:]+)\)", (DOCS / "how_it_works.md").read_text())
        self.assertGreater(len(links), 25)
        self.assertEqual([link for link in links if not (DOCS / link).is_file()], [])
        for link, name in re.findall(r"\[(\w+\.\w+)\]\(([^)]+)\)", (DOCS / "how_it_works.md").read_text()):
            self.assertEqual(link, pathlib.Path(name).name)

    def test_the_api_page_has_every_header(self):
        named = re.findall(r"`fifomq/(\w+\.hpp)`", (DOCS / "api.md").read_text())
        self.assertEqual(sorted(named), sorted(path.name for path in HEADERS))


if __name__ == "__main__":
    unittest.main(verbosity=2)
