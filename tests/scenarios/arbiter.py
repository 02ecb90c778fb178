"""The etcd arbiter with a real etcd of three members: at most one node goes on, whatever happens to the network, a node or etcd; and the
virtual address leaves a node that hangs."""
import os
import re
import signal
import time

from tests.lab.cluster import AddressWatch
from tests.lab.etcd import PASSWORD, PASSWORD_FILE
from tests.lab.scenario import APP, arbitrated_pair, no_row_lost, running_pair

KERNEL = 1.3   # the kernel looks for expired addresses once a second, rounded to a quarter


def one_alone_one_waits(cluster, lab, seconds=60):
    """(the node that goes on, the one that waits), when it is settled."""
    def settled():
        views = {node: cluster.view(node) for node in lab.nodes}
        alone = [n for n, v in views.items() if (v["role"], v["sub"]) == ("ALONE", "Ready")]
        waits = [n for n, v in views.items() if (v["role"], v["sub"]) == ("WAIT", "NotReady")]
        return (alone[0], waits[0]) if len(alone) == len(waits) == 1 else None
    return cluster.wait("one node is ALONE, the other waits", settled, seconds)


def serves_nothing(cluster, node):
    cluster.expect(not cluster.has_vip(node) and not node.processes("labapp"), f"{node.name} still serves")


def a_cut_between_the_nodes():
    """The nodes lose each other and both reach the arbiter: one goes on with every acknowledged row, the other waits and says why; after
    the repair they are a pair again."""
    with arbitrated_pair() as (lab, cluster, _node1, _node2, load):
        before = lab.etcd.value()
        lab.cut("default", "node1", "node2")
        winner, loser = one_alone_one_waits(cluster, lab)
        serves_nothing(cluster, loser)
        load.wait_for(cluster, 20, winner.name, 60)
        why = cluster.view(loser)["wait"]["why"]
        cluster.expect("the arbiter let" in why and winner.name in why, f"the loser does not say why it waits: {why}")
        cluster.expect(lab.etcd.value() not in ("", before), "the arbiter's key did not change")
        cluster.stays({winner: ("ALONE", "Ready"), loser: ("WAIT", "NotReady")}, 3)
        lab.heal()
        cluster.wait_pair(winner, loser)
        no_row_lost(cluster, load, winner)
        cluster.trees_equal()


def the_primary_is_cut_off_from_everybody():
    """The secondary reaches the arbiter and goes on; the primary, which reaches nobody, completes nothing and waits."""
    with arbitrated_pair() as (lab, cluster, node1, node2, load):
        lab.isolate(node1)
        cluster.wait_state(node2, "ALONE")
        load.wait_for(cluster, 20, "node2", 60)
        node1.popen(["sh", "-c", f"echo late > {APP}/late"])
        cluster.wait("node1 gives its address up", lambda: not cluster.has_vip(node1), 20)
        lab.heal()
        cluster.wait_pair(node2, node1, 150)
        no_row_lost(cluster, load, node2)
        cluster.trees_equal()
        cluster.expect(not node2.path(f"/mnt/data{APP}/late").exists(), "what was written on the refused node is on the other")


def only_the_deaf_one_goes_on(choose):
    """Only one direction is lost. `choose` picks of (primary, secondary) who is deaf and who hears everything."""
    with arbitrated_pair() as (lab, cluster, node1, node2, load):
        deaf, hearing = choose(node1, node2)
        lab.cut("default", "node1", "node2", direction=(hearing.name, deaf.name))
        cluster.wait_state(deaf, "ALONE", seconds=60)
        load.wait_for(cluster, 20, deaf.name, 60)
        serves_nothing(cluster, hearing)
        lab.heal()
        cluster.wait_pair(deaf, hearing, 90)
        no_row_lost(cluster, load, deaf)
        cluster.trees_equal()


def the_secondary_hears_nothing():
    """Only one direction is lost: the secondary hears nothing, the primary hears everything. The deaf one goes on, and nothing is lost."""
    only_the_deaf_one_goes_on(lambda primary, secondary: (secondary, primary))


def the_primary_hears_nothing():
    """The other direction: the primary, which hears nothing, goes on alone; the secondary hears that and takes part again after the repair."""
    only_the_deaf_one_goes_on(lambda primary, secondary: (primary, secondary))


def module_of(node):
    """The process of the module; the agent, which watches it, goes on."""
    return next(p for p in node.processes("lockstepd") if b"--module" in open(f"/proc/{p}/cmdline", "rb").read())


def the_primary_s_daemon_hangs():
    """The module of the primary is stopped beyond the timeout: the other node goes on. When it runs again it completes nothing of what was
    written meanwhile, and yields."""
    with arbitrated_pair() as (lab, cluster, node1, node2, load):
        pid = module_of(node1)
        os.kill(pid, signal.SIGSTOP)
        late = node1.popen(["sh", "-c", f"echo late > {APP}/late"])
        cluster.wait_state(node2, "ALONE")
        load.wait_for(cluster, 20, "node2", 60)
        cluster.expect(late.poll() is None, "a write on the node that hangs came to an end")
        cluster.expect(not lab.watch.holds(node1), "the node that hangs still holds the address")
        os.kill(pid, signal.SIGCONT)
        cluster.wait_pair(node2, node1, 90)
        code = late.wait(30)
        no_row_lost(cluster, load, node2)
        cluster.trees_equal()
        there = node2.path(f"/mnt/data{APP}/late").exists()
        cluster.expect(code != 0 and not there, f"the late write was completed: exit code {code}, the file is there: {there}")


def a_hanging_daemon_loses_the_address():
    """Without any arbiter: the address has a finite lifetime, renewed with the lease. When the daemon of the primary is stopped, the kernel
    removes it by the end of the lease, before the other node may take it, and while the daemon still hangs."""
    with running_pair(pulse=300, timeout=9000, load=False) as (lab, cluster, node1, node2, _):
        watch = AddressWatch(lab)
        cluster.expect(watch.holds(node1), "the primary does not hold the address")
        cluster.wait("the address is renewed with the lease of PRIM, no longer with the longer one of ALONE", lambda: any(
            int(s) <= 6 for s in re.findall(r"valid_lft ([0-9]+)sec", node1.out(f"ip -4 address show to {lab.vip()}"))), 10)
        begin = time.monotonic()
        pid = module_of(node1)
        os.kill(pid, signal.SIGSTOP)
        cluster.wait("the kernel removes the address", lambda: not watch.holds(node1), 20)
        gone = watch.last_seen["node1"] - begin
        cluster.expect(gone <= 9 * 2 / 3 + KERNEL, f"the address outlived the lease: {gone:.1f} s after the daemon was stopped")
        cluster.expect(open(f"/proc/{pid}/stat").read().split()[2] == "T", "the daemon was not stopped")
        cluster.wait("the other node takes it", lambda: watch.holds(node2), 40)
        watch.stop()
        os.kill(pid, signal.SIGCONT)
        cluster.expect(not watch.both, "the address was on both nodes")
        cluster.wait_pair(node2, node1, 90)


def a_member_of_etcd_is_down():
    """A minority of etcd is down, the first in the list: everything works as before."""
    with arbitrated_pair() as (lab, cluster, node1, node2, load):
        lab.etcd.stop(0)
        lab.power_cut(node1)
        cluster.wait_state(node2, "ALONE", seconds=60)
        load.wait_for(cluster, 20, "node2", 60)
        lab.boot(node1)
        cluster.start_agent(node1)
        cluster.do(node1, "start")
        cluster.wait_pair(node2, node1, 90)
        no_row_lost(cluster, load, node2)
        cluster.trees_equal()


def a_majority_of_etcd_is_down():
    """A healthy pair does not need etcd. When the nodes lose each other while it is down, nobody goes on and both say what they miss; when
    it is back one goes on."""
    with arbitrated_pair(rfs='async="second" locktimeout="5"') as (lab, cluster, node1, node2, load):
        lab.etcd.stop(0, 1)
        cluster.stays({node1: ("PRIM", "Ready"), node2: ("SECOND", "Ready")}, 6)
        load.wait_for(cluster, 20, "node1")
        lab.cut("default", "node1", "node2")
        for node in lab.nodes:
            cluster.wait_state(node, "WAIT", "NotReady", 90)
            wait = cluster.wait(f"{node.name} says that the arbiter does not answer", lambda n=node: (
                lambda w: w and "the arbiter does not answer" in w["why"] and w)(cluster.view(n).get("wait")), 60)
            cluster.expect(lab.etcd.endpoints[0] in wait["why"], f"no endpoint is named: {wait['why']}")
            serves_nothing(cluster, node)
        lab.etcd.start(0, 1)
        winner, loser = one_alone_one_waits(cluster, lab, 90)
        load.wait_for(cluster, 20, winner.name, 60)
        lab.heal()
        cluster.wait_pair(winner, loser, 90)
        no_row_lost(cluster, load, winner)
        cluster.trees_equal()


def etcd_is_emptied():
    """The key is deleted while the nodes have lost each other: an absent key is a refusal, nobody goes on. The pair finds together again
    without it, its primary writes the key again, and then it does its work."""
    with arbitrated_pair() as (lab, cluster, node1, node2, load):
        lab.etcd.shut()  # or one of them would take the key before it is deleted
        lab.cut("default", "node1", "node2")
        cluster.wait("the primary's lease is over", lambda: not cluster.has_vip(node1), 30)
        lab.etcd.ctl("del", "--prefix", "/lockstep/")
        lab.etcd.open()
        for node in lab.nodes:
            cluster.wait_state(node, "WAIT", "NotReady", 90)
            cluster.wait(f"{node.name} says that the key is gone", lambda n=node: "no key of this module" in str(cluster.view(n).get("wait")), 60)
        cluster.expect(lab.etcd.value() == "", "somebody wrote the key who may not")
        lab.heal()
        cluster.wait("PRIM and SECOND after the repair", lambda: sorted(
            (v["role"], v["sub"]) for v in map(cluster.view, lab.nodes)) == [("PRIM", "Ready"), ("SECOND", "Ready")], 90)
        prim, second = sorted(lab.nodes, key=lambda n: cluster.view(n)["role"])
        cluster.wait("the primary writes the key again", lab.etcd.value, 90)
        lab.power_cut(prim)
        cluster.wait_state(second, "ALONE", seconds=60)
        no_row_lost(cluster, load, second)


def etcd_is_replaced_by_an_empty_one():
    """All members lose their data: the new store is younger than what the nodes saw, and the primary, which is alive, writes the key again."""
    with arbitrated_pair() as (lab, cluster, node1, node2, load):
        lab.etcd.wipe()
        cluster.stays({node1: ("PRIM", "Ready"), node2: ("SECOND", "Ready")}, 2)
        cluster.wait("the primary writes the key again", lab.etcd.value, 90)
        lab.isolate(node1)
        cluster.wait_state(node2, "ALONE", seconds=60)
        load.wait_for(cluster, 20, "node2", 60)
        lab.heal()
        cluster.wait_pair(node2, node1, 150)
        no_row_lost(cluster, load, node2)


def https_user_and_password():
    """The whole way over https with a CA of its own, user and password; the password is nowhere but in its file, which must be private."""
    with arbitrated_pair(etcd="secure") as (lab, cluster, node1, node2, load):
        lab.isolate(node1)
        cluster.wait_state(node2, "ALONE", seconds=60)
        load.wait_for(cluster, 20, "node2", 60)
        lab.heal()
        cluster.wait_pair(node2, node1, 150)
        no_row_lost(cluster, load, node2)
        for node in lab.nodes:
            everything = cluster.log(node) + node.out("cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null; true")
            cluster.expect(PASSWORD not in everything, f"the password can be read on {node.name}")
            cluster.expect(PASSWORD not in (lab.work / f"{node.name}-lockstepd.log").read_text(), "the password is in the agent's output")
        cluster.do(node1, "stop")
        cluster.wait_state(node1, "STOP", None)
        node1.run(f"chmod 644 {PASSWORD_FILE}")
        refused = cluster.do(node1, "config", check=False)
        cluster.expect(refused.returncode == 1 and "may be read by other users" in refused.stderr and "userconfig.xml:" in refused.stderr,
                       f"a password that others may read is accepted: {refused}")


SCENARIOS = [a_cut_between_the_nodes, the_primary_is_cut_off_from_everybody, the_secondary_hears_nothing, the_primary_hears_nothing,
             the_primary_s_daemon_hangs, a_hanging_daemon_loses_the_address, a_member_of_etcd_is_down, a_majority_of_etcd_is_down, etcd_is_emptied,
             etcd_is_replaced_by_an_empty_one, https_user_and_password]
