"""Whether everything is there that work on the hosts needs."""
