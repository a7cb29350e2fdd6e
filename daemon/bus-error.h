/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Refusals on their way out: one table from reasons to error names. A raw errno reaches a client only as InternalError. */

#include <systemd/sd-bus.h>

#include "decide.h"
#include "limits.h"
#include "report.h"

/* A sentence of more than LIMIT_SENTENCE_BYTES with dots in the place of the rest, in buffer: it takes no memory to say less. One that is not
 * longer, or NULL, as it is. */
#define BUS_ERROR_SIZE (LIMIT_SENTENCE_BYTES + 1)
const char *bus_error_cut(const char *sentence, char buffer[BUS_ERROR_SIZE]);

/* All return the negative errno that sd_bus_error_set() returns, for `return bus_error_…()`. */
int bus_error_from_decision(sd_bus_error *error, const Decision *d, const char *policy);
int bus_error_from_reason(sd_bus_error *error, DecisionReason reason, const char *sentence);
/* What the launcher could not do. argv0 may be NULL. */
int bus_error_from_report(sd_bus_error *error, const LaunchReport *report, const char *argv0);
int bus_error_internal(sd_bus_error *error, int r, const char *what);
int bus_error_audit(sd_bus_error *error, int r);
