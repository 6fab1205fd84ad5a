"""The runtime: worker processes, the shared arena, and the scheduler that owns every decision.

Between the processes
    messages       what travels between parent and worker: ids, offsets, specs; never pixels
    frames         the shared-memory arena: one segment, chunks leased and recycled
    channel        a private pipe between the parent and one worker

In the parent
    records        what the ledger writes down
    helping        frames that a clip's worker offers to the others
    tasks          what is to be done, and who does it next
    leases         who has which memory, and whose turn it is
    claims         what a worker says, held against what it was given
    ledger         what happens to each job: with the four above all bookkeeping, without processes
    pool           starts, stops and buries worker processes
    deaths         workers that hang, lie or die
    scheduler      the parent's loop: ledger + pool + channels

How a worker comes to life
    warmup         lets processes start early, and without the user's `__main__`
    entry          where a worker process starts; light, so that the parent can name it
    preload        what the fork server imports once
    job_object     Windows: what a worker starts dies with it
    process        a worker process: signals, limits, log, end

In a worker
    worker         its loop: messages, tasks, leases
    picture        one task of a picture: all of its stages, or one
    writing        its outputs, from frames to their names
    memory         the arena as one task sees it
    clock          what each stage takes, and which one it is in
    runspec        what it has to know about a run
    reading        an input's bytes, as they are in one moment
    programs       what will be done to a picture, from its header and the recipe
    stages         decode, transform and encode for one picture
    planar         JPEG to JPEG without red, green and blue in between
    outputs        from frames to files
    verify         an output is decoded again and compared
    clips          a clip, from probe to commit
    frame_path     its frames through shared memory, worked on by all workers
    frame_program  what is done to each of them
    crew           a clip's worker and those who help it
    failures       what it says of an exception
"""
