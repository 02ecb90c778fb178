// A story as one page: self-contained XHTML with a drawing that can be zoomed, its moments in plain words, and the transcript.
#pragma once
#include "sim/picture/story.hpp"

namespace lockstep::sim {

Story tell(const Plan&, Sabotage = Sabotage::none); // runs the plan and watches it
std::string page_of(const Story&);
std::string text_of(const Story&); // the moments and the last lines of the transcript, for a terminal

} // namespace lockstep::sim
