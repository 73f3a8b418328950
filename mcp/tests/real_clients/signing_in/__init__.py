"""Unmodified clients that sign in by themselves: they find the authorization server, register, open a
browser, and keep what they got for the next time."""
