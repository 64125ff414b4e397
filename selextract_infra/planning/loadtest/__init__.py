"""Load tests: the script for k6, and what its result means. Pure."""
