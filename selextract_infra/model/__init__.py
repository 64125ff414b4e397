"""The types that travel: Observation, Finding, Decision, Plan, Run."""
