"""The command `kissipo`: the verbs, one small file each, and how things are shown in the terminal."""
