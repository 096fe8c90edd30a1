"""Bars as SVG, without any library."""
import dataclasses
import math
from xml.sax.saxutils import escape

from results import number

LINE = 22
COLOURS = {"valpool": "#1b6ca8", "peer": "#9aa5b1", "limit": "#d98e04", "met": "#3a7d44", "missed": "#b3261e"}


def _text(x, y, text, more=""):
    return f'<text x="{x}" y="{y}" {more}>{escape(text)}</text>'


@dataclasses.dataclass(frozen=True)
class _Sheet:
    labels: int  # where the bars begin
    bars: int    # how long they can be
    width: int
    is_linear: bool = False


WHOLE = _Sheet(labels=620, bars=400, width=1160)
SHORT = _Sheet(labels=230, bars=400, width=760, is_linear=True)


def _panel(sheet, title, bars, y, mark=None):
    """Bars of (label, value, colour, text) on the sheet's scale; a line at `mark`."""
    values = [value for _, value, _, _ in bars] + ([mark] if mark else [])
    largest = max(values)
    low = 10 ** math.floor(math.log10(min(values)) - 0.01)
    high = 10 ** math.ceil(math.log10(max(values)) + 0.01)
    logarithmic = lambda value: math.log(value / low) / math.log(high / low)
    length = lambda value: sheet.bars * (value / largest if sheet.is_linear else logarithmic(value))
    lines = [_text(10, y + 16, title, 'font-weight="bold"')]
    y += LINE + 6
    top = y
    for label, value, colour, text in bars:
        lines.append(_text(sheet.labels - 8, y + 15, label, 'text-anchor="end"'))
        lines.append(f'<rect x="{sheet.labels}" y="{y + 3}" width="{max(length(value), 1):.1f}" height="{LINE - 6}" '
                     f'fill="{COLOURS[colour]}"/>')
        lines.append(_text(f"{sheet.labels + length(value) + 6:.1f}", y + 15, text))
        y += LINE
    if mark:
        x = sheet.labels + length(mark)
        lines.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{y}" stroke="#000" stroke-dasharray="3 3"/>')
    return lines, y + LINE


def _bars(results, workload, variant, metric, smaller_first=False):
    rows = [r for r in results.rows if (r.workload, r.variant, r.metric) == (workload, variant, metric)]
    rows.sort(key=lambda r: r.median, reverse=not smaller_first)
    return [(r.label, r.median, r.kind, f"{number(r.median)} {r.unit}") for r in rows]


def _target_bars(verdicts):
    """How far above what was asked for; 1 is just met."""
    bars = []
    for v in verdicts:
        if not v.measured:
            continue
        margin = v.bound / v.measured if v.is_most else v.measured / v.bound
        bars.append((f"{v.workload} {v.wording}", margin, "met" if v.is_met() else "missed", f"{margin:.2f}"))
    return bars


def picture(results, verdicts):
    panels = [
        ("W1: a record built, passed, looked at, freed; capacity 1024 (longer is faster)",
         _bars(results, "W1", "capacity 1024", "rate"), None),
        *((f"W4: 100 keys in five levels: {what} (longer is faster)", _bars(results, "W4", what, "rate"), None)
          for what in ("all read, capacity 1024", "three read, capacity 1024",
                       "three processes, the middle one changes a field, capacity 1024")),
        ("W4: bytes of a packet (shorter is less)", _bars(results, "W4", "a packet of W4", "size of a packet", True), None),
        ("W2: there and back, spinning (shorter is faster)", _bars(results, "W2", "spinning", "median", True), None),
        ("W2: there and back, sleeping (shorter is faster)", _bars(results, "W2", "sleeping", "median", True), None),
        ("Targets: how many times better than asked for (right of the line: met)", _target_bars(verdicts), 1),
    ]
    return _svg(WHOLE, panels)


# What stands for each kind in the short picture: the best of those whose names begin so.
KINDS = (("valpool_move", "valpool"), ("flexbuffers_", "FlexBuffers"), ("msgpack_", "MessagePack"), ("json_", "JSON"))


def _best_bars(results, workload, variant):
    bars = []
    for beginning, name in KINDS:
        rows = [r for r in results.rows if (r.workload, r.variant, r.metric) == (workload, variant, "rate")
                and r.contestant.startswith(beginning)]
        if rows:
            best = max(rows, key=lambda r: r.median)
            way = "" if best.kind == "valpool" else f", {best.label.split(' over ')[-1].split('::')[-1]}"
            bars.append((name + way, best.median, best.kind, f"{number(best.median)} {best.unit}"))
    return bars


def headline(results):
    """The main results only, for a page that is about something else."""
    return _svg(SHORT, [
        ("A record of three fields", _best_bars(results, "W1", "capacity 1024"), None),
        ("A hundred fields in five levels, all read", _best_bars(results, "W4", "all read, capacity 1024"), None),
        ("The same, three of the hundred read", _best_bars(results, "W4", "three read, capacity 1024"), None),
        ("The same through three processes, the middle one changes a field",
         _best_bars(results, "W4", "three processes, the middle one changes a field, capacity 1024"), None),
    ])


def _svg(sheet, panels):
    body, y = [], 10
    for title, bars, mark in panels:
        if bars:
            lines, y = _panel(sheet, title, bars, y, mark)
            body += lines
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{sheet.width}" height="{y}" font-family="sans-serif" '
            f'font-size="12">\n<rect width="100%" height="100%" fill="#fff"/>\n' + "\n".join(body) + "\n</svg>\n")
