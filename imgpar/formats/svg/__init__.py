"""SVG: sanitised text, rendered with resvg in memory; only installed fonts are read from disk."""
