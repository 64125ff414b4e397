"""What Postgres should be set to, from facts: memory, connections, workers. Pure."""
