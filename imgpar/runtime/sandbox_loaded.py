"""Imported once by the fork server of runs with a sandbox: a worker restricts itself in 3 ms, not in 10."""

from __future__ import annotations

from imgpar.runtime.sandbox import why_unsupported

if not why_unsupported():
    from landlockpy import abi_version

    abi_version()  # it looks for the C library at its first call
