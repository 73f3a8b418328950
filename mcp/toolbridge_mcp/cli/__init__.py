"""The command `toolbridge`: everything that people and supervisord start."""
