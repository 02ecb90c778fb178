// Inputs and effects in words, for transcripts; and as a number, for the effect hash.
#pragma once
#include "core/mirror/io.hpp"
#include "core/node/io.hpp"
#include <iterator>
#include <string>
#include <variant>

namespace lockstep::sim {

// By index in the variant.
inline constexpr const char* node_effects[] = {"SendBeat", "Persist",  "MarkDirs", "SetAside", "RunScript",      "KillScript", "AskWitness", "AskArbiter", "MountFor",
                                               "RaiseVip", "DropVip", "ToMirror", "WatchProcesses", "Answer", "Log", "Tell", "Exit"};
inline constexpr const char* mirror_effects[] = {"Execute", "Complete", "Apply", "ReadItem", "ReadData", "Send", "Release", "Flush", "AppendSet", "RewriteSet",
                                                 "CloseConnection", "PurgeStaging", "Say", "Tell"};
static_assert(std::size(node_effects) == std::variant_size_v<NodeEffect> && std::size(mirror_effects) == std::variant_size_v<MirrorEffect>);
inline const char* effect_name(const NodeEffect& e) { return node_effects[e.index()]; }
inline const char* effect_name(const MirrorEffect& e) { return mirror_effects[e.index()]; }

std::string describe(const NodeInput&);
std::string describe(const NodeEffect&);
std::string describe(const MirrorInput&);
std::string describe(const MirrorEffect&);
std::string describe(const Beat&);
std::string describe(const Record&);
std::string describe(const Frame&);
std::uint64_t summary(const NodeEffect&);
std::uint64_t summary(const MirrorEffect&);

} // namespace lockstep::sim
