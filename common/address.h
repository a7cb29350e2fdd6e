/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What kind of place an address is. Names may only lead to ADDRESS_GLOBAL: an answer of a resolver that the agent's friends control must not
 * open the host's neighbourhood (attacks N3 to N5). Sources: IANA's special-purpose registries (RFC 6890 and its updates), and the
 * addresses at which clouds keep their metadata. */

#include "net-rule.h"

typedef enum AddressKind {
        ADDRESS_GLOBAL,
        ADDRESS_SPECIAL, /* private, link-local, shared (CGNAT), metadata, translated, documentation, benchmarking, …: by a cidr rule only */
        ADDRESS_NEVER,   /* loopback, unspecified, multicast, broadcast, reserved: nothing opens it */
} AddressKind;

/* Of one address (a /32 or /128, folded by cidr_from_address()). */
AddressKind address_kind(const NetCidr *address);

/* To everybody the host that asks. */
bool host_is_localhost(const char *host);
bool address_is_loopback(const NetCidr *address);

/* The blocks that it tells apart, one after the other; NULL behind the last. */
const NetCidr *address_block(size_t i);
