"""A host of the laboratory: boots and dies as a whole; commands run inside its namespaces."""
import array
import fcntl
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
EXT4_IOC_SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32)
EXT4_GOING_FLAGS_NOLOGFLUSH = 2


class LabError(Exception):
    """The laboratory itself could not do what was asked."""


def until(what, condition, seconds, step=0.02):
    """Polls a condition against a deadline; returns its first true value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise LabError(f"waited {seconds} s in vain: {what}")
        time.sleep(step)


class Host:
    """`images` are disks (mounted under /mnt/NAME), `directories` maps an absolute path to the disk that holds it."""

    def __init__(self, name, work, images=None, directories=None, keep=()):
        self.name = name
        self.work = work / name
        self.work.mkdir(mode=0o755)
        self.images = images or {}
        self.directories = dict(directories or {})
        self.keep = [str(k) for k in keep]
        self.env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8",
                    "LC_ALL": "C.UTF-8"}
        self.pid = None
        self.started = []
        self._outer = None

    # --- power ---------------------------------------------------------------------------------------------------------------

    def power_on(self):
        if self.pid:
            raise LabError(f"{self.name} is already on")
        newroot = self.work / "root"
        newroot.mkdir(exist_ok=True)
        spec = {"name": self.name, "newroot": str(newroot), "images": {k: str(v) for k, v in self.images.items()},
                "directories": self.directories, "keep": self.keep}
        for attempt in range(3):  # seen on a loaded machine: a host's first process ends at once and says nothing
            if self._start(spec):
                return
            ended = self._outer.wait()
            self._errors.seek(0)
            said = self._errors.read()
            if said:
                break
        raise LabError(f"{self.name} does not boot (its first process ended with {ended}):\n{said}")

    def _start(self, spec):
        """One try: whether the host is up. Its first process and its keeper say `ready` and a pid, in any order."""
        self._errors = open(self.work / "boot.log", "w+")
        self._outer = subprocess.Popen([sys.executable, str(HERE / "boot.py"), json.dumps(spec)], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, stderr=self._errors, text=True, start_new_session=True)
        said = {self._outer.stdout.readline().strip(), self._outer.stdout.readline().strip()}
        pid = next((line for line in said if line.isdigit()), None)
        if pid is None or "ready" not in said:
            self._outer.kill()
            return False
        self.pid = int(pid)
        return True

    def power_off(self):
        """Kills process 1, and by that everything in the host; returns when all of it is gone, mounts and loop devices too."""
        if not self._outer:
            return
        if self.pid:
            try:
                os.kill(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        else:
            self._outer.kill()
        for process in self.started:
            process.kill()  # only nsenter, which stops itself when its child is stopped, and then would not let it go
        self._outer.stdin.close()
        try:
            self._outer.wait(30)
        except subprocess.TimeoutExpired:
            raise LabError(f"{self.name} does not die") from None
        self._outer.stdout.close()
        self._errors.close()
        self.pid = self._outer = None
        for process in self.started:
            process.wait()
        self.started = []
        for image in self.images.values():
            until(f"loop device of {image} freed", lambda: not loop_devices(image), 20)

    def lose_unflushed(self):
        """Shuts every disk down without flushing its journal: what was not flushed before is gone."""
        for disk in self.images:
            descriptor = os.open(f"/proc/{self.pid}/root/mnt/{disk}", os.O_RDONLY)
            try:
                fcntl.ioctl(descriptor, EXT4_IOC_SHUTDOWN, array.array("I", [EXT4_GOING_FLAGS_NOLOGFLUSH]))
            finally:
                os.close(descriptor)

    # --- commands ------------------------------------------------------------------------------------------------------------

    def _enter(self, command):
        if not self.pid:
            raise LabError(f"{self.name} is off")
        if isinstance(command, str):
            command = ["sh", "-c", command]
        return ["nsenter", "-t", str(self.pid), "-m", "-n", "-p", "-u", "-i", "-r", "-w", "--"] + [str(c) for c in command]

    def popen(self, command, env=None, **options):
        """Starts a command in the host; it dies with the host."""
        options.setdefault("stdin", subprocess.DEVNULL)
        process = subprocess.Popen(self._enter(command), env={**self.env, **(env or {})}, start_new_session=True, **options)
        self.started.append(process)
        return process

    def run(self, command, check=True, timeout=60, env=None, input=None):
        """Runs a command in the host to its end; returns a CompletedProcess with text output (stdout and stderr apart)."""
        with subprocess.Popen(self._enter(command), env={**self.env, **(env or {})}, start_new_session=True, text=True, errors="replace",
                              stdin=subprocess.PIPE if input is not None else subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            try:
                out, err = process.communicate(input, timeout=timeout)
            except BaseException as error:
                os.killpg(process.pid, signal.SIGKILL)
                if isinstance(error, subprocess.TimeoutExpired):
                    out, err = process.communicate()
                    raise LabError(f"{self.name}: no end after {timeout} s: {show(command)}\n{out}{err}") from None
                raise
        result = subprocess.CompletedProcess(command, process.returncode, out, err)
        if check and result.returncode != 0:
            raise LabError(f"{self.name}: exit code {result.returncode}: {show(command)}\n{out}{err}")
        return result

    def out(self, command, **options):
        return self.run(command, **options).stdout

    # --- files and processes -------------------------------------------------------------------------------------------------

    def path(self, inside):
        """The path of a file of this host as seen from the laboratory (for Python's own file functions)."""
        return pathlib.Path(f"/proc/{self.pid}/root{inside}")

    def write(self, inside, text, mode=0o644):
        target = self.path(inside)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(mode)

    def read(self, inside):
        return self.path(inside).read_text(errors="replace")

    def processes(self, name=None):
        """Process ids (as seen from the laboratory) of the host's processes, process 1 excepted; by command name if given."""
        mine = os.readlink(f"/proc/{self.pid}/ns/pid")
        found = []
        for entry in os.listdir("/proc"):
            try:
                if entry.isdigit() and os.readlink(f"/proc/{entry}/ns/pid") == mine and int(entry) != self.pid:
                    if name is None or pathlib.Path(f"/proc/{entry}/comm").read_text().strip() == name[:15]:
                        found.append(int(entry))
            except OSError:
                continue  # it ended while we looked
        return found

    def signal(self, number, name=None):
        """Sends a signal to the host's processes of a name (all of them without one); returns how many."""
        found = self.processes(name)
        for pid in found:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        if number == signal.SIGCONT:
            for process in self.started:
                process.send_signal(number)  # nsenter stopped itself together with its child
        return len(found)


def show(command):
    return command if isinstance(command, str) else " ".join(str(c) for c in command)


def loop_devices(image):
    return subprocess.run(["losetup", "-n", "-O", "NAME", "-j", str(image)], capture_output=True, text=True).stdout.split()
