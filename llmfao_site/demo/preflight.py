"""Checks before the installation that Python is new enough and the port is free.

Runs as a script without its package, on any Python since 3.6.
"""

import os
import socket
import sys


class Taken(Exception):
    """The address cannot be used; the message says what to do."""


def bound(host: str, port: int) -> socket.socket:
    """Returns a listening socket on the first address of `host`; port 0 picks a free port.

    Raises:
        Taken: the port is in use, or the host or the port is not valid on this machine.
    """
    if not 0 <= port <= 65535:
        raise Taken(f"PORT={port} is not a port number. Use a number from 0 to 65535.")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as problem:
        raise Taken(f"HOST={host} is not an address of this machine: {problem.strerror}.") from problem
    family, _kind, _protocol, _name, address = found[0]
    listener = socket.socket(family, socket.SOCK_STREAM)
    # A server that has just stopped leaves its port in TIME_WAIT, which is not in use.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen()
    except OSError as problem:
        listener.close()
        other = port + 1 if 0 < port < 65535 else 8000
        raise Taken(
            f"Port {port} on {host} cannot be used: {problem.strerror}. Choose another port: PORT={other} {command()}"
        ) from problem
    return listener


def command() -> str:
    """Returns how the demo is started: `llmfao demo` where the site is installed from a wheel, else `make demo`."""
    installed = os.path.basename(sys.argv[0]) == "llmfao"  # noqa: PTH119  also on Pythons that are too old
    return "llmfao demo" if installed else "make demo"


def port_in(text: str) -> int:
    """Returns the port number in `text`.

    Raises:
        Taken: `text` is not a number.
    """
    if not (text.isascii() and text.isdigit()):
        raise Taken(f"PORT={text} is not a port number. Use a number from 0 to 65535.")
    return int(text)


def main() -> None:
    """Exits with a message if Python is too old or, with the argument `port`, if HOST and PORT cannot be used."""
    if sys.version_info < (3, 12):  # noqa: UP036  an older interpreter is what this is about
        sys.exit(
            f"LLMFAO needs Python 3.12 or newer; this is {sys.version.split()[0]}. "
            "Choose a newer one: make PYTHON=python3.12 ..."
        )
    if sys.argv[1:] == ["port"]:
        try:
            bound(os.environ.get("HOST", "127.0.0.1"), port_in(os.environ.get("PORT", "8000"))).close()
        except Taken as taken:
            sys.exit(str(taken))


if __name__ == "__main__":
    main()
