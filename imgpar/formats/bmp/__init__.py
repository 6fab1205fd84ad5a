"""BMP: reader and writer of palette files. In memory only."""
