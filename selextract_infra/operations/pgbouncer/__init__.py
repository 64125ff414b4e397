"""PgBouncer between the app and Postgres."""
