"""Container limits from what was seen."""
