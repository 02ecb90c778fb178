// lockstep: the operator's command (also installed as `safekit` in $SAFE). `lockstep --help` lists everything.
#include "cli/command.hpp"
#include "core/config/nearest.hpp"
#include "shim/common/site.hpp"
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

using namespace lockstep;
using namespace lockstep::cli;

namespace {

struct Options {
  std::string root, module, identity, resource, value, state, file, message, password, on_off, name;
  bool json = false, verbose = false, level = false, quiet = false, all = false, local = false, replace = false, fullsync = false;
  std::size_t lines = 300;
  std::uint32_t id = 0;
  double timeout = 600;
};

Session session(const Options& o) {
  Session s{Paths::from_environment(o.root), "root", o.json};
  if (const char* who = std::getenv("LOCKSTEP_WHO")) s.who = who;
  return s;
}

// Runs `f` with the module named by -m, or the default one.
template <class F>
int with_module(const Options& o, F f) {
  Session s = session(o);
  auto am = module_or_default(s, o.module);
  return am ? f(s, *am) : fail(s, am.error());
}

class Program {
 public:
  Program() {
    app_.require_subcommand(0, 1);
    app_.footer("Several nodes: lockstep -H \"*\" COMMAND, lockstep -H \"*\" -G (cluster configuration), lockstep -H \"*\" -E MODULE.\n"
                "Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 lockstepd does not answer, 4 a wait timed out;\n"
                "state -lq: STOP 0, WAIT 1, ALONE 2, PRIM 3, SECOND 4.");
    app_.add_option("--root", o_.root, "where the node's files are (default: LOCKSTEP_ROOT, else /)");
    app_.add_flag("-p", print_environment_, "print the environment of scripts");
    add_module_verbs();
    add_monitoring();
    add_configuration();
    add_cluster();
  }

  int run(std::vector<std::string> argv) {
    std::reverse(argv.begin(), argv.end()); // the library wants them so
    try {
      app_.parse(argv);
    } catch (const CLI::ExtrasError&) {
      return not_understood();
    } catch (const CLI::ParseError& e) {
      bool mistyped = dynamic_cast<const CLI::RequiredError*>(&e) && !app_.remaining(true).empty();
      if (mistyped) return not_understood();
      int code = app_.exit(e);
      return code == 0 ? Exit::ok : Exit::usage;
    }
    if (print_environment_) return print_environment();
    if (!action_) {
      std::printf("%s", app_.help().c_str());
      return Exit::usage;
    }
    return action_();
  }

 private:
  // A word too many: as a rule a mistyped command, or a module that is not named by -m.
  int not_understood() {
    CLI::App* at = &app_;
    std::string path = "lockstep";
    while (!at->get_subcommands().empty()) at = at->get_subcommands().front(), path += " " + at->get_name();
    auto extras = app_.remaining(true);
    if (at != &app_ && !app_.remaining(false).empty()) {
      std::fprintf(stderr, "Error: \"%s\" stands before the command: options of a command follow it\nSee `%s --help`.\n",
                   app_.remaining(false).front().c_str(), path.c_str());
      return Exit::usage;
    }
    std::string word = extras.empty() ? "" : extras.front(), meant;
    std::vector<std::string> names;
    for (const CLI::App* c : at->get_subcommands([](const CLI::App*) { return true; })) names.push_back(c->get_name());
    if (!names.empty() && word.rfind('-', 0) != 0) {
      meant = did_you_mean(word, {names.begin(), names.end()}, "`" + path + " ", "`", "");
      std::fprintf(stderr, "Error: there is no command `%s %s`%s\n", path.c_str(), word.c_str(), meant.c_str());
    } else {
      auto installed = installed_modules(session(o_).paths);
      if (std::find(installed.begin(), installed.end(), word) != installed.end()) meant = ": a module is named by -m " + word;
      std::fprintf(stderr, "Error: `%s` does not take \"%s\"%s\n", path.c_str(), word.c_str(), meant.c_str());
    }
    std::fprintf(stderr, "See `%s --help`.\n", path.c_str());
    return Exit::usage;
  }

  CLI::App* command(CLI::App* parent, const std::string& name, const std::string& what, std::function<int()> action) {
    CLI::App* c = parent->add_subcommand(name, what);
    c->add_flag("--json", o_.json, "answer as JSON");
    c->add_option("--root", o_.root)->group("");
    c->callback([this, action] { action_ = action; });
    return c;
  }
  CLI::App* module_command(CLI::App* parent, const std::string& name, const std::string& what, std::function<int(const Session&, const std::string&)> f) {
    CLI::App* c = command(parent, name, what, [this, f] { return with_module(o_, f); });
    c->add_option("-m", o_.module, "the module (default: SAFEMODULE, or the only one)");
    return c;
  }

  void add_module_verbs() {
    struct Row {
      const char *name, *what;
    };
    for (Row r : {Row{"start", "start the module; its role follows from whose data is newest"},
                  Row{"stop", "stop the module; the other node takes over if it is SECOND Ready"},
                  Row{"restart", "stop and start the application only"}, Row{"stopstart", "stop, then start the module"},
                  Row{"swap", "exchange the roles of PRIM and SECOND"}, Row{"primforce", "start as primary even with inconsistent data"},
                  Row{"forcestop", "stop when stop has no effect"}}) {
      std::string verb = r.name;
      module_command(&app_, r.name, r.what, [this, verb](const Session& s, const std::string& am) { return control_verb(s, am, verb, o_.identity); })
          ->add_option("-i", o_.identity, "called by a detector of this name: counts in maxloop");
    }
    for (Row r : {Row{"prim", "start as primary: this node has the data that counts"}, Row{"second", "start as secondary"}}) {
      std::string verb = r.name;
      auto c = module_command(&app_, r.name, r.what, [this, verb](const Session& s, const std::string& am) {
        if (!o_.message.empty() && o_.message != "fullsync") return fail(s, "\"" + o_.message + "\" is not understood: only fullsync may follow " + verb, Exit::usage);
        return control_verb(s, am, verb + (o_.message.empty() ? "" : " fullsync"), o_.identity);
      });
      c->add_option("fullsync", o_.message, "copy everything, not only what changed");
      c->add_option("-i", o_.identity)->group("");
    }
    for (const char* setting : {"failover", "errd"}) {
      std::string name = setting;
      auto c = module_command(&app_, name, name == "failover" ? "automatic takeover on|off" : "process monitoring on|off",
                              [this, name](const Session& s, const std::string& am) { return control_verb(s, am, name + " " + o_.on_off, ""); });
      c->add_option("on_off", o_.on_off, "on or off")->required()->check(CLI::IsMember({"on", "off"}));
    }
    command(&app_, "shutdown", "stop all modules of this node", [this] { return shutdown_all(session(o_)); });
    auto wait = [this](const char* name, const char* what, const char* state) {
      module_command(&app_, name, what, [this, state](const Session& s, const std::string& am) {
        return wait_for(s, am, state, ms(static_cast<std::int64_t>(o_.timeout * 1000)));
      })->add_option("--timeout", o_.timeout, "seconds (default 600)");
    };
    wait("waitstart", "wait until a start has ended", "START");
    wait("waitstop", "wait until the module is stopped", "STOP");
    auto c = module_command(&app_, "waitstate", "wait for a stable state", [this](const Session& s, const std::string& am) {
      return wait_for(s, am, o_.state, ms(static_cast<std::int64_t>(o_.timeout * 1000)));
    });
    c->add_option("state", o_.state)->required()->check(CLI::IsMember({"STOP", "WAIT", "ALONE", "UP", "PRIM", "SECOND"}));
    c->add_option("--timeout", o_.timeout, "seconds (default 600)");
  }

  void add_monitoring() {
    auto c = command(&app_, "state", "both nodes: state, why a node waits, what to do, progress of a copy", [this] {
      Session s = session(o_);
      std::string am = o_.module;
      if (am.empty())
        if (const char* env = std::getenv("SAFEMODULE")) am = env;
      if (o_.level || !am.empty()) {
        auto known = module_or_default(s, am);
        if (!known) return fail(s, known.error());
        am = *known;
      }
      return show_state(s, am, o_.verbose, o_.level, o_.local);
    });
    c->add_option("-m", o_.module, "the module (default: all)");
    c->add_flag("-v", o_.verbose, "with all resources");
    c->add_flag("-l", o_.level, "with -q: the state as exit code");
    c->add_flag("-q", o_.quiet);
    c->add_flag("--local", o_.local, "this node only");
    for (bool follow : {false, true}) {
      auto log = module_command(&app_, follow ? "logview" : "log", follow ? "follow the module's log" : "the module's log",
                                [this, follow](const Session& s, const std::string& am) { return show_log(s, am, o_.lines, o_.all, follow); });
      log->add_option("-s", o_.lines, "how many messages (default 300)");
      log->add_flag("-A", o_.all, "verbose: with information messages");
    }
    for (char level : {'I', 'E'}) {
      auto print = module_command(&app_, level == 'I' ? "printi" : "printe", "write a message into the module's log",
                                  [this, level](const Session& s, const std::string& am) { return print_message(s, am, level, o_.message); });
      print->add_option("message", o_.message)->required();
    }
    auto get = module_command(&app_, "get", "the value of a resource", [this](const Session& s, const std::string& am) { return get_resource(s, am, o_.resource); });
    get->add_option("-r", o_.resource, "resource, e.g. state.local")->required();
    auto set = module_command(&app_, "set", "set a resource", [this](const Session& s, const std::string& am) {
      return lockstep::cli::set_resource(s, am, o_.resource, o_.value, o_.identity);
    });
    set->add_option("-r", o_.resource, "resource, e.g. custom.x")->required();
    set->add_option("-v", o_.value, "value, e.g. up or down")->required();
    set->add_option("-i", o_.identity, "who sets it, for the log");
    set->add_flag("-n", o_.quiet)->group("");
    set->add_flag("-l", o_.level)->group("");
  }

  void add_configuration() {
    CLI::App* module = app_.add_subcommand("module", "install and list modules");
    module->require_subcommand(1);
    auto install = command(module, "install", "install a module: the generic mirror, or a .safe file", [this] {
      return module_install(session(o_), o_.module, o_.file, o_.id, o_.replace);
    });
    install->add_option("-m", o_.module, "its name")->required();
    install->add_option("-M", o_.id, "its id (default: the first free one)")->check(CLI::Range(1, 1000));
    install->add_flag("-r", o_.replace, "install again, replacing its files");
    install->add_option("file", o_.file, "a .safe file");
    command(module, "list", "names of the installed modules", [this] { return module_list(session(o_), false); });
    command(module, "listid", "names and ids", [this] { return module_list(session(o_), true); });
    module_command(&app_, "config", "check and apply the module's configuration on this node", config_apply);
    module_command(&app_, "confcheck", "check the module's configuration", config_check);
    module_command(&app_, "confinfo", "signatures of the applied and the edited configuration", config_info);
  }

  void add_cluster() {
    CLI::App* cluster = app_.add_subcommand("cluster", "the nodes, their networks, their key");
    cluster->require_subcommand(1);
    command(cluster, "config", "apply cluster.xml on this node", [this] { return cluster_config(session(o_), o_.file); })->add_option("file", o_.file);
    command(cluster, "confcheck", "check a cluster.xml", [this] { return cluster_confcheck(session(o_), o_.file); })->add_option("file", o_.file)->required();
    command(cluster, "confinfo", "signatures on all nodes", [this] { return cluster_confinfo(session(o_)); });
    command(cluster, "state", "nodes and modules", [this] { return cluster_state(session(o_)); });
    command(cluster, "genkey", "make a new cluster key", [this] { return cluster_genkey(session(o_)); });
    auto web = command(&app_, "webservercfg", "the console's password, the same on all nodes", [this] { return set_password(session(o_), o_.password); });
    web->add_option("-p,--passwd,--password", o_.password)->required();
  }

  int print_environment() {
    Session s = session(o_);
    for (auto [name, value] : {std::pair{"SAFE", s.paths.safe()}, {"SAFEBIN", s.paths.safe_bin()}, {"SAFEVAR", s.paths.var()}})
      std::printf("%s=\"%s\"\n", name, value.c_str());
    return Exit::ok;
  }

  CLI::App app_{"Lockstep: two servers, one application, the same data on both", "lockstep"};
  Options o_;
  bool print_environment_ = false;
  std::function<int()> action_;
};

} // namespace

int main(int argc, char** argv) {
  std::vector<std::string> args(argv + 1, argv + argc);
  for (std::string& a : args)
    if (a == "-passwd") a = "--passwd"; // safekit 2.7 writes it with one dash
  std::size_t at = 0;
  std::string root;
  bool as_json = false;
  for (; at < args.size() && (args[at] == "--root" || args[at] == "--json"); ++at) {
    if (args[at] == "--json") as_json = true;
    else if (at + 1 < args.size()) root = args[++at];
  }
  bool remote = at < args.size() && args[at] == "-H";
  bool local_only = args.size() == 1 && (args[0] == "-h" || args[0] == "--help" || args[0] == "-p");
  if (::geteuid() != 0 && !args.empty() && !local_only) {
    std::fprintf(stderr, "Error: only root may control a node: run it with sudo\n");
    return Exit::failed;
  }
  if (remote) {
    if (at + 1 >= args.size()) return std::fprintf(stderr, "Error: -H needs the nodes: -H \"*\" or -H \"node1,node2\"\n"), Exit::usage;
    Session s{Paths::from_environment(root), "root", as_json};
    return on_nodes(s, args[at + 1], {args.begin() + static_cast<long>(at) + 2, args.end()});
  }
  return Program().run(args);
}
