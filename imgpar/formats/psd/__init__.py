"""Photoshop: reader for the flattened picture. In memory only."""
