"""Stop of the primary, power cuts, HAProxy."""
import subprocess

from tests.lab import config
from tests.lab.cluster import Load
from tests.lab.scenario import APP, configured, no_row_lost, restart_with, running_pair

CALLS = "/mnt/state/calls"


def stop_of_prim():
    """Seed 13: "Stop the PRIM node [...] Verify that there is a failover on the SECOND node which should become ALONE (green)." "If everything
    is okay, initiate a start on node1, which will resynchronize the replicated directories from node2." Clients know only the virtual IP."""
    with running_pair() as (_lab, cluster, node1, node2, load):
        node1.run(f"head -c 30000000 /dev/urandom > {APP}/big")
        cluster.do(node1, "stop")
        cluster.wait_state(node2, "ALONE")
        load.wait_for(cluster, 20, "node2")
        cluster.expect(cluster.has_vip(node2) and not cluster.has_vip(node1), "the virtual IP did not move")
        cluster.wait_state(node1, "STOP", None)
        cluster.do(node1, "start")
        cluster.wait_pair(node2, node1)
        no_row_lost(cluster, load, node2)
        cluster.trees_equal()
        log = cluster.log(node1)
        cluster.expect("Reintegration ended" in log, "the resynchronisation is not in the log")
        cluster.expect_delta(node1, 5_000_000)


def scripts_run_in_order():
    """Seed 13: services are "stopped on node 1 in the stop_prim script and started on node 2 in the start_prim script"; the order of all
    scripts per transition is SafeKit's (reference 5.3)."""
    with configured(scripts=config.counting_scripts(CALLS), proc=None, vip=False) as (_lab, cluster, node1, node2):
        def calls(node):
            names = [line.split()[0] + (" force" if "force" in line.split() else "") for line in node.read(CALLS).splitlines()]
            node.write(CALLS, "")
            return names

        def expect(node, wanted, when):
            found = calls(node)
            cluster.expect(found == wanted.split(", "), f"{node.name}, {when}: scripts {found}, not {wanted}")
        cluster.do(node1, "prim")
        cluster.wait_state(node1, "ALONE")
        expect(node1, "transition, prestart, transition, start_both, start_prim, start_sec", "STOP to ALONE")
        cluster.do(node2, "start")
        cluster.wait_pair(node1, node2)
        expect(node1, "stop_sec, transition", "ALONE to PRIM")
        expect(node2, "transition, prestart, transition, start_both, start_second, start_sec", "STOP to SECOND")
        cluster.do(node1, "stop")
        cluster.wait_state(node2, "ALONE")
        cluster.wait_state(node1, "STOP", None)
        expect(node2, "stop_second, transition, start_prim", "SECOND to ALONE")
        found = calls(node1)
        cluster.expect([c for c in found if not c.endswith("force")] == ["stop_prim", "stop_both", "transition", "poststop", "transition"],
                       f"PRIM to STOP: {found}")
        cluster.expect(found.index("stop_prim force") > found.index("stop_both"), f"force comes after the graceful stop: {found}")


def power_cut_of_prim():
    """Isolation and failure (seed 13; mission 14): the primary loses power under load; every acknowledged row is on the other node, the
    application runs there; the first node comes back as SECOND by copying only what changed."""
    with running_pair() as (lab, cluster, node1, node2, load):
        node1.run(f"head -c 30000000 /dev/urandom > {APP}/big; sync")
        load.wait_for(cluster, 50, "node1")
        lab.power_cut(node1)
        cluster.wait_state(node2, "ALONE")
        load.wait_for(cluster, 20, "node2")
        lab.boot(node1)
        cluster.start_agent(node1)
        cluster.do(node1, "start")
        cluster.wait_pair(node2, node1)
        no_row_lost(cluster, load, node2)
        cluster.trees_equal()
        cluster.expect_delta(node1, 35_000_000)


def power_cut_of_second():
    """The secondary loses power: the primary goes on ALONE without an interruption of the application; the secondary comes back by delta."""
    with running_pair() as (lab, cluster, node1, node2, load):
        lab.power_cut(node2)
        cluster.wait_state(node1, "ALONE")
        load.wait_for(cluster, 20, "node1")
        cluster.expect(load.longest_gap() < 12, f"the application stood still for {load.longest_gap():.1f} s")
        lab.boot(node2)
        cluster.start_agent(node2)
        cluster.do(node2, "start")
        cluster.wait_pair(node1, node2)
        no_row_lost(cluster, load, node2)
        cluster.trees_equal()


def power_cut_of_both():
    """Both nodes lose power in PRIM/SECOND. One alone waits (it cannot know whether the other went on); both together resume their roles."""
    with running_pair() as (lab, cluster, node1, node2, load):
        lab.power_cut(node1, node2)
        for node in (node2, node1):
            lab.boot(node)
            cluster.start_agent(node)
        cluster.do(node2, "start")
        cluster.wait_state(node2, "WAIT", "NotReady")
        cluster.do(node1, "start")
        cluster.wait_pair(node1, node2, 90)
        no_row_lost(cluster, load, node1)
        cluster.trees_equal()


def module_process_killed():
    """The replication process of the primary dies: writes fail rather than go unreplicated; an ordinary failover follows."""
    with running_pair() as (_lab, cluster, node1, node2, load):
        cluster.expect(node1.signal(9, "lockstepd") > 0, "no lockstepd to kill")
        cluster.wait_state(node2, "ALONE")
        load.wait_for(cluster, 20, "node2")
        cluster.expect(node1.run(f"echo x > {APP}/unreplicated", check=False).returncode != 0, "a write went unreplicated")
        no_row_lost(cluster, load, node2)


def a_bug_is_noticed():
    """A bug planted in the running primary breaks an invariant: it stops serving at once and says why, the other node goes on, no row is lost."""
    with running_pair(load=False) as (lab, cluster, node1, node2, _):
        restart_with(cluster, node1, "planted")
        cluster.wait_pair(node2, node1)
        cluster.do(node1, "swap")
        cluster.wait_pair(node1, node2)
        load = Load(lab, lab.client, lab.vip())
        load.wait_for(cluster, 20, "node1")
        node1.signal(12, "lockstepd")
        cluster.wait_state(node2, "ALONE", seconds=30)
        cluster.wait_state(node1, "STOP", "NotReady", seconds=30)
        cluster.expect(not cluster.has_vip(node1) and not node1.processes("labapp"), "the node that stopped still serves")
        for words in ("This node stops serving: internal error, permit-in-lease", "Please report it with this log"):
            cluster.expect(words in cluster.log(node1), f"not in the log of node1: {words}")
        load.wait_for(cluster, 20, "node2")
        cluster.do(node1, "start")  # a new process: nothing is planted in it
        cluster.wait_pair(node2, node1)
        no_row_lost(cluster, load, node2)
        cluster.trees_equal()


def haproxy_follows_the_primary():
    """Seed, "Configuration of the Amazon AWS load balancer": "HTTP protocol, port 9010, URL /var/modules/mirror/ready.txt": "returns OK when the
    mirror module state is PRIM (green) or ALONE (green), returns NOT FOUND in all other states"."""
    with configured(vip=False) as (lab, cluster, node1, node2):
        servers = "".join(f"  server {n.name} {lab.address(n)}:7777 check port 9010 inter 300 fall 1 rise 1 on-marked-down shutdown-sessions\n"
                          for n in lab.nodes)
        lab.client.write("/run/haproxy.cfg", "defaults\n  mode tcp\n  timeout connect 2s\n  timeout client 20s\n  timeout server 20s\nfrontend in\n"
                         "  bind 127.0.0.1:7000\n  default_backend nodes\nbackend nodes\n  option httpchk GET /var/modules/mirror/ready.txt\n" + servers)
        cluster.expect([cluster.health(n)[0] for n in lab.nodes] == [404, 404], "ready.txt in STOP")
        cluster.start_pair()
        cluster.expect(cluster.health(node1)[0] == 200 and "OK" in cluster.health(node1)[1], f"ready.txt of PRIM: {cluster.health(node1)}")
        cluster.expect(cluster.health(node2)[0] == 404, f"ready.txt of SECOND: {cluster.health(node2)}")
        lab.client.popen(["haproxy", "-db", "-f", "/run/haproxy.cfg"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        load = Load(lab, lab.client, "127.0.0.1", 7000)
        load.wait_for(cluster, 20, "node1")
        cluster.do(node1, "stop")
        load.wait_for(cluster, 20, "node2")
        cluster.expect(cluster.health(node2)[0] == 200 and cluster.health(node1)[0] == 404, "ready.txt after the failover")
        cluster.wait_state(node1, "STOP", None)
        cluster.do(node1, "start")
        cluster.wait_pair(node2, node1)
        no_row_lost(cluster, load, node2)
        cluster.trees_equal()


def ready_txt_answers_under_idle_connections():
    """Seed, load balancer: the health check is answered without login and never blocks, also while 100 connections stand idle."""
    with running_pair(load=False) as (lab, cluster, node1, _node2, _):
        lab.client.popen(["python3", "-c", f"import socket,time\ns = [socket.create_connection(('{lab.address(node1)}', 9010)) for i in range(100)]\n"
                          "open('/run/idle', 'w').write('x')\ntime.sleep(60)"])
        cluster.wait("100 idle connections", lambda: lab.client.path("/run/idle").exists())
        for _ in range(10):
            cluster.expect(cluster.health(node1)[0] == 200, f"ready.txt under idle connections: {cluster.health(node1)}")


SCENARIOS = [stop_of_prim, scripts_run_in_order, power_cut_of_prim, power_cut_of_second, power_cut_of_both, module_process_killed, a_bug_is_noticed,
             haproxy_follows_the_primary, ready_txt_answers_under_idle_connections]
