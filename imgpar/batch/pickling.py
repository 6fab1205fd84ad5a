"""Recipes and what belongs to them as bytes, for other processes."""

from __future__ import annotations

import pickle
import sys
import threading
from collections.abc import Iterable

from imgpar.core.errors import UsageError
from imgpar.inputs.foreign import ForeignSource
from imgpar.inputs.sources import Source
from imgpar.ops import Operation, is_registered

_lock = threading.Lock()


def pickled(value: object, operations: Iterable[Operation], sources: Iterable[Source] = ()) -> bytes:
    """Pickle functions of importable modules by reference, lambdas and those of the script by value.

    Args:
        value: what is pickled.
        operations: all that it contains.
        sources: all that it contains.

    Raises:
        UsageError: something in it cannot be pickled.
    """
    operations = tuple(operations)
    ours = all(
        type(source).__module__.startswith("imgpar.") and not isinstance(source, ForeignSource)
        for source in sources
    )
    dumps = _by_reference if ours and all(is_registered(type(one)) for one in operations) else _by_value
    try:
        return dumps(value)
    except Exception as error:
        what = next((one.name for one in operations if one.portable and not _can_be_pickled(one)), "")
        raise UsageError(
            f"{f'The operation {what}' if what else 'A function or a source'} cannot be sent to worker "
            f"processes: {error}.",
            fix="Open files, locks and connections inside the function, or when an item is opened.",
        ) from error


def _by_reference(value: object) -> bytes:
    return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)


def _by_value(value: object) -> bytes:
    """Pickle also what is defined in the script: in a spawned process that is a module `__mp_main__`, which
    workers do not have."""
    import cloudpickle

    script = sys.modules.get("__mp_main__")
    if script is None:
        made: bytes = cloudpickle.dumps(value)
        return made
    with _lock:
        before = script.__name__ in cloudpickle.list_registry_pickle_by_value()
        cloudpickle.register_pickle_by_value(script)
        try:
            made = cloudpickle.dumps(value)
        finally:
            if not before:
                cloudpickle.unregister_pickle_by_value(script)
    return made


def _can_be_pickled(operation: Operation) -> bool:
    try:
        _by_value(operation)
    except Exception:
        return False
    return True
