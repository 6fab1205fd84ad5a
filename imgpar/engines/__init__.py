"""Engines do the jobs of a run.

    local   processes of this machine

The contract is `imgpar.batch.engine`.
"""
