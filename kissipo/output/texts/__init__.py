"""The text of a column: how it is searched, checked, scored and shown."""
