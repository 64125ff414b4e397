"""Settings of Postgres, workers and API from facts."""
