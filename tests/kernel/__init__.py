"""What needs a kernel and belongs to no defect, each test in a network namespace of its own."""
