/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* "TERM", "SIGTERM", "sigterm", "15": the number, or -EINVAL. Pure. */
int signal_parse(const char *s);
