"""`imgpar watch`: a process that stays, and makes ordinary runs of what is new.

It may read the inputs, start runs, move or delete inputs whose outputs were verified, and write its log and
its status file. It decodes nothing and decides nothing about outputs: a run and its journal do.

    request   what is watched and what is done, and what of it is refused
    watcher   the loop: wait, look, run; what is done when the disk is full or a folder is gone
    turns     the runs: what they did, what failed, what stopped them
    feed      changes that the system reports, collected in a thread
    scope     which folders a turn looks at, and which of their files it takes
    settle    whether a file is whole
    roots     whether the input folders are there, and whether they have to be polled
    follow    what happens to inputs that are done, and to outputs of inputs that are gone
    status    the status file
    log       the log
    options   the settings
"""
