"""The errors whose message a user sees."""


class UserError(Exception):
    """Bad input. The CLI prints the message on one line, without a traceback, and exits with `code`.

    The message says what is wrong, where, and what to do about it.
    """

    code = 2


class TooLarge(UserError):
    """A problem for which there is no memory left."""
