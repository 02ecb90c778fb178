"""Tests of the laboratory itself, with plain programs in the place of the product: a lab that cannot lose data proves nothing."""
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
from tests.lab import lab as lab_module, runner, tree  # noqa: E402
from tests.lab.host import LabError, loop_devices, until  # noqa: E402
from tests.lab.lab import Lab  # noqa: E402

REPLY = "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('', %d))\nwhile 1: s.sendto(b'y', s.recvfrom(9)[1])"
ASK = ("import socket,sys\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(0.3)\n"
       "for i in range(3):\n s.sendto(b'x', ('%s', %d))\n try: s.recvfrom(9); sys.exit(0)\n except TimeoutError: pass\nsys.exit(1)")
LISTEN = "import time,socket\ns = socket.create_server(('', 5600))\nc, _ = s.accept()\nprint(repr(c.recv(9)), flush=True)\ntime.sleep(99)"


def pings(a, address):
    return a.run(["ping", "-q", "-c", "3", "-i", "0.2", "-W", "1", address], check=False).returncode == 0


def answers(a, address, port):
    return a.run(["python3", "-c", ASK % (address, port)], check=False).returncode == 0


def expect(condition, what="assertion"):
    if not condition:
        raise AssertionError(what)


def hosts_are_apart_from_the_machine_and_see_each_other():
    with Lab(networks=("default", "repl")) as lab:
        expect(lab.node1.out("hostname").strip() == "node1")
        expect(lab.node1.out("cat /proc/1/cmdline").find("boot.py") > 0, "process 1 is our own")
        expect(lab.node1.run("touch /etc/lockstep-lab /usr/x 2>/dev/null", check=False).returncode != 0, "the machine is read-only")
        expect(pings(lab.node1, lab.address("node2")) and pings(lab.node1, lab.address("node2", "repl")))
        expect(pings(lab.client, lab.address("node2")) and pings(lab.node2, lab.address("witness")))
        lab.node1.run("echo one > /data/app/x; mkdir /mnt/state/root")
        expect(not lab.node2.path("/data/app/x").exists() and not os.path.exists("/data/app/x"))
        outside = open("/proc/self/mountinfo").read() + subprocess.check_output(["ip", "-o", "link"], text=True)
        expect(lab_module.PREFIX not in outside and "node1.default" not in outside, "a mount or an interface is seen from outside")
        images, work = list(lab.node1.images.values()), lab.work
    expect(not any(loop_devices(i) for i in images) and not work.exists(), "nothing is left")


def a_power_cut_loses_what_was_not_flushed_and_nothing_else():
    with Lab() as lab:
        lab.node1.run("sync -f /data/app; echo kept > /data/app/kept && sync /data/app/kept && sync /data/app")
        lab.node1.run("echo lost > /data/app/lost; echo more >> /data/app/kept; echo lost > /mnt/state/lost")
        daemon = lab.node1.popen(["sleep", "1000"])
        lab.power_cut("node1")
        expect(daemon.returncode is not None, "everything was killed")
        lab.boot("node1")
        expect(lab.node1.read("/data/app/kept") == "kept\n", lab.node1.read("/data/app/kept"))
        expect(not lab.node1.path("/data/app/lost").exists() and not lab.node1.path("/mnt/state/lost").exists())
        expect(pings(lab.node2, lab.address("node1")), "the network is back")


def an_orderly_shutdown_loses_nothing():
    with Lab() as lab:
        lab.node1.run("echo kept > /data/app/kept")
        lab.shut_down("node1")
        lab.boot("node1")
        expect(lab.node1.read("/data/app/kept") == "kept\n")


def no_goodbye_of_tcp_leaves_at_a_power_cut():
    with Lab() as lab:
        lab.node1.popen(["python3", "-c", LISTEN], stdout=subprocess.DEVNULL)
        until("listening", lambda: "5600" in lab.node1.out("ss -ltn"), 10)
        out = open(lab.work / "talk", "w+")
        talk = lab.node2.popen(["python3", "-c", f"import socket\ns = socket.create_connection(('{lab.address('node1')}', 5600))\n"
                                "s.send(b'x')\nprint('in', flush=True)\nprint('end', s.recv(9), flush=True)"], stdout=out, stderr=out)
        until("connected", lambda: (lab.work / "talk").read_text() == "in\n", 10)
        lab.power_cut("node1")
        expect(pings(lab.client, lab.address("node2")))
        expect(talk.poll() is None and (lab.work / "talk").read_text() == "in\n", "the peer heard an end of the connection")


def fuse_mounts_and_their_servers_die_with_the_node():
    """A mount whose server is frozen holds its callers in the kernel: the power cut must get rid of both."""
    with Lab() as lab:
        if not os.path.exists("/dev/fuse"):
            raise LabError("no /dev/fuse on this machine")
        lab.node1.run("python3 - <<'E'\nimport os\nfd = os.open('/dev/fuse', os.O_RDWR)\nE")
        lab.node1.popen(["python3", "-c", "import os,time,subprocess,ctypes\nfd = os.open('/dev/fuse', os.O_RDWR)\n"
                         "r = ctypes.CDLL(None).mount(b'x', b'/data/app', b'fuse', 0, b'fd=%d,rootmode=40000,user_id=0,group_id=0' % fd)\n"
                         "open('/run/mounted', 'w').write(str(r))\ntime.sleep(1000)"])
        until("mounted", lambda: lab.node1.path("/run/mounted").exists() and lab.node1.read("/run/mounted"), 10)
        expect(lab.node1.read("/run/mounted") == "0")
        stuck = lab.node1.popen(["ls", "/data/app"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        lab.pause("node1", "python3")
        lab.power_cut("node1")
        expect(stuck.returncode is not None)
        lab.boot("node1")


def cuts_per_direction_network_and_class():
    with Lab(networks=("default", "repl")) as lab:
        for host in lab.nodes:
            for port in (8888, 8889):
                host.popen(["python3", "-c", REPLY % port])
        one, two, second = lab.address("node1"), lab.address("node2"), lab.address("node2", "repl")
        until("servers are up", lambda: answers(lab.node1, two, 8888) and answers(lab.node2, one, 8889), 20)
        lab.cut("default", "node1", "node2")
        expect(not pings(lab.node1, two) and not pings(lab.node2, one) and pings(lab.node1, second), "cut both ways on one network")
        expect(pings(lab.client, two), "others are not touched")
        lab.heal()
        expect(pings(lab.node1, two), "healed")
        lab.cut("default", "node1", "node2", udp=8888)
        expect(not answers(lab.node1, two, 8888) and answers(lab.node1, two, 8889) and pings(lab.node1, two), "cut one class")
        lab.heal()
        lab.cut("default", "node1", "node2", direction=("node2", "node1"))
        seen = "ip -s link show eth0 | awk '/RX:/ {getline; print $2}'"
        before = int(lab.node2.out(seen))
        expect(not pings(lab.node1, two), "an answer got through")
        expect(int(lab.node2.out(seen)) > before, "the request did not get through, though only the answer is cut")
        lab.heal()
        lab.isolate("node2")
        expect(not pings(lab.node2, lab.address("witness")) and pings(lab.node1, lab.address("witness")), "isolated from everybody")


def a_paused_process_stands_still_and_goes_on():
    with Lab() as lab:
        lab.node1.popen(["python3", "-c", REPLY % 7000])
        until("server is up", lambda: answers(lab.node2, lab.address("node1"), 7000), 20)
        lab.pause("node1", "python3")
        expect(not answers(lab.node2, lab.address("node1"), 7000), "a paused process answered")
        lab.resume("node1", "python3")
        expect(answers(lab.node2, lab.address("node1"), 7000), "a resumed process does not answer")


def the_tree_comparison_sees_every_difference():
    changes = {
        "bytes": "printf b > file", "size": "printf bb >> file", "mode": "chmod 640 file", "owner": "chown 12:34 file",
        "mtime": "touch -d '2001-01-01 00:00:00.000000001' file", "only in": "touch -d @1 new; touch -d @1 .", "symlink target": "ln -sfn b link",
        "extended": "python3 -c \"import os; os.setxattr('file', 'user.x', b'1')\"", "inode": "ln -f dir/two dir/three; ln -f one two",
        "type": "rm file; mkdir file", "device": "rm dev; mknod dev c 1 5"}
    make = ("mkdir dir; printf a > file; ln -s a link; printf 1 > one; cp -p one two; printf 1 > dir/two; printf 1 > dir/three; mknod dev c 1 3;"
            " mkfifo fifo; truncate -s 5M sparse; find . -exec touch -h -d @1000000000.123456789 {} +")
    for name, change in changes.items():
        with tempfile.TemporaryDirectory(prefix="lockstep-tree-") as top:
            for side in ("a", "b"):
                os.mkdir(f"{top}/{side}")
                subprocess.run(make, shell=True, check=True, cwd=f"{top}/{side}")
            os.makedirs(f"{top}/b/.lockstep/orphans")
            os.utime(f"{top}/b", ns=(0, os.stat(f"{top}/a").st_mtime_ns))
            expect(tree.compare(f"{top}/a", f"{top}/b") == [], tree.compare(f"{top}/a", f"{top}/b"))
            subprocess.run(change, shell=True, check=True, cwd=f"{top}/b")
            found = tree.compare(f"{top}/a", f"{top}/b")
            expect(any(name in line for line in found), f"{name}: {found}")


def a_killed_laboratory_leaves_no_process_and_the_next_one_removes_its_files():
    program = ("import sys; sys.path.insert(0, %r)\nfrom tests.lab.lab import Lab\nimport time\nlab = Lab()\nlab.node1.popen(['sleep', '4711'])\n"
               "print(lab.work, lab.node1.pid, flush=True)\ntime.sleep(99)" % str(lab_module.REPOSITORY))
    for number in (signal.SIGKILL, signal.SIGINT):
        # A run in the background ignores Ctrl-C, and its children with it; this laboratory is to hear it.
        process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                   preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
        work, pid = process.stdout.readline().split()
        process.send_signal(number)
        process.wait(30)
        until("the killed laboratory's processes are gone", lambda: not os.path.exists(f"/proc/{pid}"), 10)
        if number == signal.SIGINT:
            expect(not os.path.exists(work), "Ctrl-C removed everything")
    until("loops are free", lambda: not loop_devices(f"{work}/node1-data.ext4"), 10)
    lab_module.remove_leftovers()
    expect(not list(lab_module.BASE.glob(pathlib.Path(work).name)))


TESTS = [hosts_are_apart_from_the_machine_and_see_each_other, a_power_cut_loses_what_was_not_flushed_and_nothing_else,
         an_orderly_shutdown_loses_nothing, no_goodbye_of_tcp_leaves_at_a_power_cut, fuse_mounts_and_their_servers_die_with_the_node,
         cuts_per_direction_network_and_class, a_paused_process_stands_still_and_goes_on, the_tree_comparison_sees_every_difference,
         a_killed_laboratory_leaves_no_process_and_the_next_one_removes_its_files]

if __name__ == "__main__":
    lab_module.end_on_signals()
    chosen = [t for t in TESTS if len(sys.argv) < 2 or sys.argv[1] in t.__name__]
    sys.exit(runner.run_here(chosen))
