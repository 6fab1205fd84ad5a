"""An operation, a format, a source and a sink for imgpar. Each module is imported when its part is used."""
