"""The report: one HTML page that opens offline, made of words, tables and drawings; no script, nothing fetched."""
