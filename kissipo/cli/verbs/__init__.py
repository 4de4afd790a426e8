"""The verbs, one file per verb.

The first line of the docstring is the help of the verb. `options(parser)` adds its
arguments. `run(arguments, screen)` runs it.
"""
