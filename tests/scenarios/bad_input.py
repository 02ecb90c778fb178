"""Bad input that must end well. Each: one clear sentence, a non-zero exit code, nothing half applied, nothing lost."""
from tests.lab import config
from tests.lab.cluster import ROOT, Cluster
from tests.lab.lab import Lab
from tests.lab.scenario import APP, ROWS, configured, no_row_lost, restart_with, running_pair

RECORD = f"{ROOT}/var/lib/lockstep/modules/mirror"


def refused(cluster, result, *words):
    """The command failed, said so on standard error, in a sentence that has all the words."""
    cluster.expect(result.returncode not in (0, 134, 139) and result.returncode > 0, f"exit code {result.returncode} of {result.args}")
    text = result.stderr + result.stdout
    cluster.expect(all(word in text for word in words), f"{result.args} says {text!r}, without one of {words}")
    cluster.expect("terminate called" not in text and "Assertion" not in text, f"a crash: {text}")


def typo_in_the_configuration():
    """A configuration with a typo (element, attribute, value, unit): refused with file and line, and what was applied before stays."""
    with configured() as (lab, cluster, node1, _node2):
        good = config.userconfig_xml(lab, (APP,))
        def active():
            return node1.out(["lockstep", "confinfo", "-m", "mirror"]).splitlines()[0]
        before = active()
        for old, new, word in (("<rfs ", "<rsf ", "rsf"), ("pulse=", "puls=", "puls"), ('async="second"', 'async="secund"', "secund"),
                               ('timeout="2000"', 'timeout="2000parsec"', "2000parsec"), ('"mirror"', '"mirrow"', "mirrow"),
                               ("</rfs>", "", "userconfig.xml")):
            cluster.write_module(node1, good.replace(old, new, 1).replace("</rsf>", "</rfs>"), {})
            refused(cluster, cluster.do(node1, "config", check=False), "userconfig.xml:", word)
        cluster.write_module(node1, good, {})
        cluster.expect(active() == before, "something of a refused configuration was applied")
        cluster.do(node1, "prim")
        cluster.wait_state(node1, "ALONE")


def wrong_directories():
    """A directory that is missing, replicated twice or nested."""
    with configured(directories=(APP, "/data/other")) as (lab, cluster, node1, _node2):
        for directories, word in (((APP, APP), APP), ((APP, APP + "/inner"), APP + "/inner"), ((APP, "/data/missing"), "/data/missing")):
            cluster.write_module(node1, config.userconfig_xml(lab, directories), {})
            result = cluster.do(node1, "config", check=False)
            if result.returncode == 0:  # a missing directory may also be said at start
                result = cluster.do(node1, "prim", check=False)
                view = cluster.view(node1)
                cluster.expect(view["role"] in ("STOP", "WAIT") and word in result.stderr + str(view) + cluster.log(node1),
                               f"{directories}: {result.stderr} {view}")
            else:
                refused(cluster, result, word)


def different_configurations():
    """Two nodes with different configurations: said on both, by name; a serving node goes on, the other waits."""
    with configured(directories=(APP, "/data/other"), proc=None) as (lab, cluster, node1, node2):
        cluster.do(node1, "prim")
        cluster.wait_state(node1, "ALONE")
        cluster.write_module(node2, config.userconfig_xml(lab, (APP,), proc=None), {})
        cluster.do(node2, "config")
        cluster.do(node2, "start", check=False)
        cluster.wait("node2 says that the configurations differ", lambda: "config" in str(cluster.view(node2).get("wait")), 20)
        cluster.stays({node1: ("ALONE", "Ready")}, 3)
        for node in lab.nodes:
            shown = node.run(["lockstep", "state", "-v"], check=False).stdout + cluster.log(node)
            cluster.expect("differ" in shown and "node1" in shown and "node2" in shown, f"not said on {node.name}: {shown}")


def port_of_the_module_in_use():
    """A port of the module in use: the start is refused and names it; when it is free the module starts."""
    with configured() as (_lab, cluster, node1, _node2):
        for kind, port in (("SOCK_DGRAM", 8888), ("SOCK_STREAM", 5600)):
            holder = node1.popen(["python3", "-c", f"import socket,time\ns = socket.socket(socket.AF_INET, socket.{kind})\ns.bind(('', {port}))\n"
                                  f"s.listen() if {kind == 'SOCK_STREAM'} else None\nopen('/run/held{port}', 'w')\ntime.sleep(600)"])
            cluster.wait("the port is taken", node1.path(f"/run/held{port}").exists)
            refused(cluster, cluster.do(node1, "prim", check=False), str(port))
            cluster.expect(cluster.view(node1)["role"] == "STOP", f"half started: {cluster.states()}")
            holder.kill()
            node1.signal(9, "python3")
        cluster.do(node1, "prim")
        cluster.wait_state(node1, "ALONE")


def port_in_use():
    """A port in use: lockstepd names it and ends."""
    with Lab() as lab:
        cluster, node1 = Cluster(lab), lab.node1
        node1.popen(["python3", "-c", "import socket,time\ns = socket.create_server(('', 9010))\nopen('/run/up', 'w')\ntime.sleep(60)"])
        cluster.wait("the port is taken", node1.path("/run/up").exists)
        refused(cluster, node1.run(["lockstepd", "--root", ROOT], check=False, timeout=20), "9010")


def no_dev_fuse():
    """No /dev/fuse: the module does not start and says why; the agent goes on."""
    with configured(proc=None) as (_lab, cluster, node1, _node2):
        node1.run("umount /dev/fuse && rm /dev/fuse")
        cluster.do(node1, "prim", check=False)
        cluster.wait("/dev/fuse is named", lambda: "/dev/fuse" in str(cluster.view(node1)) + cluster.log(node1), 20)
        cluster.expect(cluster.view(node1)["role"] in ("STOP", "WAIT"), f"started without /dev/fuse: {cluster.states()}")
        cluster.expect(not cluster.has_vip(node1), "serves without its mirror")


def no_privilege():
    """No privilege: both programs say that they need root."""
    with configured() as (_lab, cluster, node1, _node2):
        for command in (["lockstep", "stop", "-m", "mirror"], ["lockstepd", "--root", "/tmp/else"]):
            result = node1.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env", f"PATH={node1.env['PATH']}", *command], check=False)
            refused(cluster, result, "root")


def unknown_module_and_command():
    """An unknown module, command or option: named, with what there is instead."""
    with configured() as (_lab, cluster, node1, _node2):
        refused(cluster, cluster.run(node1, "start", "-m", "miror", check=False), "miror", "mirror")
        refused(cluster, cluster.run(node1, "strat", "-m", "mirror", check=False), "strat")
        refused(cluster, cluster.run(node1, "start", "--sideways", "-m", "mirror", check=False), "--sideways")
        refused(cluster, cluster.run(node1, "-H", "node7", "state", check=False), "node7")
        refused(cluster, cluster.run(node1, "cluster", "config", "/nowhere.xml", check=False), "/nowhere.xml")
        refused(cluster, node1.run(["lockstepd", "--sideways"], check=False, timeout=20), "--sideways")


def second_daemon_on_the_same_root():
    """A second lockstepd on the same root ends at once, and the first one is not disturbed."""
    with running_pair(load=False) as (_lab, cluster, node1, node2, _):
        refused(cluster, node1.run(["lockstepd", "--root", ROOT], check=False, timeout=20), ROOT)
        cluster.stays({node1: ("PRIM", "Ready"), node2: ("SECOND", "Ready")}, 3)


def damaged_record():
    """A damaged durable record: the node says so and never becomes a source by itself."""
    record_is_bad("for f in $(ls -p {0} | grep -v / | grep -i record); do head -c 4096 /dev/urandom > {0}/$f; done")


def lost_record():
    """A lost durable record: the identity is still on the directory; loud, never a source by itself."""
    record_is_bad("rm -f {0}/*record*")


def record_is_bad(spoil):
    with running_pair(load=False) as (_lab, cluster, node1, node2, _):
        cluster.do(node2, "stop")
        cluster.wait_state(node1, "ALONE")
        node1.run(f"echo precious > {APP}/precious")
        cluster.do(node1, "stop")
        cluster.wait_state(node1, "STOP", None)
        cluster.expect("record" in node2.out(["ls", RECORD]), f"no record in {RECORD}: {node2.out(['ls', RECORD])}")
        for node in (node2, node1):
            cluster.stop_agent(node)
        node2.run(spoil.format(RECORD))
        node2.run(f"echo wrong > {APP}/precious")
        cluster.start_agent(node2)
        cluster.do(node2, "start", check=False)
        cluster.wait("node2 says what is wrong with its record", lambda: "record" in str(cluster.view(node2)) + cluster.log(node2), 20)
        cluster.expect(cluster.view(node2)["role"] in ("WAIT", "STOP"), f"started by itself without a record: {cluster.states()}")
        cluster.start_agent(node1)
        cluster.do(node1, "start")
        cluster.do(node2, "start", check=False)
        cluster.wait_pair(node1, node2)
        cluster.trees_equal()
        cluster.expect(node1.read(f"/mnt/data{APP}/precious") == "precious\n", "a node without a record was the source")


def restored_record():
    """A restored durable record (the state disk went back in time): the node says so and never becomes a source by itself."""
    with running_pair(load=False) as (_lab, cluster, node1, node2, _):
        cluster.do(node2, "stop")
        cluster.wait_state(node2, "STOP", None)
        cluster.stop_agent(node2)
        node2.run(f"cp -a {ROOT} /mnt/state/backup")
        cluster.start_agent(node2)
        cluster.do(node2, "start")
        cluster.wait_pair(node1, node2)
        cluster.do(node1, "stop")
        cluster.wait_state(node2, "ALONE")
        node2.run(f"echo late > {APP}/late")
        cluster.do(node1, "start")
        cluster.wait_pair(node2, node1)
        cluster.do(node2, "stop")
        cluster.wait_state(node1, "ALONE")
        cluster.wait_state(node2, "STOP", None)
        cluster.stop_agent(node2)
        node2.run(f"rm -rf {ROOT} && mv /mnt/state/backup {ROOT}")
        cluster.start_agent(node2)
        cluster.do(node2, "start", check=False)
        cluster.wait_state(node2, "SECOND", seconds=60)
        cluster.trees_equal()
        cluster.expect(node1.read(f"/mnt/data{APP}/late") == "late\n", "what was written after the backup is gone")


def directory_not_mounted():
    """A replicated directory that is not mounted (an empty directory stands in its place): WAIT or STOP, never a source."""
    with running_pair(load=False) as (_lab, cluster, node1, node2, _):
        node1.run(f"echo precious > {APP}/precious")
        cluster.do(node2, "stop")
        cluster.wait_state(node1, "ALONE")
        cluster.do(node1, "stop")
        cluster.wait_state(node1, "STOP", None)
        # STOP is said a moment before the daemon has closed the last file of the directory.
        cluster.wait("the directory can be unmounted", lambda: node1.run(f"umount {APP}", check=False).returncode == 0, 20)
        cluster.do(node1, "start", check=False)
        cluster.wait("the directory is named", lambda: APP in str(cluster.view(node1).get("wait")) + cluster.log(node1), 20)
        cluster.expect(cluster.view(node1)["role"] in ("STOP", "WAIT"), f"serves an empty directory: {cluster.states()}")
        cluster.do(node1, "stop", check=False)
        cluster.wait_state(node1, "STOP", None)
        node1.run(f"mount --bind /mnt/data{APP} {APP}")
        cluster.do(node1, "start")
        cluster.do(node2, "start")
        cluster.wait_pair(node1, node2)
        cluster.trees_equal()
        cluster.expect(node2.read(f"/mnt/data{APP}/precious") == "precious\n", "data lost")


def strangers():
    """A stranger's datagrams and connections on every port cost nothing and change nothing."""
    with running_pair() as (lab, cluster, node1, node2, load):
        target = lab.address(node1)
        lab.client.run(["python3", "-c", f"""
import os, socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for port in (4800, 8888):
    for size in (0, 1, 16, 100, 1400) * 40:
        s.sendto(os.urandom(size), ('{target}', port))
for port in (5600, 9010, 9453):
    for data in (b'', b'\\0' * 100, os.urandom(5000), b'GET / HTTP/1.1\\r\\n' + b'x: y\\r\\n' * 5000, b'\\xff' * 70000):
        try:
            c = socket.create_connection(('{target}', port), timeout=2); c.settimeout(1); c.sendall(data); c.recv(100)
        except OSError: pass
"""], timeout=120)
        cluster.stays({node1: ("PRIM", "Ready"), node2: ("SECOND", "Ready")}, 3)
        load.wait_for(cluster, 20, "node1")
        cluster.trees_equal()


def wrong_cluster_key():
    """A wrong cluster key: the nodes do not talk, and say so."""
    with configured(proc=None) as (lab, cluster, node1, node2):
        cluster.stop_agent(node2)
        node2.run(f"cp {ROOT}/etc/lockstep/cluster.key /mnt/state/right")
        cluster.run(node2, "cluster", "genkey")
        cluster.start_agent(node2)
        cluster.do(node1, "prim")
        cluster.wait_state(node1, "ALONE")
        cluster.do(node2, "start", check=False)
        cluster.wait_state(node2, "WAIT", "NotReady")
        cluster.wait("the wrong key is said", lambda: any(
            "key" in node.run(["lockstep", "cluster", "state"], check=False).stdout + cluster.log(node) for node in lab.nodes), 20)
        cluster.stays({node1: ("ALONE", "Ready")}, 2)
        cluster.do(node2, "stop")
        cluster.stop_agent(node2)
        node2.run(f"cp /mnt/state/right {ROOT}/etc/lockstep/cluster.key")
        cluster.start_agent(node2)
        cluster.do(node2, "start")
        cluster.wait_pair(node1, node2)


def peer_of_another_version():
    """A peer of another version: both nodes say which node speaks which version and what to do; who serves goes on, nobody forks, nothing is lost."""
    with running_pair() as (lab, cluster, node1, node2, load):
        restart_with(cluster, node2, "other-protocol")
        cluster.wait_state(node2, "WAIT", "NotReady")
        for node, other, theirs, ours in ((node1, "node2", 2, 1), (node2, "node1", 1, 2)):
            words = f"({other}) for {{}} was refused: it speaks version {theirs} of the protocol, this node version {ours}; install the same version of Lockstep"
            cluster.wait(f"{node.name} says it of the module", lambda: words.format("beat:mirror:default") in node.out(["lockstep", "state"]), 20)
            cluster.expect(words.format("beat:mirror:default") in cluster.log(node), f"not in the log of {node.name}")
            cluster.wait(f"{node.name} says it of the cluster", lambda: words.format("member:default") in node.out(["lockstep", "cluster", "state"]), 20)
        refused(cluster, cluster.run(node1, "-H", "node2", "stop", "-m", "mirror", check=False), "node2", "refused it", "version")
        cluster.stays({node1: ("ALONE", "Ready"), node2: ("WAIT", "NotReady")}, 5)
        cluster.expect(not cluster.has_vip(node2) and not node2.processes("labapp"), "the node of another version serves")
        load.wait_for(cluster, 20, "node1")
        restart_with(cluster, node2, None)
        cluster.wait_pair(node1, node2)
        cluster.expect_delta(node1, 1 << 20)
        no_row_lost(cluster, load, node1)
        cluster.trees_equal()


def peer_with_a_newer_rejoin_table():
    """A peer that knows a newer rejoin table: both use the older one, and the pair works both ways round."""
    with running_pair() as (lab, cluster, node1, node2, load):
        restart_with(cluster, node2, "other-table")
        cluster.wait_pair(node1, node2)
        cluster.do(node1, "swap")
        cluster.wait_pair(node2, node1)
        load.wait_for(cluster, 20, "node2")
        no_row_lost(cluster, load, node2)
        cluster.trees_equal()


def full_disk_under_the_record():
    """A full disk under the durable record: no promise is made that is not on the disk; the pair's other half goes on, nothing is lost."""
    with running_pair() as (lab, cluster, node1, node2, load):
        node2.run("dd if=/dev/zero of=/mnt/state/full bs=1M 2>/dev/null; dd if=/dev/zero of=/mnt/state/full2 bs=1k 2>/dev/null; true")
        cluster.do(node2, "stop", check=False)
        cluster.wait_state(node1, "ALONE", seconds=90)
        load.wait_for(cluster, 20, "node1")
        node2.run("rm /mnt/state/full /mnt/state/full2")
        cluster.expect(not node2.processes("labapp"), "the node with the full disk serves")
        cluster.wait("node2 can be started again", lambda: cluster.do(node2, "start", check=False).returncode == 0 or (
            cluster.view(node2)["role"] not in ("OFF", "STOP")), 60)
        cluster.wait_pair(node1, node2)
        missing = load.stop() and load.missing(node1.path(f"/mnt/data{ROWS}"))
        cluster.expect(not missing, f"acknowledged rows are missing: {missing[:5]}")
        cluster.trees_equal()


SCENARIOS = [typo_in_the_configuration, wrong_directories, different_configurations, port_of_the_module_in_use, port_in_use, no_dev_fuse, no_privilege,
             unknown_module_and_command, second_daemon_on_the_same_root, damaged_record, lost_record, restored_record, directory_not_mounted,
             strangers, wrong_cluster_key, peer_of_another_version, peer_with_a_newer_rejoin_table, full_disk_under_the_record]
