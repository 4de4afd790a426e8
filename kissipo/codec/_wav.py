"""WAV files: the header, and samples from any place on.

A WAV file is a sequence of chunks: four letters, a size, the content. `fmt ` says how
the samples are written, `data` holds them. Integers of 8 (without sign), 16, 24 and 32
bits and floats of 32 and 64 bits are read, also in the order of bytes of RIFX, and
files of more than 4 GB (RF64). A program that writes into a pipe leaves the size open;
then the samples reach to the end of the file.

Source:   Microsoft and IBM, Multimedia Programming Interface, 1991; EBU Tech 3306.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from kissipo.core.errors import DataError
from kissipo.core.numpy_array import NumpyArray

_HEAD = 1 << 12  # bytes in which most headers end
_OPEN = (0, 0xFFFFFFFF)  # sizes of a file whose writer did not know its length
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_NAMES = {2: "ADPCM", 6: "A-law", 7: "mu-law", 17: "ADPCM", 49: "GSM", 85: "MP3"}
REMEDY = "Remove it, or save it again as a WAV file of 16 bits"


@dataclass(frozen=True)
class WavHeader:
    """Where and how the samples of a WAV file are written.

    width:   bytes per sample; kind: i, u or f; order: < or >
    offset:  of the first sample in the file
    count:   samples per channel
    """

    rate: int
    channels: int
    width: int
    kind: str
    order: str
    offset: int
    count: int


def read_header(path: str) -> WavHeader:
    """Returns the header of a WAV file.

    Raises:   DataError for another kind of file, and for one that ends too early.
    """
    with open(path, "rb") as file:
        head = file.read(_HEAD)
        file.seek(0, 2)
        size = file.tell()
        if not head:
            raise DataError(f"the recording {path} is empty: it has 0 bytes", do=REMEDY)
        if head[:4] not in (b"RIFF", b"RIFX", b"RF64") or head[8:12] != b"WAVE":
            start = head[:4] if head[:4] != b"RIFF" else head[:12]
            wrong = f"the recording {path} is not a WAV file: it begins with {start!r}"
            raise DataError(wrong, allowed="b'RIFF', a size and b'WAVE'", do=REMEDY)
        order = ">" if head[:4] == b"RIFX" else "<"
        fields: tuple[int, ...] = ()
        large, place = 0, 12
        while place + 8 <= size:
            if place + 40 > len(head):
                file.seek(place)
                chunk = file.read(48)
            else:
                chunk = head[place : place + 48]
            name, length = chunk[:4], int(struct.unpack(order + "I", chunk[4:8])[0])
            if name == b"ds64" and len(chunk) >= 24:
                large = int(struct.unpack(order + "Q", chunk[16:24])[0])
            if name == b"fmt " and len(chunk) >= 24:
                fields = struct.unpack(order + "HHIIHH", chunk[8:24])
                if fields[0] == _EXTENSIBLE and length >= 26 and len(chunk) >= 34:
                    fields = (struct.unpack(order + "H", chunk[32:34])[0], *fields[1:])
            if name == b"data" and fields:
                length = large if large and length in _OPEN else length
                return _header(path, fields, order, place + 8, length, size)
            place += 8 + length + length % 2
    raise DataError(f"the recording {path} is damaged: its header has no end", do=REMEDY)


def read_samples(path: str, header: WavHeader, start: int, stop: int) -> NumpyArray:
    """Returns the values (time) or (time, channel) from one sample to another."""
    count = max(0, stop - start) * header.channels
    offset = header.offset + start * header.channels * header.width
    if header.width == 3:
        packed = np.fromfile(path, np.uint8, 3 * count, offset=offset).reshape(-1, 3)
        whole = np.zeros((len(packed), 4), dtype=np.uint8)
        whole[:, 1:] = packed if header.order == "<" else packed[:, ::-1]
        values: NumpyArray = whole.view("<i4").reshape(-1)
    else:
        kind = f"{header.order}{header.kind}{header.width}"
        values = np.fromfile(path, kind, count, offset=offset)
    return values if header.channels == 1 else values.reshape(-1, header.channels)


def _header(
    path: str, fields: tuple[int, ...], order: str, offset: int, length: int, size: int
) -> WavHeader:
    code, channels, rate, _, _, bits = fields
    width = (bits + 7) // 8
    if code not in (_PCM, _FLOAT) or (code == _PCM and width not in (1, 2, 3, 4)):
        name = _NAMES.get(code, f"the code {code}")
        wrong = f"the recording {path} is compressed or has an unusual depth: {name}, {bits} bits"
        raise DataError(wrong, do="Save it again as a WAV file of 16 bits")
    if code == _FLOAT and width not in (4, 8):
        raise DataError(f"the recording {path} has floats of {bits} bits", do=REMEDY)
    if not channels or not rate:
        wrong = f"the recording {path} has {channels} channels and {rate} samples per second"
        raise DataError(wrong, do=REMEDY)
    there = size - offset
    if length in _OPEN:
        length = there
    if length > there:
        wrong = f"the recording {path} is damaged: it ends before its header says"
        raise DataError(wrong, got=f"{there:,} of {length:,} bytes", do=REMEDY)
    kind = "f" if code == _FLOAT else "u" if width == 1 else "i"
    return WavHeader(rate, channels, width, kind, order, offset, length // (width * channels))
