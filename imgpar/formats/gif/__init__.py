"""GIF: reader and writer, palettes, and removal of metadata. In memory only."""
