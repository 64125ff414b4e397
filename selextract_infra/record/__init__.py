"""What happened: the Journal."""
