/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Refusals on their way out: one table from reasons to error names. A raw errno reaches a client only as InternalError. */

#include <systemd/sd-bus.h>

#include "decide.h"
#include "report.h"

/* A sentence of more than LIMIT_SENTENCE_BYTES with dots in the place of the rest, the caller's to free; NULL: it is not longer, or there is no memory. */
char *bus_error_cut(const char *sentence);

/* All return the negative errno that sd_bus_error_set() returns, for `return bus_error_…()`. */
int bus_error_from_decision(sd_bus_error *error, const Decision *d, const char *policy);
int bus_error_from_reason(sd_bus_error *error, DecisionReason reason, const char *sentence);
/* What the launcher could not do. argv0 may be NULL. */
int bus_error_from_report(sd_bus_error *error, const LaunchReport *report, const char *argv0);
int bus_error_internal(sd_bus_error *error, int r, const char *what);
int bus_error_audit(sd_bus_error *error, int r);
