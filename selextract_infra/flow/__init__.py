"""What carries every operation: look, plan, record, apply, resume or undo; windows, schedule, journal, messages."""
