"""Tracing: a net followed operation by operation while it answers one sample; checked, worked out, kept as files."""
