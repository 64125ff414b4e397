"""What should change, and why: Decisions from an Assessment, an Observation and the Policy. Pure."""
