"""The parent's bookkeeping: every lease has one owner, every job one end."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from imgpar.core.job import Item, Job, OutputFile, Target
from imgpar.core.spec import FrameRef, Spec
from imgpar.runtime.arena import CHUNK, Allocator
from imgpar.runtime.ledger import Ledger
from imgpar.runtime.protocol import (
    Deny,
    Done,
    Failed,
    Grant,
    Need,
    Placed,
    Revoke,
    Task,
)
from imgpar.runtime.records import MAX_ATTEMPTS, MAX_CRASHES, MAX_KILLS
from imgpar.runtime.task_queue import BATCH_BYTES, BATCH_ITEMS

SPEC = Spec(4, 4, "RGB")
GONE = Failed(0, "decode", "WorkerDiedError", "It died.", "", "")


def job(number: int, size: int = 1000, targets: int = 1) -> Job:
    outputs = tuple(Target("jpeg", f"/out/{number}-{n}.jpg") for n in range(targets))
    return Job(number, (Item(f"/in/{number}.jpg", f"{number}.jpg", size, 0),), outputs)


def ledger(schedule: str = "chain", workers: int = 1, chunks: int = 64, *, arrays: bool = False) -> Ledger:
    made = Ledger(Allocator(chunks * CHUNK), schedule, arrays=arrays)
    for index in range(workers):
        made.hired(index)
    return made


def placed(book: Ledger, number: int) -> Placed:
    lease = book.jobs[number].lease
    assert lease is not None
    return Placed(lease, FrameRef(lease.offset, SPEC))


def written(task: Task) -> tuple[OutputFile, ...]:
    numbers = task.targets or range(len(task.job.targets))
    return tuple(OutputFile(task.job.targets[number].path, 1) for number in numbers)


# ----- a worker that talks nonsense -----------------------------------------------------------------


def moved(change):
    """Change where a message says that its frames are; None where it has none."""
    return lambda message: (
        message._replace(placed=change(message.placed))
        if isinstance(message, Done) and message.placed is not None
        else None
    )


LIES = (
    lambda message: message._replace(serial=10**9),
    lambda message: (message,),
    lambda message: ValueError(str(message)),
    lambda message: message._replace(nbytes=-1) if isinstance(message, Need) else None,
    lambda message: message._replace(unchanged=True) if isinstance(message, Done) else None,
    lambda message: message._replace(placed=None, outputs=()) if isinstance(message, Done) else None,
    lambda message: (
        message._replace(outputs=(OutputFile("/out/of another", 1),)) if isinstance(message, Done) else None
    ),
    moved(lambda at: at._replace(lease=at.lease._replace(offset=at.lease.offset + CHUNK))),
    moved(lambda at: at._replace(lease=at.lease._replace(size=at.lease.size + CHUNK))),
    moved(lambda at: at._replace(frames=FrameRef(at.frames.offset, Spec(9000, 9000)))),
    moved(lambda at: at._replace(frames=FrameRef(at.frames.offset, SPEC, 10**6))),
    moved(lambda at: at._replace(frames=FrameRef(at.frames.offset, SPEC, 0))),
    moved(lambda at: at._replace(frames=FrameRef(at.frames.offset, Spec(-4, -4)))),
    moved(lambda at: at._replace(frames=FrameRef(at.frames.offset, Spec(4, 4, "XYZ")))),
    moved(lambda at: at._replace(frames=FrameRef(at.lease.offset - 1, SPEC))),
    moved(lambda at: at._replace(frames=FrameRef(at.lease.offset + at.lease.size - 1, SPEC))),
    moved(lambda at: at._replace(header=(at.lease.offset + at.lease.size, 1))),
)
"""What the parent has to notice; each takes a message that is true."""


def test_a_chain_is_one_task():
    book = ledger()
    book.submit(job(0), 1)
    (task,) = book.tasks.assign(0)
    assert task.stage == "chain"


def test_a_finished_chain_settles_its_job():
    book = ledger()
    book.submit(job(0), 1)
    (task,) = book.tasks.assign(0)
    assert book.done(0, Done(task.serial, ())).kind == "ok"
    assert book.finished


def test_small_jobs_travel_in_batches():
    book = ledger()
    for number in range(3 * BATCH_ITEMS):
        book.submit(job(number), 1)
    assert len(book.tasks.assign(0)) == BATCH_ITEMS


def test_where_few_are_queued_there_are_no_batches():
    book = ledger()
    for number in range(BATCH_ITEMS - 1):
        book.submit(job(number), 1)
    assert len(book.tasks.assign(0)) == 2


def test_a_batch_of_larger_files_is_refilled_when_half_of_it_is_done():
    book = ledger()
    for number in range(100):
        book.submit(job(number, size=BATCH_BYTES // 8), 1)
    tasks = book.tasks.assign(0)
    refilled = []
    for task in tasks:
        book.done(0, Done(task.serial, (), None, written(task)))
        refilled.append(len(book.tasks.assign(0)))
    assert refilled == [0, 0, 0, 4, 0, 0, 0, 4]


def test_answers_may_wait_until_the_first_worker_is_topped_up():
    book = ledger(workers=2)
    for number in range(5 * BATCH_ITEMS):
        book.submit(job(number), 1)
    assert book.tasks.spare == 0
    first, second = (book.tasks.assign(index) for index in range(2))
    assert book.tasks.spare == len(first) // 2 > 0
    for task in second[:3]:
        book.done(1, Done(task.serial, (), None, written(task)))
    assert book.tasks.spare == len(second) // 2 - 3
    book.need(0, first[0].serial, 1000)
    assert book.tasks.spare == 0


def test_large_jobs_are_at_most_two_at_a_worker():
    book = ledger()
    for number in range(100):
        book.submit(job(number, size=5 << 20), 1)
    assert len(book.tasks.assign(0)) == 2


def test_the_last_jobs_are_handed_out_one_by_one():
    book = ledger(workers=2)
    for number in range(3):
        book.submit(job(number), 1)
    assert len(book.tasks.assign(0)) == 1


def test_the_standing_lease_stays_with_the_worker():
    book = ledger()
    book.submit(job(0), 1)
    (task,) = book.tasks.assign(0)
    book.need(0, task.serial, 1000)
    book.leases.grants()
    book.done(0, Done(task.serial, ()))
    assert book.allocator.leased == CHUNK


def test_asking_again_gives_the_old_lease_back():
    book = ledger()
    for number in range(2):
        book.submit(job(number), 1)
        (task,) = book.tasks.assign(0)
        book.need(0, task.serial, (number + 1) * CHUNK)
        book.leases.grants()
        book.done(0, Done(task.serial, ()))
    assert book.allocator.leased == 2 * CHUNK + CHUNK  # an eighth more than asked for, in whole chunks


def test_what_can_never_fit_fails_with_the_numbers():
    book = ledger(chunks=33)
    book.submit(job(0), 1)
    (task,) = book.tasks.assign(0)
    settled = book.need(0, task.serial, 64 << 20)
    assert settled.kind == "failed"
    assert "64 MiB" in settled.state.failure.message
    assert "2 MiB" in settled.state.failure.message


def test_who_does_not_fit_now_waits():
    book = ledger(workers=2, chunks=4)
    for number in range(2):
        book.submit(job(number), 1)
    for index in range(2):
        (task,) = book.tasks.assign(index)
        book.need(index, task.serial, 2 * CHUNK)
    assert [index for index, message in book.leases.grants() if isinstance(message, Grant)] == [0]


def test_an_idle_workers_lease_is_taken_for_one_who_waits():
    book = ledger(workers=2, chunks=4)
    book.submit(job(0), 1)
    (task,) = book.tasks.assign(0)
    book.need(0, task.serial, 2 * CHUNK)
    book.leases.grants()
    book.done(0, Done(task.serial, ()))
    book.submit(job(1), 1)
    (task,) = book.tasks.assign(1)
    book.need(1, task.serial, 2 * CHUNK)
    assert [index for index, message in book.leases.grants() if isinstance(message, Grant)] == [1]


def test_stages_hand_the_lease_on():
    book = ledger("staged", workers=2)
    book.submit(job(0), 1)
    (decode,) = book.tasks.assign(0)
    book.need(0, decode.serial, 1000)
    book.leases.grants()
    there = placed(book, 0)
    book.done(0, Done(decode.serial, (), there))
    (transform,) = book.tasks.assign(1)
    assert (transform.stage, transform.placed) == ("transform", there)


def test_every_target_is_encoded_by_whoever_is_free():
    book = ledger("staged", workers=2)
    book.submit(job(0, targets=2), 1)
    (decode,) = book.tasks.assign(0)
    book.need(0, decode.serial, 1000)
    book.leases.grants()
    book.done(0, Done(decode.serial, (), placed(book, 0)))
    (transform,) = book.tasks.assign(1)
    book.done(1, Done(transform.serial, (), placed(book, 0)))
    tasks = [book.tasks.assign(index)[0] for index in range(2)]
    assert [(task.stage, task.targets) for task in tasks] == [("encode", (0,)), ("encode", (1,))]
    assert book.done(0, Done(tasks[0].serial, ())) is None
    assert book.done(1, Done(tasks[1].serial, ())).kind == "ok"
    assert book.allocator.leased == 0


def test_outputs_are_told_in_the_order_of_their_targets_whoever_is_first():
    book = ledger("staged", workers=2)
    book.submit(job(0, targets=2), 1)
    (task,) = book.tasks.assign(0)
    book.need(0, task.serial, CHUNK)
    book.leases.grants()
    book.done(0, Done(task.serial, (), placed=placed(book, 0)))
    (task,) = book.tasks.assign(0)
    book.done(0, Done(task.serial, (), placed=placed(book, 0)))
    first, second = book.tasks.assign(0)[0], book.tasks.assign(1)[0]
    book.done(1, Done(second.serial, (), outputs=written(second)))
    settled = book.done(0, Done(first.serial, (), outputs=written(first)))
    assert [file.path for file in settled.outcome().outputs] == ["/out/0-0.jpg", "/out/0-1.jpg"]


def test_a_task_that_was_not_begun_is_not_charged():
    book = ledger(workers=1)
    for number in range(10):
        book.submit(job(number), 1)
    first, _ = book.tasks.assign(0)
    assert book.died(0, first.serial, "crash", GONE) == []
    assert (book.jobs[0].crashes, book.jobs[1].crashes) == (1, 0)


def test_a_retry_runs_alone():
    book = ledger(workers=1)
    for number in range(10):
        book.submit(job(number), 1)
    first, _ = book.tasks.assign(0)
    book.died(0, first.serial, "crash", GONE)
    book.hired(1)
    (again,) = book.tasks.assign(1)
    assert again.job.id == 0
    assert book.tasks.assign(1) == ()


@pytest.mark.parametrize(("cause", "most"), [("crash", MAX_CRASHES), ("killed", MAX_KILLS), ("deadline", 2)])
def test_a_job_fails_after_so_many_deaths(cause, most):
    book = ledger()
    book.submit(job(0), 1)
    settled = []
    for index in range(most):
        (task,) = book.tasks.assign(index)
        settled = book.died(index, task.serial, cause, GONE)
        book.hired(index + 1)
        assert len(settled) == (index == most - 1)
    assert settled[0].kind == "failed"


@pytest.mark.parametrize(("cause", "given_up"), [("crash", True), ("deadline", True), ("killed", False)])
def test_without_a_second_try_only_a_kill_from_outside_is_forgiven(cause, given_up):
    book = Ledger(Allocator(64 * CHUNK), retried=False)
    book.hired(0)
    book.submit(job(0), 1)
    (task,) = book.tasks.assign(0)
    assert bool(book.died(0, task.serial, cause, GONE)) == given_up


def test_lost_pages_make_the_job_begin_again():
    book = ledger(chunks=8)
    book.submit(job(0), 1)
    (task,) = book.tasks.assign(0)
    book.need(0, task.serial, 4 * CHUNK)
    book.leases.grants()
    book.no_memory(0, task.serial)
    (again,) = book.tasks.assign(0)
    assert again.job.id == 0
    assert book.allocator.largest < 7 * CHUNK


def test_who_waits_for_more_than_is_left_after_pages_were_lost_is_told_and_fails():
    book = ledger(workers=2, chunks=8)
    book.submit(job(0), 1)
    book.submit(job(1), 1)
    (first,), (second,) = book.tasks.assign(0), book.tasks.assign(1)
    book.need(0, first.serial, 6 * CHUNK)
    book.leases.grants()
    book.need(1, second.serial, 6 * CHUNK)
    assert book.no_memory(0, first.serial) == [(1, Deny(second.serial))]
    (again,) = book.tasks.assign(1)
    settled = book.need(1, again.serial, 6 * CHUNK)
    assert settled is not None
    assert "shared memory" in settled.outcome().error


def test_arrays_get_memory_in_their_order():
    book = ledger(workers=2, arrays=True)
    for number in range(2):
        book.submit(job(number), 1)
    (first,), (second,) = book.tasks.assign(0), book.tasks.assign(1)
    book.need(1, second.serial, 1000)
    assert book.leases.grants() == []
    book.need(0, first.serial, 1000)
    assert [index for index, _ in book.leases.grants()] == [0, 1]


def test_who_has_the_wanted_array_behind_another_makes_way():
    book = ledger(workers=2, arrays=True)
    for number in range(6):
        book.submit(job(number, size=5 << 20), 1)
    (_, behind), (later, _) = book.tasks.assign(0), book.tasks.assign(1)
    book.need(0, behind.serial, 1000)  # the wanted array 0 lies behind it in this worker's pipe
    book.need(1, later.serial, 1000)
    assert book.leases.grants() == [(0, Deny(behind.serial))]


def test_no_memory_for_the_array_whose_turn_it_is_is_being_stuck():
    book = ledger(workers=1, chunks=4, arrays=True)
    held = book.allocator.lease(3 * CHUNK)
    book.submit(job(0), 1)
    (task,) = book.tasks.assign(0)
    book.need(0, task.serial, CHUNK)
    assert book.leases.stuck
    book.leases.release(held)
    assert not book.leases.stuck


# ----- functions that take several pictures ----------------------------------------------------------


def decoded(book: Ledger, *numbers: int) -> None:
    """Decode these jobs on worker 0."""
    for number in numbers:
        (task,) = book.tasks.assign(0)
        assert (task.stage, task.job.id) == ("decode", number)
        book.need(0, task.serial, 1000)
        book.leases.grants()
        book.done(0, Done(task.serial, (), placed(book, number)))


def collecting(jobs: int, workers: int = 1) -> Ledger:
    """A ledger that lets three transform tasks be performed together."""
    book = ledger(workers=workers)
    book.tasks.collect(3)
    for number in range(jobs):
        book.submit(job(number, size=5 << 20), 1)
    return book


def test_transform_tasks_are_collected_and_go_to_one_worker():
    book = collecting(9)
    decoded(book, 0, 1, 2)
    tasks = book.tasks.assign(0)
    assert [(task.stage, task.job.id, task.together) for task in tasks] == [
        ("transform", number, 3) for number in range(3)
    ]


def test_the_last_ones_are_fewer():
    book = collecting(2)
    decoded(book, 0, 1)
    assert [(task.job.id, task.together) for task in book.tasks.assign(0)] == [(0, 2), (1, 2)]


def test_the_last_ones_wait_for_what_is_decoded_elsewhere():
    book = collecting(2, workers=2)
    ((first,), (second,)) = book.tasks.assign(0), book.tasks.assign(1)
    for index, task in enumerate((first, second)):
        book.need(index, task.serial, 1000)
    book.leases.grants()
    book.done(0, Done(first.serial, (), placed(book, 0)))
    assert book.tasks.assign(0) == ()
    book.done(1, Done(second.serial, (), placed(book, 1)))
    assert len(book.tasks.assign(0)) == 2


def test_a_worker_that_waits_for_memory_gets_fewer():
    book = collecting(9)
    decoded(book, 0)
    (task,) = book.tasks.assign(0)
    book.need(0, task.serial, 1000)
    assert [(task.stage, task.together) for task in book.tasks.assign(0)] == [("transform", 1)]


def test_after_a_death_each_is_performed_by_itself():
    book = collecting(3)
    decoded(book, 0, 1, 2)
    tasks = book.tasks.assign(0)
    assert book.died(0, tasks[0].serial, "crash", GONE) == []
    assert [book.jobs[number].crashes for number in range(3)] == [1, 0, 0]
    book.hired(0)
    found = []
    for _ in range(3):
        (task,) = book.tasks.assign(0)
        book.need(0, task.serial, 1000)
        book.leases.grants()
        book.done(0, Done(task.serial, (), placed(book, task.job.id)))
        (task,) = book.tasks.assign(0)
        found.append((task.stage, task.together))
        book.failed(0, Failed(task.serial, "transform", "TransformError", "bad", "", ""))
    assert found == [("transform", 1)] * 3


def test_a_task_that_waits_is_not_forgotten_for_another_one():
    """A function may make its picture larger while its worker waits for the memory of the next one."""
    book = ledger("staged", workers=2)
    for number in range(2):
        book.submit(job(number), 1)
    ((outer,), (first,)) = book.tasks.assign(0), book.tasks.assign(1)
    book.need(1, first.serial, CHUNK)
    book.leases.grants()
    book.done(1, Done(first.serial, (), placed(book, 1)))
    book.need(0, outer.serial, 3 * CHUNK)
    (inner,) = book.tasks.assign(0)
    book.need(0, inner.serial, 2 * CHUNK)
    assert [message.serial for _, message in book.leases.grants()] == [inner.serial, outer.serial]


def test_a_task_that_returns_its_memory_is_granted_it_after_the_others():
    book = ledger("staged", workers=2)
    for number in range(3):
        book.submit(job(number), 1)
    ((outer,), (first,)) = book.tasks.assign(0), book.tasks.assign(1)
    book.need(1, first.serial, CHUNK)
    book.leases.grants()
    book.done(1, Done(first.serial, (), placed(book, 1)))
    book.need(0, outer.serial, CHUNK)
    (inner,) = book.tasks.assign(0)
    assert [message.serial for _, message in book.leases.grants()] == [outer.serial]
    book.need(0, inner.serial, CHUNK)
    book.need(0, outer.serial, CHUNK, later=True)
    assert book.jobs[0].lease is None
    assert [message.serial for _, message in book.leases.grants()] == [inner.serial, outer.serial]


def test_a_worker_that_waits_may_still_have_work():
    book = collecting(9)
    decoded(book, 0)
    (task,) = book.tasks.assign(0)
    book.need(0, task.serial, 60 * CHUNK)
    (inner,) = book.tasks.assign(0)
    assert not book.leases.stalled
    book.failed(0, Failed(inner.serial, "transform", "TransformError", "bad", "", ""))
    assert book.leases.stalled


class Bookkeeping(RuleBasedStateMachine):
    """Any order of events: no lease is lost or shared, every job ends once."""

    @initialize(
        schedule=st.sampled_from(["auto", "staged", "chain"]),
        workers=st.integers(1, 4),
        arrays=st.booleans(),
        together=st.sampled_from([1, 3]),
    )
    def begin(self, schedule, workers, arrays, together):
        self.book = ledger(schedule, workers, chunks=24, arrays=arrays)
        if together > 1:
            self.book.tasks.collect(together)
        self.hired = workers
        self.submitted = self.ended = 0
        self.at_worker: dict[int, dict[int, str]] = {index: {} for index in range(workers)}
        self.tokens: dict[int, list[int]] = {index: [] for index in range(workers)}
        self.given: list = []
        self.dropped = 0

    @rule(outputs=st.integers(1, 3), size=st.sampled_from([1000, 1 << 20]))
    def submit(self, outputs, size):
        self.book.submit(job(self.submitted, size, outputs), 1)
        self.submitted += 1

    @rule(data=st.data())
    def assign(self, data):
        index = data.draw(st.sampled_from(sorted(self.at_worker)))
        for task in self.book.tasks.assign(index):
            self.at_worker[index][task.serial] = task.stage

    def _runnable(self, index):
        worker = self.book.workers[index]
        waits = [serial for serial, _ in worker.requests]
        serials = [serial for serial in worker.outstanding if serial not in waits]
        if waits:  # only frames of other jobs are worked on meanwhile
            serials = [s for s in serials if worker.outstanding[s].stage in ("transform", "encode")]
        return serials[:1]

    @rule(data=st.data(), chunks=st.integers(1, 30))
    def work(self, data, chunks):
        ready = [(index, s) for index in self.at_worker for s in self._runnable(index)]
        if not ready:
            return
        index, serial = data.draw(st.sampled_from(ready))
        worker = self.book.workers[index]
        task = worker.outstanding[serial]
        state = self.book.jobs[task.job.id]
        held = state.lease if self.book.leases.owned_by_job(task) else worker.standing
        if task.stage in ("chain", "decode") and (held is None or held.size < chunks * CHUNK):
            message = Need(serial, chunks * CHUNK)
        elif task.stage == "transform" and chunks > 24 and data.draw(st.booleans()):
            # The function has made it larger, or it cannot go on with what it was granted.
            message = Need(serial, (chunks - 24) * CHUNK, data.draw(st.booleans()))
        elif data.draw(st.integers(0, 5)) == 0:
            message = Failed(serial, "decode", "DamagedError", "bad", "", "")
        else:
            hands_on = task.stage in ("decode", "transform") or (self.book.arrays and task.stage == "chain")
            where = placed(self.book, task.job.id) if hands_on else None
            message = Done(serial, (), where, () if hands_on else written(task))
        lie = data.draw(st.sampled_from(LIES))(message)
        assert lie is None or self.book.disorder(index, lie)
        assert self.book.disorder(index, message) == ""
        if isinstance(message, Need):
            self._end(self.book.need(index, *message))
        else:
            self._end(
                self.book.failed(index, message)
                if isinstance(message, Failed)
                else self.book.done(index, message)
            )

    def _end(self, settled):
        if settled is None:
            return
        self.ended += 1
        if settled.kind == "array":
            self.given.append(settled.placed.lease)

    @rule()
    def grant(self):
        for index, message in self.book.leases.grants():
            if isinstance(message, Revoke) and message.token:
                self.tokens[index].append(message.token)

    @rule(data=st.data())
    def drop(self, data):
        answered = [i for i, tokens in self.tokens.items() if tokens and not self.book.workers[i].outstanding]
        if answered:
            index = data.draw(st.sampled_from(answered))
            self.book.leases.dropped(index, self.tokens[index].pop(0))

    @rule(data=st.data())
    def release(self, data):
        if self.given:
            self.book.leases.release(self.given.pop(data.draw(st.integers(0, len(self.given) - 1))))

    @rule(data=st.data(), cause=st.sampled_from(["crash", "killed", "deadline"]), charged=st.booleans())
    def kill(self, data, cause, charged):
        index = data.draw(st.sampled_from(sorted(self.at_worker)))
        begun = (self._runnable(index) or [0])[0] if charged else 0
        for settled in self.book.died(index, begun, cause, GONE):
            self._end(settled)
        del self.at_worker[index], self.tokens[index]
        self.book.hired(self.hired)
        self.at_worker[self.hired], self.tokens[self.hired] = {}, []
        self.hired += 1

    @precondition(lambda self: hasattr(self, "book"))
    @rule()
    def drain(self):
        self.dropped += self.book.drain()

    @invariant()
    def every_lease_has_one_owner(self):
        if not hasattr(self, "book"):
            return
        owned = [state.lease for state in self.book.jobs.values() if state.lease]
        owned += [worker.standing for worker in self.book.workers.values() if worker.standing]
        owned += self.given
        spans = sorted((lease.offset, lease.offset + lease.size) for lease in owned)
        assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))
        back = sum(lease.size for lease in self.book.allocator._returned)
        assert sum(end - start for start, end in spans) == self.book.allocator.leased - back

    @invariant()
    def every_job_has_one_end(self):
        if hasattr(self, "book"):
            assert self.submitted == self.ended + self.dropped + len(self.book.jobs)


Bookkeeping.TestCase.settings = settings(
    max_examples=120, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestBookkeeping = Bookkeeping.TestCase


# ----- what a storm of kills found ------------------------------------------------------------------


def test_kills_that_hit_others_too_are_not_held_against_a_job():
    book = ledger(workers=2)
    book.submit(job(0), 1)
    for _ in range(2 * MAX_KILLS):
        (task,) = book.tasks.assign(0)
        assert book.died(0, task.serial, "killed", GONE) == []
        book.died(1, 0, "killed", GONE)
        book.hired(0)
        book.hired(1)
    assert not book.finished


def test_patience_with_kills_has_an_end():
    book = ledger(workers=2)
    book.submit(job(0), 1)
    for _ in range(MAX_ATTEMPTS):
        (task,) = book.tasks.assign(0)
        settled = book.died(0, task.serial, "killed", GONE)
        book.died(1, 0, "killed", GONE)
        book.hired(0)
        book.hired(1)
    assert [end.kind for end in settled] == ["failed"]


def test_a_transform_that_nobody_answered_for_begins_with_the_file_again():
    """It may have written over the frames it reads, or given its lease back."""
    book = ledger("staged")
    book.submit(job(0), 1)
    (task,) = book.tasks.assign(0)
    book.need(0, task.serial, 1000)
    book.leases.grants()
    book.done(0, Done(task.serial, (), placed(book, 0)))
    (task,) = book.tasks.assign(0)
    assert task.stage == "transform"
    book.died(0, 0, "killed", GONE)
    book.hired(0)
    assert [task.stage for task in book.tasks.assign(0)] == ["decode"]
    assert book.allocator.leased == 0


def test_in_place_all_outputs_of_a_job_are_encoded_in_order_by_one_worker():
    """The last one retires the original."""
    book = ledger("staged", workers=2)
    targets = (Target("jpeg", "/in/0.jpg"), Target("webp", "/in/0.webp", retires="/in/0.jpg", backup="/b"))
    book.submit(Job(0, (Item("/in/0.jpg", "0.jpg", 1000, 0),), targets), 1)
    for stage in ("decode", "transform"):
        (task,) = book.tasks.assign(0)
        assert task.stage == stage
        if stage == "decode":
            book.need(0, task.serial, 1000)
            book.leases.grants()
        book.done(0, Done(task.serial, (), placed(book, 0)))
    assert [task.targets for index in range(2) for task in book.tasks.assign(index)] == [()]


# ----- cores -------------------------------------------------------------------------------------------


def test_a_picture_that_is_alone_gets_all_cores() -> None:
    book = ledger()
    book.tasks.cores = 6
    book.submit(job(0), 1)
    assert [task.cores for task in book.tasks.assign(0)] == [6]


def test_pictures_share_the_cores_with_those_that_wait() -> None:
    book = ledger(workers=2)
    book.tasks.cores = 6
    for number in range(3):
        book.submit(job(number), 1)
    assert [task.cores for task in book.tasks.assign(0)] == [2]


def test_where_more_pictures_wait_than_there_are_cores_each_has_one() -> None:
    book = ledger(workers=2)
    book.tasks.cores = 2
    for number in range(5):
        book.submit(job(number), 1)
    assert {task.cores for task in book.tasks.assign(0)} == {1}
