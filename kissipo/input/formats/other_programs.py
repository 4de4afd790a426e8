"""Files of other programs that are not read: what they are, and how to convert them.

Example:  >>> str(refusal(Path("survey.dta"))).split(". ")[0]
          'survey.dta is a Stata file, which kissipo does not read'
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from kissipo.core.errors import DataError
from kissipo.core.text import list_some
from kissipo.input.formats.compressed import content_name

_TO_CSV = "In Python: pandas.{}.to_csv('{}', index=False)"
_READERS = {
    ".dta": ("a Stata file", "read_stata('{}')"),
    ".sas7bdat": ("a SAS file", "read_sas('{}')"),
    ".xpt": ("a SAS transport file", "read_sas('{}')"),
    ".sav": ("an SPSS file", "read_spss('{}')"),
    ".zsav": ("an SPSS file", "read_spss('{}')"),
    ".orc": ("an ORC file", "read_orc('{}')"),
    ".html": ("a page of HTML", "read_html('{}')[0]"),
    ".htm": ("a page of HTML", "read_html('{}')[0]"),
    ".xml": ("an XML file", "read_xml('{}')"),
    ".pkl": ("a pickle (opening one can run any code)", "read_pickle('{}')"),
    ".pickle": ("a pickle (opening one can run any code)", "read_pickle('{}')"),
    ".fwf": ("a table with columns of fixed width", "read_fwf('{}')"),
    ".prn": ("a table with columns of fixed width", "read_fwf('{}')"),
}
_TABLE = "Copy the table into a spreadsheet, and save it as .csv or .xlsx"
_HDF = (
    "In Python: numpy.save('x.npy', h5py.File('{}')['NAME'][:]) for an array, "
    "pandas.read_hdf('{}').to_csv('{}', index=False) for a table"
)
_MATLAB = (
    "In MATLAB: writetable(T, '{2}') for a table; in Python: "
    "numpy.save('x.npy', scipy.io.loadmat('{0}')['NAME']) for an array"
)
_SOUND = "Recordings are read as input.audio=FOLDER, a folder per class"
_OTHERS = {
    ".por": ("an SPSS portable file", "In SPSS: File, Save As, type CSV"),
    ".rds": ("a file of R", 'In R: write.csv(readRDS("{0}"), "{2}", row.names = FALSE)'),
    ".rdata": ("a file of R", 'In R: load("{0}"); write.csv(NAME, "{2}", row.names = FALSE)'),
    ".rda": ("a file of R", 'In R: load("{0}"); write.csv(NAME, "{2}", row.names = FALSE)'),
    ".h5": ("an HDF5 file", _HDF),
    ".hdf5": ("an HDF5 file", _HDF),
    ".hdf": ("an HDF file", _HDF),
    ".nc": (
        "a NetCDF file",
        "In Python: xarray.open_dataset('{0}').to_dataframe().reset_index().to_csv('{2}')",
    ),
    ".mat": ("a MATLAB file", _MATLAB),
    ".pdf": ("a PDF", _TABLE),
    ".docx": ("a Word document", _TABLE),
    ".doc": ("a Word document", _TABLE),
    ".odt": ("a text document", _TABLE),
    ".rtf": ("a text document", _TABLE),
    ".pptx": ("a presentation", _TABLE),
    ".tex": ("a LaTeX file", _TABLE),
    ".numbers": ("a spreadsheet of Numbers", "In Numbers: File, Export To, CSV or Excel"),
    ".gsheet": ("a link to a Google sheet", "In the sheet: File, Download, .xlsx or .csv"),
    ".mdb": ("an Access database", "In Access: External Data, Export, Text File"),
    ".accdb": ("an Access database", "In Access: External Data, Export, Text File"),
    ".dbf": ("a dBase table", "Open it in a spreadsheet, and save it as .csv"),
    ".sql": ("a script of SQL", "Load it into a database, and export the table as .csv"),
    ".avro": ("an Avro file", "In Python: polars.read_avro('{0}').write_csv('{2}')"),
    ".ipynb": ("a notebook", "Name the file of data that the notebook reads"),
    ".py": ("a script of Python", "Name the file of data that the script reads"),
    ".log": ("a log", "Write its fields as columns of a table (.csv), or name it .txt"),
    ".geojson": (
        "a map",
        "Write its properties as a table: geopandas.read_file('{0}').to_csv('{2}')",
    ),
    ".shp": ("a map", "Write its properties as a table: geopandas.read_file('{0}').to_csv('{2}')"),
    ".dcm": ("a DICOM image", "Convert the images to .png, in one folder per class"),
    ".nii": ("a NIfTI volume", "In Python: numpy.save('x.npy', nibabel.load('{0}').get_fdata())"),
    ".tfrecord": ("a file of TensorFlow", "Write its examples as .npz, or as images in folders"),
    ".edf": ("a recording in EDF", "Save its signals as .npy, or as columns of a table"),
    ".wav": ("a sound", _SOUND),
    ".mp3": ("a sound", _SOUND),
    ".flac": ("a sound", _SOUND),
    ".mp4": ("a video", "Save its frames as images, in one folder per class"),
    ".avi": ("a video", "Save its frames as images, in one folder per class"),
}
_QUERY = (
    "In Python: pandas.read_sql_table('{}', 'sqlite:///{}').to_csv('{}', index=False)"
    " (needs the package sqlalchemy)"
)
_DATABASES = (".sqlite", ".sqlite3", ".db", ".db3")
SIGNATURES = {
    b"PAR1": "a Parquet file; name it .parquet",
    b"ARROW1": "an Arrow file; name it .feather",
    b"SQLite format 3": "a SQLite database; name it .sqlite",
    b"\x89HDF": "an HDF5 file; name it .h5",
    b"<stata_dta>": "a Stata file; name it .dta",
    b"$FL2": "an SPSS file; name it .sav",
    b"MATLAB 5.0": "a MATLAB file; name it .mat",
    b"\x93NUMPY": "an array of numpy; name it .npy",
    b"\x1f\x8b": "a gzip file; name it .gz",
    b"\x80\x04\x95": "a pickle of Python",
    b"\x80\x05\x95": "a pickle of Python",
}
_PAGE = (b"<!doctype html", b"<html", b"<table")


def refusal(path: Path) -> DataError | None:
    """Returns the error for a file of a known other format; None for other files."""
    suffix = Path(content_name(path)).suffix.lower()
    table = f"{path.stem}.csv"
    if suffix in _READERS:
        what, reader = _READERS[suffix]
        return _error(path, what, _TO_CSV.format(reader.format(path.name), table))
    if suffix in _OTHERS:
        what, remedy = _OTHERS[suffix]
        return _error(path, what, remedy.format(path.name, path.name, table))
    return _database(path, table) if suffix in _DATABASES else None


def is_page(first: bytes) -> bool:
    """Whether the first bytes of a file are those of a page of HTML."""
    return first.lstrip().lower().startswith(_PAGE)


def _error(path: Path, what: str, remedy: str, got: str = "") -> DataError:
    return DataError(f"{path} is {what}, which kissipo does not read", got=got, do=remedy)


def _database(path: Path, table: str) -> DataError:
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            query = "select name from sqlite_master where type in ('table', 'view') order by name"
            names = [str(row[0]) for row in connection.execute(query)]
    except sqlite3.Error:
        return _error(path, "a database that SQLite cannot open", "Export the table as .csv")
    remedy = _QUERY.format(names[0] if names else "TABLE", path.name, table)
    return _error(path, "a SQLite database", remedy, got="tables " + list_some(names, 5))
