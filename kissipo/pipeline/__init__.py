"""Builds a pipeline from a task in four steps: parse, infer, resolve, build.

Only this folder joins the input, the process and the output.
"""
