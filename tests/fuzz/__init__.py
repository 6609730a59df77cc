"""Random input for everything that reads text."""
