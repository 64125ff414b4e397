"""The sections of the policy, by chapter of the guide."""
