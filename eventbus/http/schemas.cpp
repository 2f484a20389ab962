#include "eventbus/http/openapi.hpp"

namespace eventbus {
namespace {

using Schemas = std::vector<std::pair<std::string_view, std::string_view>>;

// Regular expressions of ECMAScript, with the backslashes that JSON wants.
#define CONTROL R"(\\u0000-\\u001f\\u007f-\\u009f)"
#define INVISIBLE R"(\\s\\u00ad\\u180e\\u200b\\u200e\\u200f\\u2028-\\u202f\\u205f-\\u206f\\ufeff\\ufff9-\\ufffb)"
#define TYPE_WORD R"((?![*#](?:\\.|$))[^.)" CONTROL INVISIBLE "]+"
#define PATTERN_WORD R"((?:[*#]|[^.*#)" CONTROL INVISIBLE "]+)"
#define DOTTED(word) R"(^)" word R"((?:\\.)" word R"()*$)"
#define TYPE_RULE R"("type":"string","minLength":1,"maxLength":255,"pattern":")" DOTTED(TYPE_WORD) R"(")"
#define TYPE_HINT R"("description":"1 to 255 bytes of UTF-8: printable words joined by dots.")"
#define PLAIN_TEXT(longest) \
  R"({"type":"string","minLength":1,"maxLength":)" longest R"(,"pattern":"^[^)" CONTROL R"(]*$"})"
#define EXCHANGE \
  R"({"type":"string","default":"events","minLength":1,"maxLength":127,"pattern":"^(?!amq\\.)(?!.*\\.dlx$)[A-Za-z0-9_.:-]+$"})"
#define UTC R"({"$ref":"#/components/schemas/Utc"})"
#define COUNT R"({"type":"integer","minimum":0})"

constexpr std::string_view utc_shape =
    R"({"type":"string","format":"date-time","pattern":"^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{1,6})?Z$",)"
    R"("description":"RFC 3339 in UTC, up to microseconds."})";
constexpr std::string_view topic_pattern_shape = R"({"type":"string","minLength":1,"maxLength":255,"pattern":")" DOTTED(
    PATTERN_WORD) R"(","description":"1 to 255 bytes of UTF-8: words joined by dots, * for one word, # for any number."})";
constexpr std::string_view queue_name_shape =
    R"({"type":"string","minLength":1,"maxLength":200,"description":"1 to 200 bytes of UTF-8.",)"
    R"("pattern":"^(?!\\.{1,2}$)(?!amq\\.)(?!.*\\.(?:dlq|dlx|retry\\.?[0-9]+)$)[^/)" CONTROL R"(\\u2028\\u2029]+$"})";

constexpr std::string_view new_event_shape =
    R"({"type":"object","required":["event_type"],"additionalProperties":false,"properties":{)"
    R"("event_id":{"type":"string","minLength":1,"maxLength":255,"pattern":"^[^)" CONTROL
    R"(]*$","description":"Default: a new UUIDv7."},)"
    R"("timestamp":{"type":"string","format":"date-time","description":"RFC 3339 with any offset, up to 9 digits of fraction; cut to microseconds. Default: now."},)"
    R"("event_type":{)" TYPE_RULE "," TYPE_HINT
    R"(},"payload":{"type":"object","default":{}},"ordering_key":)" PLAIN_TEXT(
        "1024") R"(,"correlation_id":)" PLAIN_TEXT("255") R"(,"exchange":)" EXCHANGE R"(,"routing_key":{)" TYPE_RULE
                                                          R"(,"description":"Default: the event type."}}})";
constexpr std::string_view stored_event_shape =
    R"({"type":"object","required":["event_id","timestamp","event_type","payload","correlation_id","exchange","routing_key","stored_at","cursor"],"properties":{)"
    R"("event_id":{"type":"string"},"timestamp":)" UTC
    R"(,"event_type":{"type":"string"},"payload":{"description":"An object; of a CloudEvent any JSON value."},)"
    R"("ordering_key":{"type":"string"},"correlation_id":{"type":"string"},"exchange":{"type":"string"},"routing_key":{"type":"string"},)"
    R"("traceparent":{"type":"string"},"cloudevent":{"type":"object","description":"source, subject, datacontenttype and extensions of a CloudEvent.","additionalProperties":{"type":["string","boolean","integer"]}},)"
    R"("stored_at":)" UTC R"(,"cursor":{"type":"string","description":"Its place in commit order."}}})";

constexpr std::string_view cloudevent_shape =
    R"({"type":"object","required":["specversion","id","source","type"],"properties":{"specversion":{"const":"1.0"},)"
    R"("id":)" PLAIN_TEXT(
        "255") R"(,"source":{"type":"string","minLength":1},"type":{)" TYPE_RULE "," TYPE_HINT R"(},)"
               R"("time":{"type":["string","null"],"format":"date-time"},"subject":{"type":["string","null"],"minLength":1},)"
               R"("partitionkey":{"type":["string","null"],"minLength":1,"maxLength":1024},)"
               R"("datacontenttype":{"type":["string","null"],"pattern":"^[^/;]+/(?:[^/;]+\\+)?[Jj][Ss][Oo][Nn][ \\t]*(?:;.*)?$","description":"application/json or …+json."},)"
               R"("data":{"description":"Any JSON value."},"data_base64":false},)"
               R"("propertyNames":{"pattern":"^[a-z0-9_]{1,255}$"},"additionalProperties":{"type":["string","boolean","integer","null"]}})";

constexpr std::string_view published_shape =
    R"({"type":"object","required":["event_id","status"],"properties":{"event_id":{"type":"string"},)"
    R"("status":{"enum":["stored","published","duplicate"]}}})";

#define BATCH_MEMBERS                                                                                        \
  R"("total":)" COUNT R"(,"stored":)" COUNT R"(,"duplicates":)" COUNT R"(,"failed":)" COUNT R"(,"results":)" \
  R"({"type":"array","items":{"$ref":"#/components/schemas/BatchItem"}},"results_truncated":{"type":"boolean"})"

constexpr std::string_view batch_item_shape =
    R"({"type":"object","required":["index","event_id","status"],"properties":{"index":)" COUNT
    R"(,"event_id":{"type":["string","null"]},"status":{"enum":["stored","published","duplicate","failed"]},)"
    R"("error":{"$ref":"#/components/schemas/EventError"}}})";
constexpr std::string_view batch_result_shape =
    R"({"type":"object","required":["total","stored","duplicates","failed","results"],"properties":{)" BATCH_MEMBERS
    "}}";
constexpr std::string_view batch_problem_shape =
    R"({"description":"A problem; with the results of the batch once its events were looked at.","allOf":[{"$ref":"#/components/schemas/Problem"},)"
    R"({"type":"object","properties":{)" BATCH_MEMBERS "}}]}";

#undef BATCH_MEMBERS

constexpr std::string_view field_errors_shape =
    R"({"type":"array","items":{"type":"object","required":["field","message"],"properties":{"field":{"type":"string"},"message":{"type":"string"}}}})";

constexpr std::string_view event_error_shape =
    R"({"type":"object","required":["code","detail","retryable","line","column"],"properties":{"code":{"type":"string"},)"
    R"("detail":{"type":"string"},"retryable":{"type":"boolean"},"line":{"type":"integer","minimum":1},)"
    R"("column":{"type":"integer","minimum":1},)"
    R"("errors":{"$ref":"#/components/schemas/FieldErrors"}}})";

constexpr std::string_view problem_shape =
    R"({"type":"object","required":["type","title","status","detail","code","correlation_id"],"properties":{)"
    R"("type":{"type":"string","format":"uri-reference"},"title":{"type":"string"},"status":{"type":"integer","minimum":400,"maximum":599},)"
    R"("detail":{"type":"string"},"code":{"type":"string"},"correlation_id":{"type":"string"},)"
    R"("errors":{"$ref":"#/components/schemas/FieldErrors"}}})";

constexpr std::string_view event_page_shape =
    R"({"type":"object","required":["events","next_cursor"],"properties":{"events":{"type":"array","items":)"
    R"({"$ref":"#/components/schemas/StoredEvent"}},"next_cursor":{"type":["string","null"]}}})";

/// Members that QueueDefinition and Queue share.
#define QUEUE_MEMBERS                                                                                                               \
  R"("name":{"$ref":"#/components/schemas/QueueName"},)"                                                                            \
  R"("bindings":{"type":"array","minItems":1,"maxItems":1000,"items":{"type":"object","required":["routing_key"],)"                 \
  R"("additionalProperties":false,"properties":{"exchange":)" EXCHANGE                                                              \
  R"(,"routing_key":{"$ref":"#/components/schemas/TopicPattern"}}}},)"                                                              \
  R"("max_retries":{"type":"integer","minimum":0,"maximum":1000,"default":3},)"                                                     \
  R"("retry_delay_ms":{"type":"integer","minimum":0,"maximum":86400000,"default":1000},)"                                           \
  R"("retry_backoff":{"type":"number","minimum":1,"maximum":100,"default":2.0},)"                                                   \
  R"("retry_max_delay_ms":{"type":"integer","minimum":0,"maximum":86400000,"default":60000},)"                                      \
  R"("message_ttl_ms":{"type":["integer","null"],"minimum":1,"maximum":315360000000,"default":null},)"                              \
  R"("max_length":{"type":["integer","null"],"minimum":1,"maximum":1000000000000,"default":null},)"                                 \
  R"("overflow":{"enum":["reject","drop_oldest"],"default":"reject"},)"                                                             \
  R"("lease_ms":{"type":"integer","minimum":100,"maximum":43200000,"default":30000},"ordered":{"type":"boolean","default":false},)" \
  R"("start_from":{"anyOf":[{"enum":["now","beginning"]},{"type":"string","format":"date-time"}],"default":"now"})"

constexpr std::string_view queue_definition_shape =
    R"({"type":"object","required":["bindings"],"additionalProperties":false,"properties":{)" QUEUE_MEMBERS
    R"(,"paused":{"$ref":"#/components/schemas/Reported"},"ready":{"$ref":"#/components/schemas/Reported"},)"
    R"("in_flight":{"$ref":"#/components/schemas/Reported"},"delayed":{"$ref":"#/components/schemas/Reported"},)"
    R"("dead_letters":{"$ref":"#/components/schemas/Reported"},"consumers":{"$ref":"#/components/schemas/Reported"},)"
    R"("oldest_age_seconds":{"$ref":"#/components/schemas/Reported"}}})";
constexpr std::string_view reported_shape =
    R"({"readOnly":true,"description":"What GET reports besides the definition; PUT passes over it."})";
constexpr std::string_view queue_shape =
    R"({"type":"object","required":["name","bindings","max_retries","retry_delay_ms","retry_backoff","retry_max_delay_ms","message_ttl_ms","max_length","overflow","lease_ms","ordered","start_from","paused","ready","in_flight","delayed","dead_letters","consumers","oldest_age_seconds"],"properties":{)" QUEUE_MEMBERS
    R"(,"paused":{"type":"boolean"},"ready":)" COUNT R"(,"in_flight":)" COUNT R"(,"delayed":)" COUNT
    R"(,"dead_letters":)" COUNT R"(,"consumers":)" COUNT
    R"(,"oldest_age_seconds":{"type":["number","null"],"minimum":0}}})";

#undef QUEUE_MEMBERS

constexpr std::string_view receive_shape =
    R"({"type":"object","additionalProperties":false,"properties":{"max":{"type":"integer","minimum":1,"maximum":1000,"default":1},)"
    R"("wait_ms":{"type":"integer","minimum":0,"maximum":30000,"default":0}}})";

constexpr std::string_view deliveries_shape =
    R"({"type":"object","required":["deliveries"],"properties":{"deliveries":{"type":"array","items":{"type":"object",)"
    R"("required":["delivery_id","attempt","first_attempt_at","event","replayed"],"properties":{"delivery_id":{"type":"string"},)"
    R"("attempt":{"type":"integer","minimum":1},"first_attempt_at":)" UTC R"(,)"
    R"("event":{"$ref":"#/components/schemas/StoredEvent"},"replayed":{"type":"boolean"}}}}}})";

#define DELIVERY_IDS R"("delivery_ids":{"type":"array","minItems":1,"maxItems":10000,"items":{"type":"string"}})"

constexpr std::string_view delivery_ids_shape =
    R"({"type":"object","required":["delivery_ids"],"additionalProperties":false,"properties":{)" DELIVERY_IDS "}}";
constexpr std::string_view nack_shape =
    R"({"type":"object","required":["delivery_ids"],"additionalProperties":false,"properties":{)" DELIVERY_IDS
    R"(,"requeue":{"type":"boolean","default":true},"delay_ms":{"type":"integer","minimum":0,"maximum":604800000},)"
    R"("reason":{"type":"string","minLength":1,"maxLength":1024}}})";
constexpr std::string_view extend_shape =
    R"({"type":"object","required":["delivery_ids","lease_ms"],"additionalProperties":false,"properties":{)" DELIVERY_IDS
    R"(,"lease_ms":{"type":"integer","minimum":1,"maximum":604800000}}})";

#undef DELIVERY_IDS

constexpr std::string_view dead_letters_shape =
    R"({"type":"object","required":["dead_letters","next_cursor"],"properties":{"dead_letters":{"type":"array","items":)"
    R"({"type":"object","required":["event","reason","attempts","first_failed_at","last_failed_at"],"properties":)"
    R"({"event":{"$ref":"#/components/schemas/StoredEvent"},"reason":{"type":"string"},"attempts":)" COUNT R"(,)"
    R"("first_failed_at":)" UTC R"(,"last_failed_at":)" UTC R"(}}},)"
    R"("next_cursor":{"type":["string","null"]}}})";

constexpr std::string_view dead_letter_choice_shape =
    R"({"type":"object","additionalProperties":false,"properties":{"event_ids":{"type":"array","minItems":1,"maxItems":10000,)"
    R"("items":{"type":"string"}},"reason":{"type":"string","minLength":1,"maxLength":1024},"all":{"const":true},)"
    R"("events_per_second":{"type":"integer","minimum":1,"maximum":1000000,"description":"Default: at once."},)"
    R"("dry_run":{"type":"boolean","default":false}},"oneOf":[{"required":["event_ids"]},{"required":["reason"]},{"required":["all"]}]})";

constexpr std::string_view readiness_shape =
    R"({"type":"object","required":["status"],"properties":{"status":{"enum":["ready","not ready"]}},"additionalProperties":{"type":"string"}})";

constexpr std::string_view mode_shape =
    R"({"type":"object","required":["mode"],"additionalProperties":false,"properties":{"mode":{"enum":["normal","read_only"]}}})";

constexpr std::string_view breaker_shape =
    R"({"type":"object","required":["name","state","failures","next_probe_at","held_open"],"additionalProperties":false,"properties":{)"
    R"("name":{"type":"string"},"state":{"enum":["closed","half_open","open"]},)"
    R"("failures":{"type":"integer","minimum":0,"description":"In a row."},)"
    R"("next_probe_at":{"anyOf":[)" UTC
    R"(,{"type":"null"}],"description":"Null unless it is open and probes by itself."},)"
    R"("held_open":{"type":"boolean","description":"By hand."}}})";

#undef CONTROL
#undef INVISIBLE
#undef TYPE_WORD
#undef PATTERN_WORD
#undef DOTTED
#undef TYPE_RULE
#undef TYPE_HINT
#undef PLAIN_TEXT
#undef EXCHANGE
#undef UTC
#undef COUNT

}  // namespace

const Schemas& component_schemas() {
  static const Schemas schemas{
      {"NewEvent", new_event_shape},
      {"NewEvents",
       R"({"type":"object","required":["events"],"additionalProperties":false,"properties":{"events":{"type":"array","maxItems":100000,"items":{"$ref":"#/components/schemas/NewEvent"}}}})"},
      {"StoredEvent", stored_event_shape},
      {"CloudEvent", cloudevent_shape},
      {"Published", published_shape},
      {"BatchItem", batch_item_shape},
      {"BatchResult", batch_result_shape},
      {"BatchProblem", batch_problem_shape},
      {"EventError", event_error_shape},
      {"FieldErrors", field_errors_shape},
      {"Problem", problem_shape},
      {"EventPage", event_page_shape},
      {"QueueName", queue_name_shape},
      {"TopicPattern", topic_pattern_shape},
      {"Utc", utc_shape},
      {"Reported", reported_shape},
      {"QueueDefinition", queue_definition_shape},
      {"Queue", queue_shape},
      {"Receive", receive_shape},
      {"Deliveries", deliveries_shape},
      {"DeliveryIds", delivery_ids_shape},
      {"Nack", nack_shape},
      {"Extend", extend_shape},
      {"DeadLetters", dead_letters_shape},
      {"DeadLetterChoice", dead_letter_choice_shape},
      {"Readiness", readiness_shape},
      {"Mode", mode_shape},
      {"Breaker", breaker_shape},
  };
  return schemas;
}

}  // namespace eventbus
