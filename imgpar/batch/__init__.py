"""Runs: planned, executed, recorded in the journal and reported. It may use every package below it, read
inputs, write outputs and start worker processes.

run            a run from start to end         planner, incremental   jobs of a run, unchanged inputs
run_options    options of a run                journal/, inplace/     records of runs, kept originals
pulled_plan    its plan, pulled by the         report, report_lines   the report of a run and its lines
               scheduler                       settling               outcomes of its jobs
checking       what is refused before it       before_writing         locks and rows before workers write
run_inputs     its inputs                      retry_facts            what `retry` needs of it
setup          its parts are made
workers        worker processes, the arena     progress               progress on a terminal
run_spec       facts of a run for workers      dryrun                 planning only
performer      tasks in a worker               stream                 arrays in shared memory
picture/       one picture in a worker         assemble, concat       clips from pictures, clips joined
clip/          one clip in a worker            video_writer           clips from arrays
frames/        frames of clips as pictures     verify_outputs         outputs compared with their digests
settings       settings of each public call    failure_bundle         everything to reproduce a failure
facts          facts about inputs, asked of    answers, describing    the same in a worker
               workers                         ordered                results in the order of the plan
transfer       ahead: items fetched early; spool: outputs on their way to a sink
"""

PRELOAD = "imgpar.batch.preload"
"""Module imported once by the fork server, so that a worker starts in milliseconds."""
