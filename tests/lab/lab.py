"""The laboratory: node1, node2, witness and client on one or more networks, made of namespaces, loop disks and one bridge per network.

    with Lab(networks=("default", "repl"), directories=("/data/app",)) as lab:
        lab.node1.run("hostname")
        lab.cut("default", "node1", "node2")
        lab.power_cut(lab.node1); lab.boot(lab.node1)

Everything outside stays as it was: all interfaces, mounts and processes live in namespaces that end with the laboratory, however it
ends; files are in one directory under /var/tmp, removed at the end (or by the next laboratory, if this one was killed).
"""
import atexit
import fcntl
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

from .host import Host, LabError, REPOSITORY, loop_devices

PREFIX = "lockstep-lab-"
BASE = pathlib.Path("/var/tmp")
NUMBERS = {"node1": 11, "node2": 12, "witness": 1, "client": 100}
VIP_NUMBER = 200


class Lab:
    def __init__(self, networks=("default",), directories=("/data/app",), state_mib=256, data_mib=1024, keep=False, keep_paths=()):
        if os.geteuid() != 0:
            raise LabError("the laboratory makes namespaces and mounts: run it as root (sudo)")
        remove_leftovers()
        self.networks = {name: f"10.77.{number}" for number, name in enumerate(networks)}
        self.keep = keep
        self.hosts = {}
        self._closed = False
        self.work = pathlib.Path(tempfile.mkdtemp(prefix=PREFIX, dir=BASE))
        self.work.chmod(0o755)
        self._lock = hold(self.work)
        atexit.register(self.close)
        try:
            self._make(directories, state_mib, data_mib, keep_paths)
        except BaseException:
            self.close()
            raise

    def _make(self, directories, state_mib, data_mib, keep_paths):
        keep = [REPOSITORY, *keep_paths]
        self.hub = Host("hub", self.work, keep=keep)
        self.hub.power_on()
        for network in self.networks:
            self._switch("link", "add", "br-" + network[:12], "type", "bridge", "stp_state", "0", "forward_delay", "0", "mcast_snooping", "0")
            self._switch("link", "set", "br-" + network[:12], "up")
        self.hub.run("nft -f -", input="table bridge lab { chain forward { type filter hook forward priority 0; }; }")
        for name in NUMBERS:
            images = {}
            if name.startswith("node"):
                images = {"state": self._disk(name, "state", state_mib), "data": self._disk(name, "data", data_mib)}
            self.hosts[name] = Host(name, self.work, images, {d: "data" for d in directories} if images else {}, keep)
            self.boot(self.hosts[name])
        self.node1, self.node2 = self.hosts["node1"], self.hosts["node2"]
        self.witness, self.client = self.hosts["witness"], self.hosts["client"]
        self.nodes = (self.node1, self.node2)

    def _disk(self, host, name, mib):
        image = self.work / f"{host}-{name}.ext4"
        with open(image, "wb") as file:
            file.truncate(mib << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-L", f"{host}-{name}"[:16], image], check=True)
        return image

    # --- hosts ---------------------------------------------------------------------------------------------------------------

    def host(self, which):
        return self.hosts[which] if isinstance(which, str) else which

    def boot(self, which):
        """Disks are mounted (their journal is replayed) and the network is plugged in; nothing else is started."""
        host = self.host(which)
        host.power_on()
        for index, network in enumerate(self.networks):
            port, mac = self._port(host.name, network), f"02:00:00:{index:02x}:00:{NUMBERS[host.name]:02x}"
            self._switch("link", "add", port, "type", "veth", "peer", "name", f"eth{index}", "address", mac, "netns", str(host.pid))
            self._switch("link", "set", port, "master", "br-" + network[:12], "up")
            host.run(f"ip address add {self.address(host, network)}/24 brd + dev eth{index} && ip link set eth{index} up")
        return host

    def power_cut(self, *which):
        """The cable first (no goodbye of TCP leaves), then the disks lose what was not flushed, then everything is killed. Several
        hosts lose their power together."""
        hosts = [self.host(w) for w in which]
        for host in hosts:
            for network in self.networks:
                self.unplug(host, network)
        for host in hosts:
            host.lose_unflushed()
        for host in hosts:
            host.power_off()
            self._remove_ports(host)

    def shut_down(self, which):
        """An orderly end of the machine as far as disks are concerned: killed, then unmounted with everything flushed."""
        host = self.host(which)
        host.power_off()
        self._remove_ports(host)

    def pause(self, which, process="lockstepd"):
        """Freezes the named processes of a host (None: every process, as a stunned virtual machine)."""
        if not self.host(which).signal(signal.SIGSTOP, process):
            raise LabError(f"no process {process} to pause on {self.host(which).name}")

    def resume(self, which, process="lockstepd"):
        self.host(which).signal(signal.SIGCONT, process)

    def _switch(self, *arguments, check=True):
        """Runs `ip` in the hub's network namespace but in our process namespace, where process ids mean what we know them by."""
        result = subprocess.run(["nsenter", "-t", str(self.hub.pid), "-n", "ip", *arguments], capture_output=True, text=True)
        if check and result.returncode != 0:
            raise LabError(f"ip {' '.join(arguments)}: {result.stderr}")

    def _remove_ports(self, host):
        for network in self.networks:
            self._switch("link", "delete", self._port(host.name, network), check=False)

    # --- network -------------------------------------------------------------------------------------------------------------

    @staticmethod
    def _port(host, network):
        return f"{host[:7]}.{network[:7]}"

    def address(self, which, network="default"):
        return f"{self.networks[network]}.{NUMBERS[self.host(which).name]}"

    def vip(self, network="default"):
        return f"{self.networks[network]}.{VIP_NUMBER}"

    def unplug(self, which, network="default"):
        self._switch("link", "set", self._port(self.host(which).name, network), "down")

    def plug(self, which, network="default"):
        self._switch("link", "set", self._port(self.host(which).name, network), "up")

    def cut(self, network, a, b, direction=None, udp=None, tcp=None):
        """Drops what a and b send each other on a network; `direction=(from, to)` only one way; `udp`/`tcp` only that port."""
        a, b = self.host(a).name, self.host(b).name
        for source, target in ([direction] if direction else [(a, b), (b, a)]):
            ends = f'iifname "{self._port(self.host(source).name, network)}" oifname "{self._port(self.host(target).name, network)}"'
            matches = [f"{p} {side} {port}" for p, port in (("udp", udp), ("tcp", tcp)) if port for side in ("sport", "dport")] or [""]
            for match in matches:
                self.hub.run(["nft", f"add rule bridge lab forward {ends} {match} drop"])

    def isolate(self, which, network="default"):
        """Cuts a host off everybody on a network, without it noticing on its cable."""
        for other in self.hosts:
            if other != self.host(which).name:
                self.cut(network, which, other)

    def heal(self):
        """Removes every cut."""
        self.hub.run("nft flush chain bridge lab forward")

    # --- end -----------------------------------------------------------------------------------------------------------------

    def close(self):
        if self._closed:
            return
        self._closed = True
        atexit.unregister(self.close)
        for host in [*self.hosts.values(), getattr(self, "hub", None)]:
            if host:
                host.power_off()
        if self.keep:
            print(f"kept: {self.work}")
        else:
            shutil.rmtree(self.work, ignore_errors=True)
        os.close(self._lock)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def hold(directory):
    lock = os.open(directory / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return lock


def remove_leftovers():
    """Directories of laboratories that were killed: their processes ended with them, their files did not."""
    for directory in BASE.glob(PREFIX + "*"):
        if not (directory / "lock").exists():
            continue  # one that is just being made
        try:
            lock = hold(directory)
        except OSError:
            continue  # in use
        for image in directory.glob("*.ext4"):
            for device in loop_devices(image):
                subprocess.run(["losetup", "-d", device])
        shutil.rmtree(directory, ignore_errors=True)
        os.close(lock)


def end_on_signals():
    """Makes TERM and HUP end the program as Ctrl-C does: through its finally clauses."""
    def end(number, _frame):
        signal.signal(number, signal.SIG_IGN)
        raise SystemExit(128 + number)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
