// Where everything of a node lives, under one root (design 1): "/" by default, LOCKSTEP_ROOT or --root moves it.
#pragma once
#include <string>

namespace lockstep {

class Paths {
 public:
  // An absolute path without trailing "/", or "" for "/".
  explicit Paths(std::string root) : root_(root == "/" ? "" : std::move(root)) {}
  // --root, else LOCKSTEP_ROOT, else "/".
  static Paths from_environment(const std::string& option);

  std::string root() const { return root_.empty() ? "/" : root_; }
  std::string etc() const { return root_ + "/etc/lockstep"; }
  std::string cluster_xml() const { return etc() + "/cluster.xml"; }
  std::string cluster_key() const { return etc() + "/cluster.key"; }
  std::string access_key() const { return etc() + "/access.key"; } // made from the console password; lets -G reach a new node
  std::string modules_etc() const { return etc() + "/modules"; }
  std::string module_etc(const std::string& am) const { return modules_etc() + "/" + am; } // userconfig.xml, bin/, id
  std::string var() const { return root_ + "/var/lib/lockstep"; }                          // $SAFEVAR
  std::string modules_var() const { return var() + "/modules"; }
  std::string module_var(const std::string& am) const { return modules_var() + "/" + am; } // $SAFEUSERVAR
  std::string applied(const std::string& am) const { return module_var(am) + "/applied"; } // conf/, bin/ as applied
  std::string user_conf(const std::string& am) const { return applied(am) + "/conf"; }     // $SAFEUSERCONF
  std::string user_bin(const std::string& am) const { return applied(am) + "/bin"; }       // $SAFEUSERBIN
  std::string log(const std::string& am) const { return root_ + "/var/log/lockstep/" + am; }
  std::string agent_log() const { return root_ + "/var/log/lockstep/agent.log"; }
  std::string safe() const { return root_ + "/usr/lib/lockstep"; } // $SAFE
  std::string safe_bin() const { return safe() + "/bin"; }         // $SAFEBIN
  std::string run() const { return root_ + "/run/lockstep"; }
  std::string control_socket() const { return run() + "/control.sock"; }
  std::string module_socket(const std::string& am) const { return run() + "/" + am + ".sock"; }
  std::string status_page(const std::string& am) const { return run() + "/" + am + ".status"; }

 private:
  std::string root_;
};

} // namespace lockstep
