"""What is explained with numbers and trains nothing, one a file: its Options, SYSTEM, ABOUT and `explain(options)`."""
