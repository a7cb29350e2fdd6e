/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Records of what a sandbox reaches, from the reports of its relay. What audit.h says of records holds. */

#include "audit.h"
#include "egress-channel.h"

/* RESOLVE and CONNECT. What is allowed is on record when this returns 0; a refusal is kept for later where it must be. */
int audit_net_decision(Audit *a, const AuditSubject *s, const EgressReport *report);
/* FAIL and CLOSE. */
int audit_disconnect(Audit *a, const AuditSubject *s, const EgressReport *report);
/* What the network of a running sandbox is held to is another now, by the digest of s; cause is a word of mxcd(8). Told even where nobody can take
 * it now: less must not wait for a journal, and more than that is a decision with a record of its own. */
int audit_lease(Audit *a, const AuditSubject *s, const char *cause);
/* A rule of egress as JSON, for usec more than the policy says: before it is in force, where it is allowed. */
int audit_grant(Audit *a, const AuditSubject *s, const Decision *d, uint32_t number, const char *rule, uint64_t usec);
/* reason: expired, revoked. Told as audit_lease() is. */
int audit_grant_over(Audit *a, const AuditSubject *s, uint32_t number, const char *rule, const char *reason);
/* count more refusals than are told one by one. */
int audit_net_flood(Audit *a, const AuditSubject *s, uint64_t count);

/* "tcp/api.github.com:443", "tcp/[2001:db8::1]:22", "dns/example.com" */
#define NET_TARGET_SIZE (LIMIT_HOST_BYTES + 16)
void net_target(const EgressReport *r, char ret[NET_TARGET_SIZE]);
/* "140.82.112.5:443", "[2001:db8::1]:22" */
void net_address(const EgressReport *r, char ret[NET_TARGET_SIZE]);
