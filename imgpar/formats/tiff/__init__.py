"""TIFF: reader, writer, rare kinds, and removal of metadata. In memory only.

reader       8 bits and grey through Pillow, 16 bits and float through OpenCV
detail       what is known of a file besides its header
samples      sample types and layouts that neither of them reads
rare         further kinds through tifffile and imagecodecs
writer       pages, metadata, prediction
compression  packing of pages with few colours
strip        removal of metadata without re-encoding
"""
