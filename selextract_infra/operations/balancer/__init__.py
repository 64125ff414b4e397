"""HAProxy between Nginx and the API's instances."""
