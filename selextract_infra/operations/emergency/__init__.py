"""The incident path: more instances and limits for a time, taken back afterwards."""
