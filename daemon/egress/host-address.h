/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
#include <stdbool.h>

/* Whether an address (network order, 4 or 16 bytes by family) is one of this host's own: whether it can be bound to. In doubt it is. */
bool host_has_address(int family, const void *address);
