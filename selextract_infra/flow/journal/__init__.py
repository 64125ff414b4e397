"""The Journal: what was seen, decided and done."""
