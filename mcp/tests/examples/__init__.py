"""Writes the examples of the documents: calls of the running programs, with the answers that they gave."""
