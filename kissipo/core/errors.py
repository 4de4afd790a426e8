"""Errors for users: what is wrong, what was given, what is allowed, what to do.

The command line prints a `UserError` as one paragraph and exits with code 2. Any other
exception is a bug in kissipo and exits with code 1.

Example:  >>> print(UserError("process.units must be an integer", got="'many'"))
          process.units must be an integer; got 'many'.
"""

from kissipo.core.text import shorten

_LONGEST = 1000  # characters of what was given; a table may have thousands of columns


class UserError(ValueError):
    """An error that the user can fix, in one paragraph of up to four parts."""

    def __init__(self, wrong: str, *, got: str = "", allowed: str = "", do: str = "") -> None:
        got = shorten(got, _LONGEST)
        self.wrong, self.got, self.allowed, self.do = wrong, got, allowed, do
        parts = [wrong.rstrip(".") + (f"; got {got}" if got else "") + "."]
        if wrong.endswith("?"):
            parts = [wrong, f"There are {got}."] if got else [wrong]
        if allowed:
            parts.append(f"Allowed: {allowed.rstrip('.')}.")
        if do:
            parts.append(do if do.endswith(("?", "`", "...")) else do.rstrip(".") + ".")
        super().__init__(" ".join(parts))


class TaskError(UserError):
    """The task is invalid: an unknown option, a wrong type, or a conflict."""


class DataError(UserError):
    """The data are invalid; the message names file, row, column and value.

    `findings` holds the results of the data check so far.
    """

    findings: tuple[object, ...] = ()


class ShapeError(UserError):
    """Two steps of the pipeline have different shapes; the message names both."""


class RunError(UserError):
    """A run folder is missing, incomplete, of another version, or already exists."""


class MachineError(UserError):
    """The operating system refuses: no space, no permission."""


class NotBuiltError(UserError):
    """The option exists in the grammar, but kissipo does not implement it yet."""


class MissingExtraError(UserError):
    """An optional package is not installed; the message names the extra."""


class PluginError(UserError):
    """A plug-in cannot be imported, or has a name that is taken."""


class CallbackError(UserError):
    """A callback of the user raised an error; the run is saved and can be resumed."""


class StoppedError(Exception):
    """The user interrupted training and its state is saved; the exit code is 130."""
