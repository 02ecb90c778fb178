"""Drives the product in the laboratory: configuration, agents, commands, waits with a deadline, and what to show when one fails."""
import json
import os
import pathlib
import shutil
import subprocess
import threading
import time

from . import config, tree
from .host import LabError, REPOSITORY, until

ROOT = "/mnt/state/root"
PASSWORD = "laboratory"


class Cluster:
    def __init__(self, lab, module="mirror", directories=("/data/app",), build=None):
        self.lab = lab
        self.module = module
        self.directories = directories
        self.build = pathlib.Path(build or os.environ.get("LOCKSTEP_BUILD") or REPOSITORY / "build")
        for program in ("lockstepd", "lockstep"):
            if not (self.build / program).exists():
                raise LabError(f"{self.build / program} is not built: cmake --preset release && cmake --build build")
        self.agents = {}
        self.seen_resync = {}  # node name -> what its last resynchronisation showed when we last looked
        for node in lab.nodes:
            node.env["LOCKSTEP_ROOT"] = ROOT
            node.env["PATH"] = f"{self.build}:{node.env['PATH']}"
            node.path(ROOT).mkdir(exist_ok=True)

    # --- agents and commands -------------------------------------------------------------------------------------------------

    def start_agent(self, node, wait=True):
        log = open(self.lab.work / f"{node.name}-lockstepd.log", "a")
        self.agents[node.name] = node.popen(["lockstepd", "--root", ROOT], stdout=log, stderr=log)
        log.close()
        if wait:
            self.wait(f"lockstepd on {node.name} listens on 9010", lambda: self._listens(node), 20)

    def _listens(self, node):
        if self.agents[node.name].poll() is not None:
            raise LabError(f"lockstepd on {node.name} ended with {self.agents[node.name].returncode}\n{self.diagnosis()}")
        return ":9010" in node.out("ss -Hltn")

    def install(self, node, version=None):
        """From its next start the node runs the programs of another version (`other-protocol`, `other-table`), or `planted`; None: ours."""
        if version and not (self.build / version / "lockstepd").exists():
            raise LabError(f"{self.build / version} is not built: cmake --build {self.build}")
        paths = [p for p in node.env["PATH"].split(":") if pathlib.Path(p).parent != self.build]
        node.env["PATH"] = ":".join(([str(self.build / version)] if version else []) + paths)

    def stop_agent(self, node):
        node.signal(15, "lockstepd")
        try:
            self.agents[node.name].wait(60)
        except subprocess.TimeoutExpired:
            stacks = "".join(subprocess.run(["gdb", "-p", str(pid), "-batch", "-ex", "thread apply all backtrace 12"], capture_output=True,
                                            text=True).stdout for pid in node.processes("lockstepd")) if shutil.which("gdb") else ""
            raise LabError(f"lockstepd on {node.name} does not end\n{stacks}\n{self.diagnosis()}") from None

    def run(self, node, *arguments, check=True, timeout=120, input=None):
        """`lockstep ARGUMENTS` on a node; a failure shows both nodes' logs."""
        try:
            return node.run(["lockstep", *arguments], check=check, timeout=timeout, input=input)
        except LabError as error:
            raise LabError(f"{error}\n{self.diagnosis()}") from None

    def do(self, node, verb, *more, **options):
        return self.run(node, verb, *more, "-m", self.module, **options)

    # --- configuration -------------------------------------------------------------------------------------------------------

    def configure(self, userconfig, scripts, agents=True):
        """From nothing to a configured module on both nodes, by the commands that a user types on node1."""
        node1, node2 = self.lab.nodes
        for node in (self.lab.nodes if agents else ()):
            self.run(node, "webservercfg", "-passwd", PASSWORD)
            self.start_agent(node)
        node1.write("/mnt/state/cluster.xml", config.cluster_xml(self.lab))
        self.run(node1, "cluster", "config", "/mnt/state/cluster.xml")
        self.run(node1, "-H", "*", "-G")
        self.run(node1, "module", "install", "-m", self.module)
        self.write_module(node1, userconfig, scripts)
        self.do(node1, "config")
        self.run(node1, "-H", "*", "-E", self.module)

    def write_module(self, node, userconfig, scripts):
        top = f"{ROOT}/etc/lockstep/modules/{self.module}"
        node.write(f"{top}/userconfig.xml", userconfig)
        for name, text in scripts.items():
            node.write(f"{top}/bin/{name}", text, 0o755)

    # --- state ---------------------------------------------------------------------------------------------------------------

    def view(self, node):
        """What the node says of its module; {"role": "OFF"} when nobody answers."""
        if not node.pid:
            return {"role": "OFF", "sub": ""}
        result = node.run(["lockstep", "state", "-m", self.module, "--json", "--local"], check=False, timeout=20)
        if result.returncode != 0:
            return {"role": "OFF", "sub": "", "error": result.stderr}
        try:
            view = json.loads(result.stdout)
        except json.JSONDecodeError:
            raise LabError(f"{node.name}: `state --json` is not JSON: {result.stdout}") from None
        latest = view.get("last_resync") or view.get("resync")
        if latest:
            self.seen_resync[node.name] = latest
        return view

    def states(self):
        return " ".join(f"{n.name}={v['role']}/{v['sub']}" for n in self.lab.nodes for v in [self.view(n)])

    def wait(self, what, condition, seconds=30):
        try:
            return until(what, condition, seconds, step=0.1)
        except LabError as error:
            raise LabError(f"{error}\n{self.diagnosis()}") from None

    def wait_state(self, node, role, sub="Ready", seconds=40):
        """Waits until a node is in a state; returns its view. `sub` None: any."""
        def reached():
            view = self.view(node)
            return view if view["role"] == role and sub in (None, view["sub"]) else None
        return self.wait(f"{node.name} reaches {role} {sub or ''}", reached, seconds)

    def wait_pair(self, prim, second, seconds=60):
        self.wait_state(second, "SECOND", seconds=seconds)
        self.wait_state(prim, "PRIM", seconds=seconds)

    def stays(self, conditions, seconds):
        """Checks that every node keeps its (role, sub) for some seconds: conditions {node: (role, sub)}."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for node, wanted in conditions.items():
                view = self.view(node)
                if (view["role"], view["sub"]) != wanted:
                    raise LabError(f"{node.name} left {wanted}: now {view['role']} {view['sub']}\n{self.diagnosis()}")
            time.sleep(0.2)

    def resource(self, node, name):
        return next((r["value"] for r in self.view(node).get("resources", ()) if r["name"] == name), None)

    def start_pair(self):
        """node1 PRIM, node2 SECOND, from a fresh configuration."""
        node1, node2 = self.lab.nodes
        self.do(node1, "prim")
        self.do(node2, "start")
        self.wait_pair(node1, node2)

    def health(self, node, frm=None):
        """The answer of ready.txt as (code, body), asked by the client host; (0, reason) without an answer."""
        program = ("import sys,urllib.request,urllib.error\ntry:\n r = urllib.request.urlopen(sys.argv[1], timeout=3)\n print(r.status, r.read().decode())\n"
                   "except urllib.error.HTTPError as e: print(e.code, e.read().decode())\nexcept OSError as e: print(0, e)")
        url = f"http://{self.lab.address(node)}:9010/var/modules/{self.module}/ready.txt"
        code, _, body = (frm or self.lab.client).out(["python3", "-c", program, url]).partition(" ")
        return int(code), body.strip()

    def has_vip(self, node):
        return f" {self.lab.vip()}/" in node.out("ip -o -4 address")

    def log(self, node):
        return "".join(p.read_text(errors="replace") for p in sorted(node.path(f"{ROOT}/var/log/lockstep").rglob("*")) if p.is_file())

    def diverged(self, node):
        """Files that a yielding node set aside."""
        top = node.path(f"{ROOT}/var/lib/lockstep/modules/{self.module}/diverged")
        return [p for p in top.rglob("*") if p.is_file()] if top.exists() else []

    # --- checks --------------------------------------------------------------------------------------------------------------

    def expect(self, condition, what):
        if not condition:
            raise LabError(f"{what}\n{self.diagnosis()}")

    def trees_equal(self, seconds=15):
        """Both nodes' disks hold the same trees (SECOND may still be applying what it received, so for a moment they may differ)."""
        for directory in self.directories:
            sides = [node.path(f"/mnt/data{directory}") for node in self.lab.nodes]
            end = time.monotonic() + seconds
            while True:
                try:
                    found = tree.compare(*sides)
                except FileNotFoundError as error:
                    found = [str(error)]  # it changed while we looked
                if not found:
                    break
                if time.monotonic() > end:
                    raise LabError(f"{directory} differs on the two nodes:\n" + "\n".join(found) + "\n" + self.diagnosis())
                time.sleep(0.2)

    def last_resync(self, *nodes):
        """What is known of the last resynchronisation, from the first node that shows one: full, bytes_sent, ..."""
        for node in nodes:
            self.view(node)
        return next((self.seen_resync[n.name] for n in nodes if n.name in self.seen_resync), {})

    def expect_delta(self, node, most_bytes):
        """The last resynchronisation copied only what changed: no full one, and at most so many bytes."""
        last = self.last_resync(node)
        self.expect(last.get("full") is False, f"the resynchronisation was not a delta: {last}")
        self.expect(last.get("bytes_sent", most_bytes + 1) <= most_bytes, f"the delta copied too much: {last}")

    def diagnosis(self, lines=40):
        """The states and the last lines of everything that could tell why."""
        text = [f"states: {self.states()}"]
        for node in self.lab.nodes:
            files = [self.lab.work / f"{node.name}-lockstepd.log"]
            if node.pid:
                text.append(node.run(["lockstep", "state", "-v"], check=False, timeout=20).stdout)
                files += [p for p in sorted(node.path(f"{ROOT}/var/log/lockstep").rglob("*")) if p.is_file()][-30:]
            for file in files:
                if file.exists():
                    tail = file.read_text(errors="replace").splitlines()[-lines:]
                    text.append(f"--- {node.name} {file.name}\n" + "\n".join(tail))
        return "\n".join(text)


class AddressWatch:
    """Looks all the time which nodes hold the virtual address, and remembers when both did and since when a node does not."""

    def __init__(self, lab):
        self.lab, self.both, self.looks = lab, [], 0
        self.last_seen = {}  # node name -> monotonic seconds of the last look that saw the address there
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def holds(self, node):
        """From the kernel's own table in the node's network namespace: works while every process there is stopped."""
        try:
            with open(f"/proc/{node.pid}/net/fib_trie") as table:
                return f"|-- {self.lab.vip()}\n" in table.read()
        except OSError:
            return False  # it is off

    def _run(self):
        node1, node2 = self.lab.nodes
        while not self._end.wait(0.02):
            first, second, again = self.holds(node1), self.holds(node2), self.holds(node1)
            now = time.monotonic()
            self.looks += 1
            for node, held in ((node1, again), (node2, second)):
                if held:
                    self.last_seen[node.name] = now
            if first and second and again:
                self.both.append(now)

    def stop(self):
        self._end.set()
        self._thread.join(10)


class Load:
    """A client that inserts rows at one address until stopped, and knows which were acknowledged, by whom and when."""

    def __init__(self, lab, host, address, port=7777, program="labclient"):
        self.file = lab.work / f"load-{time.monotonic_ns()}"
        with open(self.file, "w") as out:
            self.process = host.popen([pathlib.Path(__file__).parent / "app" / program, address, port], stdout=out)

    def acknowledged(self):
        """[(number, server, monotonic seconds)]"""
        lines = self.file.read_text().split("\n")[:-1]
        return [(int(n), server, float(when)) for n, server, when in (line.split() for line in lines)]

    def wait_for(self, cluster, count, server=None, seconds=30):
        before = len(self.acknowledged())
        cluster.wait(f"{count} rows acknowledged" + (f" by {server}" if server else ""), lambda: sum(
            1 for row in self.acknowledged()[before:] if server in (None, row[1])) >= count, seconds)

    def stop(self):
        os.killpg(self.process.pid, 15)
        self.process.wait(10)
        return self.acknowledged()

    def missing(self, rows_file):
        """Acknowledged rows that are not in the application's file."""
        present = {int(line) for line in rows_file.read_text().split("\n")[:-1] if line.strip().isdigit()}
        return sorted({number for number, _, _ in self.acknowledged()} - present)

    def longest_gap(self):
        times = [when for _, _, when in self.acknowledged()]
        return max((b - a for a, b in zip(times, times[1:])), default=0.0)
