// What every command of the CLI shares: where the node lives, which module is meant, how errors and JSON leave.
#pragma once
#include "shim/common/control.hpp"
#include "shim/common/paths.hpp"
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace lockstep::cli {

// Exit codes (documented in the README): 0 done, 1 refused or failed (one sentence on standard error), 2 wrong usage,
// 3 lockstepd does not answer, 4 a wait ran into its deadline. `state -lq` has SafeKit's own.
enum Exit : int { ok = 0, failed = 1, usage = 2, unreachable = 3, timed_out = 4 };

struct Session {
  Paths paths;
  std::string who;      // "root", or who asked through another node
  bool as_json = false; // --json
};

// Prints the sentence to standard error ("Error: ...") and returns the code.
int fail(const Session& s, const std::string& sentence, int code = Exit::failed);
int done(const Session& s, const std::string& sentence);

// -m AM, else SAFEMODULE, else the only installed module.
Result<std::string> module_or_default(const Session& s, const std::string& option);
// To the module's process. The sentence says what to do when nobody answers; `code`, if given, then becomes the exit code:
// `unreachable` only when lockstepd does not answer.
Result<nlohmann::json> ask_module(const Session& s, const std::string& am, const nlohmann::json& request, Duration deadline = seconds(30),
                                  int* code = nullptr);
// Until the module's process takes requests: lockstepd starts it, or starts it again, in a moment. `former` is a process that
// is about to end.
bool await_module(const Session& s, const std::string& am, int former = 0);
Result<nlohmann::json> ask_agent(const Session& s, const nlohmann::json& request, Duration deadline = seconds(30));

// control.cpp: start, prim, stop, swap ...; waits
int control_verb(const Session& s, const std::string& am, const std::string& verb, const std::string& identity);
int wait_for(const Session& s, const std::string& am, const std::string& state, Duration deadline);
int shutdown_all(const Session& s);
// state.cpp
int show_state(const Session& s, const std::string& am, bool verbose, bool level_quiet, bool local_only);
int get_resource(const Session& s, const std::string& am, const std::string& resource);
int set_resource(const Session& s, const std::string& am, const std::string& resource, const std::string& value, const std::string& who);
// log.cpp
int show_log(const Session& s, const std::string& am, std::size_t lines, bool verbose, bool follow);
int print_message(const Session& s, const std::string& am, char level, const std::string& message);
// configure.cpp
int module_install(const Session& s, const std::string& am, const std::string& safe_file, std::uint32_t id, bool replace);
int module_list(const Session& s, bool ids);
int config_check(const Session& s, const std::string& am);
int config_apply(const Session& s, const std::string& am);
int config_info(const Session& s, const std::string& am);
// cluster.cpp
int cluster_config(const Session& s, const std::string& file);
int cluster_confcheck(const Session& s, const std::string& file);
int cluster_confinfo(const Session& s);
int cluster_state(const Session& s);
int cluster_genkey(const Session& s);
int set_password(const Session& s, const std::string& password);
// remote.cpp: -H NODES COMMAND..., -G, -E AM
int on_nodes(const Session& s, const std::string& nodes, const std::vector<std::string>& argv);
Result<nlohmann::json> node_call(const Session& s, const std::string& node, const nlohmann::json& request, Duration deadline);

} // namespace lockstep::cli
