"""WebDataset shards as OUT: tar archives of samples, each with a table of their metadata.

    00000.tar           KEY.jpg, KEY.json, KEY.txt of every sample
    00000.parquet       the metadata of every sample, also of those that failed
    00000_stats.json    counts and times
    .imgpar/shards.db   which output is in which shard (`index`)

sink ─► shard (one that is being written) ─► index ─► the three files take their names
"""
