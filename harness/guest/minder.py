"""The process between keyreel and a guest: whatever happens to either, nothing is left behind.

A guest is several host processes, and keyreel may be killed at any instant. This script starts the
guest's program, waits for it to end or for keyreel to close the lifeline (which a killed process
does too), then kills and reaps every descendant and removes a folder if it was told to.

Usage: minder.py LIFELINE CONSOLE FOLDER GRACE PROGRAM [ARGUMENT...]
LIFELINE and CONSOLE are numbers of inherited descriptors: the read end of a pipe, and PROGRAM's
end of its console. FOLDER may be empty. GRACE is how many seconds PROGRAM has to end by itself
once keyreel has gone. All other descriptors are kept and go to PROGRAM too: a
lock among them is held until everything has ended. The exit status is PROGRAM's, 128 + N if a
signal ended it.
"""

from __future__ import annotations

import ctypes
import os
import select
import shutil
import signal
import sys

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def main(arguments: list[str]) -> int:
    """Mind one guest; see the module's text."""
    lifeline, console = int(arguments[0]), int(arguments[1])
    folder, grace, command = arguments[2], float(arguments[3]), arguments[4:]
    libc = ctypes.CDLL(None, use_errno=True)
    # Orphans of the guest become our children, so that we can see and end them.
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)

    guest = os.fork()
    if guest == 0:
        try:
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_DFL)
            os.close(lifeline)
            os.execvp(command[0], command)
        except BaseException as error:
            os.write(2, f"{command[0]}: {error}\n".encode())
        finally:
            os._exit(127)
    # keyreel sees the end of the guest as the end of the console's stream.
    os.close(console)

    ended = os.pidfd_open(guest)
    poll = select.poll()
    poll.register(lifeline, select.POLLIN)
    poll.register(ended, select.POLLIN)
    gone = [fd for fd, _ in poll.poll()]
    if ended not in gone:
        poll.unregister(lifeline)
        gone = [fd for fd, _ in poll.poll(grace * 1000)]
    if ended not in gone:
        os.kill(guest, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(guest, 0)[1])
    _end_descendants()
    if folder:
        shutil.rmtree(folder, ignore_errors=True)
    return status if status >= 0 else 128 - status


def _end_descendants() -> None:
    """Kill children, and those that they leave to us, until none is left."""
    while True:
        for pid in _children():
            os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _children() -> list[int]:
    children = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    # The parent is the second field after the name, which ends with the last ")".
                    parent = int(file.read().rpartition(b")")[2].split()[1])
            except OSError:
                continue
            if parent == os.getpid():
                children.append(int(name))
    return children


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
