"""Picture formats: what each can hold, and its reader and writer. It may import core and pixels, and codec
libraries, each when it is first needed; it opens no files.

registry      one record per format            options, quality    settings of the encoders
codec         bytes ↔ frames, for any format   relevance           which settings mean something to a format
metadata/     EXIF, XMP, IPTC, density         profile_conversion  frames into the profile that is written
backends/     Pillow, OpenCV, imagecodecs      jpeg/, png/ …       one package per large format
"""
