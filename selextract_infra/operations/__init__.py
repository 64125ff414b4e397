"""One folder per operation: what should change (decide), how (plan, steps), how it is asked for (command) and shown."""
