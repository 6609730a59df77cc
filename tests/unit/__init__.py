"""What needs no privilege: recorded blobs, a kernel out of bytes, properties, values."""
