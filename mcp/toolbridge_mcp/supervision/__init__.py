"""What keeps the container's programs alive: the first process, and the watchdog inside supervisord.

Standard library only, since each of them is a process of its own.
"""
