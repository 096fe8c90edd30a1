"""The numbers of all rounds, by what was measured."""
import dataclasses
import json
import math
import statistics


def number(value):
    """Three digits, and a letter for thousands or millions."""
    if value == 0:
        return "0"
    for factor, letter in ((1e6, " M"), (1e3, " k")):
        if abs(value) >= factor:
            return f"{value / factor:.3g}{letter}" if value / factor < 1000 else f"{value / factor:.0f}{letter}"
    return f"{value:.3g}"


@dataclasses.dataclass
class Row:
    """One measurement: its value in each round that has it."""
    workload: str
    variant: str
    kind: str
    contestant: str
    label: str
    metric: str
    unit: str
    by_round: dict = dataclasses.field(default_factory=dict)

    @property
    def values(self):
        return list(self.by_round.values())

    @property
    def median(self):
        return statistics.median(self.values)


class Ratio(float):
    """The median of what the rounds have; all of it is in `values`."""

    def __new__(cls, values):
        ratio = super().__new__(cls, statistics.median(values))
        ratio.values = list(values)
        return ratio

    def __deepcopy__(self, _):  # for dataclasses.asdict
        return float(self)


def with_range(value, values):
    """The smallest and the largest of several, too."""
    text = number(value)
    return f"{text} ({number(min(values))} to {number(max(values))})" if len(values) > 1 else text


class NotMeasured(Exception):
    """What a target compares is not among the results."""


class Results:
    def __init__(self, files, machine):
        self.machine = machine
        self.rounds = len(files)
        self._missing = {}
        self._rows = {}
        for round_number, file in enumerate(files):
            for line in file.read_text(encoding="utf-8").splitlines():
                self._add(json.loads(line), round_number)
        self.rows = list(self._rows.values())
        self.missing = list(self._missing.values())
        self._first_of_variant = self._positions(row.variant for row in self.rows)
        self._first_of_label = self._positions(
            row.label for row in sorted(self.rows, key=lambda r: ("valpool", "limit", "peer").index(r.kind)))

    @staticmethod
    def _positions(names):
        """Where each name comes first; numbers in it count as numbers."""
        return {name: i for i, name in reversed(list(enumerate(names)))}

    def _add(self, line, round_number):
        if "missing" in line:
            self._missing.setdefault((line["workload"], line["variant"], line["contestant"]), line)
            return
        value = line.pop("value")
        if not math.isfinite(value):
            raise ValueError(f"no number: {line}")
        row = self._rows.setdefault((line["workload"], line["variant"], line["contestant"], line["metric"]), Row(**line))
        if round_number in row.by_round:
            raise ValueError(f"measured twice in a round: {line}")
        row.by_round[round_number] = value

    def variant_order(self, variant):
        return self._first_of_variant[variant]

    def label_order(self, label):
        return self._first_of_label[label]

    def row(self, workload, variant, contestant, metric):
        try:
            return self._rows[(workload, variant, contestant, metric)]
        except KeyError:
            raise NotMeasured(f"{workload}, {variant}, {contestant}") from None

    def ratio(self, above, below):
        """Of the rounds that have both: one measurement divided by another."""
        rounds = above.by_round.keys() & below.by_round.keys()
        if not rounds:
            raise NotMeasured("never in the same round")
        return Ratio([above.by_round[r] / below.by_round[r] for r in sorted(rounds)])

    def as_json(self):
        return {
            "machine": dict(self.machine),
            "rounds": self.rounds,
            "rows": [{**{k: v for k, v in dataclasses.asdict(row).items() if k != "by_round"},
                      "values": row.values, "median": row.median} for row in self.rows],
            "missing": self.missing,
        }
