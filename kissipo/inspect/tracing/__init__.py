"""Tracing: record a net operation by operation, and save the trace as files."""
