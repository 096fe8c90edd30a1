#!/usr/bin/env python3
"""The machines' pages in bench/results, and the table of targets that docs/performance.md has of them.

usage: pages.py
Writes that table anew from the pages that are there. It measures nothing.
"""
import dataclasses
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = ROOT / "bench" / "results"
PAGE = ROOT / "docs" / "performance.md"
MARKERS = ("<!-- targets: begin -->", "<!-- targets: end -->")


def name_for(processor):
    """For example amd-epyc-2cpu for "AMD EPYC, 2 usable, virtual"."""
    model, count = processor.split(",")[:2]
    words = re.sub(r"\((R|TM)\)|Processor|CPU|@.*", " ", model)
    return "-".join(re.findall(r"[a-z0-9]+", words.lower())) + f"-{count.split()[0]}cpu"


def write(name, text, picture, headline):
    """A machine's page, in place of its last one."""
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.svg").write_text(picture, encoding="utf-8")
    (FOLDER / f"{name}-headline.svg").write_text(headline, encoding="utf-8")
    (FOLDER / f"{name}.md").write_text(
        f"# Benchmarks: {name}\n\n"
        "Written by `bench/run.sh --update-docs`. [docs/performance.md](../../docs/performance.md) says how it\n"
        f"measures, and what the rows mean.\n\n![Bars of the main results]({name}.svg)\n\n{text}",
        encoding="utf-8")


@dataclasses.dataclass
class Page:
    name: str
    facts: dict    # of the run: commit, date, processor
    targets: dict  # (workload, wording): (measured, met)


def cells(line):
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def read(path):
    rows = [cells(line) for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    head = rows.index(["workload", "target", "measured", "met"])
    targets = {}
    for row in rows[head + 2:]:
        if len(row) != 4 or not re.fullmatch(r"W\d+", row[0]):
            break
        targets[row[0], row[1]] = row[2], row[3]
    return Page(path.stem, {row[0]: row[1] for row in rows[:head] if len(row) == 2}, targets)


def verdict(page, target):
    measured, met = page.targets.get(target, ("", "not measured"))
    measured = measured.split(" (")[0]  # the worst case is in the machine's page
    return {"yes": measured, "**no**": f"{measured}, **missed**"}.get(met, met)


def summary(all_pages):
    lines = ["| machine | measured | commit |", "|---|---|---|"]
    for page in all_pages:
        fact = page.facts.get
        lines.append(f"| [{page.name}](../bench/results/{page.name}.md): {fact('processor', '?')} "
                     f"| {fact('date', 'not recorded')} | {fact('commit', 'not recorded')} |")
    lines += ["", "| workload | target | " + " | ".join(page.name for page in all_pages) + " |",
              "|---" * (2 + len(all_pages)) + "|"]
    for target in dict.fromkeys(target for page in all_pages for target in page.targets):
        lines.append("| " + " | ".join([*target, *(verdict(page, target) for page in all_pages)]) + " |")
    return "\n".join(lines)


def update_targets():
    text = PAGE.read_text(encoding="utf-8")
    begin, end = (text.index(marker) for marker in MARKERS)
    table = summary([read(path) for path in sorted(FOLDER.glob("*.md"))])
    PAGE.write_text(f"{text[:begin + len(MARKERS[0])]}\n\n{table}\n\n{text[end:]}", encoding="utf-8")


if __name__ == "__main__":
    update_targets()
