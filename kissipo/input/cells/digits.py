"""Plain numbers such as -12.50, read from the bytes of cells by whole columns.

The digits of a cell, without its point, become an integer, eight digits at a time:

    12.50:  number = 1250,  k = 2 digits behind the point,  value = number / 10^k

Below 2^53 both are exact in float64, so their quotient is the nearest float, which is
also what Python's `float` returns. Larger ones are divided with 64 bits, and rounded
once more; the few that lie in the middle between two floats after that are left to
`float`.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kissipo.input.cells.cell_bytes import CellBytes, Places, Words
from kissipo.input.cells.compiled import find_numbers, library

_MAX_DIGITS = 19
_EXACT = np.uint64(2**53)
_HAS_LONG_DOUBLE = np.finfo(np.longdouble).nmant == 63
_POWERS: Words = np.array([10**power for power in range(_MAX_DIGITS + 1)], np.uint64)
_DIVISORS = _POWERS.astype(np.float64)
_LAST_BYTES: Words = np.array([(1 << 64) - (1 << 64 - 8 * count) for count in range(9)], np.uint64)
_ZEROS, _SIX, _HIGH, _PAIRS, _FOURS, _EIGHTS = (
    np.uint64(number)
    for number in (
        0x3030303030303030,
        0x7676767676767676,
        0x8080808080808080,
        0x00FF00FF00FF00FF,
        0x0000FFFF0000FFFF,
        0x00000000FFFFFFFF,
    )
)


class PlainNumbers(NamedTuple):
    """The values of cells, and the rows that are neither empty nor read.

    has_code:  whether a cell has a leading zero, such as 007
    has_point: whether a cell has a decimal point
    """

    values: NDArray[np.float64]
    rest: Places
    has_code: bool
    has_point: bool


def plain_numbers(cells: CellBytes) -> PlainNumbers:
    """Returns the numbers of a column; NaN where a cell is empty or not read."""
    compiled = library()
    if compiled is not None:
        return PlainNumbers(*find_numbers(compiled, cells.block.data, cells.starts, cells.ends))
    data, starts, ends, points = cells.block.bytes, cells.starts, cells.ends, cells.points
    first = data[starts]
    is_negative = first == ord("-")
    starts = starts + (is_negative | (first == ord("+")))
    has_point = points < ends
    length = ends - starts
    num_digits = length - has_point
    num_part = np.where(has_point, ends - points - 1, 0)
    is_read = (num_digits > 0) & (num_digits <= _MAX_DIGITS) & (points >= starts)
    if cells.quoted:
        is_read[list(cells.quoted)] = False
    num_digits *= is_read
    num_part *= is_read
    number, are_digits = _digits(cells, num_digits, np.where(has_point, num_part, _MAX_DIGITS))
    is_read &= are_digits
    has_code = bool(np.any(is_read & (length > 1) & ~has_point & (data[starts] == ord("0"))))
    values = number / _DIVISORS[num_part]
    long = np.flatnonzero(is_read & (number >= _EXACT))
    if len(long):
        values[long], is_sure = _long_quotients(number[long], _POWERS[num_part[long]])
        is_read[long] = is_sure & has_point[long]
    values[is_negative] *= -1
    values[~is_read] = np.nan
    rest = np.flatnonzero(~is_read & (ends > cells.starts))
    return PlainNumbers(values, rest, has_code, bool(has_point.any()))


def _digits(
    cells: CellBytes, num_digits: Places, num_part: Places
) -> tuple[Words, NDArray[np.bool_]]:
    """Returns the digits of each cell without its point as an integer, and whether they
    are digits; `num_part` of them stand behind the point."""
    total = wrong = np.zeros(len(cells), np.uint64)
    words = cells.block.words
    for done in range(0, int(num_digits.max(initial=0)), 8):
        word = words[cells.ends - (done + 8)]
        before = words[cells.ends - (done + 9)]
        behind_point = _LAST_BYTES[np.clip(num_part - done, 0, 8)]
        word = before ^ ((before ^ word) & behind_point)
        word = (word ^ _ZEROS) & _LAST_BYTES[np.clip(num_digits - done, 0, 8)]
        wrong = wrong | (word + _SIX) | word
        word = (word * np.uint64(10) + (word >> np.uint64(8))) & _PAIRS
        word = (word * np.uint64(100) + (word >> np.uint64(16))) & _FOURS
        word = (word * np.uint64(10_000) + (word >> np.uint64(32))) & _EIGHTS
        total = total + word * _POWERS[done]
    return total, (wrong & _HIGH) == 0


def _long_quotients(
    numbers: Words, divisors: Words
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Returns quotients of 64 bits as floats, and which are certainly the nearest."""
    if not _HAS_LONG_DOUBLE:
        return np.full(len(numbers), np.nan), np.zeros(len(numbers), bool)
    quotients = numbers.astype(np.longdouble) / divisors.astype(np.longdouble)
    last_bits = np.ascontiguousarray(quotients).view(np.uint64)[::2] & np.uint64(0x7FF)
    return quotients.astype(np.float64), last_bits != 0x400
