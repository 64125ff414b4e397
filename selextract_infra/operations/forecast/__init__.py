"""Forecasts from a file or from the journal, for people."""
