"""First start, start in the wrong order."""
from tests.lab import config
from tests.lab.scenario import APP, configured, no_row_lost, populate, running_pair


def first_start():
    """Seed 9, 11: "If node 1 has the up-to-date replicated directories, select it and start it As primary. When node 2 will be started, all
    data will be copied from node 1 to node 2." "Node 2 stays in the SECOND (orange) state while resynchronizing [...] Wait for SECOND (green)." """
    with configured() as (lab, cluster, node1, node2):
        populate(node1)
        node1.run(f"head -c 60000000 /dev/urandom > {APP}/big")
        node2.run(f"echo stale > {APP}/stale; mkdir {APP}/deep")
        cluster.do(node1, "start")
        cluster.do(node2, "start")
        for node in lab.nodes:  # nobody elects itself the first time
            view = cluster.wait_state(node, "WAIT", "NotReady")
            cluster.expect(view.get("wait", {}).get("why") and view["wait"].get("to_do"), f"{node.name} waits without saying why: {view}")
        cluster.stays({node1: ("WAIT", "NotReady"), node2: ("WAIT", "NotReady")}, 3)
        cluster.do(node2, "stop")
        cluster.do(node1, "stop")
        cluster.wait_state(node1, "STOP", None)
        cluster.do(node1, "prim")
        cluster.wait_state(node1, "ALONE")
        cluster.expect(cluster.has_vip(node1), "ALONE Ready without the virtual IP")
        cluster.wait("the address is shown as up at once", lambda: cluster.resource(node1, f"ip.{lab.vip()}") == "up", 1)
        cluster.do(node2, "start")
        cluster.wait_state(node2, "SECOND", "Transient")
        cluster.wait_pair(node1, node2)
        cluster.trees_equal()
        cluster.expect(not node2.path(f"/mnt/data{APP}/stale").exists(), "a file that only the copy had is still there")


def start_in_the_wrong_order():
    """Seed 10: "If the cluster is in WAIT (red) not uptodate, STOP (red) not uptodate state, stop the WAIT node and force its start as
    primary." A node that is not up to date never starts by itself; it says for whom it waits."""
    with running_pair() as (_lab, cluster, node1, node2, load):
        cluster.do(node2, "stop")
        cluster.wait_state(node1, "ALONE")
        load.wait_for(cluster, 10, "node1")
        cluster.do(node1, "stop")
        cluster.wait_state(node1, "STOP", None)
        cluster.do(node2, "start")
        view = cluster.wait_state(node2, "WAIT", "NotReady")
        cluster.expect(not view["uptodate"], f"node2 missed rows but says it is up to date: {view}")
        cluster.expect("node1" in str(view.get("wait")), f"node2 does not say for whom it waits: {view.get('wait')}")
        cluster.stays({node2: ("WAIT", "NotReady")}, 4)
        cluster.do(node1, "start")
        cluster.wait_pair(node1, node2)
        no_row_lost(cluster, load, node2)
        cluster.trees_equal()


def reads_and_writes_through_the_mirror():
    """Seed 12: "Only changes inside files are replicated in real time in this state." Whatever an application does to the directory is on
    SECOND too, and SECOND's directory is read-only for everybody else (mode="read_only")."""
    with running_pair(load=False) as (_lab, cluster, node1, node2, _):
        populate(node1)
        cluster.trees_equal()
        node1.run(f"cd {APP}; mv deep moved; rm -r empty; truncate -s 100 random; printf zz | dd of=holes conv=notrunc bs=1 seek=1000000 2>/dev/null;"
                  " ln b c; rm b; chmod 600 c; chown 5 c; mkdir x; mv c x/; sync")
        cluster.trees_equal()
        refused = node2.run(f"echo x > {APP}/forbidden", check=False)
        cluster.expect(refused.returncode != 0, "SECOND's directory can be written")
        cluster.expect(node2.out(f"cat {APP}/x/c") == "1", "SECOND's directory cannot be read")


def planned_swap():
    """Seed 9: roles can be exchanged by command; the application is stopped on the old primary before it is started on the new one."""
    with running_pair() as (_lab, cluster, node1, node2, load):
        cluster.do(node1, "swap")
        cluster.wait_pair(node2, node1)
        load.wait_for(cluster, 20, "node2")
        no_row_lost(cluster, load, node2)
        cluster.trees_equal()
        cluster.expect(cluster.has_vip(node2) and not cluster.has_vip(node1), "the virtual IP did not follow")


def the_seeds_files_run_unchanged():
    """Seed, "Internal files of the Linux mirror.safe module": userconfig.xml, start_prim and stop_prim, with the process name and the
    application's calls filled in at the lines that ask for it, nothing else changed."""
    from tests.lab.cluster import Cluster
    from tests.lab.lab import Lab
    directories = ("/test1replicated", "/test2replicated")
    with Lab(directories=directories) as lab:
        cluster = Cluster(lab, directories=directories)
        node1, node2 = lab.nodes
        cluster.configure(config.seed_userconfig("labapp"), config.labapp_scripts("/test1replicated/rows"))
        cluster.do(node1, "prim")
        cluster.wait_state(node1, "ALONE")
        node1.run("echo one > /test1replicated/one; echo two > /test2replicated/two")
        cluster.do(node2, "start")
        cluster.wait_pair(node1, node2)
        node1.run("echo live >> /test2replicated/two")
        cluster.trees_equal()
        cluster.expect(node1.processes("labapp") and not node2.processes("labapp"), "the application does not run on PRIM only")
        cluster.do(node1, "stop")
        cluster.wait_state(node2, "ALONE")
        cluster.expect(node2.processes("labapp") and not node1.processes("labapp"), "the application did not move")
        cluster.expect("Running start_prim" in cluster.log(node2), "the script's output is not in a log")
        cluster.wait_state(node1, "STOP", None)
        cluster.do(node1, "start")
        cluster.wait_pair(node2, node1)
        cluster.trees_equal()


SCENARIOS = [first_start, start_in_the_wrong_order, reads_and_writes_through_the_mirror, planned_swap, the_seeds_files_run_unchanged]
