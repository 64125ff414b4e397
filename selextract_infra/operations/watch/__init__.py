"""The watching process: the autoscaler and the incident path in a loop."""
