"""Boots one host of the laboratory and is its process 1.

usage: boot.py SPEC     SPEC is a JSON object: name, newroot, images {mount name: file}, directories {path: mount name}, keep [path].

The host lives in its own net, mount, pid, uts and ipc namespaces. Its root is a tmpfs: the machine's own top-level directories
appear in it read-only; /tmp, /run, /mnt, /data, /srv are its own; each image is a disk under /mnt; a replicated directory is a
directory of a disk, bound to the absolute path that it has on both nodes. Nothing of it is seen from outside, and all of it ends
with this process: when it is killed (the power cut), or when its standard input ends (the laboratory died).
"""
import json
import os
import signal
import socket
import subprocess
import sys
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import syscalls as sc  # noqa: E402

OWN = {"proc", "sys", "dev", "run", "tmp", "mnt", "data", "srv", "boot", "lost+found"}
DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "fuse")


def bind(source, target, readonly=False):
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        open(target, "a").close()
    sc.mount(source, target, flags=sc.MS_BIND | sc.MS_REC)
    if readonly:
        sc.read_only(target)


def tmpfs(target, mode):
    os.makedirs(target, exist_ok=True)
    sc.mount("tmpfs", target, "tmpfs", sc.MS_NOSUID, "mode=" + mode)


def show_machine(new):
    """The machine's programs and configuration, read-only."""
    for entry in os.scandir("/"):
        if entry.is_symlink():
            os.symlink(os.readlink(entry.path), new + entry.path)
        elif entry.is_dir() and entry.name not in OWN:
            bind(entry.path, new + entry.path, readonly=True)


def make_devices(new):
    tmpfs(new + "/dev", "0755")
    for name in DEVICES:
        if os.path.exists("/dev/" + name):
            bind("/dev/" + name, f"{new}/dev/{name}")
    for name, target in (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2"), ("ptmx", "pts/ptmx")):
        os.symlink(target, f"{new}/dev/{name}")
    tmpfs(new + "/dev/shm", "1777")
    os.mkdir(new + "/dev/pts")
    sc.mount("devpts", new + "/dev/pts", "devpts", sc.MS_NOSUID, "newinstance,ptmxmode=0666,mode=0620,gid=5")


def make_root(spec):
    new = spec["newroot"]
    sc.mount("none", "/", flags=sc.MS_REC | sc.MS_PRIVATE)
    tmpfs(new, "0755")
    show_machine(new)
    for path, mode in (("/tmp", "1777"), ("/run", "0755"), ("/var/tmp", "1777")):
        tmpfs(new + path, mode)
    for path in ("/mnt", "/data", "/srv", "/proc", "/sys"):
        os.makedirs(new + path, exist_ok=True)
    for path in spec["keep"]:
        if not os.path.exists(new + path):
            bind(path, new + path, readonly=True)
    make_devices(new)
    for disk, image in spec["images"].items():
        os.mkdir(f"{new}/mnt/{disk}")
        # The loop device is freed by the kernel when its last mount goes: nothing to clean up after a kill.
        subprocess.run(["mount", "-n", "-t", "ext4", "-o", "loop", image, f"{new}/mnt/{disk}"], check=True)
    for path, disk in spec["directories"].items():
        source = f"{new}/mnt/{disk}{path}"
        os.makedirs(source, exist_ok=True)
        bind(source, new + path)
    os.mkdir(new + "/.old")
    sc.pivot_root(new, new + "/.old")
    os.chdir("/")
    sc.mount("proc", "/proc", "proc")
    sc.mount("sysfs", "/sys", "sysfs", sc.MS_RDONLY)
    with open("/run/boot_id", "w") as file:  # every boot has its own
        file.write(str(uuid.uuid4()) + "\n")
    sc.mount("/run/boot_id", "/proc/sys/kernel/random/boot_id", flags=sc.MS_BIND)
    sc.unmount("/.old", sc.MNT_DETACH)
    os.rmdir("/.old")


def reap(_signal, _frame):
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def process_one(spec):
    socket.sethostname(spec["name"])
    make_root(spec)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    signal.signal(signal.SIGCHLD, reap)
    print("ready", flush=True)
    while os.read(0, 1):
        pass


def main():
    spec = json.loads(sys.argv[1])
    sc.unshare(sc.CLONE_NEWNS | sc.CLONE_NEWPID | sc.CLONE_NEWNET | sc.CLONE_NEWUTS | sc.CLONE_NEWIPC)
    child = os.fork()
    if child == 0:
        process_one(spec)
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the laboratory's to handle
    print(child, flush=True)
    os.close(0)
    os.waitpid(child, 0)


main()
