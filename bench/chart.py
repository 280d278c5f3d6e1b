"""Two pictures of results: every workload and peer, and bars of a few for the README."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import report

COLUMNS = 2
#: Heights in inches: of a row of a panel, and of a panel without its rows.
ROW, FRAME = 0.17, 0.75

#: The bars: workloads that stand for what readers of the README do, in words.
BARS = {
    "S4a-fit": "Import line changed: MLPClassifier.fit, 1,000 x 20",
    "S4b-fit": "Import line changed: MLPClassifier.fit, 10,000 x 20",
    "S4d-fit": "Import line changed: MLPClassifier.fit, 10,000 digits, 784-100-10",
    "W1": "Epoch of MNIST, 784-30-10, mini-batch 10, prepared data",
    "W7": "Epoch of 100,000 x 100, relu, Adam, mini-batch 200, prepared data",
    "S2b-10": "One step on 10 digits, plain arrays",
    "W6": "feedforward of one digit, 784-30-10",
    "S1a-16": "feedforward of 16 digits, 784-30-10, float32",
    "S1a-256-dense": "feedforward of 256 dense rows, 784-30-10, float32",
    "S1d-4096": "feedforward of 4,096 rows, 4-32-16-4 tanh, float32",
}
NAMES = {
    "numpy": "NumPy",
    "reference": "NumPy",
    "sklearn": "scikit-learn",
    "torch": "PyTorch",
    "jax": "JAX",
    "onnxruntime": "ONNX Runtime",
}


def shown(part: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the rows to draw: all of fastnet's, and the fastest of every other peer's."""
    rows: list[Mapping[str, Any]] = []
    for r in part["results"]:
        if r["status"] != "ok":
            continue
        same = [other for other in rows if other["peer"] == r["peer"]]
        if r["peer"] == "fastnet" or not same:
            rows.append(r)
        elif r["median_s"] < same[0]["median_s"]:
            rows[rows.index(same[0])] = r
    return [r for r in rows if r["peer"] != "limit"]


def draw(files: list[Mapping[str, Any]], path: Path) -> None:
    """Draw the results on logarithmic scales of time; fastnet is dark.

    Several files, from different processors, get a column each.

    Raises
    ------
    ImportError
        Matplotlib is missing.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    lines = _lines(files)
    heights = [FRAME + ROW * max(len(shown(part)) for part in line if part) for line in lines]
    figure = Figure(figsize=(11, sum(heights) + 0.4), layout="constrained")
    FigureCanvasAgg(figure)
    columns = max(len(line) for line in lines)
    grid = figure.subplots(
        len(lines), columns, squeeze=False, gridspec_kw={"height_ratios": heights}
    )
    for line, row in zip(lines, grid, strict=True):
        for i, axes in enumerate(row):
            part = line[i] if i < len(line) else None
            if part is None:
                axes.set_visible(False)
            else:
                _panel(axes, part)
    machines = [
        f"{file['processor']}, {file['instruction_set']}, {file['date'][:10]}" for file in files
    ]
    figure.suptitle(
        "Time, and ratio to fastnet's. Dashed: the dense multiply-adds at the rate of a large "
        f"matrix product.\n{'; '.join(machines)}",
        fontsize=8,
    )
    figure.savefig(path, dpi=130)


def _lines(files: list[Mapping[str, Any]]) -> list[list[Mapping[str, Any] | None]]:
    """Return the panels of each line: one workload in all files, or workloads of one file."""
    found = [{part["key"]: part for part in file["workloads"] if shown(part)} for file in files]
    keys = report.in_order(key for parts in found for key in parts)
    if len(files) > 1:
        return [[parts.get(key) for parts in found] for key in keys]
    return [[found[0][key] for key in keys[i : i + COLUMNS]] for i in range(0, len(keys), COLUMNS)]


def _panel(axes: Any, part: Mapping[str, Any]) -> None:
    rows = shown(part)
    times = [r["median_s"] for r in rows]
    limits = [
        r["median_s"]
        for r in part["results"]
        if r["peer"] == "limit" and r["threads"] == 1 and "median_s" in r
    ]
    low, high = min(times + limits), max(times + limits)
    for y, r in enumerate(rows):
        ours = r["peer"] == "fastnet"
        axes.plot(
            r["median_s"], y, "D" if ours else "o", color="0.1" if ours else "0.55", ms=4, zorder=3
        )
        ratio = "" if ours or "times_fastnet" not in r else f"  x{r['times_fastnet']:.3g}"
        words = f"  {report.seconds(r['median_s'])}{ratio}"
        ground = {"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.8}
        axes.text(r["median_s"], y, words, va="center", fontsize=6.5, bbox=ground, zorder=2.5)
    axes.set_yticks(
        range(len(rows)), [report.label(r["peer"], r["variant"], r["threads"]) for r in rows]
    )
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: report.seconds(value))
    axes.xaxis.set_minor_formatter(lambda value, _: "")
    # Room for the text right of the slowest dot.
    axes.set_xlim(low / 1.5, high * (high / low) ** 0.4 * 2)
    for limit in limits:
        axes.axvline(limit, color="0.3", linestyle="--", linewidth=0.8)
    axes.grid(axis="y", color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=6.5)
    title = part["title"].replace(", mini-batch", ",\nmini-batch")
    axes.set_title(f"{part['key']}  {title}", fontsize=7, loc="left")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def ratios(part: Mapping[str, Any]) -> dict[str, float]:
    """Return each other library's time over fastnet's, each at its fastest."""
    own = report.best(part, "fastnet")
    found: dict[str, float] = {}
    for peer, name in NAMES.items():
        time = report.best(part, peer)
        if own is not None and time is not None:
            found[name] = min(time / own, found.get(name, time / own))
    return found


def draw_bars(file: Mapping[str, Any], path: Path) -> None:
    """Draw how many times as long as fastnet each other library takes, each at its fastest.

    A library that is faster gets a dark bar.

    Raises
    ------
    ImportError
        If matplotlib is missing.
    ValueError
        If a workload of `BARS` is missing.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    parts = {part["key"]: part for part in file["workloads"]}
    if missing := [key for key in BARS if key not in parts]:
        raise ValueError(f"no results of {', '.join(missing)}")
    figure = Figure(figsize=(8, 8.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    y = 0.0
    marks: dict[float, str] = {}
    for key, words in BARS.items():
        own = report.best(parts[key], "fastnet")
        assert own is not None
        axes.text(
            0, y, f"{words}: fastnet {report.seconds(own)}", fontsize=8.5, weight="bold",
            va="center", transform=axes.get_yaxis_transform(),
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
        )  # fmt: skip
        for name, ratio in ratios(parts[key]).items():
            y += 1
            marks[y] = name
            # From 1: a bar to the left is a library that is faster.
            axes.barh(y, ratio - 1, left=1, height=0.7, color="0.1" if ratio < 1 else "#7aa6c9")
            axes.text(max(ratio, 1), y, f"  {ratio:.3g}", va="center", fontsize=8)
        y += 1.6
    axes.axvline(1, color="0.1", linewidth=1)
    axes.set_xscale("log")
    axes.set_xlim(0.5, 300)
    axes.set_ylim(y - 0.8, -0.8)
    axes.set_yticks(list(marks), list(marks.values()), fontsize=8)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("time relative to fastnet's (log scale); dark: the other library is faster")
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    figure.suptitle(
        f"{file['processor']}, {file['instruction_set']}, {file['date'][:10]}", fontsize=8
    )
    figure.savefig(path, dpi=110)
