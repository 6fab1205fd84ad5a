"""File formats: what each holds, its reader and its writer.

This room may import numpy, `core`, `pixels` and decoder packages (Pillow, OpenCV, LibRaw …), each when it is
first needed. It works on bytes in memory; only the JPEG XL reader starts a process (ffmpeg), only
the turbo and font modules look for files, and `tlv` also reads files that are open.

    registry            one record per format: names, magic, capabilities
    codec               bytes to frames and back, for any format
    base                results and errors shared by the backends
    tlv                 boxes, chunks, resources and segments, of any file
    options             `EncodeOptions`: settings of the encoders
    relevance           which settings apply to which formats
    quality             one quality scale for all encoders
    output_profile      the colour profile of an output
    profile_conversion  conversion into that profile
    clip_signatures     recognition of clips
    metadata            EXIF, XMP, IPTC and density
    backends            bridges to Pillow, OpenCV and imagecodecs
    avif, exr, heif, pdf, pnm, radiance, raw, tga, webp
    bmp, gif, jp2, jpeg, jxl, png, psd, svg, tiff
"""
