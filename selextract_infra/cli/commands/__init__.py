"""The commands that are no operation, one file each."""
