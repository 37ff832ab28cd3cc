"""Run as `kubectl port-forward ... service/NAME LOCAL:REMOTE`: passes the local port on to that in $TARGET."""

import os
import socket
import sys
import threading


def pump(source: socket.socket, target: socket.socket) -> None:
    while piece := source.recv(65536):
        target.sendall(piece)
    target.shutdown(socket.SHUT_WR)


def main() -> None:
    if "--namespace=nowhere" in sys.argv:
        sys.exit('namespaces "nowhere" not found')
    with socket.create_server(("127.0.0.1", int(sys.argv[-1].partition(":")[0]))) as listener:
        while True:
            near, _ = listener.accept()
            far = socket.create_connection(("127.0.0.1", int(os.environ["TARGET"])))
            for pair in ((near, far), (far, near)):
                threading.Thread(target=pump, args=pair, daemon=True).start()


if __name__ == "__main__":
    main()
