"""Plug-ins of kissipo itself, each of which stands on the public hooks alone."""
