"""The data check: what can be wrong with data before any net sees them, each with row numbers and with what is done about it."""
