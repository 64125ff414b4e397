"""Carrying a Plan out: drift, steps, rollback, resume."""
