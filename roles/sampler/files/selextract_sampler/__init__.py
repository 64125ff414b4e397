"""The sampler: keeps what each container of this host has used for seven days."""

VERSION = "1"
