#!/usr/bin/env python3
"""Makes tables, JSON and a plot of what the benchmarks have printed.

usage: report.py [--commit TEXT] [--update-docs] [--machine NAME] OUTPUT
OUTPUT has a file round-N.jsonl for each round; report.md, results.json, plot.svg and the short
headline.svg are written there. With --update-docs the tables and the plot also become this machine's page in bench/results,
and docs/performance.md gets its targets from all machines' pages. NAME is the page's name, if the
processor's own does not tell this machine from another.
"""
import argparse
import collections
import datetime
import json
import os
import pathlib
import platform
import subprocess
import sys

import pages
import plot
import targets
from results import NotMeasured, Results, with_range

TITLES = {
    "W1": "W1 record", "W2": "W2 ping-pong", "W3": "W3 array", "W4": "W4 nested",
    "W5": "W5 fan", "W6": "W6 memory", "W7": "W7 values", "W8": "W8 idle", "W9": "W9 recovery",
}


def caches(processors):
    """Which caches two processors share, and how large."""
    shared, own = [], []
    first, second = processors
    for index in sorted(pathlib.Path(f"/sys/devices/system/cpu/cpu{first}/cache").glob("index*")):
        read = lambda name: (index / name).read_text().strip()
        cache = f"L{read('level')} {read('type').lower()} {read('size')}"
        ranges = [part.split("-") for part in read("shared_cpu_list").split(",")]
        (shared if any(int(r[0]) <= second <= int(r[-1]) for r in ranges) else own).append(cache)
    if not shared and not own:
        return "the system does not tell"
    return (f"processors {first} and {second} share " + (", ".join(shared) or "none")
            + (f"; each has its own {', '.join(own)}" if own else ""))


def ping_pong(results):
    """Measured: what it takes a cache line from one of the two processors to the other, and back."""
    try:
        row = results.row("W2", "spinning", "cache_line", "median")
    except NotMeasured:
        return "not measured"
    return f"{with_range(row.median, row.values)} ns"


def machine(commit):
    """What was measured, and on what, as pairs of name and text."""
    def first_line(path, key):
        with open(path, encoding="utf-8") as lines:
            return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(key)), "?")

    def output_of(*command):
        try:
            return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        except (OSError, subprocess.CalledProcessError):
            return "?"

    system = platform.freedesktop_os_release().get("PRETTY_NAME", "?")
    kibibytes = int(first_line("/proc/meminfo", "MemTotal").split()[0])
    return [
        ("commit", commit),
        ("date", datetime.datetime.now(datetime.timezone.utc).date().isoformat()),
        ("processor", f"{first_line('/proc/cpuinfo', 'model name')}, "
                      f"{len(os.sched_getaffinity(0))} usable"
                      + (", virtual" if first_line("/proc/cpuinfo", "flags").find("hypervisor") >= 0 else "")),
        ("caches, as the system tells", caches(sorted(os.sched_getaffinity(0))[:2])
         if len(os.sched_getaffinity(0)) > 1 else "one processor"),
        ("memory", f"{kibibytes / 2**20:.0f} GiB"),
        ("system", f"{system}, Linux {platform.release()}"),
        ("address randomisation",
         "off" if pathlib.Path("/proc/sys/kernel/randomize_va_space").read_text().strip() == "0" else "on"),
        ("compiler", output_of("c++", "--version").splitlines()[0]),
        ("load of the minute before the report", f"{os.getloadavg()[0]:.2f}"),
    ]


def markdown_table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def cell(row):
    return "" if row is None else with_range(row.median, row.values)


def result_tables(results, workload):
    """One table for each metric; contestants in rows or in columns, whichever are more in rows."""
    by_metric = collections.defaultdict(list)
    for row in results.rows:
        if row.workload == workload:
            by_metric[(row.metric, row.unit)].append(row)
    text = ""
    for (metric, unit), rows in by_metric.items():
        by_place = {(row.label, row.variant): row for row in rows}
        labels = list(dict.fromkeys(row.label for row in rows))
        variants = sorted(dict.fromkeys(row.variant for row in rows), key=results.variant_order)
        title = f"{metric}, {unit}"
        if len(labels) >= len(variants):
            labels.sort(key=lambda label: results.label_order(label))
            table = [[label] + [cell(by_place.get((label, v))) for v in variants] for label in labels]
            text += markdown_table([title] + variants, table) + "\n"
        else:
            table = [[v] + [cell(by_place.get((label, v))) for label in labels] for v in variants]
            text += markdown_table([title] + labels, table) + "\n"
    return text


def target_table(verdicts):
    rows = [[v.workload, v.wording, v.measured_text(), v.verdict()] for v in verdicts]
    return markdown_table(["workload", "target", "measured", "met"], rows)


def report(results, verdicts):
    text = markdown_table(["machine", ""], [list(pair) for pair in results.machine])
    text += "\nOne round.\n" if results.rounds == 1 else f"\nMedians of {results.rounds} rounds (smallest to largest).\n"
    text += "\n## Targets\n\n"
    text += target_table(verdicts) + "\n"
    for workload in sorted(dict.fromkeys(row.workload for row in results.rows)):
        text += f"## {TITLES.get(workload, workload)}\n\n" + result_tables(results, workload)
    if results.missing:
        text += "## Not measured\n\n" + markdown_table(
            ["workload", "who", "why"],
            [[m["workload"] + (", " + m["variant"] if m["variant"] else ""), m["label"], m["missing"]]
             for m in results.missing])
    return text


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--commit", default="not recorded")
    arguments.add_argument("--update-docs", action="store_true")
    arguments.add_argument("--machine")
    arguments.add_argument("output", type=pathlib.Path)
    given = arguments.parse_args()
    files = sorted(given.output.glob("round-*.jsonl"), key=lambda f: int(f.stem.split("-")[1]))
    if not files:
        sys.exit(f"report: no round-*.jsonl in {given.output}")
    results = Results(files, machine(given.commit))
    results.machine.append(("a cache line between the two, there and back", ping_pong(results)))
    verdicts = targets.judge(results)
    text = report(results, verdicts)
    (given.output / "report.md").write_text("# Benchmarks\n\n" + text, encoding="utf-8")
    (given.output / "results.json").write_text(json.dumps(
        {**results.as_json(), "targets": [v.as_json() for v in verdicts]}, indent=1) + "\n", encoding="utf-8")
    picture = plot.picture(results, verdicts)
    (given.output / "plot.svg").write_text(picture, encoding="utf-8")
    headline = plot.headline(results)
    (given.output / "headline.svg").write_text(headline, encoding="utf-8")
    if given.update_docs:
        name = given.machine or pages.name_for(dict(results.machine)["processor"])
        pages.write(name, text, picture, headline)
        pages.update_targets()
    print(target_table(verdicts))


if __name__ == "__main__":
    main()
