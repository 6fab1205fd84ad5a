"""Worker processes, the shared-memory arena and the scheduler. No pixels: a run supplies the performer.

This room may start processes, map shared memory and write temporary files. It imports `core` only. `startup`,
`entry` and `rlimits` are imported first and must stay free of numpy.

Between the processes
    protocol           messages between parent and worker: ids, offsets and specs, never pixels
    serialization      messages of a worker as typed MessagePack, decoded without running code
    channel            a private pipe between the parent and one worker
    arena              the shared-memory segment: leases of whole chunks

In the parent
    records            state of a job, state of a worker, result of a job
    task_queue         which task runs next, and on which worker
    leases             which job or worker holds which memory, and the order of grants
    shared_frames      frames of a clip that other workers may process
    validation         each message of a worker checked against what was assigned to it
    ledger             the state of every job; with the five above pure bookkeeping, without processes
    pool               starts, stops and reaps worker processes
    watchdog           workers that hang, crash or send invalid messages
    stopped_processes  processes stopped with SIGSTOP
    scheduler          the main loop of the parent: ledger, pool and channels

Start of a worker
    rlimits            limits of the shell (`ulimit`)
    startup            starts the fork server early, and without the user's `__main__`
    entry              entry point of a worker process
    job_object         Windows: child processes end with their worker
    process            signals, limits, log and exit of a worker process

In a worker
    worker             the main loop: messages, tasks, leases
    context            what a task may use: clock, memory, helpers
    helpers            the other workers, for the worker of a stream
    stage_times        time of each stage, and the current stage
    failures           the message sent for an exception
"""
