"""JPEG 2000: reader, and metadata boxes. In memory only."""
