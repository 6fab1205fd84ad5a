"""The README of a folder of runs, from its JSON files.

python bench/table.py bench/runs/<date>-<cores>cores
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path
from typing import Any

Json = dict[str, Any]


def write_table(folder: Path) -> None:
    """Write README.md; nothing in it is typed by hand."""
    found = {file.stem: json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))}
    results = {name: result for name, result in found.items() if isinstance(result, dict)}
    clips = {name: result for name, result in found.items() if isinstance(result, list)}
    if not results:
        return
    where: Json = next(iter(results.values()))["machine"]
    lines = [
        f"# {where['cores']} cores, {folder.name[:10]}",
        "",
        f"{where['processor']}, {where['system']}, Python {where['python']}, commit {where['commit'][:12]}.",
        "",
    ]
    peers: dict[str, str] = {}
    for result in results.values():
        peers |= result["machine"]["peers"]
    lines += [f"- {name}: {version}" for name, version in peers.items()]
    compared = {name: result for name, result in results.items() if "medians" in result}
    for measure, title in MEASURES.items():
        lines += ["", title, "", *comparison(compared, measure)] if compared else []
    if "workloads" in results:
        lines += ["", "Workloads that bench/workloads.py makes:", "", *workloads(results["workloads"])]
    if "scaling" in results:
        lines += ["", "More and more workers; efficiency is speed-up ÷ cores in use:", ""]
        lines += scaling(results["scaling"])
    for name, runs in clips.items():
        lines += [
            "",
            f"{name}, a clip of {runs[-1]['frames']} frames ({runs[-1]['picture']}):",
            "",
            *clip(runs[-1]),
        ]
    (folder / "README.md").write_text("\n".join(lines) + "\n")


MEASURES = {
    "seconds": "Wall seconds of the whole command; in brackets imgpar's time over it, median of the rounds:",
    "mean_db": "Mean PSNR of brightness in dB, at quality 100, against an exact Lanczos 3 resize:",
    "peak_pss_mib": "Peak memory of all processes together (PSS), MiB:",
    "cpu_seconds": "CPU seconds of all processes:",
}


def comparison(results: dict[str, Json], measure: str) -> list[str]:
    """One row per work, one column per peer."""
    names = list(dict.fromkeys(peer for result in results.values() for peer in result["medians"]))
    rows = []
    for work, result in results.items():
        cells = []
        for peer in names:
            row = result["medians"].get(peer, {})
            cell = str(row.get(measure, ""))
            cells.append(f"{cell} ({row['imgpar_over_this']})" if cell and measure == "seconds" else cell)
        if measure == "seconds":
            cells += [str(result.get("limit_seconds", "")), f"{result.get('in_codecs', 0):.0%}"]
        rows.append([work, *cells])
    more = ["limit of the codecs", "share in codecs"] if measure == "seconds" else []
    return table(["work", *names, *more], rows)


def workloads(result: Json) -> list[str]:
    """The same for made pictures, with the limit of the codecs; then what is no conversion."""
    loads = {name: load for name, load in result.items() if "seconds" in load}
    names = list(dict.fromkeys(peer for load in loads.values() for peer in load["seconds"]))
    rows = []
    for work, load in loads.items():
        over = load["imgpar_over"]
        cells = [
            f"{load['seconds'].get(peer, '')}" + (f" ({over[peer]})" if peer in over else "")
            for peer in names
        ]
        rows.append([work, *cells, str(load["limit_seconds"]), f"{load['in_codecs']:.0%}"])
    lines = table(["work", *names, "limit of the codecs", "share in codecs"], rows) if rows else []
    if done := result.get("done"):
        again, find = statistics.median(done["imgpar"]), statistics.median(done["find"])
        over = done["imgpar_over_find"]
        lines += [
            "",
            f"A second run over {done['files']:,} unchanged files: {again:.2f} s; `find -printf` over them: ",
        ]
        lines[-1] += f"{find:.2f} s ({over} ×)."
    if million := result.get("million"):
        first, peak = statistics.median(million["first_output_seconds"]), max(million["parent_peak_mib"])
        lines += ["", f"{million['files']:,} files in one folder: first output after {first:.2f} s, "]
        lines[-1] += f"parent at most {peak} MiB."
    if flat := result.get("flat"):
        steps = zip(flat["outputs"], flat["parent_peak_mib"], strict=True)
        so_far = ", ".join(f"{peak} MiB after {outputs:,} outputs" for outputs, peak in steps)
        lines += ["", f"Peak memory of the parent, {flat['files']:,} files in one folder: {so_far}."]
    return lines


def clip(run: Json) -> list[str]:
    """One row per contestant; ratios are those within the rounds, as single times drift with the machine."""
    rounds: list[Json] = run["seconds"]
    rows = []
    for name in rounds[0]:
        function, _, ours = name.partition(": ")
        bases = [f"{function}: OpenCV loop, {codec}" for codec in ("x264", "MPEG-4")] if ours else []
        seconds = statistics.median(times[name] for times in rounds)
        of_first = statistics.median(times[name] / times["ffmpeg"] for times in rounds)
        than_loops = [statistics.median(times[base] / times[name] for times in rounds) for base in bases]
        cells = [f"{value:.2f}" for value in (seconds, of_first, *than_loops)]
        rows.append([name, *cells, *[""] * (4 - len(cells))])
    head = ["", "median seconds", "÷ ffmpeg", "× as fast as the loop, x264", "× the loop, MPEG-4"]
    return table(head, rows)


def scaling(result: Json) -> list[str]:
    """One row per number of workers."""
    rows = [
        [name, jobs, str(row["seconds"]), str(row["efficiency"])]
        for name, load in result.items()
        if "by_jobs" in load
        for jobs, row in load["by_jobs"].items()
    ]
    return table(["work", "workers", "seconds", "efficiency"], rows)


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """Lines of Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(cells) + " |" for cells in lines]


if __name__ == "__main__":
    write_table(Path(sys.argv[1]))
