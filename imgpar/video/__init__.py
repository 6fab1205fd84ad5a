"""Clips: probing, planning, and conversion with ffmpeg. Reads clips with PyAV, starts ffmpeg processes.

This room may import PyAV, start ffmpeg, read clips and write the output it is given. It knows nothing of
runs, journals or workers.

    clip = probe(path, limits)                      streams, frames, timestamps; decodes one frame only
    plan = make_plan(clip, target, operations, …)   path, encoder, streams, and what is lost
    run_native(plan, clip, output, …)               one ffmpeg: the native path
    check_output(plan, clip, output, …)             frames and timestamps of the output compared with the
    source

Reading
    content           clips that are in memory or in an open file
    demux             opens clips for PyAV, known containers only
    probe             builds a `Clip` from a file
    clip              `Clip`, `Picture` and `Stream`: the probed values
    boxes             MP4 and MOV boxes that PyAV does not expose
    avi               empty chunks of an AVI
    transport_stream  continuous timestamps for MPEG-TS and MPEG-PS
    encrypted         encrypted clips, and recordings without an index
    side_data         side data of decoded frames
    reader            decodes frames with their timestamps
    scenes            scene detection
    clip_info, describe, details values for `imgpar info`

Planning
    plan              path, operations, encoder and losses of one target
    containers        codecs that each container holds
    streams           audio, subtitles, data, chapters and metadata
    timing            trim, speed and frame rate
    timecode          SMPTE timecodes
    prepare           deinterlacing, tone mapping and loudness
    encoders          encoders, pixel formats, quality and effort
    lossless          pixel formats, and lossless encoders
    hardware          hardware encoders and decoders
    hdr               HDR side data for encoders
    rate_control      target size and target quality

Converting
    ffmpeg            an ffmpeg child process
    native            arguments and errors of the native path
    filters           operations as ffmpeg filters
    segments          long clips in parts
    frame_feed, nut   raw frames to ffmpeg
    planes, scaling, rgb_to_yuv
                      operations on planar frames
    sound             the audio of a clip as a file
    soundtrack        audio for a clip whose frames come from memory
    check, alignment  checks of the output
"""
