"""Fixtures of the attacks."""

from __future__ import annotations

import socket
import threading

import pytest
from attacked_service import attacked_service


@pytest.fixture(scope="session")
def attacked(built_region, tmp_path_factory):
    """Return a service that is attacked; its tests leave it as it was."""
    with attacked_service(built_region, tmp_path_factory.mktemp("attacked")) as service:
        yield service


@pytest.fixture
def listener():
    """Return the port of a server of this machine, and the addresses that connected to it."""
    server = socket.create_server(("127.0.0.1", 0))
    sent = []

    def accept():
        while True:
            try:
                connection, address = server.accept()
            except OSError:
                return
            sent.append(address)
            connection.close()

    threading.Thread(target=accept, daemon=True).start()
    yield server.getsockname()[1], sent
    server.close()
