#include "eventbus/http/openapi.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <set>

#include "eventbus/http/docs_page.hpp"
#include "eventbus/http/router.hpp"

namespace eventbus {
namespace {

const std::vector<Route>& routes() {
  static const auto instance = all_routes();
  return instance;
}

const boost::json::object& document() {
  static const auto instance = boost::json::parse(openapi_document(routes())).as_object();
  return instance;
}

void collect_references(const boost::json::value& value, std::set<std::string>& found) {
  if (const auto* array = value.if_array()) {
    for (const auto& element : *array) collect_references(element, found);
  } else if (const auto* object = value.if_object()) {
    for (const auto& [key, member] : *object) {
      if (key == "$ref") found.emplace(member.as_string());
      collect_references(member, found);
    }
  }
}

TEST(OpenApi, DescribesEveryRoute) {
  EXPECT_EQ(document().at("openapi").as_string(), "3.1.0");
  std::size_t operations = 0;
  for (const auto& [path, item] : document().at("paths").as_object()) operations += item.as_object().size();
  EXPECT_EQ(operations, routes().size());
  EXPECT_TRUE(document().at("paths").as_object().contains("/events/{event_id}"));
}

TEST(OpenApi, EveryReferenceLeadsSomewhere) {
  std::set<std::string> references;
  collect_references(document(), references);
  for (const auto& reference : references) {
    boost::system::error_code error;
    boost::json::value(document()).find_pointer(reference.substr(1), error);
    EXPECT_FALSE(error) << reference;
  }
}

TEST(OpenApi, AnswersNameTheirHeaders) {
  const auto& responses = document().at("paths").at("/events").at("post").at("responses").as_object();
  for (const auto& [status, header] : {std::pair{"201", "Location"},
                                       {"200", "Location"},
                                       {"202", "Location"},
                                       {"429", "Retry-After"},
                                       {"503", "Retry-After"},
                                       {"405", "Allow"}})
    EXPECT_TRUE(responses.at(status).at("headers").as_object().contains(header)) << status;
  for (const auto& [status, response] : responses)
    EXPECT_TRUE(response.at("headers").as_object().contains("X-Correlation-ID")) << status;
}

TEST(OpenApi, EveryComponentIsUsed) {
  std::set<std::string> references;
  collect_references(document(), references);
  for (const auto& [name, schema] : component_schemas()) {
    EXPECT_TRUE(references.contains("#/components/schemas/" + std::string(name))) << name;
  }
}

TEST(OpenApi, EveryAnswerAndErrorOfARouteIsDescribed) {
  for (const auto& route : routes()) {
    std::string path(route.path);
    if (const auto dots = path.find("..."); dots != std::string::npos) path.erase(dots, 3);
    std::string method(http::to_string(route.method));
    std::ranges::transform(method, method.begin(), [](char c) { return static_cast<char>(std::tolower(c)); });
    const auto& operation = document().at("paths").at(path).at(method).as_object();
    const auto& responses = operation.at("responses").as_object();
    for (const auto& answer : route.answers) EXPECT_TRUE(responses.contains(std::to_string(answer.status))) << path;
    for (const auto code : errors_of(route)) {
      const auto& response = responses.at(std::to_string(describe(code).status)).as_object();
      EXPECT_NE(response.at("description").as_string().find(describe(code).name), std::string::npos) << path;
    }
    EXPECT_EQ(operation.contains("requestBody"), !route.body.empty()) << path;
  }
}

TEST(DocsPage, NamesEveryRouteAndErrorAndNeedsNothingElse) {
  const auto page = docs_page(routes());
  for (const auto& route : routes()) EXPECT_NE(page.find("id=\"" + std::string(route.operation_id)), std::string::npos);
  for (const auto& route : routes()) {
    for (const auto code : errors_of(route)) {
      EXPECT_NE(page.find("id=\"error-" + std::string(describe(code).name)), std::string::npos);
    }
  }
  for (const auto* external : {"<script", "src=", "http://", "https://", "@import", "url("})
    EXPECT_EQ(page.find(external), std::string::npos);
}

}  // namespace
}  // namespace eventbus
