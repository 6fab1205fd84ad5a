"""The outputs of one picture for a recipe with [[output]] tables.

    header ─► programs of all outputs ─► lease ─► decode ─► shared operations ─┬► own ─► encode, commit
                                                                               └► own ─► encode, commit

Outputs that need another decode (other pages, another density, another treatment of a grey profile) are made
after the others, from a decode of their own; so are documents that are processed page by page. One output
that fails does not affect the others.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from imgpar.batch.picture import documents, programs, reuse, stages
from imgpar.batch.picture.programs import Program
from imgpar.batch.picture.trees import Tree, common, compile_tree
from imgpar.batch.picture.writing import Writing
from imgpar.batch.run_spec import RunSpec
from imgpar.core.errors import ItemError
from imgpar.core.job import Target, by_branch
from imgpar.core.limits import Limits
from imgpar.core.spec import Header
from imgpar.formats import codec
from imgpar.formats.registry import find_format
from imgpar.outputs.templates import OWN_SIZE
from imgpar.runtime.stage_times import StageClock

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


class Branch(NamedTuple):
    """One output of the recipe, with its files."""

    run: RunSpec
    """With the operations and settings of this output."""
    targets: list[Target]


class Compiled(NamedTuple):
    """An output and its steps."""

    branch: Branch
    program: Program


class BranchWork:
    """Makes several outputs of one picture.

    Args:
        path: of the picture.
        run: with all outputs of the recipe.
        memory: leases of the arena; the bytes of the previous call become invalid.
        writing: the targets of the task; it receives the files.
        clock: measures the stages.
    """

    def __init__(
        self, path: str, run: RunSpec, memory: documents.Memory, writing: Writing, clock: StageClock
    ) -> None:
        self._path, self._run = path, run
        self._memory, self._writing, self._clock = memory, writing, clock

    def make(self, data: bytes) -> None:
        """Make the targets from the bytes of the file; `Writing.results` tells what became of them."""
        branches = by_branch(self._writing.targets()).items()
        wanted = [Branch(self._run.branch(number), targets) for number, targets in branches]
        for limits, alike in _grouped(wanted, lambda branch: branch.run.limits):
            with self._writing.attempt(_targets(alike)):
                with self._clock.during("read"):
                    header = codec.read_header(data, self._path, limits)
                self._make_alike(data, header, limits, [self._fitted(branch, header) for branch in alike])

    def _fitted(self, branch: Branch, header: Header) -> Branch:
        """The branch with the operations for this picture, whose metadata may be drawn."""
        run = branch.run
        operations, notes = programs.operations_for(run.operations, header, self._path, run.encode)
        self._writing.add((), (), notes)
        return (
            branch
            if operations is run.operations
            else branch._replace(run=run._replace(operations=operations))
        )

    def _make_alike(self, data: bytes, header: Header, limits: Limits, branches: Sequence[Branch]) -> None:
        """Make outputs that read the same pages at the same density."""
        together = list[Branch]()
        for branch in branches:
            if not documents.apart(header, branch.targets, branch.run):
                together.append(branch)
                continue
            with self._writing.attempt(branch.targets):
                documents.write_document(
                    data,
                    self._path,
                    header,
                    branch.targets,
                    branch.run,
                    self._memory,
                    self._writing,
                    self._clock,
                )
        if together:
            for tree, members in self._trees(header, limits, together):
                with self._writing.attempt(_targets(one.branch for one in members)):
                    self._make_tree(data, limits, tree, members)

    def _trees(
        self, header: Header, limits: Limits, branches: Sequence[Branch]
    ) -> Iterator[tuple[Tree, Sequence[Compiled]]]:
        """The outputs that are made from one decode each; as few as possible."""
        compiled = list[Compiled]()
        with self._clock.during("decode"):
            scale = self._scale(header, limits)
        for branch in branches:
            with self._writing.attempt(branch.targets), self._clock.during("decode"):
                keep = header.frames > 1 and any(find_format(one.format).frames for one in branch.targets)
                program = programs.compile_program(
                    header, branch.run.operations, limits, keep_frames=keep, most_scale=scale
                )
                compiled.append(Compiled(branch, program))
        for _, alike in _grouped(compiled, lambda one: one.program.grey_icc):
            tree = _tree_of(alike, limits)
            if tree.nbytes <= limits.memory:
                yield tree, alike
            else:  # each of them fits
                yield from ((_tree_of([one], limits), [one]) for one in alike)

    def _scale(self, header: Header, limits: Limits) -> int:
        """The reduction at which the picture is decoded: what the largest output of the recipe needs, whether
        it is to be made now or exists already. So the order in which outputs are made has no influence."""
        found = list[tuple[int, Program]]()
        for number, output in enumerate(self._run.branches):
            branch = self._run.branch(number)
            if branch.limits == limits:
                try:
                    found.append((output.size, programs.compile_program(header, branch.operations, limits)))
                except ItemError:
                    continue
        largest = max((size for size, _ in found), default=0)
        # Of an input with all the sizes its own is not made.
        wanted = (one for size, one in found if size != OWN_SIZE or one.size[0] < largest)
        return min((one.scale for one in wanted), default=1)

    def _make_tree(self, data: bytes, limits: Limits, tree: Tree, members: Sequence[Compiled]) -> None:
        """Decode, run the shared operations, and make each output."""
        lease = self._memory(tree.nbytes)
        with self._clock.during("decode"):
            frames, notes = stages.decode(tree.root, data, lease, limits)
        self._writing.add((), (), notes)
        operations = [one.branch.run.operations for one in members]
        shared = common(operations)
        with self._clock.during("transform"):
            programs.begin_picture(shared, tree.root.source, self._path, len(frames))
            found = list[str]()
            frames = tree.run_shared(frames, lease, found)
        self._writing.add((), (), found)
        for number, (branch, program) in enumerate(members):
            with self._writing.attempt(branch.targets):
                with self._clock.during("transform"):
                    own = branch.run.operations[len(shared) :]
                    programs.begin_picture(own, program.source, self._path, program.frames)
                    found = list[str]()
                    made = tree.run_own(number, frames, lease, found)
                    self._writing.add((), (), found)
                formats = [target.format for target in branch.targets]
                smaller = bool(branch.run.encode.only_if_smaller)
                original = reuse.reusable(
                    program, formats, branch.run.encode, limits, data, made[0].spec, keep_smaller=smaller
                )
                header = program.header._replace(lost=program.lost)
                self._writing.each(branch.targets, made, header, original)


def _tree_of(members: Sequence[Compiled], limits: Limits) -> Tree:
    operations = [one.branch.run.operations for one in members]
    return compile_tree([one.program for one in members], operations, limits)


def _targets(branches: Iterable[Branch]) -> list[Target]:
    return [target for branch in branches for target in branch.targets]


def _grouped(values: Iterable[T], key: Callable[[T], K]) -> Iterator[tuple[K, list[T]]]:
    """Values with equal keys, in the order of the first of each."""
    groups: dict[K, list[T]] = {}
    for value in values:
        groups.setdefault(key(value), []).append(value)
    yield from groups.items()
