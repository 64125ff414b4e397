"""One screen: what runs, waits, is locked or frozen."""
