"""Go: records of games, the board, its rules and the next move (S19)."""
