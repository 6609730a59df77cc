"""What the tests share: namespaces, the command-line tools as oracle, subprocesses, packets."""
