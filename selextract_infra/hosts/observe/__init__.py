"""Observations: from hosts, and from files."""
