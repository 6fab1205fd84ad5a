"""Where inputs come from. A source yields batches: the media of one folder at a time."""
