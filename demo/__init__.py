"""A router in private network namespaces, its rules made with pyiptc: ``python -m demo``."""
