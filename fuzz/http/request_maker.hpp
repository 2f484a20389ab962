#pragma once

#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace fuzz {

/// One route of the service, from its OpenAPI document.
struct Route {
  std::string method;
  std::string path;  ///< With parameters in braces.
  std::vector<std::string> query;
  unsigned weight = 4;
};

/// The routes of an OpenAPI document. Throws std::runtime_error when it is none.
std::vector<Route> routes_of(std::string_view openapi);

/// Makes requests: mostly near the border between right and wrong, sometimes plain garbage. The same seed makes the
/// same requests but for what was learned from answers.
class RequestMaker {
 public:
  RequestMaker(std::vector<Route> routes, std::uint64_t seed);

  struct Made {
    std::string bytes;
    bool head = false;   ///< The answer has no body.
    bool framed = true;  ///< Requests behind it on the connection will be understood.
  };
  Made request();
  Made garbage();

  /// Remembers ids and cursors of an answer, so that later requests can use real ones.
  void learn(std::string_view answer);

 private:
  bool chance(unsigned one_in) { return random_() % one_in == 0; }
  template <class List>
  const auto& pick(const List& list) {
    return list[random_() % list.size()];
  }
  std::string value();
  std::string known(const std::deque<std::string>& names);
  std::string path_of(const Route& route);
  std::string query_of(const Route& route);
  std::string body_of(const Route& route);
  std::string headers_of(const Route& route, const std::string& body);
  std::string event();
  void mutate(std::string& text);

  std::vector<Route> routes_;
  std::vector<std::size_t> lots_;
  std::mt19937_64 random_;
  std::deque<std::string> deliveries_, cursors_, events_;
};

std::string percent_encoded(std::string_view text);

}  // namespace fuzz
