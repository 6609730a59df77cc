"""What the documentation of python-iptables promises."""
