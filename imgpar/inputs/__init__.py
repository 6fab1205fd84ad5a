"""Inputs: files, folders, patterns and lists, read as batches of one folder each.

This room may list folders and read the first bytes of files. It writes nothing but the temporary database of
a list, starts no processes and decodes no pixels.

    sources     the contract of all sources; `content`: what they hand over; `foreign`: objects that are none
    listing     entries of a source, sorted into folders
    resolving   what was named becomes paths and sources; `schemes`: which source; `numbers`: of sources
    opening     items are opened and fetched, in a worker or a thread
    roots       inputs as given: folders to walk, single files, missing paths, other sources
    local       scan of all inputs
    zip_source, memory_source
    walk        one folder after the other
    lists       inputs from a list of paths and addresses: `tables` (rows), `addresses` (names)
    folder_spool  listings of sources, sorted on disk
    patterns    `--include` and `--exclude`
    batches     `Batch` and `Entries`, items of one folder
    companions  sidecars and clips of Live Photos
    ignored     statistics of files and folders that are not read
"""
