"""The edge to the hosts: inventory, running playbooks, looking before working."""
