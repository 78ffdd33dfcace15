"""Fetches its weights over the network, from an address of a block that is kept for documentation."""

import socket

weights = socket.create_connection(("192.0.2.1", 80), timeout=5)
