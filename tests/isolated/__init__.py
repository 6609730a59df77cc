"""What may crash, hang or leak: in processes of its own."""
