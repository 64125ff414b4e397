"""Forecasts of a daily series, with intervals that hold. Pure."""
