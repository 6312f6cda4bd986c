"""Stands for a program that the fork server begins: `python -I -S launch.py SOCKET zajil serve ...`.

Its streams, folder and environment are the program's, signals go on to it, and so does its end: the exit code, or the
signal. It imports little, so that it costs a fiftieth of a second. Who kills it (SIGKILL) waits for the end of its
output, too: that is the end of the program.
"""

import json
import os
import signal
import socket
import sys

PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


def main() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
        line.connect(sys.argv[1])
        request = {"argv": sys.argv[2:], "cwd": os.getcwd(), "env": dict(os.environ)}  # noqa: PTH109  # pathlib is much
        socket.send_fds(line, [json.dumps(request).encode()], [0, 1, 2])
        for one in PASSED_ON:
            signal.signal(one, lambda number, _: line.send(b"%d" % number))
        for stream in (0, 1, 2):
            os.close(stream)
        answer = line.recv(16)
    code = int(answer or -signal.SIGKILL)
    if code < 0:
        for one in PASSED_ON:
            signal.signal(one, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


main()
