/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Which names each address was handed out for. What a sandbox dials is an address; what it meant is a name it asked for a moment ago. Entries
 * live as long as the sandbox's relay (applications cache longer than any TTL), and there is a bound on them. */

#include "net-rule.h"

#define NAMES_MAX 4096U     /* pairs of a name and an address */
#define NAMES_PER_ADDRESS 64U

typedef struct Names Names;

int names_new(Names **ret);
Names *names_free(Names *n);
/* host is canonical. 0 also where it is there already, and then the first again; -ENOSPC at a bound; -ENOMEM. */
int names_learn(Names *n, const NetCidr *address, const char *host);
/* Each address, maybe more than once. */
void names_each(const Names *n, void (*each)(void *userdata, const NetCidr *address), void *userdata);
/* Fills at most NAMES_PER_ADDRESS names, which are n's own, the last learnt first; returns their number. */
size_t names_of(const Names *n, const NetCidr *address, const char *ret[NAMES_PER_ADDRESS]);
