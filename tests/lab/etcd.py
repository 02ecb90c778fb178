"""A real etcd of three members on the witness host: each has an address of its own, its data in that host's memory.

    etcd = Etcd(lab)             http;  Etcd(lab, secure=True): https with a CA of its own, user and password
    etcd.stop(0); etcd.start(0); etcd.ctl("del", "--prefix", "/lockstep/")
"""
from .host import LabError, until

NUMBERS = (1, 2, 3)  # last bytes of the members' addresses; the first is the witness host's own
USER, PASSWORD = "lockstep", "the-laboratory's-secret"
CA_FILE, PASSWORD_FILE = "/mnt/state/etcd-ca.pem", "/mnt/state/etcd-password"
TOP = "/run/etcd"


class Etcd:
    def __init__(self, lab, secure=False):
        self.lab, self.host, self.secure = lab, lab.witness, secure
        self.hosts = [f"{lab.networks['default']}.{n}" for n in NUMBERS]
        self.endpoints = [f"{'https' if secure else 'http'}://{h}:2379" for h in self.hosts]
        self.members = [None] * len(NUMBERS)
        self.host.run(f"mkdir -p {TOP}; " + "; ".join(f"ip address add {h}/24 dev eth0" for h in self.hosts[1:]))
        if secure:
            self._make_certificates()
        self.start(*range(len(NUMBERS)))
        if secure:
            self._make_user()

    def _make_certificates(self):
        names = ",".join(f"IP:{h}" for h in self.hosts)
        key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
        self.host.run(f"""set -e; cd {TOP}; openssl req -x509 {key} -days 2 -subj /CN=laboratory -keyout ca.key -out ca.pem 2>&1
openssl req {key} -subj /CN=etcd -keyout key.pem -out request.pem 2>&1; echo subjectAltName={names} > names
openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out cert.pem 2>&1""")
        for node in self.lab.nodes:
            node.write(CA_FILE, self.host.read(f"{TOP}/ca.pem"))
            node.write(PASSWORD_FILE, PASSWORD + "\n", 0o600)

    def _make_user(self):
        for words in (["user", "add", "root:root"], ["role", "add", "root"], ["user", "grant-role", "root", "root"],
                      ["user", "add", f"{USER}:{PASSWORD}"], ["role", "add", USER],
                      ["role", "grant-permission", USER, "--prefix=true", "readwrite", "/lockstep/"], ["user", "grant-role", USER, USER],
                      ["auth", "enable"]):
            self.ctl(*words)

    # --- members -------------------------------------------------------------------------------------------------------------

    def start(self, *which):
        """Starts members and waits until all of these answer, which needs a majority."""
        for i in which:
            urls = [f"http://{h}:2380" for h in self.hosts]
            words = ["etcd", "--name", f"m{i}", "--data-dir", f"{TOP}/{i}", "--listen-client-urls", self.endpoints[i], "--advertise-client-urls",
                     self.endpoints[i], "--listen-peer-urls", urls[i], "--initial-advertise-peer-urls", urls[i], "--initial-cluster",
                     ",".join(f"m{n}={u}" for n, u in enumerate(urls)), "--unsafe-no-fsync"]
            if self.secure:
                words += ["--cert-file", f"{TOP}/cert.pem", "--key-file", f"{TOP}/key.pem"]
            with open(self.lab.work / f"etcd-{i}.log", "a") as log:
                self.members[i] = self.host.popen(words, stdout=log, stderr=log)
        for i in which:
            until(f"member {i} of etcd answers", lambda: self.alive(i), 40, step=0.2)

    def alive(self, i):
        if self.members[i].poll() is not None:
            raise LabError(f"member {i} of etcd ended:\n" + (self.lab.work / f"etcd-{i}.log").read_text()[-2000:])
        words = ["etcdctl", "--endpoints", self.endpoints[i], "--command-timeout=2s", *self._login(), "get", "/x"]
        return self.host.run(words, check=False, env={"ETCDCTL_API": "3"}).returncode == 0

    def stop(self, *which):
        """Members lose their power; their data stay."""
        for i in which:
            pid = next(p for p in self.host.processes("etcd") if f"--name\0m{i}\0" in open(f"/proc/{p}/cmdline").read())
            self.host.run(["kill", "-9", self._inside(pid)])
            self.members[i].wait(20)

    def wipe(self):
        """All members lose their data: a new, empty etcd at the same addresses."""
        self.stop(*range(len(NUMBERS)))
        self.host.run(f"rm -rf {TOP}/0 {TOP}/1 {TOP}/2")
        self.start(*range(len(NUMBERS)))

    @staticmethod
    def _inside(pid):
        """The process id as its own host knows it."""
        status = open(f"/proc/{pid}/status").read().splitlines()
        return next(line for line in status if line.startswith("NSpid:")).split()[-1]

    # --- what it holds -------------------------------------------------------------------------------------------------------

    def _login(self):
        words = ["--cacert", f"{TOP}/ca.pem"] if self.secure else []
        return words + (["--user", "root:root"] if self.secure and getattr(self, "_locked", False) else [])

    def ctl(self, *words):
        out = self.host.out(["etcdctl", "--endpoints", ",".join(self.endpoints), *self._login(), *words], env={"ETCDCTL_API": "3"})
        if words == ("auth", "enable"):
            self._locked = True
        return out

    def value(self):
        """The module's generation as etcd holds it; empty without a key."""
        return self.ctl("get", "--prefix", "/lockstep/", "--print-value-only").strip()

    # --- towards the nodes ---------------------------------------------------------------------------------------------------

    def shut(self):
        """Nobody reaches the members' client port any more; they reach each other."""
        self.host.run("nft 'add table inet lab; add chain inet lab input { type filter hook input priority 0; }; "
                      "add rule inet lab input tcp dport 2379 ip saddr != { " + ", ".join(self.hosts) + " } drop'")

    def open(self):
        self.host.run("nft delete table inet lab")

    def splitbrain(self):
        """The element of userconfig.xml."""
        more = f' cafile="{CA_FILE}" user="{USER}" passwordfile="{PASSWORD_FILE}"' if self.secure else ""
        return f'<splitbrain ident="witness" exec="etcd" arg="{" ".join(self.endpoints)}"{more}/>'
