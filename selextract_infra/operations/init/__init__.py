"""``init``: look at a host or a Compose project that is not ours, and write its inventory and mapping."""
