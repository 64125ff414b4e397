"""How many instances services have: by hand, by the autoscaler, replayed."""
