"""PNG: reader and writer, 16 bits, palettes, animation and text chunks. In memory only."""
