"""The journal of an output folder: an SQLite database of its inputs, outputs and runs.

It may read and write the journal, its lock file and the write-ahead logs, and read the status and content of
outputs. It writes no outputs and decodes no pixels.

    journal    the journal of one run: records, recovery, queries
    database   the SQLite file: schema, opening, closing, error messages
    sql        the SQL statements
    rows       rows that a run writes: plans, states of inputs
    folders    input folders, identified by salted hashes of their paths
    history    records of earlier runs, paths of outputs as JSON
    recovery   outputs that were committed but not recorded before a crash
    migrate    conversion of version 1 of the schema
    untrusted  checks of SQLite files from untrusted sources
"""
