"""The README of a folder of runs, from its JSON files.

python bench/readme.py bench/runs/<date>-<cores>cores
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path
from typing import Any

Json = dict[str, Any]


def write_readme(folder: Path) -> None:
    """Write README.md; nothing in it is typed by hand."""
    found = {file.stem: json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))}
    results = {name: result for name, result in found.items() if isinstance(result, dict)}
    clips = {name: result for name, result in found.items() if isinstance(result, list)}
    if not results:
        return
    sets = {name: result for name, result in results.items() if "set" in result}
    where: Json = next(iter((sets or results).values()))["machine"]
    lines = [
        f"# {where['cores']} cores, {folder.resolve().name[:10]}",
        "",
        f"{where['processor']}, {where['system']}, Python {where['python']}, commit {where['commit'][:12]}.",
        "",
    ]
    peers: dict[str, str] = {}
    for result in results.values():
        peers |= result.get("machine", {}).get("peers", {})
    lines += [f"- {name}: {version}" for name, version in peers.items()]
    for result in sets.values():
        lines += ["", *set_tables(result)]
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


def set_tables(result: Json) -> list[str]:
    """One set of pictures: what is in it, and one row for each work in every table."""
    rows: dict[str, Json] = result["rows"]
    names = list(dict.fromkeys(name for row in rows.values() for name in row["medians"]))
    lines = [f"## {result['set']['name']}", "", *described(result["set"]), ""]
    if result["left_out"]:
        lines += [f"No pictures for: {', '.join(result['left_out'])}.", ""]
    rounds, cold = result["settings"]["rounds"], result["settings"]["cold"]
    turns = f"{rounds} {'rounds' if rounds > 1 else 'round'}, {cold} with cold inputs"
    lines += [
        f"Load when it began: {result['load_at_start']}; {turns}; {result['settings']['jobs']} workers."
    ]
    if result["before"]:
        lines += ["", f"`before` is {result['before'][:15]}."]
    lines += [
        "",
        "Wall seconds of the whole command; in brackets imgpar's time over it, bold where imgpar loses:",
        "",
    ]
    body = []
    for title, row in rows.items():
        cells = [seconds(row["medians"].get(name), name) for name in names]
        over = row["limit"]["imgpar_over_this"]
        out_of_cache = [seconds(row["medians"].get(name), name, "cold_") for name in names if cold]
        work = f"{title}: {row['pictures']} of {row['megapixels']:.0f} MP"
        body.append([work, *cells, f"{row['limit']['seconds']} ({over:.2f})", *out_of_cache])
    lines += table(
        ["work", *names, "limit of the codecs", *(f"{name}, cold" for name in names if cold)], body
    )
    for title, key in (("CPU seconds of all processes:", "cpu_seconds"),
                       ("Peak memory of all processes together (PSS), MiB:", "peak_pss_mib"),
                       ("Bytes written, in kB:", "bytes")):  # fmt: skip
        body = [
            [work, *(figure(row["medians"].get(name), key) for name in names)] for work, row in rows.items()
        ]
        lines += ["", title, "", *table(["work", *names], body)]
    lines += ["", *likeness(rows, names), "", *stages(rows)]
    return lines


def described(found: Json) -> list[str]:
    """A set in sentences."""
    formats = "; ".join(
        f"{one['pictures']} {name} of {sizes['least']} to {sizes['most']} MP (median {sizes['median']})"
        for name, one in found["formats"].items()
        for sizes in [one["megapixels"]]
    )

    def listed(counts: dict[str, int]) -> str:
        return ", ".join(f"{name} {count}" for name, count in counts.items())

    size = f"{found['megapixels']:.0f} MP, {found['bytes'] / 1e6:.0f} MB"
    kinds = f"{found['progressive_share']:.0%} progressive; subsampling {listed(found['subsampling'])}"
    return [
        f"{found['pictures']} pictures, {size}: {formats}.",
        f"JPEGs: {kinds}; cameras {listed(found['makers'])}.",
    ]


def seconds(row: Json | None, name: str, cold: str = "") -> str:
    """Seconds, and the ratio of all but imgpar."""
    if not row or row[f"{cold}seconds"] is None:
        return ""
    over = row[f"{cold}imgpar_over_this"]
    said = f"{row[f'{cold}seconds']:.2f}"
    return said if name == "imgpar" else f"{said} ({'**' * (over > 1)}{over:.2f}{'**' * (over > 1)})"


def figure(row: Json | None, key: str) -> str:
    """One number of a row."""
    if not row:
        return ""
    return f"{row[key] / 1000:,.0f}" if key == "bytes" else str(round(row[key], 2))


VARIANTS = {"best_jpeg": "quality 100", "lossless": "PNG", "as_written": "as written"}


def likeness(rows: dict[str, Json], names: list[str]) -> list[str]:
    """PSNR against an exact resize."""
    measured = {work: row["quality"] for work, row in rows.items() if row["quality"]}
    if not measured:
        return []
    names = [name for name in names if any(name in row for row in measured.values())]
    head = [f"{name}, {how}" for how in VARIANTS.values() for name in names]
    body = [
        [
            work,
            *(str(row.get(name, {}).get(how, {}).get("mean_db", "")) for how in VARIANTS for name in names),
        ]
        for work, row in measured.items()
    ]
    return [
        "Mean PSNR of brightness in dB against an exact Lanczos 3: at quality 100, as PNG, as written:",
        "",
        *table(["work", *head], body),
    ]


def stages(rows: dict[str, Json]) -> list[str]:
    """Share of the workers' time in each stage, and core seconds of the bare codec calls."""
    every = list(dict.fromkeys(s for row in rows.values() for s in row["stages"]["imgpar"] if s != "of"))
    every.sort(key=lambda stage: stage == "idle")
    body = []
    for work, row in rows.items():
        for name, spent in row["stages"].items():
            whole = spent["of"] or 1.0
            cells = [f"{spent.get(stage, 0.0) / whole:.0%}" for stage in every]
            limits = [f"{value:.2f}" for value in row["limit"]["stages"].values()]
            body.append([work, name, *cells, *(limits if name == "imgpar" else [""] * len(limits))])
    limits = list(next(iter(rows.values()))["limit"]["stages"]) if rows else []
    return [
        "Share of workers × time in each stage; seconds of the limit by stage:",
        "",
        *table(["work", "", *every, *(f"limit: {stage}" for stage in limits)], body),
    ]


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
    write_readme(Path(sys.argv[1]))
