"""The flow as a pure state machine: what a Run asks for next follows from its state and the answer that came."""
