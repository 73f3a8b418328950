"""Real clients, unmodified, against a running gateway; scripts/test-clients.py is the list of checks."""
