"""A table as a run will read it: how it is loaded, and its first rows."""

from __future__ import annotations

import csv
import gzip
import io
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any

import duckdb
import ibis
import pandas as pd

from nextact.errors import NextactError, shorten
from nextact.events.clock_text import formats_of
from nextact.start.files import TableFile, recognise

ROWS = 300_000  # of a table are looked at
SNIFFED_LINES = 1_000
UNEVEN_LINES = 1_000_000  # in which an uneven one is looked for
DATABASES: dict[str, dict[str, Any]] = {"sqlite": {}, "duckdb": {"read_only": True}}
SEPARATORS = ",;\t|"
ENCODED = ("utf-8", "latin-1", "utf-16")  # what DuckDB reads; pandas reads the others
ADDRESS = re.compile(r"(?P<url>[a-z0-9]+://[^#]*)#(?P<table>.+)", re.S)


@dataclass(frozen=True)
class RawTable:
    """A table and how the data catalog loads it.

    Attributes:
        name: Short name, of the file or the table.
        entry: Its entry in the data catalog, without ``connection``.
        rows: The first of its rows, in memory.
        is_cut: Whether it has more rows.
        notes: What is odd about it, in words.
        n_rows: Of ``rows``.
        size: Of the file, and how it is written, in words.
        columns: Names, in order.
    """

    name: str
    entry: dict[str, Any]
    rows: ibis.Table
    is_cut: bool
    notes: tuple[str, ...] = ()
    n_rows: int = 0
    size: str = ""
    columns: tuple[str, ...] = ()


def open_table(place: str, project: Path, header: bool | None = None, names: tuple[str, ...] = ()) -> RawTable:
    """The table at a path, or in a database at ``URL#TABLE``.

    Args:
        place: As the user names it.
        project: Root of the project; paths inside it are written relative to it.
        header: Whether a text file begins with the names of its columns; ``None`` looks.
        names: Names of the columns of a text file without them.

    Raises:
        NextactError: If it cannot be read; says what was seen and what to do.
    """
    if found := ADDRESS.fullmatch(place):
        return _of_database(found["url"], found["table"])
    file = recognise(Path(place))
    filepath = str(_written(file.path, project))
    try:
        if file.kind == "csv":
            return _csv(file, filepath, header, names)
        return _parquet(file, filepath) if file.kind == "parquet" else _json(file, filepath)
    except duckdb.Error as error:
        odd = _uneven_line(file) if file.kind == "csv" else None
        raise NextactError(f"{file.path}: {odd or _in_words(error)}") from error


def _written(path: Path, project: Path) -> Path:
    whole = path.resolve()
    return whole.relative_to(project.resolve()) if whole.is_relative_to(project.resolve()) else whole


def _in_words(error: duckdb.Error) -> str:
    """The lines of DuckDB's message that are about the file."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith(("Possible", "*", "LINE", "file =", "Invalid Input"))]
    said = "; ".join((told or lines)[:3]).replace("Original Line:", "which reads")
    return f"DuckDB cannot read it as a table: {said[:400]}; put that line right, or export the table again"


def _uneven_line(file: TableFile) -> str | None:
    """The first line that has another number of cells than the header, in words; ``None`` where none is found."""
    lines = _first_lines(file, UNEVEN_LINES)
    sign = max(SEPARATORS, key=lines[0].count)
    reader = csv.reader(lines, delimiter=sign)
    wanted = len(next(reader))
    odd = [(reader.line_num, line) for line in reader if line and len(line) != wanted]
    if not odd:
        return None
    place, cells = odd[0]
    more = f", and {len(odd) - 1:,} more are uneven" if len(odd) > 1 else ""
    return (
        f"line {place:,} has {len(cells)} cells, but the first line has {wanted}{more}: {shorten(sign.join(cells))}; "
        f"put it right (text that holds {sign!r} must stand in quotes), or export the table again"
    )


def _kept(rows: ibis.Table) -> tuple[ibis.Table, int, bool]:
    """The first rows in memory; one more is asked for to know whether there are more."""
    kept = rows.limit(ROWS + 1).cache()
    n_rows = int(kept.count().execute())
    return (kept.limit(ROWS).cache() if n_rows > ROWS else kept), min(n_rows, ROWS), n_rows > ROWS


def _table(name: str, entry: dict[str, Any], rows: ibis.Table, notes: tuple[str, ...], size: str) -> RawTable:
    kept, n_rows, is_cut = _kept(rows)
    if not n_rows:
        raise NextactError(f"{entry.get('filepath', name)}: it has columns ({', '.join(rows.columns)}), but no row")
    return RawTable(name, entry, kept, is_cut, notes, n_rows, size, tuple(rows.columns))


def _size(path: Path) -> str:
    n = float(path.stat().st_size)
    for unit in ("bytes", "kB", "MB", "GB"):
        if n < 1000 or unit == "GB":
            return f"{n:,.0f} {unit}" if unit == "bytes" else f"{n:,.1f} {unit}"
        n /= 1000
    raise AssertionError


def _stem(path: Path) -> str:
    return re.sub(r"\W+", "_", path.name.split(".")[0]).strip("_").lower() or "table"


def _parquet(file: TableFile, filepath: str) -> RawTable:
    entry = {"type": "ibis.FileDataset", "filepath": filepath, "file_format": "parquet"}
    rows = ibis.get_backend().read_parquet(str(file.path))
    return _table(_stem(file.path), entry, rows, file.notes, _size(file.path))


def _json(file: TableFile, filepath: str) -> RawTable:
    """All plain columns as text, so that ids and times come as they are written."""
    kinds = ibis.get_backend().read_json(str(file.path)).schema()
    plain = [name for name, kind in kinds.items() if not kind.is_nested()]
    nested = [name for name in kinds if name not in plain]
    notes = (f"{file.path.name}: passed over, since they hold lists or objects: {', '.join(nested)}",) if nested else ()
    load_args = {"columns": dict.fromkeys(plain, "VARCHAR")}
    entry = {"type": "ibis.FileDataset", "filepath": filepath, "file_format": "json", "load_args": load_args}
    rows = ibis.get_backend().read_json(str(file.path), **load_args)
    return _table(_stem(file.path), entry, rows, (*file.notes, *notes), _size(file.path))


def _csv(file: TableFile, filepath: str, header: bool | None, names: tuple[str, ...]) -> RawTable:
    shape, lines = _shape(file)
    seen, notes = _has_header(lines) if header is None and not names else (bool(header), ())
    if not seen:
        names = names or tuple(f"column{at}" for at in range(len(lines[0])))
        if len(names) != len(lines[0]):
            raise NextactError(
                f"{file.path}: --columns names {len(names)} columns, but the first line has {len(lines[0])}"
            )
    elif len(lines[0]) < 2:
        raise NextactError(
            f"{file.path}: it has one column only, {shorten(lines[0][0])}; is it a table, with , ; | or tabs "
            "between its cells?"
        )
    notes = tuple(f"{file.path.name}: {note}" for note in notes)
    args = {"header": seen, **shape} | ({} if seen else {"names": list(names)})
    if file.encoding in ENCODED:
        entry, rows = _by_duckdb(file, filepath, args)
    else:
        entry, rows = _by_pandas(file, filepath, args)
    kind = f"{file.encoding}, separator {shape['delim']!r}"
    return _table(_stem(file.path), entry, rows, (*file.notes, *notes), f"{_size(file.path)}, {kind}")


def _by_duckdb(file: TableFile, filepath: str, args: Mapping[str, Any]) -> tuple[dict[str, Any], ibis.Table]:
    load_args = {"all_varchar": True, **args}
    if file.encoding != "utf-8":
        load_args["encoding"] = file.encoding
    entry = {"type": "ibis.FileDataset", "filepath": filepath, "file_format": "csv", "load_args": load_args}
    return entry, ibis.get_backend().read_csv(str(file.path), **load_args)


def _by_pandas(file: TableFile, filepath: str, args: Mapping[str, Any]) -> tuple[dict[str, Any], ibis.Table]:
    load_args: dict[str, Any] = {
        "sep": args["delim"],
        "encoding": file.encoding,
        "dtype": "str",
        "keep_default_na": False,
    }
    if not args["header"]:
        load_args |= {"header": None, "names": args["names"]}
    entry = {"type": "pandas.CSVDataset", "filepath": filepath, "load_args": load_args}
    frame = pd.read_csv(file.path, nrows=ROWS + 1, **(load_args | {"dtype": str}))
    return entry, ibis.memtable(frame.astype("string"))


def _shape(file: TableFile) -> tuple[dict[str, Any], list[list[str]]]:
    """Separator and quote by DuckDB's sniffer, and the first lines as Python's reader splits them."""
    lines = _first_lines(file)
    with tempfile.NamedTemporaryFile("w", suffix=".csv", encoding="utf-8", newline="") as sniffed:
        sniffed.write("".join(lines))
        sniffed.flush()
        sniff = "SELECT Delimiter, Quote FROM sniff_csv(?, all_varchar = true, ignore_errors = true)"
        found = ibis.get_backend().con.execute(sniff, [sniffed.name]).fetchone()
    delimiter, quote = found
    quote = quote if quote and quote != "(empty)" else '"'
    cells = [line for line in csv.reader(lines, delimiter=delimiter, quotechar=quote) if line]
    return {"delim": delimiter, "quote": quote}, cells


def _first_lines(file: TableFile, n_lines: int = SNIFFED_LINES) -> list[str]:
    encoding = "utf-8-sig" if file.encoding == "utf-8" else file.encoding
    raw: IO[bytes]
    with gzip.open(file.path) if file.path.suffix == ".gz" else file.path.open("rb") as raw:  # type: ignore[assignment]
        return list(islice(io.TextIOWrapper(raw, encoding=encoding, newline=""), n_lines))


def _has_header(lines: list[list[str]]) -> tuple[bool, tuple[str, ...]]:
    """Whether the first line names the columns: no name is a number or a time, is missing, or stands below itself."""
    first, rest = lines[0], lines[1:]
    odd = [cell for cell in first if re.fullmatch(r"[-+]?\d+([.,]\d+)?", cell.strip()) or formats_of([cell])]
    again = [cell for at, cell in enumerate(first) if any(cell == line[at] for line in rest if at < len(line)) and cell]
    if not odd and not again:
        return True, ()
    why = f"{shorten(odd[0])} is a value" if odd else f"{shorten(again[0])} stands in other lines of its column, too"
    return False, (
        f"no header: the first line is {shorten(','.join(first))}, and {why}; its columns are called column0, "
        "column1, … (name them with --columns user,item,…; say --header if it is one)",
    )


def _of_database(url: str, table: str) -> RawTable:
    """A table of a SQLite or DuckDB file."""
    backend, _, rest = url.partition("://")
    database = rest.removeprefix("/")
    if backend not in DATABASES:
        raise NextactError(
            f"{url}: {backend} is not looked into; export the table to Parquet, or start with a part of it and write "
            "its entry into the data catalog by hand (docs/data_contract.md, 'A SQL database')"
        )
    if not Path(database).is_file():
        raise NextactError(f"{url}: there is no file {database!r}; an address is as in sqlite:///FILE#TABLE")
    try:
        connection = getattr(ibis, backend).connect(database, **DATABASES[backend])
        known = connection.list_tables()
        arrow = connection.table(table).limit(ROWS + 1).to_pyarrow() if table in known else None
    except Exception as error:  # each database has errors of its own
        said = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise NextactError(f"{url}: it cannot be read: {said}") from error
    if arrow is None:
        raise NextactError(f"{url}: no table {table!r}; tables: {', '.join(sorted(known)[:10]) or 'none'}")
    given = {"backend": backend, "database": database, **DATABASES[backend]}
    entry = {"type": "ibis.TableDataset", "table_name": table, "connection": given}
    name = re.sub(r"\W+", "_", table).lower()
    return _table(name, entry, ibis.memtable(arrow), (), f"a table of {backend}")
