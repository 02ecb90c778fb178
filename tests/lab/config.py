"""Writes the product's configuration files for the laboratory, and fills in the seed's scripts."""
import pathlib

from .host import REPOSITORY

SEED = REPOSITORY / "tests" / "fixtures"


def cluster_xml(lab):
    lans = ""
    for network in lab.networks:
        nodes = "".join(f'      <node name="{n.name}" addr="{lab.address(n, network)}"/>\n' for n in lab.nodes)
        lans += f'    <lan name="{network}">\n{nodes}    </lan>\n'
    return f"<cluster>\n  <lans>\n{lans}  </lans>\n</cluster>\n"


def userconfig_xml(lab, directories, *, service="", pulse=200, timeout=2000, flow=None, vip=True, proc="labapp", polltimer=1,
                   rfs='async="second"', witness=(), splitbrain=""):
    """A module like the seed's with a faster heartbeat; `flow` is the network that carries replication (the first if not given);
    `witness`: addresses to ping, or `splitbrain`: that element as it is."""
    flow = flow or next(iter(lab.networks))
    beats = "".join(f'      <heartbeat name="{n}"{" ident=" + chr(34) + "flow" + chr(34) if n == flow else ""}/>\n' for n in lab.networks)
    address = f"""    <vip><interface_list><interface check="on" arpreroute="on"><real_interface>
      <virtual_addr addr="{lab.vip()}" where="one_side_alias" check="on"/>
    </real_interface></interface></interface_list></vip>\n""" if vip else ""
    replicated = "".join(f'      <replicated dir="{d}" mode="read_only"/>\n' for d in directories)
    errd = f"""    <errd polltimer="{polltimer}">
      <proc name="{proc}" atleast="1" action="restart" class="prim"/>
    </errd>\n""" if proc else ""
    if witness:
        splitbrain = f'<splitbrain ident="witness" exec="ping" arg="{" ".join(witness)}"/>'
    check = f"    <check>{splitbrain}</check>\n" if splitbrain else ""
    return f"""<!DOCTYPE safe>
<safe>
  <service mode="mirror" {service}>
    <heart pulse="{pulse}" timeout="{timeout}">
{beats}    </heart>
{address}    <rfs {rfs}>
{replicated}    </rfs>
    <user nicestoptimeout="30" forcestoptimeout="30" logging="userlog"/>
{errd}{check}  </service>
</safe>
"""


def seed_userconfig(process_name):
    return (SEED / "seed_userconfig.xml").read_text().replace("PROCESS_NAME", process_name)


def seed_script(name, call):
    """The seed's script with the application's call filled in at the line that asks for it."""
    text = (SEED / f"seed_{name}").read_text()
    marker = next(line for line in text.splitlines() if line.startswith("# Fill with your application"))
    return text.replace(marker + "\n", marker + "\n" + call.rstrip("\n") + "\n")


def labapp_scripts(rows):
    """start_prim and stop_prim of the small application that appends to `rows`."""
    return {
        "start_prim": seed_script("start_prim", f"setsid $SAFEUSERBIN/labapp {rows} >/dev/null 2>&1 </dev/null &\nres=$?"),
        "stop_prim": seed_script("stop_prim", "pkill -x labapp\nwhile pgrep -x labapp >/dev/null; do sleep 0.05; done").replace(
            '[ "$1" = "force" ] && exit 0', '[ "$1" = "force" ] && { pkill -9 -x labapp; exit 0; }'),
        "labapp": (pathlib.Path(__file__).parent / "app" / "labapp").read_text(),
    }


def counting_scripts(calls):
    """Scripts of every kind that note their name and arguments, one line per call, in the order in which they ran."""
    names = ("prestart", "start_prim", "stop_prim", "start_both", "stop_both", "start_second", "stop_second", "start_sec", "stop_sec",
             "poststop", "transition")
    return {name: f'#!/bin/sh\necho "{name} $*" >> {calls}\n' for name in names}
