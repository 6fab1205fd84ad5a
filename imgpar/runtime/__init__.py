"""The runtime: worker processes, the shared arena, and the scheduler that owns every decision.

messages    what travels between parent and worker: ids, offsets, specs; never pixels
frames      the shared-memory arena: one segment, chunks leased and recycled
channel     a private pipe between the parent and one worker
warmup      lets processes start early, and without the user's `__main__`
entry       where a worker process starts; light, so that the parent can name it
process     a worker process: signals, limits, log, end
worker      the loop inside a worker process
reading     an input's bytes, as they are in one moment
failures    what a worker says of an exception
stages      decode, transform and encode for one picture
records     what the ledger writes down
ledger      who has which job and which memory: pure bookkeeping, no processes
pool        starts, stops and buries worker processes
scheduler   the parent's loop: ledger + pool + channels
"""
