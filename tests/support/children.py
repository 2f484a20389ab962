"""Processes that end with the tests that started them, however those end."""
import ctypes
import signal

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def ending_with_us(number=signal.SIGKILL, also=None):
    """What Popen calls in the new process (`preexec_fn`): the kernel sends it this signal when the thread that started it ends. Servers are
    therefore started by the main thread. `also` is called as well."""
    def prepare():
        _libc.prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if also:
            also()
    return prepare
