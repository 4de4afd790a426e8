"""Environments: go itself, with its rules."""
