"""Network isolation: one network, two networks, a witness."""
from tests.lab.scenario import APP, configured, no_row_lost, running_pair


def one_network():
    """Seed 15: "as heartbeats are lost for each node, each node goes to ALONE and runs the application [...] when the isolation is repaired, one
    ALONE node is forced to stop and to resynchronize its data from the other node, at the end the cluster is PRIM-SECOND". The yielding
    node's own files are kept aside."""
    with running_pair(load=False) as (lab, cluster, node1, node2, _):
        lab.cut("default", "node1", "node2")
        for node in lab.nodes:
            cluster.wait_state(node, "ALONE")
            node.run(f"echo written by {node.name} > {APP}/who; echo {node.name} > {APP}/only-{node.name}; sync {APP}/who")
        lab.heal()
        cluster.wait_pair(node1, node2)
        cluster.trees_equal()
        cluster.expect(node1.read(f"/mnt/data{APP}/who") == "written by node1\n", "the former PRIM does not win")
        kept = [p.read_text(errors="replace") for p in cluster.diverged(node2)]
        cluster.expect(any("written by node2" in text for text in kept), f"what node2 wrote was not kept: {cluster.diverged(node2)}")


def two_networks():
    """Seed 15: "heartbeats on the production network are lost (isolated network), heartbeats on the replication network are working (not
    isolated network), the cluster stays in PRIM/SECOND state." """
    with running_pair(networks=("default", "repl"), flow="repl", load=False) as (lab, cluster, node1, node2, _):
        lab.cut("default", "node1", "node2")
        cluster.stays({node1: ("PRIM", "Ready"), node2: ("SECOND", "Ready")}, 6)
        node1.run(f"echo still mirrored > {APP}/x")
        cluster.trees_equal()
        cluster.expect(cluster.resource(node2, "heartbeat.default") == "down", "the lost heartbeat is not shown")


def only_the_replication_network_is_broken():
    """Two networks, the replication network broken, heartbeats alive: one node goes on, the other waits, and says why; nobody asks an arbiter."""
    with running_pair(networks=("default", "repl"), flow="repl", witness=True) as (lab, cluster, node1, node2, load):
        lab.unplug("witness")
        lab.cut("repl", "node1", "node2")
        cluster.wait("node2 waits and says that replication is broken", lambda: (
            lambda v: v["role"] == "WAIT" and "replication network" in str(v.get("wait")))(cluster.view(node2)), 60)
        cluster.wait_state(node1, "ALONE")
        load.wait_for(cluster, 20, "node1")
        cluster.stays({node1: ("ALONE", "Ready"), node2: ("WAIT", "NotReady")}, 3)
        lab.heal()
        cluster.wait_pair(node1, node2)
        no_row_lost(cluster, load, node2)
        cluster.trees_equal()


def isolation_with_a_witness():
    """Seed 15: "in case of network isolation, before going to ALONE, both nodes test the IP address, the node which can access the IP address goes to
    ALONE, the other one goes to WAIT, when the isolation is repaired, the WAIT node resynchronizes its data and becomes SECOND." """
    with running_pair(witness=True) as (lab, cluster, node1, node2, load):
        lab.isolate(node1)
        cluster.wait_state(node2, "ALONE")
        cluster.wait_state(node1, "WAIT", "NotReady")
        cluster.expect(not cluster.has_vip(node1) and not node1.processes("labapp"), "the refused node still serves")
        load.wait_for(cluster, 20, "node2")
        lab.heal()
        cluster.wait_pair(node2, node1)
        no_row_lost(cluster, load, node2)
        cluster.trees_equal()


def second_is_isolated_with_a_witness():
    """The same with the secondary on the wrong side: the primary goes on ALONE, the secondary waits."""
    with running_pair(witness=True) as (lab, cluster, node1, node2, load):
        lab.isolate(node2)
        cluster.wait_state(node1, "ALONE")
        cluster.wait_state(node2, "WAIT", "NotReady")
        load.wait_for(cluster, 20, "node1")
        lab.heal()
        cluster.wait_pair(node1, node2)
        no_row_lost(cluster, load, node2)
        cluster.trees_equal()


def the_witness_is_down():
    """Seed 15: "If the witness is down or disconnected, both nodes go to WAIT and the application is no more running." """
    with running_pair(witness=True, load=False) as (lab, cluster, node1, node2, _):
        lab.unplug("witness")
        lab.cut("default", "node1", "node2")
        for node in lab.nodes:
            cluster.wait_state(node, "WAIT", "NotReady", 60)
            cluster.expect(not node.processes("labapp") and not cluster.has_vip(node), f"{node.name} still serves")
        lab.plug("witness")
        lab.heal()
        # Who was refused as SECOND holds everything and is still live; either may be the next PRIM (control:S4).
        cluster.wait("PRIM and SECOND after the repair", lambda: sorted(
            (v["role"], v["sub"]) for v in map(cluster.view, lab.nodes)) == [("PRIM", "Ready"), ("SECOND", "Ready")], 60)
        cluster.trees_equal()


def a_second_that_hears_nothing_takes_over():
    """One-way loss: only the deaf node continues; the other hears that and yields; nothing that was acknowledged is lost."""
    with running_pair() as (lab, cluster, node1, node2, load):
        lab.cut("default", "node1", "node2", direction=("node1", "node2"))
        cluster.wait_state(node2, "ALONE")
        load.wait_for(cluster, 20, "node2", 60)
        lab.heal()
        cluster.wait_pair(node2, node1, 90)
        no_row_lost(cluster, load, node2)
        cluster.trees_equal()


def both_alone_before_they_ever_met_again():
    """Seed 9: "If you make the wrong choice, you run the risk of synchronizing outdated data": a forced start of the stale node is a fork; it is
    recognised, and what one side loses is kept."""
    with configured(proc=None, vip=False) as (lab, cluster, node1, node2):
        cluster.start_pair()
        lab.cut("default", "node1", "node2")
        cluster.wait_state(node1, "ALONE")
        cluster.wait_state(node2, "ALONE")
        cluster.do(node2, "stop")
        cluster.wait_state(node2, "STOP", None)
        node1.run(f"echo newest > {APP}/file")
        cluster.do(node2, "prim")
        cluster.wait_state(node2, "ALONE")
        node2.run(f"echo chosen > {APP}/file")
        lab.heal()
        cluster.wait_pair(node2, node1)  # the operator's choice ranks first
        cluster.trees_equal()
        cluster.expect(node2.read(f"/mnt/data{APP}/file") == "chosen\n", "the operator's choice did not win")
        cluster.expect(any(p.read_text(errors="replace") == "newest\n" for p in cluster.diverged(node1)), "node1's file was not kept aside")


SCENARIOS = [one_network, two_networks, only_the_replication_network_is_broken, isolation_with_a_witness, second_is_isolated_with_a_witness,
             the_witness_is_down, a_second_that_hears_nothing_takes_over, both_alone_before_they_ever_met_again]
