"""One clip in a worker: probe, plan, convert, check, commit. It may start ffmpeg, read the input, and write
the outputs and the kept parts of one task.

task            one clip: every target from the plan to the commit
frame_path      frames through the arena: decode and encode in one worker, transform in all
frame_program   the operations on one frame: on planes, then in RGB
helper          a frame of the clip of another worker
pace            whether the worker of a clip has idle time
resuming        long clips in parts, which an interrupted run leaves for the next one
animations      clips to animated pictures, and the reverse
"""
