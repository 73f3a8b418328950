"""What keeps the container's programs alive: the launcher, which is the container's first process, and the
watchdog, which runs under supervisord.

Both use the standard library only: each is a process of its own, so its memory counts.
"""
