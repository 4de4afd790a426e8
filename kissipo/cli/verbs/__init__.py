"""One verb a file: the first line of its docstring is its help, `options(parser)` its arguments, `run(arguments, screen)` its deed."""
