"""Errors that speak to the person at the keyboard: what is wrong, what was given, what is allowed, what to do.

The command line prints a `UserError` as one paragraph and ends with code 2. Everything else that is raised is a bug
in kissipo and ends with code 1.

Example:  >>> print(UserError("process.units must be an integer of at least 1", given="'many'"))
          process.units must be an integer of at least 1; got 'many'.
"""


class UserError(ValueError):
    """A slip of the user's, told in one paragraph of up to four parts."""

    def __init__(self, wrong: str, *, given: str = "", allowed: str = "", do: str = "") -> None:
        self.wrong, self.given, self.allowed, self.do = wrong, given, allowed, do
        parts = [wrong.rstrip(".") + (f"; got {given}" if given else "") + "."]
        if wrong.endswith("?"):
            parts = [wrong, f"There are {given}."] if given else [wrong]
        if allowed:
            parts.append(f"Allowed: {allowed.rstrip('.')}.")
        if do:
            parts.append(do if do.endswith(("?", "`", "...")) else do.rstrip(".") + ".")
        super().__init__(" ".join(parts))


class TaskError(UserError):
    """The sentence of the task does not hold: an unknown word, a value of the wrong kind, two words that exclude each other."""


class DataError(UserError):
    """The data cannot be used as they are; the message names file, row, column and value.

    `findings` is what the data check had found until then.
    """

    findings: tuple[object, ...] = ()


class ShapeError(UserError):
    """Two steps of the pipeline do not fit together; the message names both steps and their axes."""


class RunError(UserError):
    """A run folder is missing, cut short, of another version, or in the way."""


class MachineError(UserError):
    """The machine refuses: no space, no permission."""


class NotBuiltError(UserError):
    """The grammar knows the word, kissipo does not do it yet."""


class MissingExtraError(UserError):
    """An optional part is not installed; the message names the extra."""


class StoppedError(Exception):
    """Training was interrupted by the user after its state was saved; the command line ends with code 130."""
