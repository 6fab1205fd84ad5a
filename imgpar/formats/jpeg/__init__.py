"""JPEG: reader and writer, segments, gain maps, motion photos, lossless rotation.

In memory only, except that `turbo` loads libturbojpeg, of the system or of a wheel.

    reader         headers, decoding, encoding
    header         marker segments
    detail         what is known of a file besides its header
    turbo          planes and lossless transforms through libturbojpeg
    lossless_turn  rotation without re-encoding
    gain_map       HDR gain maps
    multi_picture  the MPF index of further pictures
    motion_photo   clips appended to a picture
"""
