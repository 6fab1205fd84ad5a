"""One picture in a worker: decode, transform, encode, commit. It reads the input and writes the outputs of
one task; its memory is leased from the arena.

task              one task: all stages of a picture, or one of them
reading           the bytes of an input file
programs          steps and frame sizes, planned from the header before decoding
planar            the same for JPEG to JPEG on Y′CbCr planes
stages            decode, transform and encode on given memory
documents         files whose pages are processed one at a time
memory            leases of the arena, and the frames in them
header_transfer   the header, serialized between decode and encode
outputs           one output: encoded, or the bytes of the input
gain_maps         the gain map of an HDR picture, transformed with it
writing           all outputs of a task, and their commit
verify            `--verify`: decode an output and compare it
"""
