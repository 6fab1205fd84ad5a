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
fields      what `--set` writes: names, tags and values
edits       everything that changes metadata, as one value
editing     changed EXIF, XMP and IPTC that agree
reading     title, creator, date, position, camera
facts       what names and selection need of them
exif_rewrite, xmp_properties, iptc_fields   new tags, properties and datasets
dates, position, gpx                        their values
replace, replace_items                      changed metadata in a file, without re-encoding
strip       removal of metadata without re-encoding
"""
