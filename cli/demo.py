"""The demonstration: PostgreSQL on two mirrored nodes, a power cut under load, and the way back.

usage: cli/demo [--once] [--seed-timeouts]
  --once           end after the last step, 0 if everything held; otherwise it stays up for exploring until Ctrl-C
  --seed-timeouts  keep the seed's heartbeat (700 ms, 30 s); otherwise 200 ms and 2 s, so that nobody has to wait

Both nodes, the client and their networks are namespaces on this machine; nothing outside them is changed, and all is removed at the end.
"""
import argparse
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from tests.lab import config  # noqa: E402
from tests.lab.cluster import ROOT, Cluster, Load  # noqa: E402
from tests.lab.host import LabError  # noqa: E402
from tests.lab.lab import Lab, end_on_signals  # noqa: E402

DIRECTORY = "/data/postgresql"
DATA = DIRECTORY + "/main"
BIN = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
PORT = 5432

START = f"""mkdir -p /run/postgresql && chown postgres /run/postgresql
runuser -u postgres -- {BIN[-1] if BIN else ''}/pg_ctl -s -w -t 60 -D {DATA} -l {DIRECTORY}/server.log start
res=$?"""
STOP = f"""[ -e {DATA}/postmaster.pid ] && runuser -u postgres -- {BIN[-1] if BIN else ''}/pg_ctl -s -w -t 60 -m fast -D {DATA} stop
res=0"""
FORCE = '[ "$1" = "force" ] && { pkill -9 -x postgres; exit 0; }'
SETTINGS = """listen_addresses = '*'
unix_socket_directories = '/run/postgresql'
shared_buffers = 32MB
log_timezone = UTC
timezone = UTC
"""
HBA = "local all all trust\nhost all all 10.77.0.0/16 trust\n"
TABLE = ("create function node() returns text language plpgsql as $$ begin return trim(e'\\n' from pg_read_file('/proc/sys/kernel/hostname')); end $$;"
         "create table rows (number bigint primary key, word text, server text default node())")


class Demo:
    def __init__(self, lab, seed_timeouts):
        self.lab = lab
        self.cluster = Cluster(lab, directories=(DIRECTORY,))
        self.node1, self.node2 = lab.nodes
        self.seed_timeouts = seed_timeouts
        self.begin = time.monotonic()

    def say(self, text):
        print(f"[{time.monotonic() - self.begin:6.1f} s] {text}", flush=True)

    def userconfig(self):
        """The seed's file; what is filled in or changed is said on the screen."""
        text = config.seed_userconfig("postgres")
        text = text.replace('<replicated dir="/test1replicated" mode="read_only"/>\n', f'<replicated dir="{DIRECTORY}" mode="read_only"/>\n')
        text = text.replace('<replicated dir="/test2replicated" mode="read_only"/>\n', "")
        if not self.seed_timeouts:
            text = text.replace('pulse="700" timeout="30000"', 'pulse="200" timeout="2000"')
        vip = (f'<vip><interface_list><interface check="on" arpreroute="on"><real_interface>\n<virtual_addr addr="{self.lab.vip()}" '
               'where="one_side_alias" check="on"/>\n</real_interface></interface></interface_list></vip>\n')
        return text.replace("<!-- Software Error Detection", vip + "<!-- Software Error Detection", 1)

    def configure(self):
        fast = "" if self.seed_timeouts else ", a faster heartbeat (200 ms, 2 s instead of 700 ms, 30 s)"
        self.say(f"two nodes, {self.lab.address('node1')} and {self.lab.address('node2')}, each with its own disk; a client that knows only the "
                 f"virtual IP {self.lab.vip()}")
        self.say(f"configuration: the seed's userconfig.xml, start_prim, stop_prim; filled in: the directory {DIRECTORY}, the process postgres, the "
                 f"virtual IP, pg_ctl start and stop{fast}")
        self.cluster.configure(self.userconfig(), {
            "start_prim": config.seed_script("start_prim", START),
            "stop_prim": config.seed_script("stop_prim", STOP).replace('[ "$1" = "force" ] && exit 0', FORCE)})

    def create_database(self):
        self.node1.run(f"chown postgres {DIRECTORY} && runuser -u postgres -- {BIN[-1]}/initdb -D {DATA} -A trust -E UTF8 --locale=C.UTF-8",
                       timeout=120)
        for name, text in (("postgresql.conf", SETTINGS), ("pg_hba.conf", HBA)):
            self.node1.write(f"{DATA}/{name}", text)
        self.say(f"initdb on node1, as user postgres: {self.size(self.node1)}")

    def size(self, node):
        kib = int(node.out(["du", "-sk", f"/mnt/data{DIRECTORY}"]).split()[0])
        return f"{kib / 1024:.0f} MiB"

    def timed(self, action, *arguments):
        start = time.monotonic()
        result = action(*arguments)
        return time.monotonic() - start, result

    def first_start(self):
        self.cluster.do(self.node1, "prim")
        seconds, _ = self.timed(self.cluster.wait_state, self.node1, "ALONE", "Ready", 90)
        self.say(f"node1 started as primary: ALONE (green) after {seconds:.1f} s, PostgreSQL answers at the virtual IP")
        self.query(TABLE)
        self.cluster.do(self.node2, "start")
        self.pair(self.node1, self.node2, "node2 started: everything copied")

    def pair(self, prim, second, text):
        start = time.monotonic()
        self.cluster.seen_resync.clear()
        self.cluster.wait_pair(prim, second, 180)
        seconds = time.monotonic() - start
        last = self.cluster.last_resync(second, prim)
        sent = last.get("bytes_sent")
        copied = f", {sent / 1e6:.2f} MB sent of {self.size(prim)}" if sent is not None else ""
        self.say(f"{text}: SECOND (green) after {seconds:.1f} s{copied}; node1/node2 are "
                 f"{'PRIM/SECOND' if prim is self.node1 else 'SECOND/PRIM'}")
        return last

    def query(self, sql):
        return self.lab.client.out([pathlib.Path(config.__file__).parent / "app" / "pgclient", self.lab.vip(), str(PORT), sql], timeout=60).split()

    def power_cut_under_load(self):
        load = Load(self.lab, self.lab.client, self.lab.vip(), PORT, program="pgclient")
        load.wait_for(self.cluster, 300, "node1", 60)
        before = len(load.acknowledged())
        self.say(f"the client inserts one row per transaction: {before} rows committed by node1")
        start = time.monotonic()
        self.lab.power_cut(self.node1)
        self.say("power of node1 cut: no packet leaves, what its disk had not flushed is gone, everything on it is killed")
        self.cluster.wait_state(self.node2, "ALONE", "Ready", 120)
        alone = time.monotonic() - start
        load.wait_for(self.cluster, 1, "node2", 60)
        first = next(when for _, server, when in load.acknowledged() if server == "node2")
        self.say(f"node2 is ALONE (green) {alone:.1f} s after the cut; the client's first row is committed there {first - start:.1f} s after the cut")
        self.check_rows(load)
        return load

    def check_rows(self, load):
        rows = load.acknowledged()
        acknowledged = {number for number, _, _ in rows}
        present = {int(n) for n in self.query("select number from rows")}
        by = {s: sum(1 for _, server, _ in rows if server == s) for s in ("node1", "node2")}
        missing = sorted(acknowledged - present)
        self.say(f"rows acknowledged: {len(acknowledged)} ({by['node1']} by node1, {by['node2']} by node2); rows in the table: {len(present)}; "
                 f"acknowledged rows missing: {len(missing)}")
        self.cluster.expect(not missing, f"rows lost: {missing[:10]}")

    def way_back(self, load):
        before = len(load.acknowledged())
        self.lab.boot(self.node1)
        self.cluster.start_agent(self.node1)
        self.cluster.do(self.node1, "start")
        last = self.pair(self.node2, self.node1, "node1 has power again and was started: it copied only what changed")
        self.cluster.expect(last.get("full", False) is False, f"everything was copied: {last}")
        load.wait_for(self.cluster, 50, "node2")
        self.say(f"meanwhile the client went on: {len(load.acknowledged()) - before} rows committed")
        self.check_rows(load)
        load.stop()
        self.cluster.trees_equal(30)
        self.say("both directories are equal: names, bytes, modes, owners, links, attributes, times to the nanosecond")

    def explore(self):
        print(f"\n{self.node1.out(['lockstep', 'state'])}")
        enter = self.lab.work / "enter"
        cases = "".join(f"  {h.name}) pid={h.pid} ;;\n" for h in self.lab.hosts.values())
        enter.write_text(f"""#!/bin/sh
# Runs a command (a shell without one) on a host of the demonstration.
host=$1; shift
case $host in
{cases}  *) echo "usage: enter node1|node2|client|witness [COMMAND...]" >&2; exit 2 ;;
esac
[ $# -gt 0 ] || set -- bash
exec nsenter -t $pid -m -n -p -u -i -r -w -- env PATH={self.node1.env['PATH']} LOCKSTEP_ROOT={ROOT} HOME=/root "$@"
""")
        enter.chmod(0o755)
        print(f"""It stays up. Try, in another terminal:
  sudo {enter} node1 lockstep state -v
  sudo {enter} node1 lockstep log -m mirror
  sudo {enter} node1 lockstep swap -m mirror
  sudo {enter} node2 lockstep stop -m mirror        and then: start
  sudo {enter} client psql -h {self.lab.vip()} -U postgres -c 'select server, count(*) from rows group by server'
Ctrl-C ends it and removes everything.""", flush=True)
        signal.pause()


def run(options):
    if not BIN:
        sys.exit("no PostgreSQL in /usr/lib/postgresql: run it as cli/demo, which installs it")
    with Lab(directories=(DIRECTORY,)) as lab:
        demo = Demo(lab, options.seed_timeouts)
        try:
            demo.configure()
            demo.create_database()
            demo.first_start()
            demo.way_back(demo.power_cut_under_load())
        except LabError as error:
            print(f"\nThe demonstration failed: {error}", file=sys.stderr)
            return 1
        demo.say("done")
        if not options.once:
            demo.explore()
    return 0


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--seed-timeouts", action="store_true")
    end_on_signals()
    try:
        return run(parser.parse_args())
    except KeyboardInterrupt:
        print("\nremoved")
        return 0
    except LabError as error:
        print(f"cli/demo: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
