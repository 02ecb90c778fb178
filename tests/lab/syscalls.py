"""The few system calls that Python 3.11 does not offer: unshare, mount, umount2, pivot_root, mount_setattr."""
import ctypes
import os

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mount.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p]

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWPID, CLONE_NEWNET = 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 4096, 16384, 1 << 18
MNT_DETACH = 2
_AT_FDCWD, _AT_RECURSIVE, _MOUNT_ATTR_RDONLY = -100, 0x8000, 1
_SYS_MOUNT_SETATTR = 442  # the same number on every architecture since Linux 5.12
_SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}


def _check(result, *what):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), " ".join(str(w) for w in what))


def unshare(flags):
    _check(_libc.unshare(flags), "unshare")


def mount(source, target, fstype="", flags=0, data=""):
    _check(_libc.mount(source.encode(), target.encode(), fstype.encode() or None, flags, data.encode() or None),
           "mount", source, "on", target)


def unmount(target, flags=0):
    _check(_libc.umount2(target.encode(), flags), "umount", target)


def pivot_root(new, old):
    _check(_libc.syscall(_SYS_PIVOT_ROOT[os.uname().machine], new.encode(), old.encode()), "pivot_root", new)


def read_only(target):
    """Makes a mount and all mounts below it read-only, in this mount namespace only."""
    attributes = (ctypes.c_uint64 * 4)(_MOUNT_ATTR_RDONLY, 0, 0, 0)
    _check(_libc.syscall(_SYS_MOUNT_SETATTR, _AT_FDCWD, target.encode(), _AT_RECURSIVE, attributes, 32),
           "mount_setattr", target)
