"""Metadata: EXIF, XMP, IPTC and density, parsed, adjusted and removed. In memory only.

policy      adjustment after an edit, `--strip`, and what a format cannot hold
exif        directories of EXIF
exif_draft  EXIF, edited in place
xmp, xml    XMP packets, as text
iptc        IPTC records and Photoshop resources
location    removal of locations
density     resolution in dpi
boxes       removal of metadata from JPEG XL and JPEG 2000
box_times   creation times of ISO files
strip       removal of metadata without re-encoding
"""
