"""Tells a load balancer whether the replica on this host may answer reads."""
