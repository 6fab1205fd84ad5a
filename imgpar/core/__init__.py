"""Shared values, errors, option declarations and file primitives; imports no other room and no numpy.

This room may read and write files, lock them, and query the system for fonts. It starts no process except
fontconfig.

    errors        every exception, with its message, fix and exit code
    model         frozen values passed between rooms: Item, Job, Header, Frame, Outcome, Event …
    blocks        EXIF, XMP and ICC profiles as bytes that keep what was parsed from them
    options       declaration of a setting, from which flag, keyword, recipe key and docs follow
    parsing       parsers of option values: text, TOML or Python
    filenames     natural order, case folding, legal and unique names; pure text
    fs            atomic writes, temporary files, copies of attributes
    confined      file access that cannot leave a folder
    locks         locks on output folders
    liveness      locks that tell files in use from leftovers of dead processes
    tempfiles     temporary folders and shared-memory segments, and their clean-up
    digest        content digests of inputs and outputs
    fonts         fonts installed on the system
    install_hint  the command that installs a missing package
"""
