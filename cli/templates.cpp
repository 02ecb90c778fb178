#include "cli/templates.hpp"

namespace lockstep::cli {
namespace {

constexpr std::string_view userconfig = R"(<!DOCTYPE safe>
<safe>
  <service mode="mirror" defaultprim="alone" maxloop="3" loop_interval="24" failover="on">
    <!-- One heartbeat per network of cluster.xml; ident="flow" carries the replication. -->
    <heart pulse="500" timeout="5000">
      <heartbeat name="default" ident="flow"/>
    </heart>
    <!-- A virtual address moves with the application. Remove the comment and fill it in, or use a load balancer
         that asks http://NODE:9010/var/modules/MODULE/ready.txt
    <vip>
      <interface_list>
        <interface check="on" arpreroute="on">
          <real_interface>
            <virtual_addr addr="10.0.0.10" where="one_side_alias"/>
          </real_interface>
        </interface>
      </interface_list>
    </vip>
    -->
    <!-- A process that must run where the application runs.
    <errd polltimer="10">
      <proc name="PROCESS_NAME" atleast="1" action="restart" class="prim"/>
    </errd>
    -->
    <!-- The directories that both nodes keep identical. They must exist on both. -->
    <rfs async="second" acl="off" nbrei="3">
      <replicated dir="/var/lib/myapp" mode="read_only"/>
    </rfs>
    <user nicestoptimeout="300" forcestoptimeout="300" logging="userlog"/>
  </service>
</safe>
)";

constexpr std::string_view start_prim = R"(#!/bin/sh
# Starts the application on the node that serves. Arguments: state, next state, action.
# Output goes to the log of this run; messages for the module's log:
#   $SAFE/safekit printi "message"     $SAFE/safekit printe "message"
echo "Running start_prim $*"
res=0

# Start your application here, for example: systemctl start myapp || res=1

if [ $res -ne 0 ]; then
  $SAFE/safekit printe "start_prim failed"
  # To stop the module when the application cannot start: $SAFE/safekit stop -i "start_prim"
fi
exit 0
)";

constexpr std::string_view stop_prim = R"(#!/bin/sh
# Stops the application. Called first without, then again with "force" as first argument, when processes that are
# still there should be killed.
echo "Running stop_prim $*"
res=0
[ "$1" = "force" ] && exit 0

# Stop your application here, for example: systemctl stop myapp || res=1

[ $res -ne 0 ] && $SAFE/safekit printe "stop_prim failed"
exit 0
)";

constexpr std::string_view prestart = R"(#!/bin/sh
# Called at every start of the module, before anything else: nothing of the application may run now.
cd "$SAFEUSERBIN" || exit 1
for force in "" force; do
  for script in stop_second stop_prim stop_both; do
    [ -x "./$script" ] && "./$script" $force "$@"
  done
done
exit 0
)";

} // namespace

const std::vector<TemplateFile>& mirror_template() {
  static const std::vector<TemplateFile> files{{"userconfig.xml", 0644, userconfig},
                                               {"bin/start_prim", 0755, start_prim},
                                               {"bin/stop_prim", 0755, stop_prim},
                                               {"bin/prestart", 0755, prestart}};
  return files;
}

} // namespace lockstep::cli
