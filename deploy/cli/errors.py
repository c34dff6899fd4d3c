"""Errors that the one who typed the command can mend."""


class CliError(Exception):
    """One clear line: what is wrong and what to do."""
