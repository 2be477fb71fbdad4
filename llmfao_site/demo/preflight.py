"""What is asked before anything is installed: is this Python new enough, is the port free?

Runs as a file, with no package around it, under any Python from 3.6 on.
"""

import os
import socket
import sys


class Taken(Exception):
    """The address cannot be listened on; the message says what to do."""


def bound(host: str, port: int) -> socket.socket:
    """A socket bound to the first of the addresses of `host`; port 0 takes any free one.

    Raises:
        Taken: somebody else listens there, or the host or the port is none of this machine.
    """
    if not 0 <= port <= 65535:
        raise Taken(f"PORT={port} is no port: a number from 0 to 65535 was expected.")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as problem:
        raise Taken(f"HOST={host} is no address of this machine: {problem.strerror}.") from problem
    family, _kind, _protocol, _name, address = found[0]
    listener = socket.socket(family, socket.SOCK_STREAM)
    # A server that has just been stopped leaves its port waiting; that is not taken.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen()
    except OSError as problem:
        listener.close()
        other = port + 1 if 0 < port < 65535 else 8000
        raise Taken(
            f"Port {port} on {host} cannot be used: {problem.strerror}. Choose another one: PORT={other} make demo"
        ) from problem
    return listener


def port_in(text: str) -> int:
    """The number in `text`.

    Raises:
        Taken: there is none.
    """
    if not (text.isascii() and text.isdigit()):
        raise Taken(f"PORT={text} is no port: a number from 0 to 65535 was expected.")
    return int(text)


def main() -> None:
    if sys.version_info < (3, 12):  # noqa: UP036  an older interpreter is what this is about
        sys.exit(
            f"LLMFAO needs Python 3.12 or newer; this is {sys.version.split()[0]}. "
            "Name a newer one: make PYTHON=python3.12 ..."
        )
    if sys.argv[1:] == ["port"]:
        try:
            bound(os.environ.get("HOST", "127.0.0.1"), port_in(os.environ.get("PORT", "8000"))).close()
        except Taken as taken:
            sys.exit(str(taken))


if __name__ == "__main__":
    main()
