"""JPEG XL: header parser, reader, writer and colours. `ffmpeg` starts a process, all else is in memory."""
