#include "eventbus/http/openapi.hpp"

namespace eventbus {
namespace {

using Schemas = std::vector<std::pair<std::string_view, std::string_view>>;

/// Members that NewEvent and StoredEvent share.
#define EVENT_MEMBERS                                                                                    \
  R"("event_id":{"type":"string","minLength":1,"maxLength":255,"description":"Unique for ever."},)"      \
  R"("timestamp":{"type":"string","format":"date-time","description":"RFC 3339, up to microseconds."},)" \
  R"("event_type":{"type":"string","pattern":"^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*$","maxLength":255},)"  \
  R"("payload":{"type":"object","default":{}},)"                                                         \
  R"("ordering_key":{"type":"string","minLength":1,"maxLength":1024},)"                                  \
  R"("correlation_id":{"type":"string","minLength":1,"maxLength":255},)"                                 \
  R"("exchange":{"type":"string","default":"events"},)"                                                  \
  R"("routing_key":{"type":"string","description":"Default: the event type."})"

constexpr std::string_view new_event_shape =
    R"({"type":"object","required":["event_type"],"additionalProperties":false,"properties":{)" EVENT_MEMBERS "}}";
constexpr std::string_view stored_event_shape =
    R"({"type":"object","required":["event_id","timestamp","event_type","payload","correlation_id","exchange","routing_key","stored_at","cursor"],"properties":{)" EVENT_MEMBERS
    R"(,"traceparent":{"type":"string"},"cloudevent":{"type":"object","description":"source, subject and extensions of a CloudEvent."},)"
    R"("stored_at":{"type":"string","format":"date-time"},"cursor":{"type":"string","description":"Its place in commit order."}}})";

#undef EVENT_MEMBERS

constexpr std::string_view cloudevent_shape =
    R"({"type":"object","required":["specversion","id","source","type"],"properties":{"specversion":{"const":"1.0"},)"
    R"("id":{"type":"string"},"source":{"type":"string"},"type":{"type":"string"},"time":{"type":"string","format":"date-time"},)"
    R"("subject":{"type":"string"},"partitionkey":{"type":"string"},"datacontenttype":{"type":"string"},"data":{"type":"object"}}})";

constexpr std::string_view published_shape =
    R"({"type":"object","required":["event_id","status"],"properties":{"event_id":{"type":"string"},)"
    R"("status":{"enum":["stored","published","duplicate"]}}})";

constexpr std::string_view batch_result_shape =
    R"({"type":"object","required":["total","stored","duplicates","failed","results"],"properties":{"total":{"type":"integer"},)"
    R"("stored":{"type":"integer"},"duplicates":{"type":"integer"},"failed":{"type":"integer"},"results":{"type":"array","items":)"
    R"({"type":"object","required":["index","event_id","status"],"properties":{"index":{"type":"integer","minimum":0},)"
    R"("event_id":{"type":["string","null"]},"status":{"enum":["stored","published","duplicate","failed"]},)"
    R"("error":{"$ref":"#/components/schemas/EventError"}}}},"results_truncated":{"type":"boolean"}}})";

constexpr std::string_view field_errors_shape =
    R"({"type":"array","items":{"type":"object","required":["field","message"],"properties":{"field":{"type":"string"},"message":{"type":"string"}}}})";

constexpr std::string_view event_error_shape =
    R"({"type":"object","required":["code","detail"],"properties":{"code":{"type":"string"},"detail":{"type":"string"},)"
    R"("errors":{"$ref":"#/components/schemas/FieldErrors"}}})";

constexpr std::string_view problem_shape =
    R"({"type":"object","required":["type","title","status","detail","code","correlation_id"],"properties":{)"
    R"("type":{"type":"string","format":"uri-reference"},"title":{"type":"string"},"status":{"type":"integer"},)"
    R"("detail":{"type":"string"},"code":{"type":"string"},"correlation_id":{"type":"string"},)"
    R"("errors":{"$ref":"#/components/schemas/FieldErrors"}}})";

constexpr std::string_view event_page_shape =
    R"({"type":"object","required":["events","next_cursor"],"properties":{"events":{"type":"array","items":)"
    R"({"$ref":"#/components/schemas/StoredEvent"}},"next_cursor":{"type":["string","null"]}}})";

/// Members that QueueDefinition and Queue share.
#define QUEUE_MEMBERS                                                                                                                               \
  R"("bindings":{"type":"array","minItems":1,"items":{"type":"object","required":["routing_key"],"properties":)"                                    \
  R"({"exchange":{"type":"string","default":"events"},"routing_key":{"type":"string","description":"Topic pattern."}}}},)"                          \
  R"("max_retries":{"type":"integer","minimum":0,"default":3},"retry_delay_ms":{"type":"integer","minimum":0,"default":1000},)"                     \
  R"("retry_backoff":{"type":"number","minimum":1,"default":2.0},"retry_max_delay_ms":{"type":"integer","minimum":0,"default":60000},)"             \
  R"("message_ttl_ms":{"type":["integer","null"],"minimum":1,"default":null},"max_length":{"type":["integer","null"],"minimum":1,"default":null},)" \
  R"("overflow":{"enum":["reject","drop_oldest"],"default":"reject"},"lease_ms":{"type":"integer","minimum":1,"default":30000},)"                   \
  R"("ordered":{"type":"boolean","default":false},"start_from":{"type":"string","default":"now","description":"now, beginning or an RFC 3339 time."})"

constexpr std::string_view queue_definition_shape =
    R"({"type":"object","required":["bindings"],"additionalProperties":false,"properties":{)" QUEUE_MEMBERS "}}";
constexpr std::string_view queue_shape =
    R"({"type":"object","required":["name","bindings","paused","ready","in_flight","delayed","dead_letters","consumers","oldest_age_seconds"],"properties":{"name":{"type":"string"},)" QUEUE_MEMBERS
    R"(,"paused":{"type":"boolean"},"ready":{"type":"integer"},"in_flight":{"type":"integer"},"delayed":{"type":"integer"},)"
    R"("dead_letters":{"type":"integer"},"consumers":{"type":"integer"},"oldest_age_seconds":{"type":["number","null"]}}})";

#undef QUEUE_MEMBERS

constexpr std::string_view receive_shape =
    R"({"type":"object","additionalProperties":false,"properties":{"max":{"type":"integer","minimum":1,"maximum":1000,"default":1},)"
    R"("wait_ms":{"type":"integer","minimum":0,"maximum":30000,"default":0}}})";

constexpr std::string_view deliveries_shape =
    R"({"type":"object","required":["deliveries"],"properties":{"deliveries":{"type":"array","items":{"type":"object",)"
    R"("required":["delivery_id","attempt","first_attempt_at","event","replayed"],"properties":{"delivery_id":{"type":"string"},)"
    R"("attempt":{"type":"integer","minimum":1},"first_attempt_at":{"type":"string","format":"date-time"},)"
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
    R"({"event":{"$ref":"#/components/schemas/StoredEvent"},"reason":{"type":"string"},"attempts":{"type":"integer"},)"
    R"("first_failed_at":{"type":"string","format":"date-time"},"last_failed_at":{"type":"string","format":"date-time"}}}},)"
    R"("next_cursor":{"type":["string","null"]}}})";

constexpr std::string_view dead_letter_choice_shape =
    R"({"type":"object","additionalProperties":false,"properties":{"event_ids":{"type":"array","minItems":1,"maxItems":10000,)"
    R"("items":{"type":"string"}},"reason":{"type":"string"},"all":{"const":true},)"
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
    R"("next_probe_at":{"type":["string","null"],"format":"date-time","description":"Null unless it is open and probes by itself."},)"
    R"("held_open":{"type":"boolean","description":"By hand."}}})";

}  // namespace

const Schemas& component_schemas() {
  static const Schemas schemas{
      {"NewEvent", new_event_shape},
      {"NewEvents",
       R"({"type":"object","required":["events"],"additionalProperties":false,"properties":{"events":{"type":"array","minItems":1,"items":{"$ref":"#/components/schemas/NewEvent"}}}})"},
      {"StoredEvent", stored_event_shape},
      {"CloudEvent", cloudevent_shape},
      {"Published", published_shape},
      {"BatchResult", batch_result_shape},
      {"EventError", event_error_shape},
      {"FieldErrors", field_errors_shape},
      {"Problem", problem_shape},
      {"EventPage", event_page_shape},
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
