/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Records of what a sandbox reaches, from the reports of its relay. What audit.h says of records holds. */

#include "audit.h"
#include "egress-channel.h"

/* RESOLVE and CONNECT. What is allowed is on record when this returns 0; a refusal is kept for later where it must be. */
int audit_net_decision(Audit *a, const AuditSubject *s, const EgressReport *report);
/* FAIL and CLOSE. */
int audit_disconnect(Audit *a, const AuditSubject *s, const EgressReport *report);
/* count more refusals than are told one by one. */
int audit_net_flood(Audit *a, const AuditSubject *s, uint64_t count);

/* "tcp/api.github.com:443", "tcp/[2001:db8::1]:22", "dns/example.com" */
#define NET_TARGET_SIZE (LIMIT_HOST_BYTES + 16)
void net_target(const EgressReport *r, char ret[NET_TARGET_SIZE]);
/* "140.82.112.5:443", "[2001:db8::1]:22" */
void net_address(const EgressReport *r, char ret[NET_TARGET_SIZE]);
