"""What valpool has to reach, as ratios within one run, and whether it did."""
import dataclasses

from results import NotMeasured, Ratio, Row, with_range


@dataclasses.dataclass
class Verdict:
    workload: str
    wording: str
    bound: float
    is_most: bool  # the bound is what it may be at most; else at least
    measured: Ratio | None
    remark: str

    def is_met(self):
        if self.measured is None:
            return None
        return self.measured <= self.bound if self.is_most else self.measured >= self.bound

    def measured_text(self):
        if self.measured is None:
            return self.remark
        text = with_range(self.measured, self.measured.values)
        return text + (f" ({self.remark})" if self.remark else "")

    def verdict(self):
        return {None: "not measured", True: "yes", False: "**no**"}[self.is_met()]

    def as_json(self):
        values = [] if self.measured is None else self.measured.values
        return {**dataclasses.asdict(self), "values": values, "met": self.is_met()}


def _record(results, contestant, capacity=1024):
    return results.row("W1", f"capacity {capacity}", contestant, "rate")


def _against_record(contestant, other, capacity=1024):
    return lambda r: (r.ratio(_record(r, contestant, capacity), _record(r, other, capacity)), "")


SERIALISERS = ("json_", "msgpack_", "flexbuffers_")  # what their names begin with


def _against_best_serialiser(workload, *variants):
    """At the worst of the variants. Without the strongest serialisers there is no best one."""
    def measure(results):
        pairs = []
        for variant in variants:
            peers = [row for row in results.rows
                     if (row.workload, row.variant, row.metric) == (workload, variant, "rate")
                     and row.contestant.startswith(SERIALISERS)]
            for name in SERIALISERS:
                if not any(row.contestant.startswith(name) for row in peers):
                    raise NotMeasured(f"{workload}, {variant}, {name}*")
            best = max(peers, key=lambda row: row.median)
            remark = best.label if len(variants) == 1 else f"worst: {variant}, {best.label}"
            pairs.append((results.row(workload, variant, "valpool_move", "rate"), best, remark))
        return _worst(pairs, results, is_most=False)
    return measure


def _nested(what):
    return _against_best_serialiser("W4", f"{what}, capacity 4", f"{what}, capacity 1024")


def _round_trip(variant, limit):
    return lambda r: (r.ratio(r.row("W2", variant, "valpool", "median"), r.row("W2", variant, limit, "median")), "")


def _untouched(results):
    of = lambda size: results.row("W3", f"untouched, {size} MB", "valpool_as_usual", "passes")
    return results.ratio(of(80), of(1)), ""


def _worst(pairs, results, is_most):
    """The worst ratio of several pairs of rows, and whose it is."""
    ratios = [(results.ratio(above, below), remark) for above, below, remark in pairs]
    return (max if is_most else min)(ratios)


# A packet of W1 lies in four lines; the fifth is the ring's cell.
LINES_OF_A_RECORD = 5


def _record_against_floor(results):
    """The slower side has half of the work, and waits once for each line that the other one had last."""
    ns_per_s = 1e9
    rate = _record(results, "valpool_move")
    alone = _record(results, "one_thread")
    line = results.row("W2", "spinning", "cache_line", "median")  # there and back
    rounds = rate.by_round.keys() & alone.by_round.keys() & line.by_round.keys()
    if not rounds:
        raise NotMeasured("never in the same round")
    floors = {r: LINES_OF_A_RECORD * line.by_round[r] / 2 + ns_per_s / alone.by_round[r] / 2 for r in sorted(rounds)}
    remark = f"the floor: {Ratio(floors.values()):.0f} ns"
    return Ratio([ns_per_s / rate.by_round[r] / floor for r, floor in floors.items()]), remark


def _against_message_pack_bytes(results):
    of = lambda contestant: results.row("W4", "a packet of W4", contestant, "size of a packet")
    return results.ratio(of("valpool_size"), of("msgpack")), ""


def _array_work(results):
    pairs = []
    for work in ("copied in and out", "filled and summed in place"):
        for size in (1, 10, 80):
            variant = f"{work}, {size} MB"
            of = lambda contestant: results.row("W3", variant, contestant, "bandwidth")
            pairs.append((of("valpool"), of("plain"), "worst: " + variant))
    return _worst(pairs, results, is_most=False)


def _fan(variant, contestant):
    return lambda r: (r.ratio(r.row("W5", variant, contestant, "rate"), _record(r, "valpool_move")), "")


def _memory(results, processes, size, live, contestant):
    return results.row("W6", f"{processes}, {size} B, {live} live", contestant, "time")


def _against_mimalloc(processes):
    def measure(results):
        pairs = []
        for size in (64, 256):
            for live in (0, 1000000):
                of = lambda contestant: _memory(results, processes, size, live, contestant)
                pairs.append((of("valpool"), of("mimalloc"), f"worst: {size} B, {live} live"))
        return _worst(pairs, results, is_most=True)
    return measure


def _with_live_set(results):
    pairs = []
    for size in (64, 256):
        of = lambda live: _memory(results, "one process", size, live, "valpool")
        pairs.append((of(1000000), of(0), f"worst: {size} B"))
    return _worst(pairs, results, is_most=True)


def _packet_bytes(results):
    return Ratio(results.row("W6", "a packet of W1", "valpool", "size of a packet").values), ""


OPERATIONS = ("insert", "look up", "iterate", "copy", "destroy")


def _table_pairs(results, sizes, others):
    for size in sizes:
        for operation in OPERATIONS:
            variant = f"{operation}, {size} entries"
            of = lambda contestant: results.row("W7", variant, contestant, "time")
            yield variant, of, min((of(o) for o in others), key=lambda row: row.median)


def _against_fastest_table(*sizes):
    def measure(results):
        pairs = [(of("heap"), fastest, "worst: " + variant)
                 for variant, of, fastest in _table_pairs(results, sizes, ("unordered_map", "json_object"))]
        return _worst(pairs, results, is_most=True)
    return measure


def _pool_against_heap(results):
    pairs = [(of("pool"), heap, "worst: " + variant)
             for variant, of, heap in _table_pairs(results, (3, 10, 1000, 100000), ("heap",))]
    return _worst(pairs, results, is_most=True)


def _idle(results):
    return Ratio(results.row("W8", "ten waiting consumers", "valpool", "processor").values), ""


def _first_packet(results):
    of = lambda who: results.row("W8", "first packet after a long wait", who, "latency")
    return results.ratio(of("valpool"), of("futex")), ""


# Workload, wording, bound, whether the bound is the most, and how the ratio is computed.
TARGETS = (
    ("W1", "capacity 1024, handed over: at least 0.5 of the ring", 0.5, False, _against_record("valpool_move", "ring")),
    ("W1", "capacity 1024, handed over: at least 7 times the best serialising peer", 7, False,
     _against_best_serialiser("W1", "capacity 1024")),
    ("W1", "capacity 1024, handed over: at least 4 times iceoryx's fixed struct", 4, False,
     _against_record("valpool_move", "iceoryx")),
    ("W1", "capacity 1024, copied in: at least 0.3 of the ring", 0.3, False, _against_record("valpool_copy", "ring")),
    ("W1", "capacity 4: at least 8 times JSON over `message_queue`", 8, False,
     _against_record("valpool_move", "json_message_queue", 4)),
    ("W1", "capacity 1024, handed over: at most 1.5 times its lines and half of the work", 1.5, True,
     _record_against_floor),
    ("W2", "spinning, median: at most 2 round trips of a cache line", 2, True, _round_trip("spinning", "cache_line")),
    ("W2", "sleeping, median: at most 1.3 times a bare futex", 1.3, True, _round_trip("sleeping", "futex")),
    ("W3", "untouched: 80 MB at least 0.9 of 1 MB", 0.9, False, _untouched),
    ("W3", "written and read: at least 0.9 of plain shared memory", 0.9, False, _array_work),
    ("W4", "all fields read: at least 3 times the best serialising peer", 3, False, _nested("all read")),
    ("W4", "three of a hundred read: at least 3 times the best serialising peer", 3, False, _nested("three read")),
    ("W4", "three processes, one changes a field: at least 6 times the best serialising peer", 6, False,
     _nested("three processes, the middle one changes a field")),
    ("W4", "bytes of a packet: at most 2.5 times MessagePack's", 2.5, True, _against_message_pack_bytes),
    ("W5", "three stages: at least 0.4 of W1", 0.4, False, _fan("three stages", "valpool_move")),
    ("W5", "multicast to 8: deliveries at least 0.7 of W1's packets", 0.7, False, _fan("multicast to 8", "valpool_copy")),
    ("W6", "64 B and 256 B, one process: at most 1.5 times mimalloc", 1.5, True, _against_mimalloc("one process")),
    ("W6", "64 B and 256 B, two processes: at most 3 times mimalloc", 3, True, _against_mimalloc("two processes")),
    ("W6", "a million live blocks: at most 1.1 times none", 1.1, True, _with_live_set),
    ("W6", "bytes of a packet of W1: at most 256", 256, True, _packet_bytes),
    ("W7", "3 and 10 entries, Tab on the heap: below the fastest peer", 1, True, _against_fastest_table(3, 10)),
    ("W7", "1,000 and 100,000 entries, Tab on the heap: at most 1.5 times the fastest", 1.5, True,
     _against_fastest_table(1000, 100000)),
    ("W7", "Tab in a pool: at most 1.2 times the heap", 1.2, True, _pool_against_heap),
    ("W8", "ten waiting consumers: below 1% of a core together", 1, True, _idle),
    ("W8", "first packet after a long wait: at most 1.5 times a bare futex", 1.5, True, _first_packet),
)


def judge(results):
    verdicts = []
    for workload, wording, bound, is_most, measure in TARGETS:
        try:
            measured, remark = measure(results)
        except NotMeasured as missing:
            measured, remark = None, f"without {missing}"
        verdicts.append(Verdict(workload, wording, bound, is_most, measured, remark))
    return verdicts
