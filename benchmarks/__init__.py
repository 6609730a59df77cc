"""How fast pyiptc is, beside the tools of iptables, python-iptables, nft and plain C."""
