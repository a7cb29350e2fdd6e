/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Addresses that are no places, and the name each stands for. A name has the same one for as long as the sandbox's relay lives, and nearly always after
 * it: where it is follows from the name. None is ever another name's, since programs remember addresses for longer than anybody tells them
 * to. So there is an end to them. */

#include "net-rule.h"

#define SYNTHETIC_MAX 4096U /* names */

typedef struct Synthetic Synthetic;

int synthetic_new(Synthetic **ret);
Synthetic *synthetic_free(Synthetic *s);
/* host is canonical. Its address of that family; -ENOSPC at the bound, -ENOMEM. */
int synthetic_address(Synthetic *s, const char *host, int family, NetCidr *ret);
/* Each that stands for a name, of both families. */
void synthetic_each(const Synthetic *s, void (*each)(void *userdata, const NetCidr *address), void *userdata);
/* The name, which is s's own; NULL: it was handed out for none. */
const char *synthetic_host(const Synthetic *s, const NetCidr *address);
