"""Judge hosts, a saved Observation or recorded metrics by the policy."""
