"""More memory, cores, disk or bandwidth for a host."""
