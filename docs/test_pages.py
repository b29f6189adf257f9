"""Holds the documents to what they repeat of the code, and their links to what is there: python3 docs/test_pages.py"""
import json, pathlib, re, unittest

ROOT = pathlib.Path(__file__).parents[1]
PAGES = sorted(ROOT.glob("*.md")) + sorted(ROOT.glob("docs/*.md"))
STRING = r'"((?:[^"\\]|\\.)*)"'


def read(path):
    return (ROOT / path).read_text()


def anchors(text):
    """The anchors of a page's headings, as forges make them."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


class Pages(unittest.TestCase):
    def test_every_link_leads_to_a_file_and_a_heading_that_is_there(self):
        for page in PAGES:
            for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
                if re.match(r"[a-z]+:", target):
                    continue
                path, _, anchor = target.partition("#")
                file = (page.parent / path).resolve() if path else page
                self.assertTrue(file.exists(), f"{page.name}: {target}")
                self.assertTrue(not anchor or anchor in anchors(file.read_text()), f"{page.name}: {target}")

    def test_every_file_that_is_named_as_one_is_there(self):
        for page in PAGES:
            for path in re.findall(r"`((?:crates|docs|deploy|vectors|bench|e2e)/[\w./-]+\.\w+)`", page.read_text()):
                self.assertTrue((ROOT / path).exists(), f"{page.name}: {path}")

    def test_every_test_that_is_named_as_one_exists(self):
        sources = "".join(path.read_text() for path in sorted(ROOT.glob("crates/**/*.rs")))
        for page in PAGES:
            for name in re.findall(r"`([a-z0-9]+(?:_[a-z0-9]+){4,})`", page.read_text()):
                self.assertTrue(f"fn {name}(" in sources, f"{page.name}: {name}")

    def test_every_example_stands_in_the_file_that_it_names(self):
        for page in PAGES:
            for path, example in re.findall(r"^```(?:rust|js|python)\n(?://|#) (\S+\.\w+)\n(.*?)^```$", page.read_text(), re.M | re.S):
                source = {line.strip() for line in read(path).splitlines()}
                for line in example.splitlines():
                    self.assertTrue(line.strip() in source | {"", "…"}, f"{page.name}: {path} lacks {line!r}")


class Protocol(unittest.TestCase):
    PAGE = read("docs/protocol.md")

    def test_the_worked_example_is_that_of_the_vectors(self):
        vectors = json.loads(read("vectors/countersign.json"))
        for name in ("request", "response_ok"):
            vector = vectors[name]
            for text in ("\n".join(vector["http"]), vector["body"], vector["signature_base"]):
                self.assertIn("\n" + text + "\n", self.PAGE)
        for name in ("keyid", "root", "c2s_info", "c2s", "s2c"):
            self.assertIn(vectors["keys"][name], self.PAGE)

    def test_every_problem_stands_in_the_table_as_it_is_sent(self):
        problems = re.findall(rf"= ([0-9]{{3}}) {STRING} {STRING} {STRING};", read("crates/core/src/problem.rs"))
        self.assertGreater(len(problems), 20)
        for status, code, title, detail in problems:
            self.assertIn(f"| {status} | `{code}` | **{title}.** {detail} |", self.PAGE)


class Events(unittest.TestCase):
    def test_every_kind_of_event_stands_in_the_table_and_no_other(self):
        kinds = re.search(r"^kinds! {$(.*?)^}$", read("crates/core/src/event.rs"), re.M | re.S)[1]
        page = read("docs/events.md").split("## Kinds")[1].split("\n## ")[0]
        rows = [row.split("|")[1] for row in page.splitlines() if row.startswith("| `")]
        self.assertEqual(set(re.findall(r"`(\w+)`", " ".join(rows))), set(re.findall(r'= "(\w+)"', kinds)))


class Configuration(unittest.TestCase):
    def test_every_key_stands_in_its_table_with_its_default_and_shape(self):
        table = re.sub(r"\s+", " ", read("crates/server/src/config/table.rs")).replace("( ", "(").replace(", )", ")")
        for name, value in re.findall(rf"const (\w+): &str = {STRING};", table):
            table = table.replace(f", {name})", f', "{value}")')
        unescape = lambda text: text.replace('\\"', '"')
        calls = re.findall(rf"(key|plain|unset)\({STRING}, \w+, {STRING}, (?:{STRING}, )?{STRING}\)", table)
        self.assertEqual(len(calls), len(re.findall(rf"\b(?:key|plain|unset)\({STRING},", table)))
        for maker, name, first, _, shape in calls:
            default = "" if maker == "unset" else unescape(first)
            row = next((line for line in read("docs/configuration.md").splitlines() if line.startswith(f"| `{name}` |")), "")
            self.assertTrue(row.endswith(f"| {unescape(shape)} |"), (name, unescape(shape), row))
            self.assertIn(f"| `{default}` |" if default else "|", row, name)


if __name__ == "__main__":
    unittest.main()
