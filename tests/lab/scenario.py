"""What most scenarios begin with: a laboratory, the small application, a configured module."""
import contextlib

from . import config
from .cluster import AddressWatch, Cluster, Load
from .etcd import Etcd
from .lab import Lab

APP = "/data/app"
ROWS = APP + "/rows"


@contextlib.contextmanager
def configured(networks=("default",), scripts=None, directories=(APP,), keep=False, etcd=False, **userconfig):
    """Yields (lab, cluster, node1, node2): configured and stopped. `etcd`: with that arbiter, as lab.etcd ("secure": with https, user and
    password). Other keywords go to config.userconfig_xml."""
    with Lab(networks=networks, directories=directories, keep=keep) as lab:
        cluster = Cluster(lab, directories=directories)
        witness = userconfig.pop("witness", False)
        if etcd:
            lab.etcd = Etcd(lab, secure=etcd == "secure")
            userconfig["splitbrain"] = lab.etcd.splitbrain()
        text = config.userconfig_xml(lab, directories, witness=(lab.address("witness"),) if witness else (), **userconfig)
        cluster.configure(text, {**config.labapp_scripts(ROWS), **(scripts or {})})
        yield lab, cluster, *lab.nodes


@contextlib.contextmanager
def running_pair(load=True, **options):
    """Yields (lab, cluster, node1, node2, load): PRIM and SECOND Ready, a client inserting rows through the virtual IP."""
    with configured(**options) as (lab, cluster, node1, node2):
        cluster.start_pair()
        client = Load(lab, lab.client, lab.vip()) if load else None
        if client:
            client.wait_for(cluster, 20, "node1")
        yield lab, cluster, node1, node2, client


@contextlib.contextmanager
def arbitrated_pair(**options):
    """running_pair with the etcd arbiter (and a lease that a busy machine can keep); at the end it is checked that the virtual address was never on both nodes."""
    with running_pair(**{"etcd": True, "timeout": 4000, **options}) as (lab, cluster, node1, node2, load):
        lab.watch = AddressWatch(lab)
        cluster.wait("the arbiter's key is written", lab.etcd.value)
        try:
            yield lab, cluster, node1, node2, load
        finally:
            lab.watch.stop()
        cluster.expect(lab.watch.looks > 50 and not lab.watch.both, f"the address was on both nodes {len(lab.watch.both)} times")


def restart_with(cluster, node, version):
    """Stops the module and the agent of a node, and starts them again in another version (None: ours)."""
    cluster.do(node, "stop")
    cluster.stop_agent(node)
    cluster.install(node, version)
    cluster.start_agent(node)
    cluster.do(node, "start")


def populate(node, top=APP):
    """A tree with everything that a comparison looks at: links, special files, owners, times, attributes, holes, odd names."""
    node.run(f"""set -e; cd {top}; mkdir -p deep/er 'name with  spaces'; printf 'x%.0s' $(seq 5000) > deep/file; ln deep/file deep/er/hard
ln -s ../nowhere deep/soft; mkfifo fifo; mknod null c 1 3; truncate -s 3M holes; printf tail >> holes; chown 12:34 holes; chmod 4750 deep/file
head -c 2000000 /dev/urandom > random; touch -h -d @1234567890.123456789 deep/soft random; printf n > "$(printf 'new\\nline')"
python3 -c "import os; os.setxattr('deep/file', 'user.note', b'a note')"; printf gone > gone; rm gone; mkdir empty; printf 1 > a; mv a b""")


def no_row_lost(cluster, load, node, rows=ROWS):
    """Every row that the client saw acknowledged is on the node's disk."""
    acknowledged = load.stop()
    missing = load.missing(node.path(f"/mnt/data{rows}"))
    cluster.expect(acknowledged, "the client saw no acknowledgement at all")
    cluster.expect(not missing, f"{len(missing)} of {len(acknowledged)} acknowledged rows are missing on {node.name}, first {missing[:5]}")
