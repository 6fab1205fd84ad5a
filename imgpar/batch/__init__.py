"""Runs: planned, carried out, noted in the journal and reported. It may touch every room below it, and disks.

run_options   how a run behaves              planner, incremental   what is to be done, what is done already
session, run  a run from start to end        journal/, inplace/     what is kept of it
picture/      what a worker does with a      report, progress       what people see of it
              picture, clip/ with a clip
"""

PRELOAD = "imgpar.batch.preload"
"""The module that the fork server imports once, so that a worker starts in milliseconds."""
