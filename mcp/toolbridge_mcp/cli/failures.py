"""How a command ends when it cannot do its work: one sentence for the person at the terminal."""

import click


class Failure(click.ClickException):
    """The command failed. The message says what is wrong and what to do. Exit code 1."""

    exit_code = 1


class WrongUsage(Failure):
    """An argument or a setting is wrong or missing; nothing was done. Exit code 2."""

    exit_code = 2
