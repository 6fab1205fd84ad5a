"""Outputs: destination, formats, names, conflicts, and atomic commits to their place.

This room may write outputs and temporary files, and read file status. It starts no processes and decodes no
pixels.

    sinks           the contract of what is no folder; what a run asks about existing outputs
    zip_sink, memory_sink
    destination     OUT: a folder, a file, a sink, or in place
    target_formats  the output formats of each input
    naming          unique output names
    stems           fast detection of name collisions
    conflicts       existing files at output paths: whose they are, and whether they may be replaced
    commit          atomic writes to the final name
    write_ahead     outputs recorded before they get their final names
    sidefiles       reports, recipes and journals beside the outputs
"""
