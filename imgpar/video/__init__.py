"""Clips: what is in them, what becomes of each stream, and one ffmpeg for what its filters can do.

clip = probe(path, limits)                      streams, frames, time stamps; nothing is decoded but one frame
plan = make_plan(clip, target, operations, …)   which stream goes where, how, and what is lost
run_ffmpeg(plan, source, output, …)             the native path
check(plan, clip, output, …)                    counted frames and time stamps, in and out
"""
