"""Results from the records of workers, and the tables that are printed."""

import statistics
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from workloads import WORKLOADS, Workload

if TYPE_CHECKING:
    from run import Measurement


#: Rows that are not other libraries.
OWN = ("limit", "fastnet", "kernel")


def label(peer: str, variant: str, threads: int) -> str:
    """Return the name of a row."""
    words = [peer, variant, f"x{threads}" if threads > 1 else ""]
    return " ".join(word for word in words if word)


def seconds(value: float) -> str:
    """Return a time with three digits and its unit.

    >>> seconds(0.1234), seconds(3.2e-6), seconds(12.0)
    ('123 ms', '3.20 us', '12.0 s')
    """
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9)):
        if value >= size or unit == "ns":
            scaled = value / size
            return f"{scaled:.{max(0, 2 - (scaled >= 10) - (scaled >= 100))}f} {unit}"
    raise AssertionError("not reached")


def result(m: "Measurement", records: list[dict[str, Any]]) -> dict[str, Any]:
    """Return one measurement's result over its rounds.

    median_s is the median of the rounds' medians; spread is half the distance between the lowest
    and the highest of them, over the median.
    """
    head = {"peer": m.peer, "variant": m.variant, "threads": m.threads}
    good = [r for r in records if r["status"] == "ok"]
    if len(good) < len(records) or not good:
        bad = next(r for r in records if r["status"] != "ok")
        return {**head, "status": bad["status"], "reason": bad["reason"]}
    medians = [statistics.median(r["times_s"]) for r in good]
    median = statistics.median(medians)
    worst = next((r["parity"] for r in good if not r["parity"]["ok"]), good[0]["parity"])
    return {
        **head,
        "status": "ok" if worst["ok"] else "disagrees",
        "median_s": median,
        "spread": (max(medians) - min(medians)) / 2 / median,
        "rounds_s": medians,
        "best_s": min(min(r["times_s"]) for r in good),
        "samples": sum(len(r["times_s"]) for r in good),
        "first_s": statistics.median(r["first_s"] for r in good),
        "prepare_s": statistics.median(r["prepare_s"] for r in good),
        "import_s": statistics.median(r["import_s"] for r in good),
        "parity": worst,
        "note": good[0]["note"],
        "details": good[0]["details"],
    }


def _time_of(results: list[dict[str, Any]], peer: str, threads: int) -> float | None:
    """Return the plain variant's time on this many threads, or on one if that was not measured."""
    times = {
        r["threads"]: r["median_s"]
        for r in results
        if r["peer"] == peer and not r["variant"] and r["status"] == "ok"
    }
    return times.get(threads, times.get(1))


def entry(workload: Workload, results: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a workload's part of the report, with the ratios.

    times_fastnet is a peer's time over fastnet's on the same number of threads; times_limit is
    its time over the limit's.  Only rows whose result agreed have ratios.
    """
    for r in results:
        if r["status"] != "ok":
            continue
        for name, peer in (("times_fastnet", "fastnet"), ("times_limit", "limit")):
            base = _time_of(results, peer, r["threads"])
            if base is not None:
                r[name] = r["median_s"] / base
        alone = _time_of(results, "fastnet", 1)
        if r["peer"] == "fastnet" and not r["variant"] and alone is not None:
            kernel = _time_of(results, "kernel", 1)
            if r["threads"] > 1:
                r["times_one_thread"] = alone / r["median_s"]
            elif kernel is not None:
                r["above_kernel_s"] = alone - kernel
    return {
        "key": workload.key,
        "title": workload.title,
        "rows": workload.rows,
        "multiply_adds": workload.multiply_adds,
        "goals": dict(workload.goals),
        "results": results,
    }


def heading(head: Mapping[str, Any]) -> str:
    """Return the lines that name the machine, the versions and the date."""
    busy = head["load_before"]
    machine = (
        f"{head['processor']}, {head['instruction_set']}, {head['cores']} cores, "
        f"{head['system']} {head['architecture']}"
    )
    versions = [f"{name} {version}" for name, version in head["versions"].items()]
    lines = [f"{machine}, Python {head['python']}, {head['date']}", ", ".join(versions)]
    if busy is not None and busy > 0.3:
        lines.append(f"NOT QUIET: the load of the last minute was {busy:.1f}")
    return "\n".join(lines)


def _agreement(r: Mapping[str, Any], rows: int) -> str:
    parity = r["parity"]
    if parity["kind"] == "none":
        return ""
    if parity["kind"] == "accuracy":
        return f"accuracy {parity['accuracy']:.3f} (oracle {parity['expected']:.3f})"
    if isinstance(parity["error"], str):
        return parity["error"]
    allowed = f"allowed {parity['tolerance']:.0e}"
    if parity["rows"] < rows:
        allowed += f", after {parity['rows']:,} rows"
    return f"{parity['error']:.0e} ({allowed})"


def _goal(goals: Mapping[str, float], r: Mapping[str, Any]) -> str:
    """Return fastnet's goal that this row shows, or nothing."""
    if r["peer"] == "fastnet" and not r["variant"] and r["threads"] == 1 and "limit" in goals:
        return f"limit x{goals['limit']:.2f}"
    if r["peer"] == "fastnet" and r["variant"] == "arrays":
        most = goals.get("arrays" if r["threads"] == 1 else "arrays threads")
        return f"at most {most:.2f}" if most else ""
    if r["peer"] in goals and r["peer"] != "limit":
        return f"x{goals[r['peer']]:g}"
    return ""


def _notes(part: Mapping[str, Any], r: Mapping[str, Any]) -> list[str]:
    """Return notes on fastnet's speedup by threads and time above its kernel, and r's own note."""
    goals, notes = part["goals"], []
    if "times_one_thread" in r:
        aim = f" (goal: {goals['threads']:g})" if "threads" in goals else ""
        notes.append(f"{r['times_one_thread']:.2f} times as fast as on one thread{aim}")
    if "above_kernel_s" in r:
        most = goals.get("above kernel")
        aim = f" (goal: at most {seconds(most)})" if most else ""
        notes.append(f"{1e6 * r['above_kernel_s']:.1f} us above the kernel{aim}")
    if r["note"]:
        notes.append(r["note"])
    return notes


def _row(part: Mapping[str, Any], r: Mapping[str, Any]) -> list[str]:
    ratios = [f"{r[k]:.2f}" if k in r else "" for k in ("times_fastnet", "times_limit")]
    if r["status"] == "disagrees":
        ratios = ["DISAGREES", ""]
    return [
        label(r["peer"], r["variant"], r["threads"]),
        seconds(r["median_s"]),
        f"{100 * r['spread']:.1f} %" if len(r["rounds_s"]) > 1 else "",
        *ratios,
        _goal(part["goals"], r),
        seconds(r["first_s"]),
        _agreement(r, part["rows"]),
    ]


def in_order(keys: Iterable[str]) -> list[str]:
    """Return each key once, in the order of `WORKLOADS`, followed by keys that it lacks."""
    known = list(WORKLOADS)
    return sorted(set(keys), key=lambda key: known.index(key) if key in known else len(known))


def _published(key: str) -> list[str]:
    """Return a line for each figure of a library that cannot be measured here."""
    known = WORKLOADS.get(key)
    return [
        f"published: {p.library} {seconds(p.seconds)}, {p.machine}; {p.source}"
        for p in (known.published if known else ())
    ]


COLUMNS = ["", "median", "+-", "/ fastnet", "/ limit", "goal", "first run", "agreement"]


def table(part: Mapping[str, Any]) -> str:
    """Return a workload's table, with notes and the reasons why rows are missing."""
    measured = [r for r in part["results"] if "median_s" in r]
    rows = [COLUMNS] + [_row(part, r) for r in measured]
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
    # Words to the left, numbers to the right.
    sides = "<>>>>>><"
    lines = [f"\n{part['key']}  {part['title']}"] + [
        "  " + "  ".join(f"{c:{s}{w}}" for c, s, w in zip(row, sides, widths, strict=True)).rstrip()
        for row in rows
    ]
    notes = [(r, note) for r in measured for note in _notes(part, r)]
    lines += [f"  {label(r['peer'], r['variant'], r['threads'])}: {note}" for r, note in notes]
    lines += [f"  {line}" for line in _published(part["key"])]
    missing: dict[str, list[str]] = {}
    for r in part["results"]:
        if "median_s" not in r:
            word = "failed" if r["status"] == "failed" else "not measured"
            name = label(r["peer"], r["variant"], r["threads"])
            missing.setdefault(f"{word}: {r['reason']}", []).append(name)
    lines += [f"  {', '.join(names)} {reason}" for reason, names in missing.items()]
    return "\n".join(lines)


def troubles(everything: Mapping[str, Any]) -> list[str]:
    """Return a line for each measurement that failed or disagreed."""
    return [
        f"{part['key']} {label(r['peer'], r['variant'], r['threads'])}: {r['status']}"
        for part in everything["workloads"]
        for r in part["results"]
        if r["status"] in ("failed", "disagrees")
    ]


def faster(everything: Mapping[str, Any]) -> list[str]:
    """Return each measurement in which another library is faster, with its time over fastnet's."""
    return [
        f"{part['key']} {label(r['peer'], r['variant'], r['threads'])} {r['times_fastnet']:.2f}"
        for part in everything["workloads"]
        for r in part["results"]
        if r["peer"] not in OWN and r["status"] == "ok" and r.get("times_fastnet", 1) < 1
    ]


def closing(everything: Mapping[str, Any]) -> str:
    """Return the last lines: the kernels that ran, the faster libraries, and disagreements."""
    results = [r for part in everything["workloads"] for r in part["results"]]
    details = [r.get("details", {}) for r in results]
    kernels = {d["kernel"] for d in details if "kernel" in d}
    products = [b for d in details for b in d.get("blas", [])]
    blas = {f"{b['internal_api']} {b['version']} {b['architecture']}" for b in products}
    best = everything["instruction_set"]
    lines = [
        "",
        f"fastnet's kernel: {', '.join(sorted(kernels)) or 'none ran'}",
        f"The limit's BLAS: {', '.join(sorted(blas)) or 'none ran'}",
        f"Faster than fastnet: {', '.join(faster(everything)) or 'none'}",
    ]
    if kernels - {best}:
        lines.insert(
            2,
            f"The processor has {best}, which the other libraries used: these ratios do not hold "
            "for a machine without it.",
        )
    return "\n".join([*lines, *(troubles(everything) or ["All measurements agree."])])


def best(part: Mapping[str, Any] | None, peer: str) -> float | None:
    """Return a peer's best time over its variants and threads; of fastnet, only plain ones."""
    return min(
        (
            r["median_s"]
            for r in (part["results"] if part else ())
            if r["peer"] == peer
            and r["status"] == "ok"
            and not (r["peer"] == "fastnet" and r["variant"])
        ),
        default=None,
    )


def side_by_side(files: list[Mapping[str, Any]]) -> str:
    """Return a Markdown table with a row for each workload, and a figure per file in each cell.

    The figures are fastnet's time, its time over the limit's on one thread, and each other
    library's time over fastnet's, with the best variant of each.
    """
    parts = [{part["key"]: part for part in file["workloads"]} for file in files]
    keys = in_order(key for found in parts for key in found)
    peers = list(
        dict.fromkeys(
            r["peer"]
            for found in parts
            for part in found.values()
            for r in part["results"]
            if r["status"] == "ok" and r["peer"] not in OWN
        )
    )

    def cell(key: str, figure: Callable[[Mapping[str, Any] | None], str]) -> str:
        figures = [figure(found.get(key)) for found in parts]
        return " / ".join(f or "-" for f in figures) if any(figures) else ""

    def ours(part: Mapping[str, Any] | None) -> str:
        time = best(part, "fastnet")
        return "" if time is None else seconds(time)

    def limit(part: Mapping[str, Any] | None) -> str:
        for r in part["results"] if part else ():
            if (r["peer"], r["variant"], r["threads"]) == ("fastnet", "", 1):
                return f"{r['times_limit']:.2f}" if "times_limit" in r else ""
        return ""

    def times(peer: str) -> Callable[[Mapping[str, Any] | None], str]:
        def figure(part: Mapping[str, Any] | None) -> str:
            own, theirs = best(part, "fastnet"), best(part, peer)
            return "" if own is None or theirs is None else f"{theirs / own:.3g}"

        return figure

    sets = " / ".join(file["instruction_set"] for file in files)
    head = [f"({sets})", "fastnet", "/ limit", *peers]
    rows = [
        [f"{key}", cell(key, ours), cell(key, limit), *(cell(key, times(p)) for p in peers)]
        for key in keys
    ]
    lines = [head, ["---"] * len(head), *rows]
    published = [f"{key} {line}" for key in keys for line in _published(key)]
    return "\n".join([*(f"| {' | '.join(row)} |" for row in lines), "", *published]).rstrip()
