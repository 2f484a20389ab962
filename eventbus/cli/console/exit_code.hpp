#pragma once

#include <array>
#include <stdexcept>
#include <string>
#include <string_view>

namespace eventbus::cli {

/// What the program's exit status tells a script.
enum class ExitCode : unsigned char {
  ok = 0,
  failed = 1,
  usage = 2,
  unreachable = 3,
  refused = 4,
  interrupted = 130,
};

struct ExitCodeMeaning {
  ExitCode code;
  std::string_view meaning;
};

inline constexpr std::array<ExitCodeMeaning, 6> exit_codes{{
    {ExitCode::ok, "done"},
    {ExitCode::failed,
     "failed: output that can't be written, say, or a check that did not hold (bench: something lost or out of order)"},
    {ExitCode::usage, "wrong command, option or value; nothing was done"},
    {ExitCode::unreachable, "the server did not answer"},
    {ExitCode::refused, "the server refused the request, or a part of it"},
    {ExitCode::interrupted, "stopped by Ctrl-C before the end"},
}};

/// Ends a command; what() is shown after "eventbus: ". Handled in `run_application`.
class CommandFailed : public std::runtime_error {
 public:
  CommandFailed(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

}  // namespace eventbus::cli
