"""Rows of the benchmark, and how they are shown."""

import dataclasses
import json
import os
import platform


@dataclasses.dataclass
class Target:
    """What the project wants of a figure: at least, or at most, `bound`.

    `of` says which: "ratio" (to the peer), "share" (of the ceiling) or "ours".
    """

    of: str
    bound: float
    at_most: bool = False

    def __str__(self):
        sign = "≤" if self.at_most else "≥"
        return f"{self.of} {sign} {self.bound:.0%}" if self.of == "share" else f"{self.of} {sign} {self.bound:g}"


@dataclasses.dataclass
class Row:
    """One figure beside the peer's of the same run.

    Figures are in `unit`: a rate ("samples/s"), of which more is better, or a time or an amount ("ms", "MB"), of which
    less is. `ceiling` is what the machine or the C library alone can do. Ratio and share are above 1 where we are ahead.
    """

    part: str
    work: str
    unit: str
    ours: float
    peer: float | None = None
    peer_name: str = ""
    ceiling: float | None = None
    ceiling_name: str = ""
    target: Target | None = None
    # Other figures of the same measurement: (name, value, unit), such as MB/s, processor time and peak memory.
    details: list[tuple[str, float, str]] = dataclasses.field(default_factory=list)
    # Where the time goes: (stage, seconds of processor time).
    stages: list[tuple[str, float]] = dataclasses.field(default_factory=list)

    @property
    def more_is_better(self):
        return self.unit.endswith("/s")

    def _against(self, other):
        if not other or not self.ours:
            return None
        return self.ours / other if self.more_is_better else other / self.ours

    @property
    def ratio(self):
        return self._against(self.peer)

    @property
    def share(self):
        return self._against(self.ceiling)

    @property
    def holds(self):
        """Whether the target holds; None without one."""
        if self.target is None:
            return None
        value = getattr(self, self.target.of)
        if value is None:
            return False
        return value <= self.target.bound if self.target.at_most else value >= self.target.bound


def figure(value):
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def line(row):
    """One row as a sentence, for the log."""
    text = f"{row.work}: {figure(row.ours)} {row.unit}"
    if row.ratio:
        text += f", {row.peer_name} {figure(row.peer)}: {row.ratio:.2f} times"
    if row.share:
        text += f", {row.share:.0%} of {row.ceiling_name}"
    if row.target:
        text += f" ({row.target}: {'holds' if row.holds else 'MISSED'})"
    return text


def table(rows):
    """All rows as a Markdown table, and below it the details and the stages of each."""
    head = ["work", "unit", "ours", "peer", "", "ratio", "ceiling", "", "share", "target", "holds"]
    cells = [head] + [
        [row.work, row.unit, figure(row.ours), figure(row.peer), row.peer_name,
         f"{row.ratio:.2f}" if row.ratio else "", figure(row.ceiling), row.ceiling_name,
         f"{row.share:.0%}" if row.share else "", str(row.target or ""),
         "" if row.holds is None else "yes" if row.holds else "NO"]
        for row in rows
    ]
    widths = [max(len(cell[column]) for cell in cells) for column in range(len(head))]
    lines = ["| " + " | ".join(text.ljust(width) for text, width in zip(cell, widths)) + " |" for cell in cells]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    for row in rows:
        parts = [f"{name} {figure(value)} {unit}" for name, value, unit in row.details]
        total = sum(seconds for _, seconds in row.stages)
        parts += [f"{name} {seconds:.3g} s ({seconds / total:.0%})" for name, seconds in row.stages]
        if parts:
            lines.append(f"\n{row.work}: " + "; ".join(parts))
    return "\n".join(lines)


def machine():
    """What the figures belong to."""
    model = ""
    with open("/proc/cpuinfo") as file:
        for text in file:
            if text.startswith("model name"):
                model = text.split(":", 1)[1].strip()
                break
    return {"processor": model, "cores": len(os.sched_getaffinity(0)), "system": platform.platform(),
            "load": list(os.getloadavg())}


def json_text(rows, context):
    """Everything, for programs."""
    return json.dumps({
        "machine": machine(),
        "quick": context.quick,
        "data": "CIFAR-10" if context.cifar10 else "drawn",
        "rows": [dataclasses.asdict(row) | {"ratio": row.ratio, "share": row.share,
                                            "target": row.target and str(row.target), "holds": row.holds}
                 for row in rows],
    }, indent=1, ensure_ascii=False) + "\n"
