"""Pixel processing on arrays: layouts, geometry, resampling, palettes, colour and text.

This room may import numpy, OpenCV, Pillow and cykooz.resizer. It works on memory that the caller owns; only
`text` reads font files. It knows no file formats and starts no processes.

    layouts       layouts, bit depths and EXIF orientations
    arrays        fill, paste, premultiplied alpha, bands of rows
    geometry      sizes, regions, gravities and lengths as option values
    resampling    Lanczos resampling
    planes        planar YCbCr frames
    linear_light  processing in linear light
    palette       pictures with at most 256 colours
    quantize      quantisation to a palette
    text          text rendering
    colour        profiles, HDR, CMYK, Lab and CICP
"""
