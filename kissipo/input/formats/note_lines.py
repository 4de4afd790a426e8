"""Lines of a delimited file that are no rows: comments, and notes below the table.

Example:  >>> notes = NoteLines(width=3)
          >>> notes.takes(9, ["# restarted"]), notes.takes(10, ["1", "2"])
          (True, False)
          >>> notes.takes(11, ["Source: Statistical Office"]), notes.pending
          (True, (11, ['Source: Statistical Office']))
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from kissipo.core.finding import Finding, counted, format_rows
from kissipo.core.text import list_some, shorten
from kissipo.input.cells.number_texts import split_number

Line = tuple[int, list[str]]


@dataclass
class NoteLines:
    """The lines with too few cells that are comments or notes.

    width:    the number of columns
    pending:  the first note; a row of data below it would show that it is none
    """

    width: int
    comments: list[Line] = field(default_factory=list)
    notes: list[Line] = field(default_factory=list)

    @property
    def pending(self) -> Line | None:
        return self.notes[0] if self.notes else None

    def takes(self, line: int, row: list[str]) -> bool:
        """Whether a line of another number of cells is a comment or a note."""
        if row[0].lstrip().startswith("#"):
            self.comments.append((line, row))
        elif len(row) < self.width and is_note(row):
            self.notes.append((line, row))
        else:
            return False
        return True

    def findings(self, file: str) -> list[Finding]:
        """Reports the comments and the notes, which are left out."""
        findings = []
        for what, lines in (("comments", self.comments), ("notes below the table", self.notes)):
            if lines:
                listed = list_some([f"'{shorten(','.join(row), 40)}'" for _, row in lines], 3)
                where = format_rows([line for line, _ in lines]).replace("row", "line")
                message = f"{counted(len(lines), 'line')} of {file} ({where}) "
                message += f"{'is' if len(lines) == 1 else 'are'} no row of the table: {listed}"
                findings.append(Finding("WARN", what, message, "left out"))
        return findings


def is_note(row: Sequence[str]) -> bool:
    """Whether a line is prose: several words alone in the first cell, or a title with a
    colon and no number in the others."""
    title, others = row[0].strip(), [cell for cell in row[1:] if cell.strip()]
    has_words = len(title.split()) > 1 or title.endswith(":")
    is_alone = not others or (":" in title and not any(map(split_number, others)))
    return has_words and is_alone and any(map(str.isalpha, title))
