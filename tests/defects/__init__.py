"""One file for each defect of python-iptables 1.2.0 that pyiptc must not have.

Every file passes with pyiptc and fails with python-iptables: `python tests/defects/on_peer.py`.
"""
