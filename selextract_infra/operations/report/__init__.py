"""Everything that is known and planned, on one page."""
