"""The public Python interface: checks the arguments of each call and starts runs.

It may read inputs, start runs and write their reports. Everything else is in the packages below it.

    functions   convert, verify, undo
    pipeline    Pipeline: a chain of operations for folders, arrays and bytes
    session     Session: workers and shared memory kept across runs
    run         one run, shared by `Pipeline.run` and the command line
    plan        dry_run: the planned outputs of a run
    retry       retry: failed inputs of the last run
    frames      frames: frames of a clip, decoded in this process
    estimate    estimate: time and bytes of a run, from a sample
    duplicates  duplicates: files of equal content, pictures that look alike
    describe    describe: the header of a picture or clip
    watch       watch: a process that stays and converts what is new
    settings    keyword settings, sorted into a recipe and run options
    operations  the methods of Pipeline (generated)
    typed       the types of keyword settings (generated)
"""
