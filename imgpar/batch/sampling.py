"""Which inputs belong to which batch: order, share of a rank, epochs, and the place to go on from."""

from __future__ import annotations

import hashlib
import random
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from imgpar.core import parsing
from imgpar.core.errors import UsageError, bad_value

_MOST = 1 << 31
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of one batch."""

    epoch: int
    number: int
    """Of the batch in its epoch, from 0."""
    indices: Sequence[int]
    """Of its inputs, among all that were given."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How inputs are divided into batches. It depends on nothing but these values and the number of inputs.

    >>> half = Sampling(size=2, seed=7, rank=1, world=2)
    >>> [(slot.epoch, slot.number, list(slot.indices)) for slot in half.slots(6)]
    [(0, 0, [2, 3]), (0, 1, [5])]
    """

    size: int = 8
    """Of a batch, in inputs."""
    seed: int | None = None
    """Of the order of each epoch; None keeps the order of the inputs."""
    drop_last: bool = False
    """Leave out what fills no batch, and what cannot be divided among the ranks."""
    rank: int = 0
    world: int = 1
    """Number of processes that share the inputs; `rank` is the number of this one."""
    repeat: int | None = 1
    """Number of epochs; None is endless."""
    part: int = 0
    parts: int = 1
    """Number of processes that share the batches of this rank in turn; `part` is the number of this one."""

    @classmethod
    def read(
        cls, size: object, shuffle: object, drop_last: object, rank: object, world: object, repeat: object
    ) -> Self:
        """From the values of a caller; raises BadValueError."""
        if shuffle is True:
            fix = "Give a seed, such as shuffle=0: the same seed gives the same order."
            raise bad_value("shuffle", "False or a seed", shuffle, fix=fix)
        seed = parsing.integer(0, (1 << 63) - 1)
        members = parsing.named("world", parsing.integer(1, _MOST), world)
        return cls(
            parsing.named("size", parsing.integer(1, 1 << 20), size),
            None if shuffle is False else parsing.named("shuffle", seed, shuffle),
            parsing.named("drop_last", parsing.switch, drop_last),
            parsing.named("rank", parsing.integer(0, members - 1), rank),
            members,
            None if repeat is None else parsing.named("repeat", parsing.integer(1, _MOST), repeat),
        )

    @property
    def plain(self) -> bool:
        """Whether all inputs are taken once, in their order, so that they may come from an iterator."""
        return (self.seed, self.world, self.repeat, self.parts) == (None, 1, 1, 1)

    def batches(self, count: int) -> int:
        """Number of batches in an epoch of `count` inputs.

        >>> Sampling(size=2, rank=1, world=2).batches(6)
        2
        """
        share = count // self.world if self.drop_last else -(-count // self.world)
        return share // self.size if self.drop_last else -(-share // self.size)

    def slots(self, count: int, epoch: int = 0, number: int = 0) -> Iterator[Slot]:
        """The batches of `count` inputs, from batch `number` of `epoch` on."""
        turn = 0
        while count and (self.repeat is None or epoch < self.repeat):
            share = self._share(count, epoch)
            full, rest = divmod(len(share), self.size)
            batches = full + bool(rest and not self.drop_last)
            if not batches:
                return
            for place in range(number, batches):
                if turn % self.parts == self.part:
                    yield Slot(epoch, place, share[place * self.size : (place + 1) * self.size])
                turn += 1
            epoch, number = epoch + 1, 0

    def _share(self, count: int, epoch: int) -> Sequence[int]:
        """The indices of this rank. As `torch.utils.data.DistributedSampler`, the first ones come again
        where they cannot be divided, so that every rank has as many."""
        order = array("Q", range(count))
        if self.seed is not None:
            random.Random(f"{self.seed}:{epoch}").shuffle(order)  # noqa: S311
        if self.drop_last:
            return order[self.rank : count // self.world * self.world : self.world]
        share = order[self.rank :: self.world]
        if len(share) < -(-count // self.world):
            share.append(order[(self.rank + len(share) * self.world) % count])
        return share


@dataclass(frozen=True, slots=True)
class State:
    """Where a consumer goes on: the next batch, and what it is a batch of."""

    sampling: Sampling
    epoch: int = 0
    number: int = 0
    inputs: int | None = None
    """How many there are; None where they were not listed yet."""
    digest: str = ""
    """Of their names in their order."""

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        values = {key: value for key, value in asdict(self.sampling).items() if key not in _FREE}
        rest = {key: getattr(self, key) for key in ("epoch", "number", "inputs", "digest")}
        return {"version": _VERSION, **values, **rest}

    def resumed(self, given: object) -> State:
        """This state at the place of another one, as `plain` has made it.

        Raises:
            UsageError: it is none, or was made with other settings or of other inputs.
        """
        own = self.plain()
        if not isinstance(given, Mapping) or given.keys() != own.keys() or _differ(given, own, "version"):
            raise bad_value("state", "what state_dict() has returned", given)
        for key in own.keys() - {"version", "epoch", "number", "inputs", "digest"}:
            if _differ(given, own, key):
                name = "shuffle" if key == "seed" else key
                raise UsageError(
                    f"The state was saved with {name}={given[key]}, but this call has {name}={own[key]}.",
                    fix="Use the same settings, or begin without a state.",
                )
        place = {key: given[key] for key in ("epoch", "number", "inputs", "digest")}
        listed = place["inputs"] is not None
        if listed:
            _check_count(place, "inputs", _MOST)
        if not isinstance(place["digest"], str) or bool(place["digest"]) != listed:
            raise bad_value("digest of the state", "that of its inputs", place["digest"])
        _check_count(place, "epoch", _MOST)
        _check_count(place, "number", self.sampling.batches(place["inputs"]) if listed else 0)
        return replace(self, **place)

    def of(self, names: Iterable[str], count: int) -> State:
        """This state with its inputs, once they are listed.

        Raises:
            UsageError: it was saved with others.
        """
        summary = hashlib.blake2b(digest_size=16)
        for name in names:
            summary.update(name.encode("utf-8", "surrogatepass") + b"\0")
        digest = summary.hexdigest()
        if self.inputs is not None and (self.inputs, self.digest) != (count, digest):
            told = f"of {self.inputs} inputs, and there are {count}" if self.inputs != count else "of others"
            raise UsageError(
                f"The state does not fit these inputs: it is {told}.",
                fix="Give the same inputs in the same order, or begin without a state.",
            )
        return replace(self, inputs=count, digest=digest)

    def after(self, slot: Slot) -> State:
        """The state after a batch."""
        return replace(self, epoch=slot.epoch, number=slot.number + 1)


def _differ(given: Mapping[str, Any], own: Mapping[str, Any], key: str) -> bool:
    """Whether two states have different values; True is not 1."""
    return type(given[key]) is not type(own[key]) or given[key] != own[key]


def _check_count(state: Mapping[str, Any], key: str, most: int) -> None:
    if type(state[key]) is not int or not 0 <= state[key] <= most:
        raise bad_value(f"{key} of the state", f"a whole number from 0 to {most}", state[key])


_FREE = {"repeat", "part", "parts"}
"""What may differ when a consumer goes on."""
