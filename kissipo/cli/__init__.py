"""The command `kissipo`: one file per verb, and the output in the terminal."""
