"""Read replicas, and the rolling restart of them with their primary."""
