"""What ends a command with one line."""


class InputError(Exception):
    """Something the user gave is wrong; the message is the one line they see."""
