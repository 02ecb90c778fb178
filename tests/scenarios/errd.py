"""Process monitoring."""
from tests.lab.scenario import configured, no_row_lost, running_pair


def wrong_process_name():
    """Seed 4: "Configuring a wrong process name will cause the module to stop right after its start." By maxloop; the log names the process."""
    with configured(proc="no_such_process", service='maxloop="3" loop_interval="24"') as (_lab, cluster, node1, _node2):
        cluster.do(node1, "prim")
        cluster.wait(f"{node1.name} stops by maxloop", lambda: "maxloop" in cluster.log(node1) and cluster.view(node1)["role"] == "STOP", 90)
        cluster.expect("no_such_process" in cluster.log(node1), "the log does not name the process")
        cluster.expect(not cluster.has_vip(node1) and not node1.processes("labapp"), "a stopped module still serves")


def dead_process_is_restarted():
    """Seed 4: "if a process name is displayed in Monitored processes/services, it will be monitored with a restart action in case of failure." """
    with running_pair() as (_lab, cluster, node1, node2, load):
        old = node1.processes("labapp")
        node1.signal(9, "labapp")
        cluster.wait("the application is restarted", lambda: node1.processes("labapp") not in ([], old), 30)
        load.wait_for(cluster, 20, "node1")
        cluster.wait_pair(node1, node2)
        no_row_lost(cluster, load, node2)
        cluster.trees_equal()


def a_failing_start_script_stops_the_module():
    """Seed, start_prim: "uncomment to stop SafeKit when critical: $SAFE/safekit stop -i "start_prim"", and the message of printe is in the log."""
    script = '#!/bin/sh\n$SAFE/safekit printe "start_prim failed"\n$SAFE/safekit stop -i "start_prim"\n'
    with configured(scripts={"start_prim": script}, proc=None) as (_lab, cluster, node1, _node2):
        cluster.do(node1, "prim", check=False)
        cluster.wait("the script's message is in the log", lambda: "start_prim failed" in cluster.log(node1), 30)
        cluster.wait_state(node1, "STOP", None)


SCENARIOS = [wrong_process_name, dead_process_is_restarted, a_failing_start_script_stops_the_module]
