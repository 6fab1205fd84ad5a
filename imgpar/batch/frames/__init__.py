"""Frames of clips as arrays, decoded in the calling process. Nothing here writes files.

reading        frames as arrays, in order
chosen         single frames by time or number, in any order
stills         frames by interval, key frames, scene changes, a poster
sheets         many small frames in one picture: contact sheets, sprites with WebVTT
animation      frames and durations for an animated picture
motion_photo   the clip embedded in a motion photo
"""
