#pragma once

#include <cstddef>
#include <string_view>

namespace eventbus {

// Rules of the event's fields (contract, section 2). Each returns what is wrong and what is allowed, empty when the
// text is valid. Texts are valid UTF-8; lengths count characters, of types and routing keys bytes.

std::string_view event_id_fault(std::string_view text);
std::string_view event_type_fault(std::string_view text);
std::string_view ordering_key_fault(std::string_view text);
std::string_view correlation_id_fault(std::string_view text);
std::string_view exchange_fault(std::string_view text);
std::string_view routing_key_fault(std::string_view text);

inline constexpr std::string_view timestamp_fault =
    "must be an RFC 3339 time with an offset and at most 9 digits of a second's fraction, such as 2026-11-23T17:49:13Z";

/// Whether `word` may stand between the dots of a type or routing key: not empty, printable, no space, no wildcard.
bool is_topic_word(std::string_view word);

/// What CloudEvents attributes may take together, as JSON. They travel in headers of AMQP, where a frame of 128 KiB
/// must hold everything but the body: 64 KiB is what we send at most, and the other headers need 10 KiB of it.
inline constexpr std::size_t most_attribute_bytes = std::size_t{48} << 10U;

/// Whether the text has 1 to `longest` characters, none of them a control character.
bool is_plain_text(std::string_view text, std::size_t longest);

/// Whether every byte is a letter, a digit or one of `others` (ASCII).
bool consists_of(std::string_view text, std::string_view others);

}  // namespace eventbus
