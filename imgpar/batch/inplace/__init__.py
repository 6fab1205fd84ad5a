"""Runs in place: the replaced originals are kept, restored after a failure or by `imgpar undo`, and deleted.

It may move and remove files below the folder of a run, and write its register of originals. It decodes no
pixels.

    originals    the originals of one folder: keep, restore, delete
    register     the SQLite file with the kept originals and the outputs that replaced them
    recovery     restoring originals after a crash
    run_folders  nested folders with journals and originals of their own
    restore      `imgpar undo`
"""
