"""The choice of a net: candidates are compared on the validation split."""
