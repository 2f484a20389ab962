#pragma once

/// What programs that use the installed library include.
#include "eventbus/core/error.hpp"
#include "eventbus/core/event.hpp"
#include "eventbus/core/timestamp.hpp"
#include "eventbus/core/uuid.hpp"
#include "eventbus/library/deduplicator.hpp"
