"""Calls imgpar inside other frameworks and prints a Markdown table of what came of it.

python scripts/try_frameworks.py > table.md         # every framework that is installed
python scripts/try_frameworks.py pool-fork celery-prefork

Each line has a process of its own, with a limit of time. What the calls return is compared with what they
return in a plain process; "same" is the same bytes.
"""

from __future__ import annotations

import argparse
import asyncio
import concurrent.futures
import contextlib
import hashlib
import importlib.util
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import imgpar
from imgpar import testing

SECONDS = 90
"""Limit of one line."""
CALLS = ("convert", "arrays", "encode", "call", "frames")
HERE = Path(__file__).parent
Answers = list[dict[str, str]]


def inverted(picture: Any) -> Any:
    """A function of the script, which workers cannot import."""
    return 255 - picture


pipe = imgpar.Pipeline().resize("50%").apply(inverted).apply(lambda picture: picture // 2)
session: imgpar.Session | None = None
"""Of the parent, where the framework forks."""


# ----- what is called -------------------------------------------------------------------------------


def work(folder: str) -> dict[str, str]:
    """Every call once; the digest of what it returned, or its error."""
    answers = {name: _tried(call, Path(folder)) for name, call in _calls().items()}
    with imgpar.Session() as own:
        alone = not own.open()[1].isolated
    return answers | {"where": "in the process" if alone else "own workers", "pid": str(os.getpid())}


def _calls() -> dict[str, Callable[[Path], bytes]]:
    return {"convert": _convert, "arrays": _arrays, "encode": _encode, "call": _call, "frames": _frames}


def _tried(call: Callable[[Path], bytes], folder: Path) -> str:
    try:
        return hashlib.sha256(call(folder)).hexdigest()
    except BaseException as error:
        return f"{type(error).__name__}: {error}"


def _convert(folder: Path) -> bytes:
    with tempfile.TemporaryDirectory() as out:
        report = imgpar.convert(folder / "in", out, to="webp", session=session, **_few())
        made = [Path(file.path).read_bytes() for item in report.items for file in item.outputs]
    assert report.ok == 3, report
    return b"".join(made)


def _arrays(folder: Path) -> bytes:
    if session is not None:
        return b"".join(array.tobytes() for _, array in session.arrays(pipe, folder / "in"))
    return b"".join(array.tobytes() for _, array in pipe.arrays(folder / "in", **_few()))


def _encode(folder: Path) -> bytes:
    return pipe.encode((folder / "in" / "a.png").read_bytes(), to="webp")


def _call(folder: Path) -> bytes:  # noqa: ARG001
    return pipe(testing.pattern(96, 64)).tobytes()


def _frames(folder: Path) -> bytes:
    return b"".join(frame.array.tobytes() for frame in imgpar.frames(folder / "clip.mp4", pipeline=pipe))


def _few() -> dict[str, Any]:
    return {} if session is not None else {"jobs": 1, "memory": "64M"}


def make_folder(folder: Path) -> None:
    """Three pictures and a clip."""
    testing.write_pictures(folder / "in", ["a.png", "b.png", "c.png"])
    with imgpar.VideoWriter(folder / "clip.mp4", fps=10) as writer:
        for seed in range(5):
            writer.write(testing.pattern(96, 64, seed))


# ----- frameworks -----------------------------------------------------------------------------------


def plain(folder: str) -> Answers:
    """No framework."""
    return [work(folder)]


def pool(method: str) -> Callable[[str], Answers]:
    """`multiprocessing.Pool`, whose workers are daemonic."""

    def run(folder: str) -> Answers:
        with multiprocessing.get_context(method).Pool(2) as workers:
            return workers.map(work, [folder] * 2)

    return run


def executor(method: str) -> Callable[[str], Answers]:
    """`ProcessPoolExecutor`."""

    def run(folder: str) -> Answers:
        context = multiprocessing.get_context(method)
        with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as workers:
            return list(workers.map(work, [folder] * 2))

    return run


def mapped(folder: str) -> Answers:  # noqa: ARG001
    """`executor.map(pipe, …)` with the pipeline itself, which has a lambda."""
    with concurrent.futures.ProcessPoolExecutor(
        1, mp_context=multiprocessing.get_context("spawn")
    ) as workers:
        (made,) = workers.map(pipe, [testing.pattern(96, 64)])
    return [{"call": hashlib.sha256(made.tobytes()).hexdigest(), "where": "in the process"}]


def forked(folder: str) -> Answers:
    """`os.fork` of a process whose session has been used."""
    _open_session(folder)
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as workers:
        answers = list(workers.map(work, [folder] * 2))
    return [*answers, work(folder)]


def threads(folder: str) -> Answers:
    """`ThreadPoolExecutor`."""
    with concurrent.futures.ThreadPoolExecutor(4) as workers:
        return list(workers.map(work, [folder] * 4))


def loop(folder: str) -> Answers:
    """`asyncio.to_thread`."""

    async def run() -> Answers:
        return list(await asyncio.gather(*(asyncio.to_thread(work, folder) for _ in range(2))))

    return asyncio.run(run())


def loop_in_processes(folder: str) -> Answers:
    """`run_in_executor` with processes."""

    async def run() -> Answers:
        with concurrent.futures.ProcessPoolExecutor(1) as workers:
            return [await asyncio.get_running_loop().run_in_executor(workers, work, folder)]

    return asyncio.run(run())


def loader(method: str) -> Callable[[str], Answers]:
    """`torch.utils.data.DataLoader`, whose workers are daemonic."""

    def run(folder: str) -> Answers:
        import torch.utils.data

        given: dict[str, Any] = {"num_workers": 2, "multiprocessing_context": method} if method else {}
        loaded = torch.utils.data.DataLoader(_Dataset(folder), batch_size=None, **given)
        return list(loaded)

    return run


class _Dataset:
    def __init__(self, folder: str) -> None:
        self.folder = folder

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> dict[str, str]:
        return work(self.folder)


def joblib(backend: str) -> Callable[[str], Answers]:
    """`joblib.Parallel`."""

    def run(folder: str) -> Answers:
        import joblib

        return list(
            joblib.Parallel(n_jobs=2, backend=backend)(joblib.delayed(work)(folder) for _ in range(2))
        )

    return run


def dask(**cluster: Any) -> Callable[[str], Answers]:
    """`dask.distributed.LocalCluster`, whose worker processes are daemonic."""

    def run(folder: str) -> Answers:
        import distributed

        kind = {"dashboard_address": None, "n_workers": 2, "threads_per_worker": 1} | cluster
        with distributed.LocalCluster(**kind) as made, distributed.Client(made) as client:
            return client.gather(client.map(work, [folder] * 2, pure=False))

    return run


def ray(folder: str) -> Answers:
    """`ray.remote`."""
    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    return ray.get([ray.remote(work).remote(folder) for _ in range(2)])


def celery(kind: str) -> Callable[[str], Answers]:
    """A Celery worker as a service."""

    def run(folder: str) -> Answers:
        options = ["--pool", kind, "-c", "2", "-l", "error"]
        command = ["-m", "celery", "-A", "try_frameworks:made_app", "worker", *options]
        with _service(command, folder):
            sent = [celery_app().send_task("work", [folder]) for _ in range(2)]
            return [each.get(timeout=SECONDS) for each in sent]

    return run


def __getattr__(name: str) -> Any:
    """`made_app`, made when Celery asks for it."""
    if name == "made_app":
        return celery_app()
    raise AttributeError(name)


def celery_app() -> Any:
    """The app of client and worker: messages and results are files."""
    from celery import Celery

    folder = Path(os.environ["TRY_FOLDER"]) / "celery"
    for name in ("queue", "results"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    app = Celery("try", broker="filesystem://", backend=f"file://{folder}/results")
    queue = str(folder / "queue")
    app.conf.broker_transport_options = {"data_folder_in": queue, "data_folder_out": queue}
    app.task(work, name="work")
    return app


def gunicorn(*options: str) -> Callable[[str], Answers]:
    """A web server whose workers are forks."""

    def run(folder: str) -> Answers:
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port = found.getsockname()[1]
        command = [
            "-m",
            "gunicorn",
            "-w",
            "2",
            "-b",
            f"127.0.0.1:{port}",
            "-t",
            "120",
            *options,
            "try_frameworks:served()",
        ]
        with _service(command, folder):
            return [_asked(f"http://127.0.0.1:{port}/") for _ in range(4)]

    return run


def served() -> Callable[..., Any]:
    """The WSGI application. With preloading it is made before the fork, and with it the session."""
    folder = os.environ["TRY_FOLDER"]
    _open_session(folder)

    def application(_: Any, start: Callable[..., Any]) -> list[bytes]:
        start("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(work(folder)).encode()]

    return application


def _asked(url: str) -> dict[str, str]:
    until = time.monotonic() + SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, timeout=SECONDS) as answer:
                found: dict[str, str] = json.load(answer)
                return found
        except urllib.error.URLError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def notebook(folder: str) -> Answers:
    """A cell of Jupyter."""
    import nbclient
    import nbformat

    cell = nbformat.v4.new_code_cell(
        f"import json, sys; sys.path.insert(0, {str(HERE)!r})\n"
        f"import try_frameworks\nprint(json.dumps(try_frameworks.work({folder!r})))"
    )
    book = nbformat.v4.new_notebook(cells=[cell])
    nbclient.NotebookClient(book, timeout=SECONDS, kernel_name="python3").execute()
    return [json.loads("".join(part.text for part in cell.outputs if part.output_type == "stream"))]


def _open_session(folder: str) -> None:
    global session
    session = imgpar.Session(jobs=1, memory="64M")
    list(session.arrays(imgpar.Pipeline(), Path(folder) / "in"))


@contextlib.contextmanager
def _service(command: list[str], folder: str) -> Iterator[None]:
    os.environ["TRY_FOLDER"] = folder
    process = subprocess.Popen([sys.executable, *command], cwd=HERE)
    try:
        yield
    finally:
        process.terminate()
        code = process.wait(30)
        assert code in (0, -15), f"the service ended with {code}"


LINES: dict[str, tuple[str, str, Callable[[str], Answers]]] = {
    "plain": ("a script", "", plain),
    **{f"pool-{m}": ("`multiprocessing.Pool`", m, pool(m)) for m in ("fork", "spawn", "forkserver")},
    **{f"executor-{m}": ("`ProcessPoolExecutor`", m, executor(m)) for m in ("fork", "spawn", "forkserver")},
    "map": ("`executor.map(pipe, arrays)`", "spawn", mapped),
    "forked-session": ("fork with an open session", "fork", forked),
    "threads": ("`ThreadPoolExecutor`", "threads", threads),
    "to-thread": ("`asyncio.to_thread`", "threads", loop),
    "run-in-executor": ("`loop.run_in_executor`", "fork", loop_in_processes),
    "loader-0": ("`torch` DataLoader, `num_workers=0`", "", loader("")),
    **{
        f"loader-{m}": ("`torch` DataLoader, 2 workers", m, loader(m))
        for m in ("fork", "spawn", "forkserver")
    },
    **{f"joblib-{b}": ("`joblib`", b, joblib(b)) for b in ("loky", "multiprocessing", "threading")},
    "dask-processes": ("`dask.distributed`", "nanny", dask(processes=True)),
    "dask-threads": ("`dask.distributed`", "threads", dask(processes=False)),
    "celery-prefork": ("Celery", "prefork", celery("prefork")),
    "celery-solo": ("Celery", "solo", celery("solo")),
    "celery-threads": ("Celery", "threads", celery("threads")),
    "gunicorn": ("gunicorn", "fork", gunicorn()),
    "gunicorn-preload": ("gunicorn `--preload`, a session made before", "fork", gunicorn("--preload")),
    "notebook": ("Jupyter", "kernel", notebook),
    "ray": ("Ray", "remote", ray),
}
PACKAGES = {"loader": "torch", "joblib": "joblib", "dask": "distributed", "notebook": "nbclient"}


def main() -> None:
    """Run the lines, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(LINES)} (default: all)")
    parser.add_argument("--one", metavar="FOLDER", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print("\0" + json.dumps(LINES[args.names[0]][2](args.one)))
        return
    print("| framework | started by | work is done | " + " | ".join(CALLS) + " | seconds |")
    print("| --- " * (len(CALLS) + 4) + "|")
    with tempfile.TemporaryDirectory() as folder:
        make_folder(Path(folder))
        expected = work(folder)
        for name in args.names or LINES:
            first = name.partition("-")[0]
            if importlib.util.find_spec(
                PACKAGES.get(first, first if first in ("celery", "gunicorn", "ray") else "os")
            ):
                print(_line(name, folder, expected), flush=True)


def _line(name: str, folder: str, expected: dict[str, str]) -> str:
    title, method, _ = LINES[name]
    begun = time.monotonic()
    command = [sys.executable, __file__, name, "--one", folder]
    try:
        stdout, stderr = _finished(command)
    except subprocess.TimeoutExpired:
        return f"| {title} | {method} | hangs |" + " |" * (len(CALLS) + 1)
    answers: Answers = json.loads(stdout.rpartition("\0")[2] or "[]") if "\0" in stdout else []
    if not answers or "Traceback" in stderr:
        print(stderr[-3000:], file=sys.stderr)
    cells = [_cell([answer[name] for answer in answers if name in answer], expected[name]) for name in CALLS]
    where = ", ".join(sorted({answer["where"] for answer in answers})) or "failed"
    where += ", errors at the end" if "Traceback" in stderr and answers else ""
    return f"| {title} | {method} | {where} | {' | '.join(cells)} | {time.monotonic() - begun:.0f} |"


def _finished(command: list[str]) -> tuple[str, str]:
    """What a command printed; after `SECONDS` it is killed with everything that it has started."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        return process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        print(process.communicate()[1][-3000:], file=sys.stderr)
        raise


def _cell(found: list[str], expected: str) -> str:
    wrong = [answer for answer in found if answer != expected]
    if wrong:
        return wrong[0] if ":" in wrong[0] else "other bytes"
    return "same" if found else ""


if __name__ == "__main__":
    sys.modules["try_frameworks"] = sys.modules[__name__]
    main()
