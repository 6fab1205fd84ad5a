"""Recipes and what belongs to them as bytes, for other processes."""

from __future__ import annotations

import pickle
from collections.abc import Iterable

from imgpar.core.errors import UsageError
from imgpar.inputs.foreign import ForeignSource
from imgpar.inputs.sources import Source
from imgpar.ops import Operation, operation_types


def pickled(value: object, operations: Iterable[Operation], sources: Iterable[Source] = ()) -> bytes:
    """Pickle functions of importable modules by reference, lambdas and those of `__main__` by value.

    Args:
        value: what is pickled.
        operations: all that it contains.
        sources: all that it contains.

    Raises:
        UsageError: something in it cannot be pickled.
    """
    known = operation_types().values()
    ours = all(
        type(source).__module__.startswith("imgpar.") and not isinstance(source, ForeignSource)
        for source in sources
    )
    if ours and all(type(operation) in known for operation in operations):
        return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    import cloudpickle

    try:
        made: bytes = cloudpickle.dumps(value)
    except Exception as error:
        raise UsageError(
            f"A function or a source cannot be sent to worker processes: {error}.",
            fix="Open files, locks and connections inside the function, or when an item is opened.",
        ) from error
    return made
